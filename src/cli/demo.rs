//! `lockgate demo`: a hostile server behind lockgate, and a scripted agent
//! that attacks through it and does honest work beside that.
//!
//! Nothing is pretended: the processes are those of real use (`lockgate run`
//! in front of a server that reads and writes files), and what came through is
//! read from the server's own log, not from lockgate's word. All of it happens
//! in a directory of its own, with canaries in place of secrets.

mod agent;
mod home;
#[path = "../../examples/hostile_server.rs"]
mod hostile_server;
mod story;
mod table;

use super::{Fault, tell};
use agent::Agent;
use home::Home;
use std::path::Path;
use std::process::{Command, ExitCode};
use story::{Act, Attempt, Seen};
use table::{Row, Table};

/// The subcommand by which the demo starts the hostile server.
pub(super) const HOSTILE_SERVER: &str = "__hostile-server";

/// Plays the demo. Fails if an attack reached the server, an honest call was
/// blocked, or the audit file cannot be verified.
pub(super) fn run() -> Result<ExitCode, Fault> {
    let failed = |e: std::io::Error| Fault::Failed(format!("the demo cannot be played: {e}"));
    let home = Home::build().map_err(failed)?;
    let mut table = Table::new(super::color());
    tell(&table.head(home.root()));
    let mut agent = Agent::start(&home).map_err(failed)?;
    for act in story::acts(&home) {
        tell(&table.act(act.title, act.told));
        play(&act, &home, &mut agent, &mut table).map_err(failed)?;
    }
    agent.end().map_err(failed)?;
    let evidence = verify(&home).map_err(failed)?;
    tell(&table.end(home.root(), &evidence));
    let fine = table.is_fine() && evidence.intact;
    Ok(ExitCode::from(u8::from(!fine)))
}

/// The server of the demo, in a process of its own.
pub(super) fn hostile_server() -> ExitCode {
    hostile_server::main()
}

fn play(act: &Act, home: &Home, agent: &mut Agent, table: &mut Table) -> std::io::Result<()> {
    if act.pulls_the_rug {
        std::fs::write(home.trigger(), "now")?;
        // The server changes its definition with the next message it gets.
        agent.ask(r#""method":"ping""#)?;
    }
    for attempt in &act.attempts {
        let before = home.received()?.len();
        let answer = agent.ask(&attempt.message)?;
        let received = home.received()?.split_off(before);
        let seen = Seen {
            answer: &answer.text,
            sent: &answer.sent,
            received: &received,
        };
        tell(&table.row(&row(attempt, &seen)));
    }
    Ok(())
}

fn row(attempt: &Attempt, seen: &Seen<'_>) -> Row {
    Row {
        attack: attempt.is_attack(),
        what: attempt.what.clone(),
        happened: seen.outcome(),
        received: seen.arrivals(),
        as_it_should: attempt.went_well(seen, home::CANARY),
    }
}

/// What `lockgate audit verify` says of the demo's own audit file.
#[derive(Debug)]
struct Evidence {
    file: String,
    verdict: String,
    intact: bool,
}

fn verify(home: &Home) -> std::io::Result<Evidence> {
    let file = home
        .audit_file()?
        .ok_or_else(|| std::io::Error::other("lockgate left no audit file"))?;
    let checked = lockgate(home)?
        .args(["audit", "verify"])
        .arg(&file)
        .output()?;
    let words = [checked.stdout, checked.stderr].concat();
    let file = shown(&file);
    let words = String::from_utf8_lossy(&words);
    let words = words.replace(&format!("{file}: "), "").trim().to_owned();
    Ok(Evidence {
        file,
        verdict: words,
        intact: checked.status.success(),
    })
}

/// This program, seeing the demo's home and nobody else's configuration.
fn lockgate(home: &Home) -> std::io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    for name in [
        "LOCKGATE_CONFIG",
        "XDG_CONFIG_HOME",
        "XDG_STATE_HOME",
        "XDG_DATA_HOME",
    ] {
        command.env_remove(name);
    }
    command.env("HOME", home.user()).current_dir(home.project());
    Ok(command)
}

/// A path as JSON text may hold it.
fn shown(path: &Path) -> String {
    path.display().to_string()
}
