//! `lockgate explain --record`: what was decided then, and what today's rules
//! say of such a call.
//!
//! A record holds the shape of arguments and not their content: whether they fit
//! a constraint cannot be told from it, and is not guessed.

use super::{DENIED, ExplainArgs};
use crate::audit::{audit_files, walk};
use crate::cli::explain::words::named;
use crate::cli::setup::Revision;
use crate::cli::standing::{Access, AnyPath};
use crate::cli::{Fault, say, tell};
use crate::engine::message::{Document, Json, Limits};
use crate::engine::pin::visible;
use crate::engine::policy::{Action, Question, RuleRef};
use crate::engine::types::{AgentName, ServerName};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Which record is meant.
enum Which<'a> {
    Seq(u64),
    /// The beginning of its hash.
    Hash(&'a str),
    /// The JSON-RPC id, as JSON text.
    Id(&'a str),
}

impl<'a> Which<'a> {
    fn of(word: &'a str) -> Result<Self, Fault> {
        if let Some(id) = word.strip_prefix("id:") {
            return Ok(Self::Id(id));
        }
        if word.starts_with("sha256:") && word.len() > "sha256:".len() {
            return Ok(Self::Hash(word));
        }
        word.parse().map(Self::Seq).map_err(|_| {
            Fault::Usage(format!(
                "`--record {word}`: expected the number of a line (`seq`), a hash `sha256:...`, \
                 or `id:` and a JSON-RPC id"
            ))
        })
    }

    fn is(&self, line: &crate::audit::Line<'_>) -> bool {
        match self {
            Self::Seq(seq) => line.seq == *seq,
            Self::Hash(start) => line
                .text("hash")
                .is_some_and(|hash| hash.starts_with(start)),
            // The request, and not what is answered to it.
            Self::Id(_) if line.text("kind").as_deref() != Some("request") => false,
            Self::Id(id) => line.text("id").is_some_and(|text| {
                text == *id || text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) == Some(*id)
            }),
        }
    }
}

/// A decision, found.
struct Found {
    file: PathBuf,
    seq: u64,
    time: String,
    /// The line, as JSON.
    text: String,
    /// Digest of the policy that was in force.
    policy: Option<String>,
}

pub(super) fn run(args: &ExplainArgs, word: &str) -> Result<ExitCode, Fault> {
    let which = Which::of(word)?;
    let read = Revision::in_force(args.target.config.as_deref())?;
    let place = args.audit.clone().unwrap_or_else(|| read.audit_dir());
    let found = find(&place, &which)?.ok_or_else(|| {
        let place = place.display();
        Fault::Failed(format!("no decision `{word}` is recorded in `{place}`"))
    })?;
    let document = Document::read(found.text.clone().into_bytes(), &Limits::DEFAULT)
        .map_err(|e| Fault::Failed(format!("the record cannot be read: {e}")))?;
    let told = Told {
        found: &found,
        record: document.root(),
        read: &read,
    };
    if args.json {
        tell(&told.json());
    } else {
        tell(&told.words());
    }
    let denied = matches!(told.text("verdict").as_str(), "deny" | "drop");
    Ok(if denied {
        ExitCode::from(DENIED)
    } else {
        ExitCode::SUCCESS
    })
}

/// The newest decision that is meant.
fn find(place: &Path, which: &Which<'_>) -> Result<Option<Found>, Fault> {
    let failed = |e: crate::audit::VerifyError| Fault::Failed(e.to_string());
    let mut files = if place.is_dir() {
        audit_files(place).map_err(failed)?
    } else {
        vec![place.to_owned()]
    };
    files.reverse();
    for file in files {
        let mut policy = None;
        let mut found = None;
        let report = walk(&file, &mut |line| {
            if line.text("event").as_deref() == Some("open") {
                policy = line.text("policy").map(std::borrow::Cow::into_owned);
            } else if line.is_decision() && which.is(line) {
                found = Some(Found {
                    file: file.clone(),
                    seq: line.seq,
                    time: line.time.clone().into_owned(),
                    text: line.json.raw().to_owned(),
                    // Its own, where the file begins with another one.
                    policy: line
                        .text("policy")
                        .map_or(policy.clone(), |own| Some(own.into_owned())),
                });
            }
            Ok(())
        });
        let report = report.map_err(failed)?;
        if report.is_tampered() {
            let file = file.display();
            say(&format!(
                "lockgate: `{file}` is not as it was written: see `lockgate audit verify`"
            ));
        }
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

struct Told<'a> {
    found: &'a Found,
    record: Json<'a>,
    read: &'a Revision,
}

impl Told<'_> {
    fn text(&self, key: &str) -> String {
        let text = self.record.get(key).and_then(Json::as_str);
        text.map(|text| visible(&text)).unwrap_or_default()
    }

    /// The rules of then, as recorded.
    fn rules(&self) -> Vec<RuleRef> {
        let rules = self.record.get("rules").into_iter().flat_map(Json::items);
        let text = |rule: Json<'_>, key| {
            let text = rule.get(key).and_then(Json::as_str);
            text.map(|text| visible(&text))
        };
        let rule = |rule: Json<'_>| {
            let line = rule.get("line").and_then(Json::as_number)?.parse().ok()?;
            Some(RuleRef {
                id: text(rule, "id")?,
                file: text(rule, "file")?,
                line,
            })
        };
        rules.filter_map(rule).collect()
    }

    /// Whether the policy is another one than then; `None`: it cannot be told.
    fn has_changed(&self) -> bool {
        let today = self.read.policy.digest().map(|digest| digest.to_string());
        today != self.found.policy
    }

    fn policy(&self) -> String {
        let name = |digest: Option<&str>| match digest {
            Some(digest) => digest.chars().take(19).collect(),
            None => "the built-in baseline".to_owned(),
        };
        let now = self.read.policy.digest().map(|digest| digest.to_string());
        let (then, now) = (name(self.found.policy.as_deref()), name(now.as_deref()));
        if self.has_changed() {
            format!("another one than then ({then} then, {now} now)")
        } else {
            format!("the same as then ({now})")
        }
    }

    /// What today's rules say of such a call, whatever its arguments.
    fn today(&self) -> Option<Access> {
        let agent = AgentName::new(self.text("agent")).ok()?;
        let server = ServerName::new(self.text("server")).ok()?;
        let raw = |key| self.record.get(key).and_then(Json::as_str);
        let (tool, prompt, uri) = (raw("tool"), raw("prompt"), raw("resource"));
        let action = match (&tool, &prompt, &uri) {
            (Some(tool), _, _) => Action::CallTool(tool),
            (_, Some(prompt), _) => Action::GetPrompt(prompt),
            (_, _, Some(uri)) => Action::ReadResource(uri),
            _ => return None,
        };
        if self.text("direction") != "to-server" {
            return None;
        }
        let question = Question {
            agent: &agent,
            principal: None,
            server: &server,
            action: Some(action),
            known: None,
        };
        // Nothing of the arguments is known: no path is ever asked about.
        let standings = self.read.policy.standings(&question, &AnyPath);
        let audited = self.read.policy.audited(&question, &AnyPath);
        Some(Access::of(standings, false).beside(audited, false))
    }

    fn words(&self) -> String {
        let subject = ["tool", "prompt", "resource"].map(|key| self.text(key));
        let subject = subject.into_iter().find(|text| !text.is_empty());
        let subject = subject.map_or_else(String::new, |s| format!(" `{s}`"));
        let reason = self.text("reason");
        let reason = if reason.is_empty() {
            reason
        } else {
            format!(" [{reason}]")
        };
        let mut lines = vec![format!(
            "record {} of `{}`, {}: {}{subject} by `{}` on `{}`: {}{reason}",
            self.found.seq,
            visible(&self.found.file.display().to_string()),
            visible(&self.found.time),
            self.text("method"),
            self.text("agent"),
            self.text("server"),
            self.text("verdict"),
        )];
        let detail = self.text("detail");
        if !detail.is_empty() {
            lines.push(format!("  why:     {detail}"));
        }
        let user = self.text("user");
        if !user.is_empty() {
            lines.push(format!("  user:    `{user}`"));
        }
        let then = self.rules();
        lines.extend(
            then.iter()
                .map(|r| format!("  rule:    {}, then", named(r))),
        );
        lines.push(format!("  policy:  {}", self.policy()));
        let Some(today) = self.today() else {
            return lines.join("\n");
        };
        let told = today.lines();
        lines.extend(told.iter().map(|line| format!("  today:   {line}")));
        let arguments = self.record.get("arguments").map(Json::raw);
        if let (Some(arguments), true) = (arguments, today.depends()) {
            let arguments = visible(arguments);
            lines.push(format!(
                "  unknown: whether the arguments fit: a record has their shape only, {arguments}"
            ));
        }
        lines.join("\n")
    }

    fn json(&self) -> String {
        let record: serde_json::Value =
            serde_json::from_str(&self.found.text).unwrap_or(serde_json::Value::Null);
        serde_json::json!({
            "file": self.found.file.display().to_string(),
            "record": record,
            "policy_then": self.found.policy,
            "policy_now": self.read.policy.digest().map(|digest| digest.to_string()),
            "policy_changed": self.has_changed(),
            "today": self.today().map(|today| today.json()),
        })
        .to_string()
    }
}
