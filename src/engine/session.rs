//! What one connection has said so far. Every map is bounded.

mod era;
mod news;
mod spent;
mod tasks;
mod tools;
mod walk;

use era::Era;
pub(super) use news::{Listed, Lists};
pub(super) use spent::{Refused, Spent};
pub(super) use tasks::Tasks;
pub(super) use tools::{Known, Parsed, Shared, Tool, Tools};
pub(super) use walk::Walk;

use super::mask::MaskedUri;
use super::message::{Direction, Id, Json, KnownMethod, Limits, Method, Opened};
use super::policy::{Demands, Lease, UnixTime};
use super::principal::{OtherPrincipal, Principal};
use super::reason::Reason;
use super::record::Record;
use super::types::Digest;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// State of one connection between an agent and a server.
#[derive(Debug)]
pub struct Session {
    /// Prefix of the ids of lockgate's own requests; unguessable.
    own_prefix: String,
    serial: u64,
    /// Requests of the agent that the server has not answered.
    pub(super) down: Requests,
    /// Requests of the server that the agent has not answered.
    pub(super) up: Requests,
    pub(super) tools: Tools,
    pub(super) verification: Option<Verification>,
    pub(super) held: Held,
    /// Tasks that permitted requests have created.
    pub(super) tasks: Tasks,
    /// States of multi round-trip requests that were presented already.
    pub(super) spent: Spent,
    /// When the session began.
    began: Duration,
    /// Time since it began, as of the message under judgement.
    pub(super) now: Duration,
    /// The wall clock, as of that message.
    pub(super) time: Option<UnixTime>,
    /// Why the server cannot be reached any more.
    pub(super) gone: Option<String>,
    /// For whom it is. `None`: the agent acts for itself.
    principal: Option<Arc<Principal>>,
    pub(super) era: Era,
    pub(super) server: era::Server,
    /// Of which lists the handshake says that changes are told.
    pub(super) announced: Lists,
}

impl Session {
    /// A new connection. `nonce` must be unguessable: it keeps ids that
    /// lockgate makes up apart from those of its peers.
    pub fn new(nonce: &str) -> Self {
        Self {
            own_prefix: format!("lockgate-{nonce}-"),
            serial: 0,
            down: Requests::default(),
            up: Requests::default(),
            tools: Tools::default(),
            verification: None,
            held: Held::default(),
            tasks: Tasks::default(),
            spent: Spent::default(),
            began: Duration::ZERO,
            now: Duration::ZERO,
            time: None,
            gone: None,
            principal: None,
            era: Era::default(),
            server: era::Server::default(),
            announced: Lists::default(),
        }
    }

    /// The same connection, on which nobody knows yet which era the server speaks:
    /// what a server of the older one lists before its handshake need not be what
    /// it lists to this agent, and does not count.
    #[must_use]
    pub fn doubting(mut self) -> Self {
        self.server = era::Server::Doubted;
        self
    }

    /// Whether nobody knows yet that the server speaks 2026-07-28.
    pub(super) fn doubts_server(&self) -> bool {
        self.server == era::Server::Doubted
    }

    /// The same connection, of a principal that a transport has proved.
    #[must_use]
    pub fn acting(mut self, principal: Arc<Principal>) -> Self {
        self.principal = Some(principal);
        self
    }

    /// The next messages come with another token of the same principal, such as
    /// one that is good for more.
    pub fn renew(&mut self, principal: Arc<Principal>) -> Result<(), OtherPrincipal> {
        let known = self.principal.as_ref().map(|p| &p.key);
        if known != Some(&principal.key) {
            return Err(OtherPrincipal);
        }
        self.principal = Some(principal);
        Ok(())
    }

    /// For whom it is.
    pub(super) fn principal(&self) -> Option<&Principal> {
        self.principal.as_deref()
    }

    /// Who sent the message at hand, else the agent's latest.
    pub fn acting_now(&self) -> Option<Arc<Principal>> {
        self.principal.clone()
    }

    /// When the session began, on a clock that all sessions with the same seal
    /// share and that never goes back. Without it the session has its own.
    #[must_use]
    pub fn begun_at(mut self, began: Duration) -> Self {
        self.began = began;
        self
    }

    /// The time on that clock.
    pub(super) fn clock(&self) -> Duration {
        self.began.saturating_add(self.now)
    }

    /// A message waits: it will be judged by the token that came with it.
    pub(super) fn hold(&mut self, mut opened: Opened) {
        opened.sent_by.clone_from(&self.principal);
        self.held.push(opened);
    }

    /// Whoever sent a message that has waited acts while it is judged. Gives who
    /// acted until now.
    pub(super) fn act_as_sender_of(&mut self, opened: &Opened) -> Option<Arc<Principal>> {
        let now = self.principal.clone();
        if opened.sent_by.is_some() {
            self.principal.clone_from(&opened.sent_by);
        }
        now
    }

    /// Ends that.
    pub(super) fn act_as_before(&mut self, principal: Option<Arc<Principal>>) {
        self.principal = principal;
    }

    /// A fresh id for a request of lockgate's own.
    pub(super) fn own_id(&mut self) -> Id {
        self.serial = self.serial.saturating_add(1);
        Id::Text(format!("{}{}", self.own_prefix, self.serial))
    }

    /// Whether an id is of the kind that lockgate makes up.
    pub(super) fn is_own(&self, id: &Id) -> bool {
        matches!(id, Id::Text(text) if text.starts_with(&self.own_prefix))
    }

    /// The requests whose answers travel that way.
    pub(super) fn requests(&mut self, way: Direction) -> &mut Requests {
        match way {
            Direction::ToAgent => &mut self.down,
            Direction::ToServer => &mut self.up,
        }
    }

    /// A request has its answer: it ends, unless it became a task, whose
    /// progress goes on.
    pub(super) fn answered(&mut self, way: Direction, id: &Id, result: Json<'_>) {
        let Some(pending) = self.requests(way).take(id) else {
            return;
        };
        let released = self.tasks.answered(way, pending, result);
        self.release(way, released);
    }

    /// A side says how one of its tasks stands: whether it is known.
    pub(super) fn task_says(&mut self, way: Direction, task: Json<'_>) -> bool {
        let Some(released) = self.tasks.says(way, task) else {
            return false;
        };
        self.release(way, released);
        true
    }

    fn release(&mut self, way: Direction, tokens: impl IntoIterator<Item = String>) {
        for token in tokens {
            self.requests(way).release(&token);
        }
    }

    /// Whether a message of the agent might find no room where messages wait
    /// for a verification: whoever reads from the agent may wait with that.
    pub fn held_is_full(&self) -> bool {
        self.verification.is_some() && !self.held.has_room(Limits::DEFAULT.bytes)
    }

    /// When something has to happen even if no message comes.
    pub fn deadline(&self) -> Option<Duration> {
        self.verification.as_ref().map(|v| v.deadline)
    }

    /// Whether the agent still waits for an answer.
    pub fn is_waiting(&self) -> bool {
        self.down.is_waiting() || self.is_holding()
    }

    /// What the answers have to be that the agent waits for.
    pub fn demanded(&self) -> Vec<Arc<Demands>> {
        let pending = self.down.pending.values();
        pending
            .flat_map(|request| request.results.clone())
            .collect()
    }

    /// Requests of the agent that have not been answered.
    pub fn unanswered(&self) -> usize {
        self.down.pending.len()
    }

    /// Whether messages wait for a verification.
    pub fn is_holding(&self) -> bool {
        !self.held.queue.is_empty()
    }
}

/// A request that waits for its answer.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub(super) method: Method,
    /// What it is about.
    pub(super) subject: Subject,
    pub(super) cursor: Option<String>,
    /// What a state that its answer holds is bound to.
    pub(super) bound: Option<Digest>,
    /// Its progress token, in one spelling.
    pub(super) token: Option<String>,
    /// What it takes up of limits until it is answered.
    #[expect(dead_code, reason = "they count by being there")]
    pub(super) leases: Vec<Lease>,
    /// What its answer has to be, and that of the task that it becomes.
    pub(super) results: Vec<Arc<Demands>>,
    /// The lists of whose changes it wants to be told.
    pub(super) lists: Lists,
}

/// What a request is about, as records name it.
#[derive(Debug, Clone)]
pub(super) struct Subject {
    tool: Option<String>,
    prompt: Option<String>,
    resource: Option<MaskedUri>,
}

impl Subject {
    pub(super) fn of(record: &Record) -> Self {
        Self {
            tool: record.tool.clone(),
            prompt: record.prompt.clone(),
            resource: record.resource.clone(),
        }
    }

    pub(super) fn put_into(&self, record: &mut Record) {
        record.tool.clone_from(&self.tool);
        record.prompt.clone_from(&self.prompt);
        record.resource.clone_from(&self.resource);
    }
}

/// Requests without an answer, by id, and their progress tokens.
#[derive(Debug, Default)]
pub(super) struct Requests {
    pending: BTreeMap<Id, Pending>,
    /// How many requests, and tasks that they became, each one stands for.
    tokens: BTreeMap<String, usize>,
    /// Cancelled and perhaps never answered, oldest first.
    cancelled: VecDeque<Id>,
}

impl Requests {
    /// Most requests without an answer.
    const MOST: usize = 10_000;
    /// Most cancelled requests whose answer is still expected.
    const CANCELLED: usize = 1000;

    pub(super) fn may_add(&self, id: &Id) -> Result<(), Reason> {
        if self.pending.contains_key(id) {
            return Err(Reason::DuplicateId);
        }
        if self.pending.len() >= Self::MOST {
            return Err(Reason::TooManyPending);
        }
        Ok(())
    }

    pub(super) fn add(&mut self, id: Id, request: Pending) {
        if let Some(token) = request.token.clone() {
            let uses = self.tokens.entry(token).or_default();
            *uses = uses.saturating_add(1);
        }
        self.pending.insert(id, request);
    }

    pub(super) fn get(&self, id: &Id) -> Option<&Pending> {
        self.pending.get(id)
    }

    /// Ends a request, and its progress.
    pub(super) fn end(&mut self, id: &Id) -> Option<Pending> {
        let request = self.take(id)?;
        if let Some(token) = &request.token {
            self.release(token);
        }
        Some(request)
    }

    /// Ends a request. Whoever calls this releases its token.
    fn take(&mut self, id: &Id) -> Option<Pending> {
        let request = self.pending.remove(id)?;
        if self.pending.is_empty() {
            // An empty map keeps a node, and most sessions are idle.
            self.pending = BTreeMap::new();
        }
        self.cancelled.retain(|c| c != id);
        Some(request)
    }

    fn release(&mut self, token: &str) {
        if let Some(uses) = self.tokens.get_mut(token) {
            *uses = uses.saturating_sub(1);
            if *uses == 0 {
                self.tokens.remove(token);
            }
        }
    }

    /// Whether an answer is due: not to what was cancelled (MCP, Cancellation:
    /// it is not answered), nor to a subscription that lasts.
    fn is_waiting(&self) -> bool {
        let listen = Method::Known(KnownMethod::Listen);
        let mut pending = self.pending.iter();
        pending.any(|(id, p)| p.method != listen && !self.cancelled.contains(id))
    }

    /// A request was cancelled. Its answer may be under way already, so it is
    /// forgotten only when many others have been cancelled since.
    pub(super) fn cancel(&mut self, id: Id) {
        self.cancelled.push_back(id);
        if self.cancelled.len() > Self::CANCELLED
            && let Some(oldest) = self.cancelled.pop_front()
        {
            self.end(&oldest);
        }
    }

    pub(super) fn knows_token(&self, token: &str) -> bool {
        self.tokens.contains_key(token)
    }

    /// Ends all requests. Gives those whose sender still waits: what was
    /// cancelled is not answered.
    pub(super) fn drain(&mut self) -> Vec<(Id, Pending)> {
        for id in std::mem::take(&mut self.cancelled) {
            self.pending.remove(&id);
        }
        self.tokens.clear();
        std::mem::take(&mut self.pending).into_iter().collect()
    }
}

/// Lockgate's own walk through the server's tools.
#[derive(Debug)]
pub(super) struct Verification {
    pub(super) id: Id,
    pub(super) walk: Walk,
    /// The cursor of the page that is awaited.
    pub(super) cursor: Option<String>,
    pub(super) pages: usize,
    /// The list changed meanwhile: begin again.
    pub(super) stale: bool,
    pub(super) restarts: usize,
    pub(super) deadline: Duration,
    /// `_meta` of the call that asked for it, for the stateless revision.
    pub(super) meta: Option<String>,
    /// Who sent that call.
    pub(super) by: Option<Arc<Principal>>,
}

/// Messages of the agent that wait for a verification, in order.
#[derive(Debug, Default)]
pub(super) struct Held {
    pub(super) queue: VecDeque<Opened>,
    pub(super) bytes: usize,
}

impl Held {
    /// Most messages that wait.
    const MESSAGES: usize = 1024;
    /// Most bytes that wait.
    const BYTES: usize = 128 * 1024 * 1024;

    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.queue.len() < Self::MESSAGES && self.bytes.saturating_add(bytes) <= Self::BYTES
    }

    pub(super) fn push(&mut self, opened: Opened) {
        self.bytes = self.bytes.saturating_add(opened.bytes());
        self.queue.push_back(opened);
    }

    pub(super) fn take(&mut self) -> Vec<Opened> {
        self.bytes = 0;
        std::mem::take(&mut self.queue).into()
    }
}

#[cfg(test)]
mod tests;
