//! `lockgate explain`: what would happen to a call, by which rule, and why.
//!
//! The same engine decides as behind `run`; the server is taken to be as it
//! is pinned, and nothing is started or sent.

mod codes;

use super::setup::Setup;
use super::{Fault, Target, tell};
use crate::engine::guard::paths::{PathFact, PathFacts};
use crate::engine::message::{Direction, Document, Limits};
use crate::engine::pin::visible;
use crate::engine::policy::{Code, PinMode, nearest};
use crate::engine::principal::{Groups, Principal};
use crate::engine::record::{Record, RecordVerdict as Verdict};
use crate::engine::types::AgentName;
use crate::engine::{Context, Session};
use crate::proxy::facts;
use clap::Args;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

/// Exit code: the call would be denied.
const DENIED: u8 = 3;

/// `lockgate explain TOOL [ARGUMENTS]`
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The tool to call; or a diagnostic's code, such as LG0101, to read about
    #[arg(value_name = "TOOL", required_unless_present_any = ["resource", "prompt", "list"])]
    tool: Option<String>,
    /// Its arguments, as a JSON object
    #[arg(value_name = "ARGUMENTS", default_value = "{}")]
    arguments: String,
    /// A resource to read instead
    #[arg(long, value_name = "URI", conflicts_with = "tool")]
    resource: Option<String>,
    /// A prompt to get instead
    #[arg(long, value_name = "NAME", conflicts_with_all = ["tool", "resource"])]
    prompt: Option<String>,
    /// The user on whose behalf the agent acts
    #[arg(long, value_name = "SUBJECT")]
    user: Option<String>,
    /// A group of the user (repeatable)
    #[arg(long = "group", value_name = "NAME")]
    groups: Vec<String>,
    /// A scope of the agent's token (repeatable)
    #[arg(long = "scope", value_name = "NAME")]
    scopes: Vec<String>,
    /// List the codes of diagnostics
    #[arg(long, conflicts_with_all = ["tool", "resource", "prompt"])]
    list: bool,
    /// Print the record as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) target: Target,
}

impl ExplainArgs {
    /// Whether it is about diagnostics, and obeys no policy.
    pub(super) fn is_about_codes(&self) -> bool {
        self.list || self.code().is_some()
    }

    fn code(&self) -> Option<Code> {
        self.tool.as_deref().and_then(Code::parse)
    }

    /// Somebody with such a token, if it is about one.
    fn principal(&self, agent: &AgentName) -> Option<Principal> {
        let has_token = self.user.is_some() || !self.groups.is_empty() || !self.scopes.is_empty();
        let set = |texts: &[String]| texts.iter().map(|t| Arc::from(t.as_str())).collect();
        has_token.then(|| Principal {
            user: self.user.as_deref().map(Arc::from),
            groups: Groups::Known(set(&self.groups)),
            scopes: Some(set(&self.scopes)),
            ..Principal::named(agent.clone())
        })
    }

    fn message(&self) -> Result<String, Fault> {
        let quoted = |text: &str| serde_json::Value::String(text.to_owned()).to_string();
        let call = |method: &str, params: String| {
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
        };
        if let Some(uri) = &self.resource {
            return Ok(call(
                "resources/read",
                format!(r#"{{"uri":{}}}"#, quoted(uri)),
            ));
        }
        if let Some(name) = &self.prompt {
            return Ok(call(
                "prompts/get",
                format!(r#"{{"name":{}}}"#, quoted(name)),
            ));
        }
        let arguments = self.arguments.trim();
        Document::read(arguments.as_bytes().to_vec(), &Limits::DEFAULT)
            .map_err(|e| Fault::Usage(format!("ARGUMENTS: {e}")))?;
        let name = quoted(self.tool.as_deref().unwrap_or_default());
        let params = format!(r#"{{"name":{name},"arguments":{arguments}}}"#);
        Ok(call("tools/call", params))
    }
}

pub(super) fn run(args: &ExplainArgs) -> Result<ExitCode, Fault> {
    if args.list {
        tell(&codes::list());
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(code) = args.code() {
        tell(codes::page(code)?);
        return Ok(ExitCode::SUCCESS);
    }
    let setup = Setup::new(&args.target)?;
    setup.tell_findings();
    let engine = setup.engine()?;
    let mut session = Session::new("explain");
    if let Some(principal) = args.principal(&setup.agent) {
        session = session.acting(Arc::new(principal));
    }
    engine.assume_pinned(&mut session, args.tool.as_deref());
    let line = args.message()?.replace(['\n', '\r'], " ").into_bytes();
    let opened = engine.inquire(&session, engine.open(Direction::ToServer, line));
    let context = Context {
        now: Duration::ZERO,
        facts: facts::resolve(opened.questions()),
    };
    let decision = engine.decide(&mut session, opened, &context);
    let record = decision.record();
    if args.json {
        let text = serde_json::to_string(record).map_err(|e| Fault::Failed(e.to_string()))?;
        tell(&text);
    } else {
        tell(&explain(&setup, record, &context.facts));
    }
    let permitted = match record.verdict {
        Verdict::Forward | Verdict::Rewrite => true,
        Verdict::Hold => setup.policy.pins == PinMode::Tofu,
        Verdict::Deny | Verdict::Drop | Verdict::Absorb => false,
    };
    Ok(if permitted {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DENIED)
    })
}

fn explain(setup: &Setup, record: &Record, facts: &PathFacts) -> String {
    let method = record.method.as_deref().unwrap_or("message");
    let subject = record.subject();
    let subject = subject.map_or_else(String::new, |s| format!(" `{s}`"));
    let mut lines = vec![format!(
        "{method}{subject} by `{}` on `{}`: {}",
        record.agent,
        record.server,
        verdict(record)
    )];
    lines.extend(record.detail.as_ref().map(|d| format!("  why:     {d}")));
    lines.extend(record.tool.as_ref().and_then(|tool| typo(setup, tool)));
    for rule in &record.rules {
        // The baseline stands in no file.
        let place = match rule.line {
            0 => "built-in".to_owned(),
            line => format!("{}:{line}", rule.file),
        };
        lines.push(format!("  rule:    `{}` ({place})", rule.id));
    }
    for finding in &record.findings {
        lines.push(format!(
            "  finding: {} at `{}`: {}",
            finding.code, finding.at, finding.detail
        ));
    }
    if matches!(record.verdict, Verdict::Deny) {
        lines.extend(links(facts));
    }
    if setup.file.is_none() {
        lines.push("  policy:  none is written; the built-in baseline is in force".to_owned());
    }
    lines.join("\n")
}

fn verdict(record: &Record) -> String {
    match record.verdict {
        Verdict::Forward | Verdict::Rewrite => "permitted".to_owned(),
        Verdict::Hold => {
            "permitted if the server's definition stands the first inspection: it has no pin yet"
                .to_owned()
        }
        Verdict::Deny | Verdict::Drop | Verdict::Absorb => {
            format!("denied [{}]", record.reason.unwrap_or("denied"))
        }
    }
}

/// A tool that is not pinned is often one that is spelled wrong.
fn typo(setup: &Setup, tool: &str) -> Option<String> {
    let pins = setup.pins.servers.get(&setup.server)?;
    if pins.tools.contains_key(tool) {
        return None;
    }
    let near = nearest(tool, pins.tools.keys().map(String::as_str))?;
    Some(format!("  hint:    did you mean `{near}`?"))
}

/// Where symbolic links lead, which a record does not say: it quotes no paths.
fn links(facts: &PathFacts) -> impl Iterator<Item = String> {
    facts.0.iter().filter_map(|(path, fact)| match fact {
        PathFact::Resolved(real) if real != path => Some(format!(
            "  link:    `{}` leads to `{}`",
            visible(path),
            visible(real)
        )),
        PathFact::Resolved(_) | PathFact::Unknown(_) => None,
    })
}
