//! Bridges between the eras: a legacy agent in front of a server that speaks
//! 2026-07-28 only, and the other way round.
//!
//! An adapter stands on the agent's side of the engine, so that the engine
//! judges what the server gets and sends, in the server's own era, and nothing
//! is forwarded that was not judged. What the adapter tells the agent is made
//! from cleared bytes; members that it does not know pass, spelled as they came.
//! It does no I/O and keeps no clock: messages and time come in, steps go out.
//! One adapter serves one engine session. On a connection of one agent with one
//! server, an [`Interpreter`] finds out whether there has to be one. Absent: the
//! numbering of requests of several agents, and HTTP; those are the listener's.
//! What cannot be bridged is answered with an error that says so; the words in
//! `data.reason` are listed in `docs/eras.md`.

mod acts;
mod ask;
mod interpreter;
mod legacy;
mod modern;
mod opens;
mod splice;
mod told;
mod trial;

pub use acts::{Act, ForAgent, Heard, Passed};
pub use interpreter::Interpreter;
pub use told::{LEGACY_SERVER, LEGACY_SERVER_REASON, Told, question};

use crate::engine::message::{Direction, Id, Json, TopLevel};
use crate::engine::seal::Seal;
use crate::engine::types::ServerName;
use crate::proxy::pump::Lost;
use legacy::LegacyAgent;
use modern::ModernAgent;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Which side is of which era.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bridge {
    /// A legacy agent in front of a modern server.
    LegacyAgent,
    /// Modern agents of one principal in front of a legacy server.
    ModernAgent,
}

/// What an adapter is told once.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Unguessable: keeps ids that the adapter makes up apart from its peers'.
    pub nonce: String,
    /// Seals what agents bring back.
    pub seal: Arc<Seal>,
    /// The key of the principal.
    pub principal: Arc<str>,
    /// The server, as the policy names it.
    pub server: ServerName,
}

/// What is to be done with a message.
#[derive(Clone, PartialEq, Eq)]
pub enum Step {
    /// The engine is to judge this as if the agent had sent it.
    ToEngine(Vec<u8>),
    /// The agent gets this.
    ToAgent {
        /// The agent's request that it answers or belongs to; nothing where it
        /// belongs to the connection.
        about: Option<Id>,
        /// The message.
        bytes: Vec<u8>,
    },
    /// It has no counterpart in the other era: the evidence is to say so.
    Lost(Lost),
}

impl std::fmt::Debug for Step {
    /// Shows no content: it can be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ToEngine(bytes) => write!(f, "ToEngine({} bytes)", bytes.len()),
            Self::ToAgent { about, bytes } => {
                write!(f, "ToAgent({about:?}, {} bytes)", bytes.len())
            }
            Self::Lost(lost) => lost.fmt(f),
        }
    }
}

/// Translates between an agent of one era and a server of the other.
#[derive(Debug)]
pub struct Adapter(Side);

#[derive(Debug)]
enum Side {
    Legacy(Box<LegacyAgent>),
    Modern(Box<ModernAgent>),
}

impl Adapter {
    /// An adapter for one engine session.
    pub fn new(bridge: Bridge, terms: Terms) -> Self {
        Self(match bridge {
            Bridge::LegacyAgent => Side::Legacy(Box::new(LegacyAgent::new(&terms.nonce))),
            Bridge::ModernAgent => Side::Modern(Box::new(ModernAgent::new(terms))),
        })
    }

    /// A message of the agent.
    pub fn from_agent(&mut self, message: Vec<u8>, now: Duration) -> Vec<Step> {
        let mut steps = Steps::default();
        match &mut self.0 {
            Side::Legacy(side) => side.agent_says(message, now, &mut steps),
            Side::Modern(side) => side.agent_says(message, now, &mut steps),
        }
        steps.0
    }

    /// A message that the engine has cleared for the agent.
    pub fn to_agent(&mut self, cleared: &[u8], now: Duration) -> Vec<Step> {
        let mut steps = Steps::default();
        match &mut self.0 {
            Side::Legacy(side) => side.server_says(cleared, now, &mut steps),
            Side::Modern(side) => side.server_says(cleared, now, &mut steps),
        }
        steps.0
    }

    /// The agent has closed the response stream of that request before its
    /// answer. In the modern era that cancels it; in the legacy one it does not.
    pub fn closed(&mut self, id: &Id) -> Vec<Step> {
        let mut steps = Steps::default();
        match &mut self.0 {
            Side::Legacy(_) => {}
            Side::Modern(side) => side.cancel(id, &mut steps),
        }
        steps.0
    }

    /// A message of the agent could not be read, and is the engine's to refuse:
    /// its word on that passes.
    pub fn cannot_read(&mut self, id: Option<&Id>) {
        let unread = match &mut self.0 {
            Side::Legacy(side) => &mut side.unread,
            Side::Modern(side) => &mut side.unread,
        };
        unread.remember(id);
    }

    /// A request that the server has already, in the agent's own words: its
    /// answer is still to come. Says whether it can be taken over.
    pub fn adopt(&mut self, message: &[u8]) -> bool {
        match &mut self.0 {
            Side::Legacy(_) => false,
            Side::Modern(side) => side.adopt(message),
        }
    }

    /// Whether something of the agent's has not gone to the server yet, and will.
    pub fn is_holding(&self) -> bool {
        match &self.0 {
            Side::Legacy(side) => side.is_holding(),
            Side::Modern(side) => side.is_holding(),
        }
    }

    /// When `tick` has something to do.
    pub fn deadline(&self) -> Option<Duration> {
        match &self.0 {
            Side::Legacy(side) => side.deadline(),
            Side::Modern(side) => side.deadline(),
        }
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Duration) -> Vec<Step> {
        let mut steps = Steps::default();
        match &mut self.0 {
            Side::Legacy(side) => side.tick(now, &mut steps),
            Side::Modern(side) => side.tick(now, &mut steps),
        }
        steps.0
    }

    /// The session is over, whatever the engine had to say about it has been
    /// given to `to_agent`: what still waits for the adapter itself is answered.
    pub fn end(&mut self) -> Vec<Step> {
        let mut steps = Steps::default();
        match &mut self.0 {
            Side::Legacy(side) => side.end(&mut steps),
            Side::Modern(side) => side.end(&mut steps),
        }
        steps.0
    }
}

/// Steps under construction.
#[derive(Debug, Default)]
struct Steps(Vec<Step>);

impl Steps {
    fn engine(&mut self, bytes: Vec<u8>) {
        self.0.push(Step::ToEngine(bytes));
    }

    fn agent(&mut self, about: Option<&Id>, bytes: Vec<u8>) {
        let about = about.cloned();
        self.0.push(Step::ToAgent { about, bytes });
    }

    /// Has no counterpart.
    fn lose(&mut self, way: Direction, root: Json<'_>, why: &'static str) {
        let bytes = root.raw().as_bytes().to_vec();
        self.0.push(Step::Lost(Lost::undelivered(way, bytes, why)));
    }

    /// Answers a request of the agent.
    fn refuse(&mut self, id: &Id, refusal: &splice::Refusal) {
        self.agent(Some(id), refusal.answer(id));
    }
}

/// Messages of the agent that could not be read and went to the engine as they
/// came: only the engine's word on those passes without a request of the agent's.
#[derive(Debug, Default)]
struct Unread(VecDeque<Id>);

impl Unread {
    /// Most that are remembered.
    const MOST: usize = 256;

    fn pass(&mut self, message: Vec<u8>, steps: &mut Steps) {
        self.remember(TopLevel::of(&message).id());
        steps.engine(message);
    }

    fn remember(&mut self, id: Option<&Id>) {
        if let Some(id) = id {
            self.0.push_back(id.clone());
            if self.0.len() > Self::MOST {
                self.0.pop_front();
            }
        }
    }

    /// Whether an error answers one of them.
    fn take(&mut self, id: &Id) -> bool {
        let at = self.0.iter().position(|unread| unread == id);
        at.and_then(|at| self.0.remove(at)).is_some()
    }
}

/// Ids of the adapter's own requests, either way.
#[derive(Debug)]
struct Ids {
    prefix: String,
    serial: u64,
}

impl Ids {
    fn new(nonce: &str) -> Self {
        Self {
            prefix: format!("lockgate-era-{nonce}-"),
            serial: 0,
        }
    }

    fn text(&mut self) -> String {
        self.serial = self.serial.saturating_add(1);
        format!("{}{}", self.prefix, self.serial)
    }

    fn next(&mut self) -> Id {
        Id::Text(self.text())
    }

    fn is_own(&self, id: &Id) -> bool {
        matches!(id, Id::Text(text) if text.starts_with(&self.prefix))
    }
}
