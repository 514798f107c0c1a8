//! The decision point: one message in, one [`Decision`] out.
//!
//! Read top-down: `decide` looks at what kind of message it is; `requests`,
//! `answers` and `notes` each end in a [`Plan`]; `finish` turns the plan into
//! bytes to send. Whatever is not a well-formed, permitted message is denied:
//! each path that does not say `Forward` in so many words ends in a refusal.

mod account;
mod answers;
mod calls;
mod finish;
mod lists;
mod news;
mod notes;
mod permits;
mod requests;
mod state;
mod verify;

pub(super) use answers::{PAGE, wants_page};
pub(super) use requests::subscribed;

use super::decision::{Decision, Frame};
use super::guard::paths::{PathFacts, PathGuard};
use super::mask::{key_told, may_be_content};
use super::message::{Direction, Id, Json, KnownMethod, Limits, Message, Method, Opened, TopLevel};
use super::pin::ServerPins;
use super::policy::{Action, Policy, Quotas, UnixTime};
use super::reason::Reason;
use super::record::{Record, RecordKind, RecordVerdict};
use super::seal::Seal;
use super::session::{Session, Shared};
use super::types::{AgentName, Digest, ServerName};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// What an engine decides by: one agent in front of one server.
#[derive(Debug)]
pub struct Engine {
    /// Shared by all engines of one revision of it.
    policy: Arc<Policy>,
    agent: AgentName,
    server: ServerName,
    /// Both, as records name them.
    names: (Arc<str>, Arc<str>),
    pins: ServerPins,
    guard: PathGuard,
    limits: Limits,
    /// Definitions of tools, shared between sessions.
    shared: Shared,
    sealing: Option<state::Sealing>,
    /// What limits have counted.
    quotas: Arc<Quotas>,
    /// The server is reached over Streamable HTTP.
    remote: bool,
    /// Of the policy, where every record has to name it.
    revision: Option<Digest>,
}

/// The values of the moment that a decision depends on.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Time since the session began.
    pub now: Duration,
    /// The wall clock, where it can be told.
    pub time: Option<UnixTime>,
    /// What the file system said to [`Opened::questions`].
    pub facts: PathFacts,
}

/// What is to be done with a message.
enum Plan {
    /// Passes, byte for byte.
    Forward,
    /// These bytes pass in its place.
    Rewrite(Vec<u8>),
    /// Refused; whoever waits for an answer is told.
    Deny {
        reason: Reason,
        detail: String,
        answer: Option<(Direction, Option<Id>)>,
    },
    /// Not passed on, and nobody waits for an answer.
    Drop { reason: Reason, detail: String },
    /// Waits; meanwhile this goes to the server.
    Hold { ask: Option<Frame> },
    /// Answers lockgate's own request; the next one goes to the server.
    Absorb { ask: Option<Frame>, release: bool },
}

impl Plan {
    fn drop(reason: Reason, detail: impl Into<String>) -> Self {
        Self::Drop {
            reason,
            detail: detail.into(),
        }
    }
}

/// A refusal before it is known who is told.
pub(super) struct Refusal {
    reason: Reason,
    detail: String,
}

impl Refusal {
    fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }

    fn to(self, answer: Option<(Direction, Option<Id>)>) -> Plan {
        Plan::Deny {
            reason: self.reason,
            detail: self.detail,
            answer,
        }
    }
}

impl Engine {
    /// An engine for one agent in front of one server.
    pub fn new(
        policy: impl Into<Arc<Policy>>,
        agent: AgentName,
        server: ServerName,
        pins: ServerPins,
        guard: PathGuard,
    ) -> Self {
        Self {
            policy: policy.into(),
            names: (Arc::from(agent.as_str()), Arc::from(server.as_str())),
            agent,
            server,
            pins,
            guard,
            limits: Limits::DEFAULT,
            shared: Shared::default(),
            sealing: None,
            quotas: Arc::default(),
            remote: false,
            revision: None,
        }
    }

    /// The same for a server that is reached over Streamable HTTP, which has
    /// rules of its own for tool definitions.
    #[must_use]
    pub fn over_http(self) -> Self {
        Self {
            remote: true,
            ..self
        }
    }

    /// Binds what servers call `requestState` to this principal with this seal.
    /// Without one no such state passes, either way.
    #[must_use]
    pub fn sealing(mut self, seal: Arc<Seal>, principal: Arc<str>) -> Self {
        self.sealing = Some(state::Sealing { seal, principal });
        self
    }

    /// Counts with others, such as the engines of the same agent in front of
    /// other servers. Without it, it counts alone.
    #[must_use]
    pub fn counting(self, quotas: Arc<Quotas>) -> Self {
        Self { quotas, ..self }
    }

    /// The same by a policy that has taken the place of another, so that every
    /// record says by which one it was judged.
    #[must_use]
    pub fn revised(mut self) -> Self {
        self.revision = self.policy.digest();
        self
    }

    /// The same by a policy that names nobody: where the one that is in force
    /// cannot judge, nothing is permitted.
    #[must_use]
    pub fn closed(&self) -> Self {
        let (agent, server) = (self.agent.clone(), self.server.clone());
        let policy = self.policy.without_anybody();
        // No state of a server's passes either: there is no seal.
        Self {
            limits: self.limits,
            quotas: Arc::clone(&self.quotas),
            remote: self.remote,
            revision: self.revision,
            ..Self::new(policy, agent, server, self.pins.clone(), self.guard.clone())
        }
    }

    /// The bounds on one message.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Reads a line strictly.
    pub fn open(&self, direction: Direction, line: Vec<u8>) -> Opened {
        Opened::read(direction, line, &self.limits)
    }

    /// A line that was too long to keep.
    pub fn open_too_large(&self, direction: Direction, scan: &TopLevel) -> Opened {
        Opened::too_large(direction, scan, &self.limits)
    }

    /// Finds what the file system must be asked about a message, right before
    /// it is decided: a message may have waited, and its tool be known by now.
    #[must_use]
    pub fn inquire(&self, session: &Session, mut opened: Opened) -> Opened {
        if let Ok(Message::Request { method, params, .. }) = opened.message() {
            let sender = opened.sent_by.as_deref().or(session.principal());
            let candidates = self.candidates(session, sender, &method, params);
            opened.questions = self.guard.questions(&candidates);
            opened.candidates = candidates;
        }
        opened
    }

    /// Decides about one message. Total: there is no error, only a denial.
    pub fn decide(&self, session: &mut Session, opened: Opened, context: &Context) -> Decision {
        let before = session.act_as_sender_of(&opened);
        let mut record = self.record(session, &opened);
        session.now = context.now;
        session.time = context.time;
        let plan = match opened.message() {
            Err(unreadable) => {
                record.reason = Some(unreadable.code);
                answers::unreadable(session, opened.direction(), unreadable, &mut record)
            }
            Ok(message) => self.plan(session, &opened, &message, context, &mut record),
        };
        let decision = self.finish(session, opened, record, plan);
        session.act_as_before(before);
        decision
    }

    fn plan(
        &self,
        session: &mut Session,
        opened: &Opened,
        message: &Message<'_>,
        context: &Context,
        record: &mut Record,
    ) -> Plan {
        let direction = opened.direction();
        describe(record, message);
        if direction == Direction::ToServer
            && let Some(plan) = verify::must_wait(session, opened, message)
        {
            return plan;
        }
        if let Message::Request { method, .. } = message
            && direction == Direction::ToServer
            && !is_known(method, KnownMethod::ListTools)
        {
            // Whatever the agent does with what it was shown, is pinned before.
            session.tools.pins_are_due();
        }
        match message {
            Message::Request { id, method, params } => {
                let request = requests::Request {
                    id,
                    method,
                    params: *params,
                    opened,
                };
                self.request(session, &request, context, record)
            }
            Message::Notification { method, params } => {
                self.note(session, direction, method, *params, record)
            }
            Message::Response { id, result } => self.response(session, opened, id, *result, record),
            Message::Failure { id, error } => {
                self.failure(session, direction, id.as_ref(), *error, record)
            }
        }
    }

    /// A message that has come to nothing outside of the engine, for that reason.
    /// Nobody can be told; the evidence is.
    pub fn lost(
        &self,
        session: &mut Session,
        opened: &Opened,
        reason: Reason,
        why: &str,
    ) -> Decision {
        let mut record = self.record(session, opened);
        if let Ok(message) = opened.message() {
            describe(&mut record, &message);
        }
        Self::own_decision(session, record, Plan::drop(reason, why))
    }

    fn record(&self, session: &Session, opened: &Opened) -> Record {
        self.record_of(session, opened.direction(), opened.bytes())
    }

    fn record_of(&self, session: &Session, direction: Direction, bytes: usize) -> Record {
        let names = (Arc::clone(&self.names.0), Arc::clone(&self.names.1));
        let (kind, verdict) = (RecordKind::Malformed, RecordVerdict::Deny);
        let mut record = Record::new(direction, kind, verdict, names, bytes);
        record.policy = self.revision;
        if let Some(principal) = session.principal() {
            record.user.clone_from(&principal.user);
            record.actors.clone_from(&principal.actors);
        }
        record
    }

    /// Whether the server may ask the agent for something.
    fn may_ask(&self, session: &Session, method: &str, record: &mut Record) -> Result<(), Refusal> {
        self.permits(
            session,
            Action::AskAgent(method),
            None,
            &PathFacts::default(),
            record,
        )
        .map(drop)
    }

    fn allows_method(&self, name: &str) -> bool {
        let server = self.policy.servers.get(&self.server);
        server.is_some_and(|s| s.allow_methods.iter().any(|m| m == name))
    }
}

fn describe(record: &mut Record, message: &Message<'_>) {
    let (kind, method, id) = match message {
        Message::Request { id, method, .. } => (RecordKind::Request, Some(method), Some(id)),
        Message::Notification { method, .. } => (RecordKind::Notification, Some(method), None),
        Message::Response { id, .. } => (RecordKind::Response, None, Some(id)),
        Message::Failure { id, .. } => (RecordKind::Failure, None, id.as_ref()),
    };
    record.kind = kind;
    // A peer can make both as long as a message.
    record.method = method.map(recorded);
    record.id = id.map(|i| bounded(&i.to_json()));
}

/// A method as a record names it.
fn recorded(method: &Method) -> Cow<'static, str> {
    match method {
        Method::Known(known) => known.name().into(),
        // A peer chose it: what does not look like a name may be a secret.
        Method::Unknown(name) if may_be_content(name) => key_told(name).into(),
        Method::Unknown(name) => bounded(name).into(),
    }
}

/// A peer's string cut to what a record or an error may carry of it.
fn bounded(text: &str) -> String {
    text.get(..text.floor_char_boundary(256))
        .unwrap_or_default()
        .to_owned()
}

/// The name by which the policy knows a request of the server's.
pub(super) fn asked_method(
    method: KnownMethod,
    params: Option<Json<'_>>,
) -> Result<&'static str, Refusal> {
    let Some(mode) = params.and_then(|p| p.get("mode")) else {
        return Ok(method.name());
    };
    if method != KnownMethod::Elicit {
        return Ok(method.name());
    }
    match mode.as_str().as_deref() {
        Some("form") => Ok("elicitation/create"),
        // URL mode, and any mode that a later revision may bring.
        Some(_) => Ok("elicitation/create#url"),
        None => Err(Refusal::new(
            Reason::InvalidParams,
            "expected `mode` to be a string",
        )),
    }
}

/// Whether a method is one whose answer may ask the agent for input (MRTR).
fn is_known(method: &Method, known: KnownMethod) -> bool {
    *method == Method::Known(known)
}

#[cfg(test)]
mod tests;
