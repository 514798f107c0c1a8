//! `lockgate replay`: recorded traffic through a changed policy, and what would
//! differ.

use super::setup::Anybody;
use super::{Fault, Target, counted, say, tell};
use crate::engine::pin::visible;
use crate::engine::policy::{PinMode, RuleRef};
use crate::proxy::facts;
use crate::traffic::{AnswerJudged, Bench, Entry, Judged, circumstance, recording};
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Exit code: something passes that did not.
const WIDER: u8 = 1;
/// Exit code: something that passed is denied.
const DENIED: u8 = 3;

/// `lockgate replay RECORDING... [--config F] [--against F2]`
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    /// Recordings that `run --record` or `serve --record` have made
    #[arg(value_name = "RECORDING", required = true)]
    recordings: Vec<PathBuf>,
    /// The policy file [default: `$LOCKGATE_CONFIG`, then the user's own]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Compare with this policy, not with what was recorded
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    /// Only what this agent asked for
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Only what was asked of this server
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// For programs: one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ReplayArgs) -> Result<ExitCode, Fault> {
    let now = Court::new(args.config.as_deref())?;
    let before = args.against.as_deref().map(|file| Court::new(Some(file)));
    let before = before.transpose()?;
    let mut report = Report::default();
    for entry in entries(
        &args.recordings,
        args.agent.as_deref(),
        args.server.as_deref(),
    )? {
        report.add(&entry, before.as_ref(), &now)?;
    }
    if args.json {
        tell(&report.to_json().to_string());
    } else {
        tell(&report.to_text());
    }
    let denied = report.denied.saturating_add(report.withheld);
    let permitted = report.permitted.saturating_add(report.passing);
    Ok(match (denied, permitted) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => ExitCode::from(WIDER),
        (_, _) => ExitCode::from(DENIED),
    })
}

/// The entries of some recordings, of one agent and one server if they are named.
pub(super) fn entries(
    files: &[PathBuf],
    agent: Option<&str>,
    server: Option<&str>,
) -> Result<Vec<Entry>, Fault> {
    let mut entries = Vec::new();
    for file in files {
        let found = recording(file).map_err(|e| Fault::Failed(e.to_string()))?;
        if let Some((line, why)) = found.unreadable.first() {
            say(&format!(
                "lockgate: `{}`: {} cannot be read and is left out; the first is line {line}: {}",
                file.display(),
                counted(found.unreadable.len(), "line"),
                visible(why)
            ));
        }
        entries.extend(found.entries);
    }
    entries.retain(|entry| {
        agent.is_none_or(|name| entry.agent.as_str() == name)
            && server.is_none_or(|name| entry.server.as_str() == name)
    });
    Ok(entries)
}

/// A policy that judges recorded requests.
pub(super) struct Court {
    pub(super) anybody: Anybody,
}

impl Court {
    fn new(config: Option<&Path>) -> Result<Self, Fault> {
        let target = Target {
            config: config.map(Path::to_owned),
            ..Target::default()
        };
        Anybody::new(&target).map(Self::of)
    }

    /// Judges by this.
    pub(super) fn of(anybody: Anybody) -> Self {
        Self { anybody }
    }

    /// What it says of a request. An engine for each: limits count in it.
    pub(super) fn judge(&self, entry: &Entry) -> Result<Judged, Fault> {
        let (agent, server) = (entry.agent.clone(), entry.server.clone());
        let setup = self.anybody.setup(agent.clone(), server);
        let engine = setup.uncounted(agent, setup.server_pins())?;
        let bench = Bench {
            engine: &engine,
            first_use: self.anybody.policy().pins == PinMode::Tofu,
            resolve: facts::resolve,
        };
        Ok(bench.judge(entry))
    }
}

/// What is said of one request.
struct Line {
    number: usize,
    head: String,
    entry: serde_json::Value,
    /// Before and now; or why it cannot be judged.
    outcome: Result<(Judged, Judged), &'static str>,
}

/// What became of a request and its answer.
#[derive(Debug, Clone, Copy)]
enum Change {
    None,
    Denied,
    Permitted,
    /// The answer would not reach the agent.
    Withheld,
    /// The answer would reach it now.
    Passing,
    /// The same request, and an answer that cannot be judged.
    Untold,
}

impl Change {
    fn of(was: &Judged, now: &Judged) -> Self {
        use AnswerJudged::{Passes, Untold, Withheld};
        match (was.permitted, now.permitted) {
            (true, false) => return Self::Denied,
            (false, true) => return Self::Permitted,
            (false, false) => return Self::None,
            (true, true) => {}
        }
        match (&was.answer, &now.answer) {
            (Some(Passes), Some(Withheld { .. })) => Self::Withheld,
            (Some(Withheld { .. }), Some(Passes)) => Self::Passing,
            (Some(Untold(_)), _) | (_, Some(Untold(_))) => Self::Untold,
            _ => Self::None,
        }
    }
}

#[derive(Default)]
struct Report {
    seen: usize,
    same: usize,
    denied: usize,
    permitted: usize,
    /// Answers that would not reach the agent, and those that now would.
    withheld: usize,
    passing: usize,
    unjudged: usize,
    /// Answers that cannot be judged.
    untold: usize,
    lines: Vec<Line>,
}

impl Report {
    fn add(&mut self, entry: &Entry, before: Option<&Court>, now: &Court) -> Result<(), Fault> {
        self.seen = self.seen.saturating_add(1);
        let past = before.is_none().then(|| circumstance(entry)).flatten();
        let outcome = if let Some(why) = entry.obscured().or(past) {
            Err(why)
        } else {
            let was = match before {
                Some(court) => court.judge(entry)?,
                None => recorded(entry),
            };
            Ok((was, now.judge(entry)?))
        };
        let change = outcome.as_ref().map(|(was, now)| Change::of(was, now));
        let count = match change {
            Err(_) => &mut self.unjudged,
            Ok(Change::None) => {
                self.same = self.same.saturating_add(1);
                return Ok(());
            }
            Ok(Change::Denied) => &mut self.denied,
            Ok(Change::Permitted) => &mut self.permitted,
            Ok(Change::Withheld) => &mut self.withheld,
            Ok(Change::Passing) => &mut self.passing,
            Ok(Change::Untold) => {
                self.same = self.same.saturating_add(1);
                &mut self.untold
            }
        };
        *count = count.saturating_add(1);
        self.lines.push(Line {
            number: self.seen,
            head: head(entry),
            entry: json!({
                "time": entry.time, "agent": entry.agent.as_str(), "user": entry.user,
                "server": entry.server.as_str(), "method": entry.method, "name": entry.name,
            }),
            outcome,
        });
        Ok(())
    }

    /// What is said of answers, if there is something to say.
    fn of_answers(&self) -> String {
        let mut told = String::new();
        if self.withheld > 0 || self.passing > 0 {
            let withheld = counted(self.withheld, "answer");
            told = format!(
                "; {withheld} newly withheld, {} newly let through",
                self.passing
            );
        }
        if self.untold > 0 {
            let untold = counted(self.untold, "answer");
            told = format!("{told}; {untold} cannot be judged");
        }
        told
    }

    fn to_text(&self) -> String {
        let mut lines = Vec::new();
        for line in &self.lines {
            lines.push(format!("#{} {}", line.number, line.head));
            match &line.outcome {
                Err(why) => lines.push(format!("  not judged: {why}")),
                Ok((was, now)) => {
                    lines.push(format!("  was: {}", verdict(was)));
                    lines.push(format!("  now: {}", verdict(now)));
                }
            }
        }
        let unjudged = match self.unjudged {
            0 => String::new(),
            count => format!("; {count} cannot be judged"),
        };
        lines.push(format!(
            "{}: {} as before, {} newly denied, {} newly permitted{}{unjudged}",
            counted(self.seen, "request"),
            self.same,
            self.denied,
            self.permitted,
            self.of_answers(),
        ));
        lines.join("\n")
    }

    fn to_json(&self) -> serde_json::Value {
        let lines = self.lines.iter().map(|line| {
            let mut told = line.entry.clone();
            let parts = match &line.outcome {
                Err(why) => vec![("unjudged", json!(why))],
                Ok((was, now)) => vec![("was", judged(was)), ("now", judged(now))],
            };
            for (key, value) in [("number", json!(line.number))].into_iter().chain(parts) {
                if let Some(object) = told.as_object_mut() {
                    object.insert(key.to_owned(), value);
                }
            }
            told
        });
        json!({
            "requests": self.seen, "same": self.same, "newly_denied": self.denied,
            "newly_permitted": self.permitted, "unjudged": self.unjudged,
            "answers_newly_withheld": self.withheld, "answers_newly_passing": self.passing,
            "answers_unjudged": self.untold,
            "differences": lines.collect::<Vec<_>>(),
        })
    }
}

/// What the recording says of a request.
fn recorded(entry: &Entry) -> Judged {
    Judged {
        permitted: entry.permitted,
        reason: entry.reason.clone(),
        detail: None,
        rules: entry.rules.clone(),
        answer: AnswerJudged::recorded(entry),
    }
}

/// Which request; its arguments are not shown.
pub(super) fn head(entry: &Entry) -> String {
    let user = entry.user.as_deref();
    let user = user.map_or_else(String::new, |user| format!(" for {user}"));
    let Entry {
        time,
        method,
        name,
        agent,
        server,
        ..
    } = entry;
    visible(&format!(
        "{time} {method} `{name}` by `{agent}`{user} on `{server}`"
    ))
}

fn by(rules: &[RuleRef]) -> String {
    let rules: Vec<_> = rules.iter().map(place).collect();
    match rules.as_slice() {
        [] => String::new(),
        rules => format!(" by {}", rules.join(", ")),
    }
}

fn verdict(judged: &Judged) -> String {
    let by = by(&judged.rules);
    if judged.permitted {
        return format!("permitted{by}{}", answer(judged.answer.as_ref()));
    }
    let why = judged.detail.as_deref();
    let why = why.map_or_else(String::new, |why| format!(": {}", visible(why)));
    let reason = judged.reason.as_deref().unwrap_or("denied");
    format!("denied [{}]{by}{why}", visible(reason))
}

/// What is said of the answer to a request that passes.
fn answer(judged: Option<&AnswerJudged>) -> String {
    match judged {
        None | Some(AnswerJudged::Passes) => String::new(),
        Some(AnswerJudged::Untold(why)) => format!(", its answer not judged: {why}"),
        Some(AnswerJudged::Withheld { why, rules }) => {
            let why = why.as_deref();
            let why = why.map_or_else(String::new, |why| format!(": {}", visible(why)));
            format!(", its answer withheld [result-refused]{}{why}", by(rules))
        }
    }
}

/// A rule, and where it is written.
fn place(rule: &RuleRef) -> String {
    match rule.line {
        0 => format!("`{}` (built-in)", visible(&rule.id)),
        line => visible(&format!("`{}` ({}:{line})", rule.id, rule.file)),
    }
}

fn judged(judged: &Judged) -> serde_json::Value {
    json!({
        "verdict": if judged.permitted { "permit" } else { "deny" },
        "reason": judged.reason, "detail": judged.detail, "rules": judged.rules,
        "answer": judged.answer.as_ref().map(|answer| match answer {
            AnswerJudged::Passes => json!({ "verdict": "permit" }),
            AnswerJudged::Withheld { why, rules } => {
                json!({ "verdict": "deny", "detail": why, "rules": rules })
            }
            AnswerJudged::Untold(why) => json!({ "unjudged": why }),
        }),
    })
}
