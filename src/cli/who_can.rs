//! `lockgate who-can`: the reverse question. Which agents may call a tool, by
//! which rules, and on what it still depends.

use super::setup::{Revision, in_full};
use super::standing::{Access, rows, table};
use super::{Fault, say, tell};
use crate::engine::guard::paths::{Access as PathAccess, PathGuard};
use crate::engine::message::{Document, Json, Limits};
use crate::engine::pin::visible;
use crate::engine::policy::{Action, AskAgent, PathJudge, Question, nearest};
use crate::engine::types::{AgentName, ServerName};
use crate::proxy::facts;
use clap::Args;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `lockgate who-can TOOL`
#[derive(Debug, Args)]
pub(super) struct WhoCanArgs {
    /// The tool
    #[arg(value_name = "TOOL", required_unless_present_any = ["resource", "prompt", "completion", "asks"])]
    tool: Option<String>,
    /// A resource to read instead
    #[arg(long, value_name = "URI", conflicts_with = "tool")]
    resource: Option<String>,
    /// A prompt to get instead
    #[arg(long, value_name = "NAME", conflicts_with_all = ["tool", "resource"])]
    prompt: Option<String>,
    /// A prompt, or a template of resources (`x://...`), to complete instead
    #[arg(long, value_name = "NAME", conflicts_with_all = ["tool", "resource", "prompt"])]
    completion: Option<String>,
    /// A request of the server to the agent instead
    #[arg(
        long,
        value_name = "METHOD",
        value_parser = AskAgent::METHODS,
        conflicts_with_all = ["tool", "resource", "prompt", "completion"]
    )]
    asks: Option<String>,
    /// On this server only
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// An argument that is known: a JSON Pointer and its value, JSON or text
    /// (repeatable)
    #[arg(long = "arg", value_name = "/POINTER=VALUE", conflicts_with_all = ["resource", "prompt", "completion", "asks"])]
    arguments: Vec<String>,
    /// The policy file [default: `$LOCKGATE_CONFIG`, then the user's own]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For programs: one JSON object
    #[arg(long)]
    json: bool,
}

impl WhoCanArgs {
    /// The policy that is named.
    pub(super) fn named(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    fn subject(&self) -> (&'static str, &str, Action<'_>) {
        match (&self.completion, &self.asks) {
            (Some(uri), _) if uri.contains("://") => {
                return ("completion", uri, Action::CompleteResource(uri));
            }
            (Some(name), _) => return ("completion", name, Action::CompletePrompt(name)),
            (_, Some(method)) => return ("request", method, Action::AskAgent(method)),
            (None, None) => {}
        }
        match (&self.tool, &self.prompt, &self.resource) {
            (_, Some(name), _) => ("prompt", name, Action::GetPrompt(name)),
            (_, _, Some(uri)) => ("resource", uri, Action::ReadResource(uri)),
            (tool, None, None) => {
                let name = tool.as_deref().unwrap_or_default();
                ("tool", name, Action::CallTool(name))
            }
        }
    }
}

/// What one server says.
struct OnServer {
    server: ServerName,
    /// Whether the tool has a pin; of prompts and resources nothing has.
    pinned: Option<bool>,
    /// What the path guard says, whoever asks.
    guard: Option<String>,
    agents: Vec<(AgentName, Access)>,
}

pub(super) fn run(args: &WhoCanArgs) -> Result<ExitCode, Fault> {
    let read = Revision::in_force(args.config.as_deref())?;
    let known = known(&args.arguments)?;
    let known = (!args.arguments.is_empty()).then_some(&known);
    let mut all = Vec::new();
    for server in read.servers_named(args.server.as_deref())? {
        all.push(on_server(args, &read, server, known)?);
    }
    let (kind, name, _) = args.subject();
    if args.json {
        let servers: Vec<_> = all.iter().map(OnServer::json).collect();
        tell(&serde_json::json!({ "kind": kind, "name": name, "servers": servers }).to_string());
        return Ok(ExitCode::SUCCESS);
    }
    // Servers that have no such tool and no rule about it say nothing.
    let heard: Vec<_> = all.iter().filter(|one| one.has_to_say()).collect();
    if heard.is_empty() {
        tell(&format!(
            "nobody: no rule is about {kind} `{}`{}",
            visible(name),
            meant(&read, name)
        ));
    }
    for one in heard {
        tell(&format!("{kind} `{}` of `{}`", visible(name), one.server));
        tell(&one.table());
        if let Some(note) = one.note(&read) {
            tell(&format!("  note: {note}"));
        }
        if let Some(note) = read.audit_note() {
            tell(&format!("  note: {note}"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A tool's name that may be meant.
fn meant(read: &Revision, name: &str) -> String {
    let pins = read.pins.servers.values();
    let names = pins.flat_map(|pins| pins.tools.keys()).map(String::as_str);
    let near = nearest(name, names).filter(|near| *near != name);
    near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"))
}

fn on_server(
    args: &WhoCanArgs,
    read: &Revision,
    server: ServerName,
    known: Option<&Document>,
) -> Result<OnServer, Fault> {
    let (kind, name, action) = args.subject();
    let paths = RealPaths(guard(read, &server)?);
    let pins = read.pins.servers.get(&server);
    let pin = pins.and_then(|pins| pins.tools.get(name));
    let definition = pin.map(|pin| pin.definition.clone().into_bytes());
    let definition = definition.and_then(|text| Document::read(text, &Limits::DEFAULT).ok());
    let schema = definition.as_ref();
    let schema = schema.and_then(|definition| definition.root().get("inputSchema"));
    if let (Some(known), Some(schema)) = (known, schema) {
        undeclared(name, known.root(), schema);
    }
    let refused = known.and_then(|known| paths.refused(name, known.root(), schema));
    let mut agents = Vec::new();
    for agent in read.agents_named(None)? {
        let question = Question {
            agent: &agent,
            principal: None,
            server: &server,
            action: Some(action),
            known: known.map(Document::root),
        };
        let access = Access::of(read.policy.standings(&question, &paths), false)
            .beside(read.policy.audited(&question, &paths), false);
        agents.push((agent, access));
    }
    Ok(OnServer {
        pinned: (kind == "tool").then_some(pin.is_some()),
        guard: refused,
        agents,
        server,
    })
}

/// Says which known argument the pinned tool does not have.
fn undeclared(tool: &str, known: Json<'_>, schema: Json<'_>) {
    let Some(properties) = schema.get("properties") else {
        return;
    };
    let declared: Vec<_> = properties.members().map(|(key, _)| key).collect();
    for (key, _) in known.members() {
        if !declared.contains(&key) {
            let near = nearest(&key, declared.iter().map(AsRef::as_ref));
            let near = near.map_or_else(String::new, |near| format!("; did you mean `/{near}`?"));
            let (key, tool) = (visible(&key), visible(tool));
            say(&format!(
                "lockgate: `/{key}` is no argument of the pinned `{tool}`{near}"
            ));
        }
    }
}

impl OnServer {
    fn has_to_say(&self) -> bool {
        let nothing = ["nothing permits it"];
        self.pinned == Some(true)
            || self
                .agents
                .iter()
                .any(|(_, access)| access.lines() != nothing)
    }

    fn table(&self) -> String {
        let rows = self.agents.iter().flat_map(|(agent, access)| {
            let refused = self.guard.clone().map(|why| vec![why]);
            let can = match refused {
                Some(_) => "no",
                None => access.can.shown(),
            };
            rows(agent.as_str(), can, &refused.unwrap_or(access.lines()))
        });
        table(&["AGENT", "CAN", "BY"], &rows.collect::<Vec<_>>())
    }

    fn note(&self, read: &Revision) -> Option<String> {
        let unpinned = self.pinned == Some(false);
        unpinned.then(|| {
            let hint = read.policy.hint("pin", &self.server);
            format!("the tool has no pin: nobody gets it until `{hint}`")
        })
    }

    fn json(&self) -> Value {
        let agents = self.agents.iter().map(|(agent, access)| {
            let mut json = access.json();
            if let Some(object) = json.as_object_mut() {
                object.insert("agent".to_owned(), agent.as_str().into());
                if let Some(why) = &self.guard {
                    object.insert("can".to_owned(), "no".into());
                    object.insert("guard".to_owned(), why.as_str().into());
                }
            }
            json
        });
        let agents: Vec<_> = agents.collect();
        serde_json::json!({ "server": self.server, "pinned": self.pinned, "agents": agents })
    }
}

/// The path guard of this machine, as `run` has it.
fn guard(read: &Revision, server: &ServerName) -> Result<PathGuard, Fault> {
    let entry = read.policy.servers.get(server);
    let cwd = match entry.and_then(|server| server.cwd.as_ref()) {
        Some(cwd) => PathBuf::from(cwd),
        None => std::env::current_dir()
            .map_err(|e| Fault::Failed(format!("cannot tell the working directory: {e}")))?,
    };
    let mut host = facts::host_facts(&cwd, in_full(read.own_files())?);
    host.home = read.places.home.display().to_string();
    Ok(PathGuard::new(host, read.policy.paths.clone()))
}

struct RealPaths(PathGuard);

impl RealPaths {
    /// What the guard itself has against the known arguments.
    fn refused(&self, tool: &str, known: Json<'_>, schema: Option<Json<'_>>) -> Option<String> {
        let candidates = self.0.candidates(tool, known, schema);
        let facts = facts::resolve(&self.0.questions(&candidates));
        let found = self.0.inspect(&candidates, &facts);
        let first = found.first()?;
        Some(format!(
            "the guard refuses it [{}]: {}",
            first.code, first.detail
        ))
    }
}

impl PathJudge for RealPaths {
    fn within(&self, value: &str, access: PathAccess) -> Result<(), String> {
        let candidate = self.0.candidate_of_path("", value);
        let facts = facts::resolve(&self.0.questions(&[candidate]));
        self.0.within(value, access, &facts)
    }
}

/// The known arguments as one object.
fn known(words: &[String]) -> Result<Document, Fault> {
    let mut object = Value::Object(serde_json::Map::new());
    for word in words {
        put(&mut object, word).map_err(|why| Fault::Usage(format!("`--arg {word}`: {why}")))?;
    }
    let text = object.to_string().into_bytes();
    Document::read(text, &Limits::DEFAULT).map_err(|e| Fault::Usage(format!("`--arg`: {e}")))
}

fn put(object: &mut Value, word: &str) -> Result<(), String> {
    let (pointer, value) = word
        .split_once('=')
        .ok_or("expected `/POINTER=VALUE`".to_owned())?;
    let Some(path) = pointer.strip_prefix('/') else {
        return Err("a JSON Pointer starts with `/`".to_owned());
    };
    let value = Document::read(value.as_bytes().to_vec(), &Limits::DEFAULT)
        .ok()
        .and_then(|document| serde_json::from_str(document.text()).ok())
        .unwrap_or_else(|| Value::from(value));
    let mut at = object;
    for segment in path.split('/') {
        let key = segment.replace("~1", "/").replace("~0", "~");
        let index = key.parse::<usize>().ok();
        if at.is_null() {
            *at = match index {
                Some(_) => Value::Array(Vec::new()),
                None => Value::Object(serde_json::Map::new()),
            };
        }
        at = match (at, index) {
            (Value::Object(members), _) => members.entry(key).or_insert(Value::Null),
            (Value::Array(items), Some(index)) if index <= items.len() => {
                if index == items.len() {
                    items.push(Value::Null);
                }
                items.get_mut(index).ok_or("no such item".to_owned())?
            }
            (Value::Array(_), _) => return Err("items are given in their order, from 0".to_owned()),
            _ => return Err("another `--arg` gives what is above it".to_owned()),
        };
    }
    *at = value;
    Ok(())
}
