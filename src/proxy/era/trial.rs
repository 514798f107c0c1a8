//! Requests of 2026-07-28 that a server of an unknown era has.
//!
//! They went to it as they came, since most servers that get them know them. What
//! it answers first tells; until then a copy of each is kept, for the case that an
//! adapter has to take over.

use super::told::{Told, was_refused};
use crate::engine::decision::{Cleared, Frame};
use crate::engine::message::{Id, KnownMethod, Method, Opened};
use crate::engine::route::{Kind, Route};
use std::time::Duration;

/// Most requests that are kept; with more, the server is taken to know them.
const MOST: usize = 32;
/// Most bytes of them.
const BYTES: usize = 4 * 1024 * 1024;

/// One request without an answer, or whose answer waits.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) id: Id,
    pub(super) method: Method,
    /// In the agent's own words.
    pub(super) message: Vec<u8>,
    /// An answer that does not tell enough.
    pub(super) answer: Option<Cleared<Frame>>,
}

impl Flight {
    pub(super) fn asks_for_eras(&self) -> bool {
        self.method == Method::Known(KnownMethod::Discover)
    }

    /// Whether it may go out again to a legacy server: it has no such method, or
    /// has refused the request unseen, or has only listed something, which need not
    /// be what it lists after its handshake.
    pub(super) fn may_repeat(&self) -> bool {
        use KnownMethod as Known;
        let Some(answer) = &self.answer else {
            let never_begun = [Known::Discover, Known::Listen].map(Method::Known);
            return never_begun.contains(&self.method);
        };
        self.only_asks() || was_refused(&self.method, answer.bytes())
    }

    /// Whether it changes nothing, whatever the server has done with it.
    pub(super) fn only_asks(&self) -> bool {
        use KnownMethod as Known;
        matches!(
            self.method,
            Method::Known(
                Known::Discover
                    | Known::Listen
                    | Known::ListTools
                    | Known::ListPrompts
                    | Known::ListResources
                    | Known::ListResourceTemplates
            )
        )
    }
}

/// The server was asked, and the agent's messages wait for what it says.
#[derive(Debug)]
pub(super) struct Asking {
    pub(super) id: Id,
    pub(super) until: Duration,
}

/// Where it stands.
#[derive(Debug)]
pub(super) struct Trial {
    pub(super) flights: Vec<Flight>,
    bytes: usize,
    /// When the agent first asked for the eras.
    pub(super) began: Duration,
    pub(super) asking: Option<Asking>,
    pub(super) held: Vec<Opened>,
}

/// What becomes of something for the agent.
pub(super) enum Outcome {
    /// It says nothing about the era.
    Pass(Cleared<Frame>),
    /// The server speaks 2026-07-28.
    Modern(Cleared<Frame>),
    /// It does not.
    Legacy,
    /// It has to be asked.
    Ask,
    /// The answer to the question.
    Answered(Told),
    /// It waits.
    Kept,
}

impl Trial {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            flights: Vec::new(),
            bytes: 0,
            began: now,
            asking: None,
            held: Vec::new(),
        }
    }

    /// A request has gone to the server. Says whether it is kept.
    pub(super) fn add(&mut self, id: Id, method: Method, message: &str) -> bool {
        self.bytes = self.bytes.saturating_add(message.len());
        if self.flights.len() >= MOST || self.bytes > BYTES {
            return false;
        }
        self.flights.push(Flight {
            id,
            method,
            message: message.as_bytes().to_vec(),
            answer: None,
        });
        true
    }

    /// The agent wants no answer to it any more.
    pub(super) fn forget(&mut self, id: &Id) {
        self.flights.retain(|flight| flight.id != *id);
    }

    /// Whether the agent's messages wait.
    pub(super) fn is_asking(&self) -> bool {
        self.asking.is_some()
    }

    /// Something for the agent.
    pub(super) fn hears(&mut self, frame: Cleared<Frame>) -> Outcome {
        let Route { kind, id, .. } = frame.route();
        let Some(id) = id.clone() else {
            return Outcome::Pass(frame);
        };
        let about = self.flights.iter_mut().find(|flight| flight.id == id);
        if let Some(asking) = &self.asking {
            if *kind == Kind::Answer && asking.id == id {
                return Outcome::Answered(Told::of(frame.bytes()));
            }
            return match about.filter(|_| *kind == Kind::Answer) {
                Some(flight) => {
                    flight.answer = Some(frame);
                    Outcome::Kept
                }
                None => Outcome::Pass(frame),
            };
        }
        match (kind, about) {
            (Kind::Answer, Some(flight)) => {
                let told = Told::of(frame.bytes());
                match told {
                    Told::ModernResult | Told::ModernError => return Outcome::Modern(frame),
                    Told::Result if flight.asks_for_eras() => return Outcome::Modern(frame),
                    Told::Nothing => {
                        self.forget(&id);
                        return Outcome::Pass(frame);
                    }
                    Told::Result | Told::Error => {}
                }
                let asked = flight.asks_for_eras();
                flight.answer = Some(frame);
                if asked { Outcome::Legacy } else { Outcome::Ask }
            }
            // Only the modern era has such.
            (Kind::Subscribed, Some(_)) => Outcome::Modern(frame),
            _ => Outcome::Pass(frame),
        }
    }
}
