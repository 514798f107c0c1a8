//! `lockgate run`: stdio in front of one server.

mod judging;

use super::remote::Start;
use super::setup::{Setup, Shared, new_seal};
use super::{Fault, Target, launch};
use crate::audit::{AuditLog, SessionMeta};
use crate::engine::mask::looks_like_token;
use crate::engine::policy::EnvValue;
use crate::engine::principal::Principal;
use crate::engine::types::Digest;
use crate::engine::{Engine, Session};
use crate::proxy::era::{Interpreter, Terms};
use crate::proxy::evidence::SharedLog;
use crate::proxy::facts;
use crate::proxy::pump::Pump;
use crate::sandbox::env::{Withheld, child_env};
use crate::state::lockfile::FirstUse;
use crate::traffic::{Stamps, Tape};
use crate::transport::child::{Child, ChildSpec};
use crate::transport::stdio::Stdio;
use crate::transport::{ends, signals};
use clap::Args;
use judging::Judging;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;

/// `lockgate run [--config F] [--agent A] [--server S] [--url U | -- CMD ARG...]`
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) target: Target,
    /// Record what is asked for, arguments included, for `learn` and `replay`:
    /// appended to this file, which only you may read
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

pub(super) fn run(args: &RunArgs) -> Result<ExitCode, Fault> {
    let mut setup = Setup::new(&args.target)?;
    setup.recording.clone_from(&args.record);
    setup.check_launch()?;
    super::test::check_strict(&setup)?;
    let (engine, interpreter, shared) = engine(&setup)?;
    let failed = |e: &dyn std::fmt::Display| Fault::Failed(e.to_string());
    let signals = signals::listen().map_err(|e| failed(&e))?;
    let (ends, restore) = ends::own(signals).map_err(|e| failed(&e))?;
    // Everything that can fail without a record fails before there is one.
    let tape = args.record.as_deref().map(open_tape).transpose()?;
    let start = Start::prepare(&setup, &args.target)?;
    let log = AuditLog::open(&setup.audit_dir(), meta(&setup), SystemTime::now())
        .map_err(|e| failed(&e))?;
    let log = SharedLog::new(log);
    let again = start.again();
    let upstream = match start.start() {
        Ok(upstream) => upstream,
        Err(e) => {
            log.close("the server could not be started")
                .map_err(|e| failed(&e))?;
            return Err(e);
        }
    };
    // While the server starts.
    setup.tell_findings();
    tell_other_launch(&setup);
    let launch = launch::keepable(&setup);
    let pins = FirstUse::new(setup.lockfile.clone(), setup.server.clone(), launch);
    let session = Session::new(&nonce()?).doubting();
    let tape = tape.map(|tape| {
        tape.stamped(Stamps {
            policy: setup.policy.digest(),
            lockfile: setup.pins_digest,
        })
    });
    let judging = Judging::new(&setup, shared, log.clone());
    let pump = Pump::new(engine, session, log, pins, facts::resolve)
        .with_clock(facts::unix_time)
        .recording(tape);
    let pump = match judging {
        Some(judging) => pump.judged_by(Box::new(judging)),
        None => pump,
    };
    let connection = Stdio::new(pump, interpreter, upstream, ends, &setup.server);
    let connection = match again {
        None => connection,
        Some(spec) => connection.starting_again(move || {
            let child = Child::spawn(&spec).map_err(|e| e.to_string())?;
            Ok(Box::new(child))
        }),
    };
    let (exit, log) = connection.run();
    drop(restore);
    let code = exit.as_ref().map_or(1, |exit| exit.code);
    let reason = match exit.filter(|_| setup.url.is_some()) {
        None => format!("the server ended with {code}"),
        Some(exit) => {
            if code != 0 {
                tracing::error!("{}", exit.why);
            }
            exit.why
        }
    };
    log.close(&reason).map_err(|e| failed(&e))?;
    Ok(ExitCode::from(code))
}

/// Opens a recording; a person is told, since it holds content.
pub(super) fn open_tape(path: &Path) -> Result<Tape, Fault> {
    let tape = Tape::open(path).map_err(|e| Fault::Failed(e.to_string()))?;
    tracing::warn!(
        "what agents ask for is recorded in `{}`, arguments included",
        path.display()
    );
    Ok(tape)
}

/// What judges, and what translates if agent and server are of two eras.
fn engine(setup: &Setup) -> Result<(Engine, Interpreter, Shared), Fault> {
    let shared = Shared {
        seal: Arc::new(new_seal()?),
        quotas: Arc::default(),
    };
    let engine = setup.engine_for(setup.agent.clone(), setup.server_pins(), &shared)?;
    let terms = Terms {
        nonce: nonce()?,
        seal: Arc::clone(&shared.seal),
        principal: Principal::named(setup.agent.clone()).key,
        server: setup.server.clone(),
    };
    let speaks_for = setup.entry().is_some_and(|entry| entry.bridge);
    Ok((engine, Interpreter::new(terms, speaks_for), shared))
}

/// One name for two servers makes one set of pins of them.
pub(super) fn tell_other_launch(setup: &Setup) {
    let pins = setup.pins.servers.get(&setup.server);
    let pinned = pins.and_then(|pins| pins.launch.as_ref());
    if pinned.is_some_and(|pinned| pinned.differs(&launch::said(setup))) {
        let (server, file) = (&setup.server, setup.lockfile.display());
        let hint = setup.policy.hint("diff", server);
        tracing::warn!(
            "`{server}` was pinned in `{file}` with another command line or URL: if this is another \
             server, give it a name of its own with `--server`; if it has changed, see `{hint}`"
        );
    }
}

/// What `run` and `pin` start.
pub(super) fn spec(setup: &Setup, target: &Target) -> Result<ChildSpec, Fault> {
    if setup.command.is_empty() {
        return Err(Fault::Usage(format!(
            "nothing to start for `{}`: say `-- COMMAND ARG...` or `--url URL`, or give it a `command` or a `url` in a policy",
            setup.server
        )));
    }
    let mut named: BTreeMap<String, EnvValue> =
        setup.entry().map(|s| s.env.clone()).unwrap_or_default();
    let inherited: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
    for name in &target.pass {
        passed(name, &inherited)?;
        named.insert(name.clone(), EnvValue::From(name.clone()));
    }
    let env = child_env(&inherited, &named).map_err(|e| Fault::Usage(e.to_string()))?;
    for (name, why) in &env.withheld {
        let name = name.to_string_lossy();
        if *why == Withheld::Credential {
            tracing::warn!(
                "`{name}` holds a credential and is withheld; name it in the policy if the server needs it"
            );
        } else {
            tracing::debug!("the server does not see `{name}`");
        }
    }
    Ok(ChildSpec {
        argv: setup.command.clone(),
        env: env.vars,
        cwd: Some(setup.cwd()?),
    })
}

/// `--env` takes a name. Whoever writes a value there must not see it again in
/// a log.
fn passed(name: &str, inherited: &BTreeMap<OsString, OsString>) -> Result<(), Fault> {
    if let Some((name, _)) = name.split_once('=') {
        let name = variable(name);
        return Err(Fault::Usage(format!(
            "`--env` takes the name of a variable and no value: set {name} where lockgate is \
             started (the `env` of the client's entry), and say `--env` with its name alone"
        )));
    }
    if inherited.contains_key(OsStr::new(name)) {
        return Ok(());
    }
    let name = variable(name);
    Err(Fault::Usage(format!(
        "`--env`: {name} is not set where lockgate is started: set it there (the `env` of the \
         client's entry), or leave the flag out"
    )))
}

/// The name of a variable, unless it looks like something else.
fn variable(name: &str) -> String {
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if is_name && !looks_like_token(name) {
        format!("`{name}`")
    } else {
        "the variable".to_owned()
    }
}

pub(super) fn meta(setup: &Setup) -> SessionMeta {
    let url = setup.url.as_ref().map(|url| url.without_query().as_bytes());
    let argv = setup.command.iter().map(|word| word.as_encoded_bytes());
    let launch: Vec<&[u8]> = url
        .into_iter()
        .chain(argv.flat_map(|w| [w, b"\0"]))
        .collect();
    SessionMeta {
        lockgate: env!("CARGO_PKG_VERSION").to_owned(),
        agent: Some(setup.agent.to_string()),
        server: Some(setup.server.to_string()),
        // A legacy session settles on one after the log has begun.
        protocol: None,
        launch: Some(Digest::of(&launch)),
        policy: setup.policy.digest(),
        lockfile: setup.pins_digest,
    }
}

/// Keeps ids that lockgate makes up apart from those of its peers.
pub(super) fn nonce() -> Result<String, Fault> {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes)
        .map_err(|e| Fault::Failed(format!("no randomness to be had: {e}")))?;
    let digits = bytes.iter().flat_map(|b| [b >> 4, b & 15]);
    Ok(digits
        .filter_map(|d| char::from_digit(d.into(), 16))
        .collect())
}
