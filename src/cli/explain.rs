//! `lockgate explain`: what would happen to a call, by which rule, why, and
//! what would have to change.
//!
//! The same engine decides as behind `run`; the server is taken to be as it
//! is pinned, and nothing is started or sent.

mod codes;
mod recorded;
pub(super) mod words;

use super::setup::Setup;
use super::{Fault, Target, tell};
use crate::engine::guard::paths::{PathFact, PathFacts};
use crate::engine::message::{Direction, Document, Json, Limits};
use crate::engine::policy::{Code, PinMode};
use crate::engine::principal::{Groups, Principal};
use crate::engine::record::{Record, RecordVerdict as Verdict};
use crate::engine::types::AgentName;
use crate::engine::{Context, Session};
use crate::proxy::facts;
use crate::state::text;
use clap::Args;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// Exit code: the call would be denied.
const DENIED: u8 = 3;

/// `lockgate explain TOOL [ARGUMENTS]`
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// The tool to call; or a diagnostic's code, such as LG0101, to read about
    #[arg(value_name = "TOOL", required_unless_present_any = ["resource", "prompt", "from", "record", "list"])]
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
    /// A JSON-RPC message in a file instead; `-` is stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tool", "resource", "prompt"])]
    from: Option<PathBuf>,
    /// A recorded decision instead: its number in the newest audit file that has
    /// it, its hash (`sha256:...`, or the beginning), or `id:` and the JSON-RPC id
    #[arg(long, value_name = "SEQ|ID", conflicts_with_all = ["tool", "resource", "prompt", "from", "user", "groups", "scopes"])]
    record: Option<String>,
    /// Where the record is [default: where the policy in force puts them]
    #[arg(long, value_name = "FILE|DIR", requires = "record")]
    audit: Option<PathBuf>,
    #[command(flatten)]
    token: Token,
    /// List the codes of diagnostics
    #[arg(long, conflicts_with_all = ["tool", "resource", "prompt", "from", "record"])]
    list: bool,
    /// Print the record as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub(super) target: Target,
}

/// What a token says.
#[derive(Debug, Args)]
pub(super) struct Token {
    /// The user on whose behalf the agent acts
    #[arg(long, value_name = "SUBJECT")]
    user: Option<String>,
    /// A group of the user (repeatable)
    #[arg(long = "group", value_name = "NAME")]
    groups: Vec<String>,
    /// A scope of the agent's token (repeatable)
    #[arg(long = "scope", value_name = "NAME")]
    scopes: Vec<String>,
}

impl Token {
    /// Somebody with such a token, if it is about one.
    pub(super) fn principal(&self, agent: &AgentName) -> Option<Principal> {
        let has_token = self.user.is_some() || !self.groups.is_empty() || !self.scopes.is_empty();
        let set = |texts: &[String]| texts.iter().map(|t| Arc::from(t.as_str())).collect();
        has_token.then(|| Principal {
            user: self.user.as_deref().map(Arc::from),
            groups: Groups::Known(set(&self.groups)),
            scopes: Some(set(&self.scopes)),
            ..Principal::named(agent.clone())
        })
    }
}

/// A message, and the tool that it calls.
struct Asked {
    line: String,
    tool: Option<String>,
}

impl ExplainArgs {
    /// Whether it is about diagnostics, and obeys no policy.
    pub(super) fn is_about_codes(&self) -> bool {
        self.list || self.code().is_some()
    }

    fn code(&self) -> Option<Code> {
        self.tool.as_deref().and_then(Code::parse)
    }

    fn asked(&self) -> Result<Asked, Fault> {
        if let Some(file) = &self.from {
            return from(file);
        }
        let quoted = |text: &str| serde_json::Value::String(text.to_owned()).to_string();
        let call = |method: &str, params: String| {
            format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#)
        };
        let line = if let Some(uri) = &self.resource {
            call("resources/read", format!(r#"{{"uri":{}}}"#, quoted(uri)))
        } else if let Some(name) = &self.prompt {
            call("prompts/get", format!(r#"{{"name":{}}}"#, quoted(name)))
        } else {
            let arguments = self.arguments.trim();
            Document::read(arguments.as_bytes().to_vec(), &Limits::DEFAULT)
                .map_err(|e| Fault::Usage(format!("ARGUMENTS: {e}")))?;
            let name = quoted(self.tool.as_deref().unwrap_or_default());
            let params = format!(r#"{{"name":{name},"arguments":{arguments}}}"#);
            call("tools/call", params)
        };
        Ok(Asked {
            line: one_line(&line),
            tool: self.tool.clone(),
        })
    }
}

/// JSON that is known to be well-formed has line ends between values only.
fn one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ")
}

/// The message of a file, or of stdin.
fn from(file: &Path) -> Result<Asked, Fault> {
    let most = Limits::DEFAULT.bytes;
    let is_stdin = file == Path::new("-");
    let name = if is_stdin {
        "stdin".to_owned()
    } else {
        format!("`{}`", file.display())
    };
    let text = if is_stdin {
        let mut text = String::new();
        let limit = u64::try_from(most).unwrap_or(u64::MAX);
        let read = std::io::stdin().take(limit).read_to_string(&mut text);
        read.map(|_| text).map_err(|e| e.to_string())
    } else {
        text::read(file, most).map_err(|e| e.to_string())
    };
    let text = text.map_err(|e| Fault::Failed(format!("cannot read {name}: {e}")))?;
    let document = Document::read(text.trim().as_bytes().to_vec(), &Limits::DEFAULT)
        .map_err(|e| Fault::Usage(format!("{name} is no JSON-RPC message: {e}")))?;
    let message = document.root();
    let is_call = message.get("method").and_then(Json::as_str).as_deref() == Some("tools/call");
    let params = message.get("params").filter(|_| is_call);
    let tool = params.and_then(|p| p.get("name")).and_then(Json::as_str);
    Ok(Asked {
        tool: tool.map(Into::into),
        line: one_line(document.text()),
    })
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
    if let Some(which) = &args.record {
        return recorded::run(args, which);
    }
    let setup = Setup::new(&args.target)?;
    setup.tell_findings();
    let engine = setup.engine()?;
    let mut session = Session::new("explain");
    if let Some(principal) = args.token.principal(&setup.agent) {
        session = session.acting(Arc::new(principal));
    }
    let Asked { line, tool } = args.asked()?;
    engine.assume_pinned(&mut session, tool.as_deref());
    let opened = engine.open(Direction::ToServer, line.into_bytes());
    let opened = engine.inquire(&session, opened);
    let context = Context {
        time: facts::unix_time(),
        facts: facts::resolve(opened.questions()),
        ..Context::default()
    };
    let near = engine.near_misses(&session, &opened, &context);
    let decision = engine.decide(&mut session, opened, &context);
    let record = decision.record();
    let changes = words::changes(record, &near);
    if args.json {
        tell(&json(record, &changes)?);
    } else {
        tell(&explain(&setup, record, &context.facts, &changes));
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

/// The record, and what would have to change.
fn json(record: &Record, changes: &[String]) -> Result<String, Fault> {
    let failed = |e: serde_json::Error| Fault::Failed(e.to_string());
    let mut value = serde_json::to_value(record).map_err(failed)?;
    if let Some(object) = value.as_object_mut()
        && !changes.is_empty()
    {
        object.insert("change".to_owned(), changes.into());
    }
    Ok(value.to_string())
}

fn explain(setup: &Setup, record: &Record, facts: &PathFacts, changes: &[String]) -> String {
    let method = record.method.as_deref().unwrap_or("message");
    let subject = record.subject();
    let subject = subject.map_or_else(String::new, |s| format!(" `{s}`"));
    let mut lines = words::because(record);
    let typo = record.tool.as_ref();
    lines.extend(typo.and_then(|tool| words::typo(setup, tool)));
    lines.extend(words::answer(setup, record));
    if matches!(record.verdict, Verdict::Deny) {
        lines.extend(links(facts));
    }
    let changes = changes.iter().enumerate().map(|(n, change)| match n {
        0 => format!("change:  {change}"),
        _ => format!("or:      {change}"),
    });
    lines.extend(changes);
    if setup.file.is_none() {
        lines.push("policy:  none is written; the built-in baseline is in force".to_owned());
    }
    let head = format!(
        "{method}{subject} by `{}` on `{}`: {}",
        record.agent,
        record.server,
        words::verdict(record)
    );
    let lines = lines.into_iter().map(|line| format!("\n  {line}"));
    head + &lines.collect::<String>()
}

/// Where symbolic links lead, which a record does not say: it quotes no paths.
fn links(facts: &PathFacts) -> impl Iterator<Item = String> {
    facts.0.iter().filter_map(|(path, fact)| match fact {
        PathFact::Resolved(real) if real != path => Some(words::link(path, real)),
        PathFact::Resolved(_) | PathFact::Unknown(_) => None,
    })
}
