//! From command-line words to an engine: policy, agent, server, pins, guard.
//!
//! Whatever is unusable here ends the program before a server is started.

mod meant;
mod revision;
mod who;

pub(super) use revision::Revision;

use super::places::Places;
use super::remote;
use super::{Fault, Target};
use crate::engine::Engine;
use crate::engine::guard::paths::PathGuard;
use crate::engine::pin::{Lockfile, ServerPins};
use crate::engine::policy::{
    Policy, PolicyBase, Quotas, Server, Severity, Sources, render_all, render_first,
};
use crate::engine::principal::Principal;
use crate::engine::seal::{KEY, Seal};
use crate::engine::types::{AgentName, Digest, ServerName};
use crate::engine::url::ServerUrl;
use crate::proxy::facts;
use crate::state::policy::{self, PolicyError};
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
    /// The policy in force.
    pub(super) policy: Arc<Policy>,
    /// Its files, and the directories whose files are its own.
    own: Vec<PathBuf>,
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
    /// A recording that is being made: no tool may read or write it.
    pub(super) recording: Option<PathBuf>,
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
            own,
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
        other_kind(&policy, &server, (&command, url.as_ref()))?;
        Ok(Self {
            places,
            file,
            policy,
            own,
            agent,
            server,
            command,
            url,
            lockfile,
            pins,
            pins_digest,
            recording: None,
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
        if self.policy.only_audits() {
            tracing::warn!(
                "nothing that the rules deny is denied: the policy says `mode = \"audit\"` in `[defaults]`"
            );
        }
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

    /// What was read before it was known who is meant.
    pub(super) fn revision(&self) -> Revision {
        Revision {
            places: self.places.clone(),
            file: self.file.clone(),
            policy: Arc::clone(&self.policy),
            own: self.own.clone(),
            lockfile: self.lockfile.clone(),
            pins: Arc::clone(&self.pins),
            pins_digest: self.pins_digest,
        }
    }

    /// The same agent and server by another revision.
    pub(super) fn by(&self, revision: Revision) -> Self {
        Self {
            places: revision.places,
            file: revision.file,
            policy: revision.policy,
            own: revision.own,
            agent: self.agent.clone(),
            server: self.server.clone(),
            command: self.command.clone(),
            url: self.url.clone(),
            lockfile: revision.lockfile,
            pins: revision.pins,
            pins_digest: revision.pins_digest,
            recording: self.recording.clone(),
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
        let shared = Shared {
            seal: Arc::new(new_seal()?),
            quotas: Arc::default(),
        };
        self.engine_for(self.agent.clone(), self.server_pins(), &shared)
    }

    /// The same for another agent, by these pins.
    pub(super) fn engine_for(
        &self,
        agent: AgentName,
        pins: ServerPins,
        shared: &Shared,
    ) -> Result<Engine, Fault> {
        Ok(self.engine_with(self.guard()?, agent, pins, shared))
    }

    /// The engine for an agent, where all is at hand.
    pub(super) fn engine_with(
        &self,
        guard: PathGuard,
        agent: AgentName,
        pins: ServerPins,
        shared: &Shared,
    ) -> Engine {
        let engine = self.judging(guard, agent, pins);
        let principal = Principal::named(self.agent.clone());
        let engine = engine.counting(Arc::clone(&shared.quotas));
        engine.sealing(Arc::clone(&shared.seal), principal.key)
    }

    /// One with counts of its own, which passes no states on.
    pub(super) fn uncounted(&self, agent: AgentName, pins: ServerPins) -> Result<Engine, Fault> {
        Ok(self.judging(self.guard()?, agent, pins))
    }

    fn judging(&self, guard: PathGuard, agent: AgentName, pins: ServerPins) -> Engine {
        let server = self.server.clone();
        let engine = Engine::new(Arc::clone(&self.policy), agent, server, pins, guard);
        match self.url {
            Some(_) => engine.over_http(),
            None => engine,
        }
    }

    /// The path guard in front of the server.
    pub(super) fn guard(&self) -> Result<PathGuard, Fault> {
        let mut host = facts::host_facts(&self.cwd()?, self.own_files()?);
        // One home for all: it may be known although `HOME` is not set.
        host.home = self.places.home.display().to_string();
        Ok(PathGuard::new(host, self.policy.paths.clone()))
    }

    /// Lockgate's own files: nobody may reach them through a tool (A4).
    fn own_files(&self) -> Result<Vec<String>, Fault> {
        let mut own = own_files(&self.places, &self.own, self.audit_dir(), &self.lockfile);
        own.extend(self.recording.clone());
        own.extend(std::env::current_exe().ok());
        in_full(own)
    }
}

/// What all engines of one process have in common.
#[derive(Debug)]
pub(super) struct Shared {
    /// What agents bring back is sealed with it.
    pub(super) seal: Arc<Seal>,
    /// What the limits of rules have counted. It ends with the process.
    pub(super) quotas: Arc<Quotas>,
}

/// One process, one key: what it has sealed ends with it.
pub(super) fn new_seal() -> Result<Seal, Fault> {
    let mut key = [0; KEY];
    getrandom::fill(&mut key)
        .map_err(|e| Fault::Failed(format!("no randomness to be had: {e}")))?;
    Ok(Seal::new(&key))
}

fn own_files(places: &Places, policy: &[PathBuf], audit: PathBuf, lockfile: &Path) -> Vec<PathBuf> {
    let (config, state) = (places.config.clone(), places.state.clone());
    let mut own = vec![config, state, audit, lockfile.to_owned()];
    own.extend(policy.iter().cloned());
    own
}

/// File names in full.
pub(super) fn in_full(files: Vec<PathBuf>) -> Result<Vec<String>, Fault> {
    let mut names = Vec::new();
    for file in files {
        let absolute = std::path::absolute(&file);
        let absolute = absolute.map_err(|e| {
            Fault::Failed(format!("cannot tell where `{}` is: {e}", file.display()))
        })?;
        names.push(absolute.display().to_string());
    }
    Ok(names)
}

/// A policy with its pins, for requests of any agent on any server: those that
/// it does not name are denied by it.
pub(super) struct Anybody(Revision);

impl Anybody {
    /// Reads the policy and the lockfile.
    pub(super) fn new(target: &Target) -> Result<Self, Fault> {
        Revision::read(target).map(Self)
    }

    /// The policy in force.
    pub(super) fn policy(&self) -> &Policy {
        &self.0.policy
    }

    /// Its file, unless the baseline is in force.
    pub(super) fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// Where things are kept.
    pub(super) fn places(&self) -> &Places {
        &self.0.places
    }

    /// The pins beside it.
    pub(super) fn pins(&self) -> &Lockfile {
        &self.0.pins
    }

    /// The same under another policy, beside the same pins.
    pub(super) fn under(&self, policy: Policy) -> Self {
        Self(Revision {
            policy: Arc::new(policy),
            ..self.0.clone()
        })
    }

    /// What judges an agent in front of a server.
    pub(super) fn setup(&self, agent: AgentName, server: ServerName) -> Setup {
        let revision = self.0.clone();
        let (command, url) = reached(&revision.policy, &server, &[], None);
        Setup {
            places: revision.places,
            file: revision.file,
            own: revision.own,
            policy: revision.policy,
            agent,
            server,
            command,
            url,
            lockfile: revision.lockfile,
            pins: revision.pins,
            pins_digest: revision.pins_digest,
            recording: None,
        }
    }
}

/// Reads the text of one file of a policy.
pub(super) fn read_text(file: &Path) -> Result<String, Fault> {
    text::read(file, crate::engine::policy::MAX_BYTES).map_err(|e| {
        let file = file.display();
        Fault::Policy(format!("cannot read the policy `{file}`: {e}"))
    })
}

/// A policy's files, read and not yet checked.
#[derive(Debug)]
pub(super) struct Written {
    /// What they say.
    pub(super) sources: Sources,
    /// What their paths are relative to.
    pub(super) base: PolicyBase,
    /// What belongs to the policy.
    pub(super) own: Vec<PathBuf>,
}

/// Reads a policy's files.
pub(super) fn read_policy(file: &Path, places: &Places) -> Result<Written, Fault> {
    let files = policy::read(file).map_err(|e| {
        let what_next = match &e {
            PolicyError::Text(e) if e.is_missing() => "; look at `--config` and `LOCKGATE_CONFIG`",
            PolicyError::Text(TextError::TooLarge(_)) => "; split it, one policy for each agent",
            _ => "",
        };
        let file = file.display();
        Fault::Policy(format!("cannot read the policy `{file}`: {e}{what_next}"))
    })?;
    Ok(Written {
        sources: files.sources,
        base: PolicyBase {
            dir: files.dir.display().to_string(),
            home: places.home.display().to_string(),
        },
        own: files.own,
    })
}

/// Reads and checks a policy; a mistake in it is shown with file and line. Gives
/// what belongs to it too.
pub(super) fn load_policy(file: &Path, places: &Places) -> Result<(Policy, Vec<PathBuf>), Fault> {
    let shown = file.display().to_string();
    let written = read_policy(file, places)?;
    let parsed = Policy::parse_all(&shown, &written.sources, &written.base);
    let policy = parsed.map_err(|mistakes| Fault::Mistakes {
        shown: render_all(&written.sources, &mistakes, super::color_on_stderr()),
        first: render_first(&written.sources, &mistakes).unwrap_or_default(),
        file: shown.clone(),
    })?;
    Ok((policy, written.own))
}

/// Where the policy leaves open which kind of server it is, the command line says
/// so: what is for the other kind would not be enforced, and it is told.
fn other_kind(
    policy: &Policy,
    server: &ServerName,
    (command, url): (&[OsString], Option<&ServerUrl>),
) -> Result<(), Fault> {
    let Some(entry) = policy.servers.get(server) else {
        return Ok(());
    };
    let (keys, kind) = match url {
        Some(_) => {
            let keys = [("env", !entry.env.is_empty()), ("cwd", entry.cwd.is_some())];
            (
                keys.to_vec(),
                "is dialled: they are for one that lockgate starts",
            )
        }
        None if command.is_empty() => return Ok(()),
        None => {
            let keys = [
                ("headers", !entry.headers.is_empty()),
                ("addresses", entry.addresses.is_some()),
                ("oauth", entry.oauth.is_some()),
            ];
            (keys.to_vec(), "is started: they are for one with a `url`")
        }
    };
    let keys = keys.iter().filter(|(_, given)| *given);
    let keys: Vec<_> = keys.map(|(key, _)| format!("`{key}`")).collect();
    if keys.is_empty() {
        return Ok(());
    }
    Err(Fault::Usage(format!(
        "`[server.{server}]` has {} (LG0202), but this server {kind}; remove what does not go \
         with it, or make two servers of it",
        keys.join(" and ")
    )))
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
