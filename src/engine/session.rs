//! What one connection has said so far. Every map is bounded.

use super::mask::MaskedUri;
use super::message::{Document, Id, Json, KnownMethod, Limits, Method, Opened};
use super::pin::{ServerPins, ToolPin};
use super::reason::Reason;
use super::record::Record;
use super::schema::{Schema, Unusable};
use super::types::Digest;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock};
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
    pub(super) tasks: BTreeSet<String>,
    /// Why the server cannot be reached any more.
    pub(super) gone: Option<String>,
}

impl Session {
    /// Most tasks that are remembered.
    const TASKS: usize = 10_000;

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
            tasks: BTreeSet::new(),
            gone: None,
        }
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

    /// Remembers the task that a result names, if any.
    pub(super) fn remember_task(&mut self, result: Json<'_>) -> bool {
        let task = result.get("task").unwrap_or(result);
        let Some(id) = task.get("taskId").and_then(Json::as_str) else {
            return false;
        };
        if self.tasks.len() < Self::TASKS {
            self.tasks.insert(id.into_owned());
        }
        true
    }

    /// When something has to happen even if no message comes.
    pub fn deadline(&self) -> Option<Duration> {
        self.verification.as_ref().map(|v| v.deadline)
    }

    /// Whether the agent still waits for an answer.
    pub fn is_waiting(&self) -> bool {
        self.down.is_waiting() || self.is_holding()
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
    /// Its progress token, in one spelling.
    pub(super) token: Option<String>,
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
    tokens: BTreeSet<String>,
    /// Cancelled and perhaps never answered, oldest first.
    cancelled: VecDeque<Id>,
}

impl Requests {
    /// Most requests without an answer, and most progress tokens.
    const MOST: usize = 10_000;
    /// Most cancelled requests whose answer is still expected.
    const CANCELLED: usize = 1000;

    pub(super) fn may_add(&self, id: &Id) -> Result<(), Reason> {
        if self.pending.contains_key(id) {
            return Err(Reason::DuplicateId);
        }
        if self.pending.len() >= Self::MOST || self.tokens.len() >= Self::MOST {
            return Err(Reason::TooManyPending);
        }
        Ok(())
    }

    pub(super) fn add(&mut self, id: Id, request: Pending) {
        self.tokens.extend(request.token.clone());
        self.pending.insert(id, request);
    }

    pub(super) fn get(&self, id: &Id) -> Option<&Pending> {
        self.pending.get(id)
    }

    /// Ends a request. `ongoing`: its progress goes on (it became a task).
    pub(super) fn end(&mut self, id: &Id, ongoing: bool) -> Option<Pending> {
        let request = self.pending.remove(id)?;
        self.cancelled.retain(|c| c != id);
        if let Some(token) = request.token.as_ref().filter(|_| !ongoing) {
            self.tokens.remove(token);
        }
        Some(request)
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
            self.end(&oldest, false);
        }
    }

    pub(super) fn knows_token(&self, token: &str) -> bool {
        self.tokens.contains(token)
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

/// What this session knows of the server's tools.
#[derive(Debug, Default)]
pub(super) struct Tools {
    pub(super) known: BTreeMap<String, Known>,
    /// By name: the definition for which a tool is withheld. It is inspected
    /// once, however often the server lists it.
    pub(super) withheld: BTreeMap<String, String>,
    /// All pages have been seen since the list last changed.
    pub(super) complete: bool,
    /// The agent's own walk through the pages.
    pub(super) walk: Walk,
    /// A full list has been seen before: what is new now was not there then.
    pub(super) settled: bool,
    /// Pins of first use made in this session.
    pub(super) first_use: ServerPins,
    /// Those of them that the lockfile does not have yet.
    pub(super) unsaved: BTreeMap<String, ToolPin>,
}

impl Tools {
    /// Most tools that are remembered.
    pub(super) const MOST: usize = 20_000;

    /// Forgets what was seen: the list has changed, or cannot be trusted.
    pub(super) fn forget(&mut self) {
        self.known.clear();
        self.withheld.clear();
        self.complete = false;
        self.walk = Walk::default();
    }
}

/// A walk through the pages of one list.
#[derive(Debug, Clone, Default)]
pub(super) struct Walk {
    /// The cursor of the page that would continue it.
    pub(super) next: Option<String>,
    pub(super) names: BTreeSet<String>,
}

/// How a listed tool stands in this session.
#[derive(Debug, Clone)]
pub(super) enum Known {
    /// As pinned.
    Verified(Arc<Tool>),
    /// Not to be listed or called.
    Withheld(Reason, String),
}

/// A verified definition.
#[derive(Debug)]
pub(super) struct Tool {
    pub(super) digest: Digest,
    pub(super) text: String,
    parsed: OnceLock<Option<Parsed>>,
}

#[derive(Debug)]
pub(super) struct Parsed {
    document: Document,
    schema: Result<Schema, Unusable>,
}

impl Tool {
    pub(super) fn new(digest: Digest, text: &str) -> Self {
        Self {
            digest,
            text: text.to_owned(),
            parsed: OnceLock::new(),
        }
    }

    /// Parsed and compiled at the first call, not for each of a thousand tools.
    pub(super) fn parsed(&self) -> Option<&Parsed> {
        let parse = || {
            let bytes = self.text.clone().into_bytes();
            let document = Document::read(bytes, &Limits::DEFAULT).ok()?;
            let schema = document.root().get("inputSchema").map(Schema::compile);
            let schema = schema?;
            Some(Parsed { document, schema })
        };
        self.parsed.get_or_init(parse).as_ref()
    }
}

impl Parsed {
    pub(super) fn input_schema(&self) -> Option<Json<'_>> {
        self.document.root().get("inputSchema")
    }

    pub(super) fn schema(&self) -> Result<&Schema, &Unusable> {
        self.schema.as_ref()
    }
}

/// Lockgate's own walk through the server's tools.
#[derive(Debug)]
pub(super) struct Verification {
    pub(super) id: Id,
    pub(super) names: BTreeSet<String>,
    pub(super) pages: usize,
    /// The list changed meanwhile: begin again.
    pub(super) stale: bool,
    pub(super) restarts: usize,
    pub(super) deadline: Duration,
    /// `_meta` of the call that asked for it, for the stateless revision.
    pub(super) meta: Option<String>,
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
