//! `lockgate run`: stdio in front of one server.

use super::setup::Setup;
use super::{Fault, Target};
use crate::audit::{AuditLog, SessionMeta};
use crate::engine::Session;
use crate::engine::policy::EnvValue;
use crate::engine::types::Digest;
use crate::proxy::facts;
use crate::proxy::pump::Pump;
use crate::sandbox::env::{Withheld, child_env};
use crate::state::lockfile::FirstUse;
use crate::transport::child::{Child, ChildSpec, exit_code};
use crate::transport::stdio::Stdio;
use crate::transport::{ends, signals};
use clap::Args;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::SystemTime;

/// `lockgate run [--config F] [--agent A] [--server S] [-- CMD ARG...]`
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    target: Target,
}

pub(super) fn run(args: &RunArgs) -> Result<ExitCode, Fault> {
    let setup = Setup::new(&args.target)?;
    let engine = setup.engine()?;
    let failed = |e: &dyn std::fmt::Display| Fault::Failed(e.to_string());
    let signals = signals::listen().map_err(|e| failed(&e))?;
    let (ends, restore) = ends::own(signals).map_err(|e| failed(&e))?;
    let log = AuditLog::open(&setup.audit_dir(), meta(&setup), SystemTime::now())
        .map_err(|e| failed(&e))?;
    let spec = spec(&setup, &args.target)?;
    let child = Child::spawn(&spec).map_err(|e| failed(&e))?;
    let pins = FirstUse::new(setup.lockfile.clone(), setup.server.clone());
    let session = Session::new(&nonce()?);
    let pump = Pump::new(engine, session, log, pins, facts::resolve);
    let (status, log) = Stdio::new(pump, child, ends, &setup.server).run();
    drop(restore);
    let code = status.map_or(1, exit_code);
    let reason = format!("the server ended with {code}");
    log.close(&reason, SystemTime::now())
        .map_err(|e| failed(&e))?;
    Ok(ExitCode::from(code))
}

/// What `run` and `pin` start.
pub(super) fn spec(setup: &Setup, target: &Target) -> Result<ChildSpec, Fault> {
    if setup.command.is_empty() {
        return Err(Fault::Usage(format!(
            "nothing to start for `{}`: give it a `command` in the policy, or say `-- COMMAND ARG...`",
            setup.server
        )));
    }
    let mut named: BTreeMap<String, EnvValue> =
        setup.entry().map(|s| s.env.clone()).unwrap_or_default();
    for name in &target.pass {
        named.insert(name.clone(), EnvValue::From(name.clone()));
    }
    let inherited: BTreeMap<OsString, OsString> = std::env::vars_os().collect();
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

fn meta(setup: &Setup) -> SessionMeta {
    let argv: Vec<&[u8]> = setup
        .command
        .iter()
        .flat_map(|word| [word.as_encoded_bytes(), b"\0"])
        .collect();
    SessionMeta {
        lockgate: env!("CARGO_PKG_VERSION").to_owned(),
        agent: Some(setup.agent.to_string()),
        server: Some(setup.server.to_string()),
        // A legacy session settles on one after the log has begun.
        protocol: None,
        launch: Some(Digest::of(&argv)),
        policy: setup.policy_digest,
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
