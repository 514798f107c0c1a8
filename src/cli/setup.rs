//! From command-line words to an engine: policy, agent, server, pins, guard.
//!
//! Whatever is unusable here ends the program before a server is started.

use super::places::Places;
use super::remote;
use super::{Fault, Target};
use crate::engine::Engine;
use crate::engine::guard::paths::PathGuard;
use crate::engine::pin::{Lockfile, ServerPins};
use crate::engine::policy::{Policy, PolicyBase, Server, render};
use crate::engine::types::{AgentName, Digest, ServerName};
use crate::engine::url::ServerUrl;
use crate::proxy::facts;
use crate::state::lockfile;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

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
    pub(super) policy: Policy,
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
    pub(super) pins: Lockfile,
    /// Digest of its bytes, if it is there.
    pub(super) pins_digest: Option<Digest>,
}

impl Setup {
    /// Reads the policy and the lockfile, and finds out who is meant.
    pub(super) fn new(target: &Target) -> Result<Self, Fault> {
        let places = Places::from_env().map_err(|e| Fault::Failed(e.to_string()))?;
        let file = places.policy(target.config.as_deref());
        let (policy, policy_digest) = match &file {
            None => (Policy::baseline(), None),
            Some(file) => {
                let (policy, digest) = load_policy(file, &places)?;
                (policy, Some(digest))
            }
        };
        let path = places.lockfile(file.as_deref());
        let (pins, pins_digest) =
            lockfile::load(&path).map_err(|e| Fault::Failed(e.to_string()))?;
        let agent = agent(&policy, file.is_some(), target.agent.as_deref())?;
        let given = remote::given(target)?;
        let server = server(&policy, file.is_some(), target, given.as_ref())?;
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
            lockfile: path,
            pins,
            pins_digest,
        })
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
        let mut host = facts::host_facts(&self.cwd()?, self.own_files()?);
        // One home for all: it may be known although `HOME` is not set.
        host.home = self.places.home.display().to_string();
        let guard = PathGuard::new(host, self.policy.paths.clone());
        Ok(Engine::new(
            self.policy.clone(),
            self.agent.clone(),
            self.server.clone(),
            self.server_pins(),
            guard,
        ))
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

/// Reads and checks a policy; a mistake in it is shown with file and line.
pub(super) fn load_policy(file: &Path, places: &Places) -> Result<(Policy, Digest), Fault> {
    let shown = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|e| Fault::Policy(format!("cannot read the policy `{shown}`: {e}")))?;
    let base = policy_base(file, &places.home)
        .map_err(|e| Fault::Failed(format!("cannot tell where `{shown}` is: {e}")))?;
    let policy = Policy::parse(&shown, &text, &base)
        .map_err(|mistakes| Fault::Policy(render(&shown, &text, &mistakes, super::color())))?;
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

/// The agent that is meant: the one that is named, or the only one.
fn agent(policy: &Policy, written: bool, named: Option<&str>) -> Result<AgentName, Fault> {
    let usage = |text: String| Fault::Usage(text);
    if let Some(name) = named {
        let name = AgentName::new(name).map_err(|e| usage(format!("`--agent {name}`: {e}")))?;
        let known = policy.agents.get(&name).is_some_and(|a| a.stdio);
        if written && !known {
            return Err(usage(format!(
                "the policy has no `[agent.{name}]` with `stdio = true`"
            )));
        }
        return Ok(name);
    }
    let mut over_stdio = policy.agents.iter().filter(|(_, a)| a.stdio);
    match (over_stdio.next(), over_stdio.next()) {
        (Some((name, _)), None) => Ok(name.clone()),
        (Some(_), Some(_)) => Err(usage(
            "the policy has several agents with `stdio = true`: say which with `--agent`".into(),
        )),
        (None, _) if !written => AgentName::new("local").map_err(|e| Fault::Failed(e.to_string())),
        (None, _) => Err(usage(
            "the policy has no agent with `stdio = true`: add `[agent.NAME]` with `stdio = true`"
                .into(),
        )),
    }
}

/// The server that is meant: the one that is named, the only one, or, with no
/// policy, one named after its command line.
fn server(
    policy: &Policy,
    written: bool,
    target: &Target,
    url: Option<&ServerUrl>,
) -> Result<ServerName, Fault> {
    if let Some(name) = &target.server {
        let name = ServerName::new(name.as_str())
            .map_err(|e| Fault::Usage(format!("`--server {name}`: {e}")))?;
        if written && !policy.servers.contains_key(&name) {
            return Err(Fault::Usage(format!("the policy has no `[server.{name}]`")));
        }
        return Ok(name);
    }
    if !written {
        return url.map_or_else(|| named_after(&target.command), remote::named_after);
    }
    let same = policy.servers.iter().find(|(_, s)| {
        url.is_some() && s.url.as_ref() == url
            || !target.command.is_empty()
                && s.command
                    .iter()
                    .map(OsString::from)
                    .eq(target.command.iter().cloned())
    });
    if let Some((name, _)) = same {
        return Ok(name.clone());
    }
    let mut servers = policy.servers.keys();
    match (servers.next(), servers.next()) {
        (Some(name), None) => Ok(name.clone()),
        (None, _) => Err(Fault::Usage(
            "the policy has no server: add `[server.NAME]`".to_owned(),
        )),
        (Some(_), Some(_)) => Err(Fault::Usage(
            "the policy has several servers: say which with `--server`".to_owned(),
        )),
    }
}

/// A stable name for a server that no policy names: the last word of its
/// command line that looks like a program or package, and a digest of it all.
fn named_after(command: &[OsString]) -> Result<ServerName, Fault> {
    let words: Vec<String> = command
        .iter()
        .map(|w| w.to_string_lossy().into_owned())
        .collect();
    let Some(program) = words.first() else {
        return Err(Fault::Usage(
            "no server: say `-- COMMAND ARG...` or `--url URL`, or write a policy and name one with `--server`"
                .to_owned(),
        ));
    };
    let wrapped = words
        .iter()
        .skip(1)
        .find(|w| !w.starts_with('-') && w.len() > 1);
    let launcher = matches!(
        base(program).as_str(),
        "npx" | "uvx" | "pipx" | "node" | "python" | "python3" | "bunx" | "deno" | "uv" | "sh"
    );
    let word = if launcher {
        wrapped.unwrap_or(program)
    } else {
        program
    };
    let digest = Digest::of(&[words.join("\0").as_bytes()]).to_string();
    let short: String = digest.chars().skip("sha256:".len()).take(8).collect();
    let stem: String = base(word)
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c))
        .take(48)
        .collect();
    let stem = stem.trim_start_matches(['.', '_', '-']);
    let stem = if stem.is_empty() { "server" } else { stem };
    ServerName::new(format!("{stem}-{short}")).map_err(|e| Fault::Failed(e.to_string()))
}

/// The telling part of a path or of a package's name, without its version.
fn base(word: &str) -> String {
    const TELLS_NOTHING: [&str; 9] = [
        "index", "main", "server", "cli", "app", "dist", "build", "src", "bin",
    ];
    let stem = |part: &str| {
        let part = part.split('@').next().unwrap_or(part);
        let script = [".js", ".mjs", ".cjs", ".ts", ".py"];
        let stem = script.iter().find_map(|s| part.strip_suffix(s));
        stem.unwrap_or(part).to_owned()
    };
    let mut parts = word.rsplit('/').map(stem);
    let told = parts.find(|p| !p.is_empty() && !TELLS_NOTHING.contains(&p.as_str()));
    told.unwrap_or_else(|| stem(word.rsplit('/').next().unwrap_or(word)))
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
