//! From command-line words to an engine: policy, agent, server, pins, guard.
//!
//! Whatever is unusable here ends the program before a server is started.

mod revision;
mod who;

pub(super) use revision::Revision;

use super::places::Places;
use super::remote;
use super::{Fault, Target};
use crate::engine::Engine;
use crate::engine::guard::paths::PathGuard;
use crate::engine::pin::{Lockfile, ServerPins};
use crate::engine::policy::{MAX_BYTES, Policy, PolicyBase, Server, Severity, render};
use crate::engine::principal::Principal;
use crate::engine::seal::{KEY, Seal};
use crate::engine::types::{AgentName, Digest, ServerName};
use crate::engine::url::ServerUrl;
use crate::proxy::facts;
use crate::state::text::{self, TextError};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Everything that a subcommand works with.
#[derive(Debug)]
pub(super) struct Setup {
    /// Where things are kept.
    pub(super) places: Places,
    /// The policy's file, unless the baseline is in force.
    pub(super) file: Option<PathBuf>,
    /// Digest of the policy's text.
    pub(super) policy_digest: Option<Digest>,
    /// The policy in force.
    pub(super) policy: Arc<Policy>,
    /// Who acts.
    pub(super) agent: AgentName,
    /// On which server.
    pub(super) server: ServerName,
    /// What to start, if it is known.
    pub(super) command: Vec<OsString>,
    /// What to dial, if it is a remote server.
    pub(super) url: Option<ServerUrl>,
    /// The lockfile's path.
    pub(super) lockfile: PathBuf,
    /// What it holds.
    pub(super) pins: Arc<Lockfile>,
    /// Digest of its bytes, if it is there.
    pub(super) pins_digest: Option<Digest>,
}

impl Setup {
    /// Reads the policy and the lockfile, and finds out who is meant.
    pub(super) fn new(target: &Target) -> Result<Self, Fault> {
        Self::of(Revision::read(target)?, target)
    }

    /// The same, by what was read before.
    pub(super) fn of(revision: Revision, target: &Target) -> Result<Self, Fault> {
        let Revision {
            places,
            file,
            policy,
            policy_digest,
            lockfile,
            pins,
            pins_digest,
        } = revision;
        let written = file.is_some();
        let agent = who::agent(&policy, written, target.agent.as_deref())?;
        let given = remote::given(target)?;
        let server = if written {
            who::server_of(&policy, target, given.as_ref())?
        } else {
            who::server_without_policy(target, given.as_ref())?
        };
        let (command, url) = reached(&policy, &server, &target.command, given);
        Ok(Self {
            places,
            file,
            policy_digest,
            policy,
            agent,
            server,
            command,
            url,
            lockfile,
            pins,
            pins_digest,
        })
    }

    /// Whether whoever started this process is the agent.
    pub(super) fn check_launch(&self) -> Result<(), Fault> {
        who::launched(&self.policy, self.file.is_some(), &self.agent)
    }

    /// Says what of the policy does not fit the pins. It is in force all the
    /// same: pins change without it, and what does not fit permits nothing.
    pub(super) fn tell_findings(&self) {
        const TOLD: usize = 5;
        let found = self.policy.check_pins(&self.pins);
        let grave = found.iter().filter(|d| d.severity != Severity::Note);
        let more = grave.clone().count().saturating_sub(TOLD);
        for found in grave.take(TOLD) {
            let help = found.help.as_deref().unwrap_or_default();
            tracing::warn!("policy: {}: {help}", found.message);
        }
        if let (1.., Some(file)) = (more, &self.file) {
            let file = file.display();
            tracing::warn!("policy: {more} more of this: see `lockgate check {file}`");
        }
    }

    /// The policy's entry for the server.
    pub(super) fn entry(&self) -> Option<&Server> {
        self.policy.servers.get(&self.server)
    }

    /// Where audit files go.
    pub(super) fn audit_dir(&self) -> PathBuf {
        let written = self.policy.audit_dir.as_ref().map(PathBuf::from);
        written.unwrap_or_else(|| self.places.audit())
    }

    /// The server's working directory.
    pub(super) fn cwd(&self) -> Result<PathBuf, Fault> {
        if let Some(cwd) = self.entry().and_then(|s| s.cwd.as_ref()) {
            return Ok(PathBuf::from(cwd));
        }
        let cwd = std::env::current_dir();
        cwd.map_err(|e| Fault::Failed(format!("cannot tell the working directory: {e}")))
    }

    /// The pins of the server.
    pub(super) fn server_pins(&self) -> ServerPins {
        self.pins
            .servers
            .get(&self.server)
            .cloned()
            .unwrap_or_default()
    }

    /// The engine that all this makes.
    pub(super) fn engine(&self) -> Result<Engine, Fault> {
        let seal = Arc::new(new_seal()?);
        self.engine_for(self.agent.clone(), self.server_pins(), seal)
    }

    /// The same for another agent, by these pins.
    pub(super) fn engine_for(
        &self,
        agent: AgentName,
        pins: ServerPins,
        seal: Arc<Seal>,
    ) -> Result<Engine, Fault> {
        let mut host = facts::host_facts(&self.cwd()?, self.own_files()?);
        // One home for all: it may be known although `HOME` is not set.
        host.home = self.places.home.display().to_string();
        let guard = PathGuard::new(host, self.policy.paths.clone());
        let server = self.server.clone();
        let engine = Engine::new(Arc::clone(&self.policy), agent, server, pins, guard);
        let engine = match self.url {
            Some(_) => engine.over_http(),
            None => engine,
        };
        let principal = Principal::named(self.agent.clone());
        Ok(engine.sealing(seal, principal.key))
    }

    /// Lockgate's own files: nobody may reach them through a tool (A4).
    fn own_files(&self) -> Result<Vec<String>, Fault> {
        let mut own = vec![
            self.places.config.clone(),
            self.places.state.clone(),
            self.audit_dir(),
            self.lockfile.clone(),
        ];
        own.extend(self.file.clone());
        own.extend(std::env::current_exe().ok());
        let mut names = Vec::new();
        for file in own {
            let absolute = std::path::absolute(&file);
            let absolute = absolute.map_err(|e| {
                Fault::Failed(format!("cannot tell where `{}` is: {e}", file.display()))
            })?;
            names.push(absolute.display().to_string());
        }
        Ok(names)
    }
}

/// One process, one key: what it has sealed ends with it.
pub(super) fn new_seal() -> Result<Seal, Fault> {
    let mut key = [0; KEY];
    getrandom::fill(&mut key)
        .map_err(|e| Fault::Failed(format!("no randomness to be had: {e}")))?;
    Ok(Seal::new(&key))
}

/// Reads a policy's text.
pub(super) fn read_policy(file: &Path) -> Result<String, Fault> {
    text::read(file, MAX_BYTES).map_err(|e| {
        let what_next = match &e {
            _ if e.is_missing() => "; look at `--config` and `LOCKGATE_CONFIG`",
            TextError::TooLarge(_) => "; split it, one policy for each agent",
            _ => "",
        };
        let file = file.display();
        Fault::Policy(format!("cannot read the policy `{file}`: {e}{what_next}"))
    })
}

/// Reads and checks a policy; a mistake in it is shown with file and line.
pub(super) fn load_policy(file: &Path, places: &Places) -> Result<(Policy, Digest), Fault> {
    let shown = file.display().to_string();
    let text = read_policy(file)?;
    let base = policy_base(file, &places.home)
        .map_err(|e| Fault::Failed(format!("cannot tell where `{shown}` is: {e}")))?;
    let policy = Policy::parse(&shown, &text, &base).map_err(|mistakes| Fault::Mistakes {
        shown: render(&shown, &text, &mistakes, super::color_on_stderr()),
        file: shown.clone(),
    })?;
    Ok((policy, Digest::of(&[text.as_bytes()])))
}

/// What a policy's relative paths are relative to.
pub(super) fn policy_base(file: &Path, home: &Path) -> std::io::Result<PolicyBase> {
    let dir = file.parent().filter(|d| !d.as_os_str().is_empty());
    let dir = std::path::absolute(dir.unwrap_or(Path::new(".")))?;
    Ok(PolicyBase {
        dir: dir.display().to_string(),
        home: home.display().to_string(),
    })
}

/// What to start or to dial: what the command line says, else the policy.
fn reached(
    policy: &Policy,
    server: &ServerName,
    given: &[OsString],
    url: Option<ServerUrl>,
) -> (Vec<OsString>, Option<ServerUrl>) {
    if !given.is_empty() || url.is_some() {
        return (given.to_vec(), url);
    }
    let Some(entry) = policy.servers.get(server) else {
        return (Vec::new(), None);
    };
    let command = entry.command.iter().map(OsString::from).collect();
    (command, entry.url.clone())
}
