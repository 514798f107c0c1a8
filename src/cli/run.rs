//! `lockgate run`: stdio in front of one server.

use super::setup::Setup;
use super::{Fault, Target, remote};
use crate::audit::{AuditLog, SessionMeta};
use crate::engine::Session;
use crate::engine::policy::EnvValue;
use crate::engine::types::Digest;
use crate::proxy::facts;
use crate::proxy::pump::Pump;
use crate::sandbox::env::{Withheld, child_env};
use crate::state::lockfile::FirstUse;
use crate::transport::child::{Child, ChildSpec};
use crate::transport::stdio::Stdio;
use crate::transport::upstream::Upstream;
use crate::transport::{ends, signals};
use clap::Args;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::SystemTime;

/// `lockgate run [--config F] [--agent A] [--server S] [--url U | -- CMD ARG...]`
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
    let upstream: Box<dyn Upstream> = match &setup.url {
        Some(url) => Box::new(remote::open(&setup, &args.target, url)?),
        None => Box::new(Child::spawn(&spec(&setup, &args.target)?).map_err(|e| failed(&e))?),
    };
    let pins = FirstUse::new(setup.lockfile.clone(), setup.server.clone());
    let session = Session::new(&nonce()?);
    let pump = Pump::new(engine, session, log, pins, facts::resolve);
    let (exit, log) = Stdio::new(pump, upstream, ends, &setup.server).run();
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
    log.close(&reason, SystemTime::now())
        .map_err(|e| failed(&e))?;
    Ok(ExitCode::from(code))
}

/// What `run` and `pin` start.
pub(super) fn spec(setup: &Setup, target: &Target) -> Result<ChildSpec, Fault> {
    if setup.command.is_empty() {
        return Err(Fault::Usage(format!(
            "nothing to start for `{}`: give it a `command` or a `url` in the policy, or say `-- COMMAND ARG...` or `--url URL`",
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
