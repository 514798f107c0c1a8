//! The policy: who may do what, with which arguments.
//!
//! `raw` (what the TOML says, with places) → `compile` (checked: patterns and
//! expressions compiled, names resolved) → `evaluate` (answers a request) and
//! `check` (against the pinned schemas). All mistakes are told at once, and a
//! policy with one mistake is no policy.
//!
//! Deliberately absent: precedence by order, defaults that depend on what the
//! file contains, and anything that parses without being enforced. A forbid
//! beats a permit, nothing means deny, and an error in a rule denies.

mod against;
mod agent;
mod check;
mod code;
mod compile;
mod constraint;
mod diagnostic;
mod display;
mod evaluate;
mod literal;
mod number;
mod pattern;
mod pointer;
mod raw;
mod relation;
mod remote;
mod rule;
mod schema;
mod secrets;
mod serve;
mod shown;
mod suggest;

pub use agent::{Agent, Algorithm, CertificateMatch, JwtTrust, KeyHash, Launch, SpiffePattern};
pub use code::{Code, Entry};
pub use diagnostic::{Diagnostic, Severity, Span, render};
pub use display::RuleDisplay;
pub use remote::{Credential, LoginClient, OAuth, OAuthClient, OAuthLogin, TokenPlace, is_scope};
pub use rule::Effect;
pub use serve::{Serve, ServeTls};
pub use suggest::nearest;

use crate::engine::guard::address::Allowed;
use crate::engine::guard::paths::{Access, PathRules};
use crate::engine::message::Json;
use crate::engine::pin::Lockfile;
use crate::engine::principal::Principal;
use crate::engine::types::{AgentName, ServerName};
use crate::engine::url::ServerUrl;
use diagnostic::Problems;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A checked policy.
#[derive(Debug, Clone)]
pub struct Policy {
    /// The servers it names.
    pub servers: BTreeMap<ServerName, Server>,
    /// The agents it names.
    pub agents: BTreeMap<AgentName, Agent>,
    /// Its `[paths]`.
    pub paths: PathRules,
    /// Its `[paths] workspace`, absolute.
    pub workspace: Option<String>,
    /// Its `[pins] mode`.
    pub pins: PinMode,
    /// Its `[audit] dir`, absolute.
    pub audit_dir: Option<String>,
    /// Its `[serve]`.
    pub serve: Serve,
    /// The policy file, as its rules name it.
    file: String,
    rules: Vec<rule::Rule>,
    scope: Scope,
    /// What is odd and yet no mistake; told by `check_against`.
    oddities: Vec<Diagnostic>,
}

/// Whom a policy speaks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// The agents and servers that it names, and nobody else.
    Named,
    /// Anyone: the built-in baseline, which names nobody.
    Anyone,
}

/// One `[server.NAME]`.
#[derive(Debug, Clone)]
pub struct Server {
    /// argv; never a shell. Empty, and no `url`: the policy leaves it to the
    /// command line.
    pub command: Vec<String>,
    /// The same as written, `${workspace}` in place: what a lockfile keeps,
    /// which is the same on every machine.
    pub command_written: Vec<String>,
    /// Where a remote server listens; not beside a `command`.
    pub url: Option<ServerUrl>,
    /// What every request to a remote server has beside the protocol's headers.
    pub headers: BTreeMap<String, Credential>,
    /// Which addresses the name in the `url` may stand for, where it is said.
    pub addresses: Option<Vec<Allowed>>,
    /// How lockgate gets tokens for it.
    pub oauth: Option<OAuth>,
    /// Environment of the server beside the safe default list.
    pub env: BTreeMap<String, EnvValue>,
    /// Where it is started, absolute; otherwise where lockgate is.
    pub cwd: Option<String>,
    /// Methods that no revision defines and that may pass.
    pub allow_methods: Vec<String>,
    /// Whether lockgate answers for a legacy server that it speaks 2026-07-28.
    pub bridge: bool,
    /// What it may ask of the agent.
    pub ask_agent: AskAgent,
    /// Its name in the policy file.
    pub span: Span,
}

/// Which requests a server may send to the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskAgent {
    /// Methods; URL mode elicitation is `elicitation/create#url`.
    pub methods: Vec<String>,
    /// 1-based line of the policy that says so.
    pub line: usize,
}

impl AskAgent {
    /// Every word that `ask_agent` knows.
    pub const METHODS: [&'static str; 4] = [
        "sampling/createMessage",
        "elicitation/create",
        "elicitation/create#url",
        "roots/list",
    ];

    /// What a server may ask where the policy does not say: nothing that costs
    /// the user's model (sampling) or leads to a foreign page (URL elicitation).
    const DEFAULT: [&'static str; 2] = ["elicitation/create", "roots/list"];
}

/// Where the value of an environment variable, or of a header, comes from.
#[derive(Clone, PartialEq, Eq)]
pub enum EnvValue {
    /// Written in the policy.
    Literal(String),
    /// Another variable of lockgate's own environment.
    From(String),
}

impl std::fmt::Debug for EnvValue {
    /// A literal can be a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Literal(_) => f.write_str("Literal(..)"),
            Self::From(name) => write!(f, "From({name})"),
        }
    }
}

/// What happens to a definition that has no pin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PinMode {
    /// Withheld.
    Require,
    /// Pinned on first sight as unreviewed, unless the inspection has findings.
    Tofu,
}

/// What someone wants to do.
#[derive(Debug, Clone, Copy)]
pub enum Action<'a> {
    /// `tools/call`
    CallTool(&'a str),
    /// `prompts/get`, and `completion/complete` for a prompt.
    GetPrompt(&'a str),
    /// `resources/read`, `subscribe`, and completion for a template.
    ReadResource(&'a str),
    /// A request that the server sends to the agent, by method. URL mode
    /// elicitation is `elicitation/create#url`.
    AskAgent(&'a str),
}

/// What the policy is asked.
#[derive(Debug, Clone, Copy)]
pub struct AccessRequest<'a> {
    /// Who acts.
    pub agent: &'a AgentName,
    /// The same, and for whom, as a transport has proved it. `None`: the agent
    /// acts for itself.
    pub principal: Option<&'a Principal>,
    /// On which server.
    pub server: &'a ServerName,
    /// What.
    pub action: Action<'a>,
    /// With which arguments (tools only).
    pub arguments: Option<Json<'a>>,
}

/// Decides `path` constraints; the path guard with the facts of this call.
pub trait PathJudge {
    /// Whether `value` lies within the roots for `access`; the error says why
    /// not, and quotes the value.
    fn within(&self, value: &str, access: Access) -> Result<(), String>;
}

/// A rule that determined an answer, and where it is written.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RuleRef {
    /// Its id.
    pub id: String,
    /// The policy file.
    pub file: String,
    /// 1-based line of the rule's head.
    pub line: usize,
}

/// What the policy answers. There is no bool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Some permit rule is satisfied and no forbid rule matches.
    Permit {
        /// The permit rules that are satisfied.
        rules: Vec<RuleRef>,
        /// Whether one of them lets undeclared arguments pass.
        undeclared: bool,
    },
    /// A forbid rule matches, or could not be evaluated.
    Forbid {
        /// Which.
        rules: Vec<RuleRef>,
        /// Why, for people.
        why: String,
    },
    /// No permit rule is satisfied; nothing means deny.
    Nothing {
        /// Permit rules for this action whose constraints failed.
        near: Vec<RuleRef>,
        /// The constraints that failed, for people.
        why: String,
        /// What a token needs so that one of them permits: nothing if a token
        /// is not what is missing.
        scopes: Vec<Arc<str>>,
    },
}

/// What paths in a policy are relative to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyBase {
    /// The directory of the policy file, absolute.
    pub dir: String,
    /// The user's home directory, absolute: what `~` means.
    pub home: String,
}

/// Largest policy, in bytes.
pub const MAX_BYTES: usize = 4 << 20;

impl Policy {
    /// Reads and checks a policy. The error is everything that is wrong with
    /// it, in the order of the file; see [`render`].
    pub fn parse(file_name: &str, text: &str, base: &PolicyBase) -> Result<Self, Vec<Diagnostic>> {
        let (policy, problems) = Self::compiled(file_name, text, base);
        if problems.has_errors() {
            return Err(problems.into_sorted());
        }
        Ok(Self {
            oddities: problems.into_sorted(),
            ..policy
        })
    }

    /// The same for a person who mends it: with its mistakes comes what the
    /// rules that are whole say beside the pins of `lockfile`.
    pub fn parse_beside(
        file_name: &str,
        text: &str,
        base: &PolicyBase,
        lockfile: &Lockfile,
    ) -> Result<Self, Vec<Diagnostic>> {
        let (policy, mut problems) = Self::compiled(file_name, text, base);
        if problems.has_errors() {
            policy.check_rules(lockfile, true, &mut problems);
            return Err(problems.into_sorted());
        }
        Ok(Self {
            oddities: problems.into_sorted(),
            ..policy
        })
    }

    /// The policy is only good for use if there are no errors.
    fn compiled(file_name: &str, text: &str, base: &PolicyBase) -> (Self, Problems) {
        let mut problems = Problems::about(Code::TOP);
        if text.len() > MAX_BYTES {
            let message = format!("the policy is larger than {MAX_BYTES} bytes");
            problems.tell(
                Code::TOO_LARGE,
                0..0,
                message,
                "split it, one policy for each agent",
            );
            return (Self::baseline(), problems);
        }
        let raw = raw::read(text, &mut problems);
        // Whatever was wrong so far, the rest is compiled for its mistakes.
        let policy = compile::compile(raw, file_name, text, base, &mut problems);
        (policy, problems)
    }

    /// A command line of lockgate's own about a server, for hints.
    pub fn hint(&self, verb: &str, server: &ServerName) -> String {
        match self.scope {
            Scope::Anyone => format!("lockgate {verb} --server {server}"),
            Scope::Named => {
                let file = shown::shell_word(&self.file);
                format!("lockgate {verb} --config {file} --server {server}")
            }
        }
    }

    /// The built-in baseline: everything the guards let pass, pins on first use.
    pub fn baseline() -> Self {
        Self {
            servers: BTreeMap::new(),
            agents: BTreeMap::new(),
            paths: PathRules {
                defaults: true,
                ..PathRules::default()
            },
            workspace: None,
            pins: PinMode::Tofu,
            audit_dir: None,
            serve: Serve::default(),
            file: "built-in".to_owned(),
            rules: vec![rule::Rule::baseline()],
            scope: Scope::Anyone,
            oddities: Vec::new(),
        }
    }

    /// What `server` may ask of the agent.
    fn ask_agent(&self, server: &ServerName) -> AskAgent {
        self.servers
            .get(server)
            .map_or_else(AskAgent::default, |server| server.ask_agent.clone())
    }

    /// Whether the policy speaks about both; the error says what it misses.
    fn knows(&self, agent: &AgentName, server: &ServerName) -> Result<(), String> {
        if self.scope == Scope::Anyone {
            return Ok(());
        }
        if !self.agents.contains_key(agent) {
            return Err(format!("the policy has no agent `{agent}`"));
        }
        if !self.servers.contains_key(server) {
            return Err(format!("the policy has no server `{server}`"));
        }
        Ok(())
    }
}

impl Default for AskAgent {
    fn default() -> Self {
        Self {
            methods: Self::DEFAULT.map(str::to_owned).to_vec(),
            line: 0,
        }
    }
}
