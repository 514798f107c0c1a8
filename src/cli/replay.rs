//! `lockgate replay`: recorded traffic through a changed policy, and what would
//! differ.

use super::setup::Anybody;
use super::{Fault, Target, counted, say, tell};
use crate::engine::pin::visible;
use crate::engine::policy::{PinMode, RuleRef};
use crate::proxy::facts;
use crate::traffic::{Bench, Entry, Judged, circumstance, recording};
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
    Ok(match (report.denied, report.permitted) {
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

#[derive(Default)]
struct Report {
    seen: usize,
    same: usize,
    denied: usize,
    permitted: usize,
    unjudged: usize,
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
        let count = match &outcome {
            Err(_) => &mut self.unjudged,
            Ok((was, now)) => match (was.permitted, now.permitted) {
                (true, false) => &mut self.denied,
                (false, true) => &mut self.permitted,
                (true, true) | (false, false) => {
                    self.same = self.same.saturating_add(1);
                    return Ok(());
                }
            },
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
            "{}: {} as before, {} newly denied, {} newly permitted{unjudged}",
            counted(self.seen, "request"),
            self.same,
            self.denied,
            self.permitted,
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

fn verdict(judged: &Judged) -> String {
    let rules: Vec<_> = judged.rules.iter().map(place).collect();
    let by = match rules.as_slice() {
        [] => String::new(),
        rules => format!(" by {}", rules.join(", ")),
    };
    if judged.permitted {
        return format!("permitted{by}");
    }
    let why = judged.detail.as_deref();
    let why = why.map_or_else(String::new, |why| format!(": {}", visible(why)));
    let reason = judged.reason.as_deref().unwrap_or("denied");
    format!("denied [{}]{by}{why}", visible(reason))
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
    })
}
