//! `lockgate key`: API keys for agents that connect.

use super::{Fault, say, tell};
use crate::engine::types::AgentName;
use crate::identity::NewKey;
use clap::{Args, Subcommand};
use std::process::ExitCode;

/// `lockgate key`
#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make a key, show it this once, and show the line for the policy
    New(NewArgs),
}

/// `lockgate key new [--agent NAME] [--json]`
#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// The agent that the key is for, as the policy names it
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// For programs: one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(command: &KeyCommand) -> Result<ExitCode, Fault> {
    let KeyCommand::New(args) = command;
    let agent = args.agent.as_deref().map(|name| {
        AgentName::new(name).map_err(|e| Fault::Usage(format!("`--agent {name}`: {e}")))
    });
    let agent = agent.transpose()?;
    let key = NewKey::make().map_err(|e| Fault::Failed(format!("no randomness to be had: {e}")))?;
    if args.json {
        let object = serde_json::json!({
            "key": key.reveal(),
            "hash": key.hash().to_string(),
            "agent": agent,
        });
        tell(&object.to_string());
        return Ok(ExitCode::SUCCESS);
    }
    tell(key.reveal());
    say(
        "this key is shown only now: give it to the agent's client, as `Authorization: Bearer KEY`",
    );
    say("the policy gets its hash, which is no secret:");
    let head = match agent {
        None => "NAME".to_owned(),
        // A dot would begin another table.
        Some(agent) if agent.as_str().contains('.') => format!("\"{agent}\""),
        Some(agent) => agent.to_string(),
    };
    tell(&format!("[agent.{head}]\nkey = \"{}\"", key.hash()));
    Ok(ExitCode::SUCCESS)
}
