//! `lockgate what-can`: everything that an agent may do, as one table.
//!
//! Each pinned tool has a row. Where a server has no pins, and for prompts and
//! resources, the patterns of the rules stand in their place.

use super::explain::Token;
use super::setup::Revision;
use super::standing::{Access, AnyPath, rows, table};
use super::{Fault, tell};
use crate::engine::pin::visible;
use crate::engine::policy::{Action, AskAgent, Question, RuleDisplay};
use crate::engine::principal::Principal;
use crate::engine::types::{AgentName, ServerName};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `lockgate what-can AGENT`
#[derive(Debug, Args)]
pub(super) struct WhatCanArgs {
    /// The agent, as the policy names it
    #[arg(value_name = "AGENT")]
    agent: String,
    #[command(flatten)]
    token: Token,
    /// On this server only
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// The policy file [default: `$LOCKGATE_CONFIG`, then the user's own]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For programs: one JSON object
    #[arg(long)]
    json: bool,
}

impl WhatCanArgs {
    /// The policy that is named.
    pub(super) fn named(&self) -> Option<&Path> {
        self.config.as_deref()
    }
}

/// One thing, or a pattern of things.
struct Row {
    kind: &'static str,
    name: String,
    access: Access,
}

pub(super) fn run(args: &WhatCanArgs) -> Result<ExitCode, Fault> {
    let read = Revision::in_force(args.config.as_deref())?;
    let agents = read.agents_named(Some(&args.agent))?;
    let mut servers = Vec::new();
    for agent in agents {
        let principal = args.token.principal(&agent);
        for server in read.servers_named(args.server.as_deref())? {
            let rows = of_server(&read, &agent, principal.as_ref(), &server);
            servers.push((server, rows));
        }
    }
    if args.json {
        let servers: Vec<_> = servers
            .iter()
            .map(|(s, rows)| json(&read, s, rows))
            .collect();
        let all = serde_json::json!({ "agent": args.agent, "servers": servers });
        tell(&all.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    if servers.is_empty() {
        tell("the policy has no server: there is nothing to call");
    }
    for (server, all) in &servers {
        tell(&format!("`{}` on `{server}`", args.agent));
        let cells = all.iter().flat_map(|row| {
            let name = format!("{} {}", row.kind, visible(&row.name));
            rows(&name, row.access.can.shown(), &row.access.lines())
        });
        let cells: Vec<_> = cells.collect();
        if cells.is_empty() {
            tell("  nothing");
        } else {
            tell(&table(&["WHAT", "CAN", "BY"], &cells));
        }
        if let Some(note) = read.audit_note() {
            tell(&format!("  note: {note}"));
        }
        if !is_pinned(&read, server) {
            let hint = read.policy.hint("pin", server);
            tell(&format!(
                "  note: the server has no pins, so that these are patterns, and nobody gets a \
                 tool until `{hint}`"
            ));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The patterns of a rule for one kind of thing.
type Patterns = fn(&RuleDisplay) -> &[String];

fn is_pinned(read: &Revision, server: &ServerName) -> bool {
    let pins = read.pins.servers.get(server);
    pins.is_some_and(|pins| !pins.tools.is_empty())
}

fn of_server(
    read: &Revision,
    agent: &AgentName,
    principal: Option<&Principal>,
    server: &ServerName,
) -> Vec<Row> {
    let ask = |action: Option<Action<'_>>| {
        let question = Question {
            agent,
            principal,
            server,
            action,
            known: None,
        };
        let audited = read.policy.audited(&question, &AnyPath);
        (read.policy.standings(&question, &AnyPath), audited)
    };
    let judged = principal.is_some();
    let access = |action: Action<'_>| {
        let (standings, audited) = ask(Some(action));
        Access::of(standings, judged).beside(audited, judged)
    };
    let mut rows = Vec::new();
    if let Some(pins) = read.pins.servers.get(server) {
        rows.extend(pins.tools.keys().map(|name| Row {
            kind: "tool",
            name: name.clone(),
            access: access(Action::CallTool(name)),
        }));
    }
    let kinds: [(&str, Patterns); 4] = [
        ("tools", |rule| &rule.tools),
        ("prompts", |rule| &rule.prompts),
        ("resources", |rule| &rule.resources),
        ("completions", |rule| &rule.completions),
    ];
    let (acting, audited) = ask(None);
    let all: Vec<_> = acting.into_iter().chain(audited).collect();
    for (kind, patterns) in kinds {
        if kind == "tools" && is_pinned(read, server) {
            continue;
        }
        for standing in &all {
            rows.extend(patterns(&standing.rule).iter().map(|pattern| Row {
                kind,
                name: pattern.clone(),
                access: Access::of_rule(standing.clone(), judged),
            }));
        }
    }
    // The other way: what the server may ask of the agent.
    rows.extend(AskAgent::METHODS.iter().map(|method| Row {
        kind: "asks",
        name: (*method).to_owned(),
        access: access(Action::AskAgent(method)),
    }));
    rows
}

fn json(read: &Revision, server: &ServerName, rows: &[Row]) -> serde_json::Value {
    let rows = rows.iter().map(|row| {
        let mut json = row.access.json();
        if let Some(object) = json.as_object_mut() {
            object.insert("kind".to_owned(), row.kind.into());
            object.insert("name".to_owned(), row.name.as_str().into());
        }
        json
    });
    let rows: Vec<_> = rows.collect();
    serde_json::json!({ "server": server, "pinned": is_pinned(read, server), "what": rows })
}
