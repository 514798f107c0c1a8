//! The policy: who may do what, with which arguments.
//!
//! `raw` (what the TOML says, with places) → `compile` (checked: patterns and
//! expressions compiled, names resolved) → `evaluate` (answers a request) and
//! `check` (against the pinned schemas). All mistakes are told at once, and a
//! policy with one mistake is no policy.
//!
//! Deliberately absent: precedence by order, defaults that depend on what the
//! file contains, and anything that parses without being enforced. A forbid
//! beats an ask, an ask beats a permit, nothing means deny, and an error in a
//! rule denies.

mod against;
mod agent;
mod answer;
mod change;
mod check;
mod code;
mod compile;
mod constraint;
mod diagnostic;
mod display;
mod effective;
mod evaluate;
mod index;
mod literal;
mod moment;
mod number;
mod pattern;
mod pointer;
mod quota;
mod raw;
mod relation;
mod remote;
mod results;
mod rule;
mod schema;
mod secrets;
pub mod seen;
mod serve;
mod shown;
mod source;
mod suggest;
mod tally;
mod test_file;
mod varying;

pub use agent::{Agent, Algorithm, CertificateMatch, JwtTrust, KeyHash, Launch, SpiffePattern};
pub use answer::{Answer, Judgement};
pub use code::{Code, Entry};
pub use diagnostic::{Diagnostic, Severity, Span, render, render_all, render_first};
pub use display::RuleDisplay;
pub use effective::{Miss, NearMiss, Question, Standing, Stands};
pub use moment::{Counted, Moment, UnixTime};
pub use quota::{Charge, Exhausted, Lease, Quotas};
#[cfg(test)]
pub(crate) use raw::LAID_OUT;
pub use raw::RULE_KEYS;
pub use remote::{
    ClientKey, ClientProof, Credential, LoginClient, OAuth, OAuthClient, OAuthLogin, TokenPlace,
    is_scope,
};
pub use results::{ByFacts, Demands, Instead, Met, ResultFacts, Unmet};
pub use rule::{Effect, Mode};
pub use serve::{Serve, ServeTls};
pub use source::{Include, NewSource, Place, Sources};
pub use suggest::nearest;
pub use test_file::{
    Call, Completed, Completion, Earlier, Expect, Subject, Test, TestFile, TestResult, WouldBe,
};
pub use varying::Variable;

use crate::engine::guard::address::Allowed;
use crate::engine::guard::paths::{Access, PathRules};
use crate::engine::message::Json;
use crate::engine::pin::Lockfile;
use crate::engine::principal::Principal;
use crate::engine::types::{AgentName, Digest, ServerName};
use crate::engine::url::ServerUrl;
use diagnostic::Problems;
use index::Rules;
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
    /// Whether it is in force only while its tests hold and `check` has nothing
    /// to say.
    pub strict: bool,
    /// The policy file or directory, as `--config` has it.
    file: String,
    /// Shared: every engine has a copy of the policy.
    rules: Arc<Rules>,
    /// What happens where no rule permits.
    mode: Mode,
    scope: Scope,
    /// What is odd and yet no mistake; told by `check_against`.
    oddities: Vec<Diagnostic>,
    /// Of all its files; `None` for the baseline.
    digest: Option<Digest>,
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

impl Policy {
    /// Whether what no rule permits passes, and is only recorded.
    pub fn only_audits(&self) -> bool {
        self.mode == Mode::Audit
    }
}

/// Which requests a server may send to the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskAgent {
    /// Methods; URL mode elicitation is `elicitation/create#url`.
    pub methods: Vec<String>,
    /// The file that says so.
    pub file: String,
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
    /// `prompts/get`
    GetPrompt(&'a str),
    /// `resources/read`, and `subscribe`.
    ReadResource(&'a str),
    /// `completion/complete` for an argument of a prompt.
    CompletePrompt(&'a str),
    /// The same for a resource template.
    CompleteResource(&'a str),
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

/// What constraints ask beside a value: the path guard with the facts of this
/// call, and who makes it.
pub trait PathJudge {
    /// Whether `value` lies within the roots for `access`; the error says why
    /// not, and quotes the value.
    fn within(&self, value: &str, access: Access) -> Result<(), String>;

    /// What a variable stands for. `None`: it cannot be told. The policy puts in
    /// what the request says; nobody else needs to.
    fn variable(&self, _: Variable) -> Option<&str> {
        None
    }
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
    /// Reads and checks a policy of one file. The error is everything that is
    /// wrong with it, in the order of the file; see [`render`].
    pub fn parse(file_name: &str, text: &str, base: &PolicyBase) -> Result<Self, Vec<Diagnostic>> {
        let sources = Sources::one(file_name, &base.dir, text);
        Self::parse_all(file_name, &sources, base)
    }

    /// The same for one of several files, `name` being what `--config` says; see
    /// [`render_all`].
    pub fn parse_all(
        name: &str,
        sources: &Sources,
        base: &PolicyBase,
    ) -> Result<Self, Vec<Diagnostic>> {
        let (policy, problems) = Self::compiled(name, sources, base);
        policy.unless(problems)
    }

    /// The same for a person who mends it: with its mistakes comes what the
    /// rules that are whole say beside the pins of `lockfile`.
    pub fn parse_beside(
        name: &str,
        sources: &Sources,
        base: &PolicyBase,
        lockfile: &Lockfile,
    ) -> Result<Self, Vec<Diagnostic>> {
        let (policy, mut problems) = Self::compiled(name, sources, base);
        if problems.has_errors() {
            policy.check_rules(lockfile, true, &mut problems);
        }
        policy.unless(problems)
    }

    fn unless(self, problems: Problems) -> Result<Self, Vec<Diagnostic>> {
        if problems.has_errors() {
            return Err(problems.into_sorted());
        }
        Ok(Self {
            oddities: problems.into_sorted(),
            ..self
        })
    }

    /// The policy is only good for use if there are no errors.
    fn compiled(name: &str, sources: &Sources, base: &PolicyBase) -> (Self, Problems) {
        let mut problems = Problems::about(Code::TOP);
        sources.objections(&mut problems);
        if sources.bytes() > MAX_BYTES {
            let message = format!("the policy is larger than {MAX_BYTES} bytes");
            problems.tell(
                Code::TOO_LARGE,
                0..0,
                message,
                "split it, one policy for each agent",
            );
            return (Self::baseline(), problems);
        }
        let raw = raw::read(sources, &mut problems);
        // Whatever was wrong so far, the rest is compiled for its mistakes.
        let policy = compile::compile(raw, name, sources, base, &mut problems);
        (policy, problems)
    }

    /// The digest of all its files; `None` for the baseline.
    pub fn digest(&self) -> Option<Digest> {
        self.digest
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
            strict: false,
            file: "built-in".to_owned(),
            rules: Arc::new(Rules::new(vec![rule::Rule::baseline()])),
            mode: Mode::Enforce,
            scope: Scope::Anyone,
            oddities: Vec::new(),
            digest: None,
        }
    }

    /// What `server` may ask of the agent.
    fn ask_agent(&self, server: &ServerName) -> AskAgent {
        self.servers
            .get(server)
            .map_or_else(AskAgent::default, |server| server.ask_agent.clone())
    }

    /// Whether `[server.NAME] ask_agent` permits a request to the agent.
    fn lets_ask(&self, server: &ServerName, method: &str) -> bool {
        let asked = self.ask_agent(server).methods;
        asked.iter().any(|known| known == method)
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
            file: String::new(),
            line: 0,
        }
    }
}
