//! Decisions, and the permission that only a decision can give.
//!
//! A transport sends [`Cleared`] values and nothing else. The only way to one
//! is [`Decision::clear`], and that asks for evidence that the decision was
//! recorded: nothing undecided is forwarded (invariant 1), and no record means
//! no forward (invariant 10).

use super::message::{Direction, Id, Opened};
use super::pin::ToolPin;
use super::principal::Principal;
use super::reason::Reason;
use super::record::Record;
use super::reply;
use super::route::Route;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One message as a transport moves it: its bytes, without the line end.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    bytes: Vec<u8>,
    route: Route,
}

impl Frame {
    /// The bytes of one message.
    pub(super) fn new(bytes: Vec<u8>, route: Route) -> Self {
        Self { bytes, route }
    }
}

impl std::fmt::Debug for Frame {
    /// Shows the length only: content can be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frame({} bytes)", self.bytes.len())
    }
}

/// Something that may be sent, because a recorded decision says so.
///
/// It cannot be made by hand:
///
/// ```compile_fail
/// use lockgate::engine::decision::{Cleared, Frame};
/// fn forge(frame: Frame) -> Cleared<Frame> {
///     Cleared(frame)
/// }
/// ```
///
/// A frame of one's own cannot be made either:
///
/// ```compile_fail
/// use lockgate::engine::decision::Frame;
/// let frame = Frame { bytes: b"{}".to_vec(), route: Default::default() };
/// ```
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a cleared frame that is not sent is a message that vanished"]
pub struct Cleared<T>(T);

impl Cleared<Frame> {
    /// The bytes to send.
    pub fn bytes(&self) -> &[u8] {
        &self.0.bytes
    }

    /// Which way it goes.
    pub fn route(&self) -> &Route {
        &self.0.route
    }

    /// The bytes to send, to be given away.
    pub fn into_bytes(self) -> Vec<u8> {
        self.0.bytes
    }
}

impl AsRef<[u8]> for Cleared<Frame> {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

/// Evidence that a decision was recorded; the audit log's commit gives it.
pub trait Evidence: std::fmt::Debug {
    /// What stands for one appended record.
    type Ticket: std::fmt::Debug;
    /// Whether the record of that ticket is durable.
    fn covers(&self, ticket: &Self::Ticket) -> bool;
}

/// The evidence does not cover the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the decision was not recorded")]
pub struct Unrecorded;

/// What has to be done for a decision to hold; if it fails, the answer is no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obligation {
    /// Keep these pins of first use in the lockfile.
    SavePins(BTreeMap<String, ToolPin>),
}

/// What the engine says of one message: never a bool.
#[derive(Debug)]
#[must_use = "a decision that is not carried out is a message that vanished"]
pub struct Decision {
    pub(super) record: Record,
    pub(super) outputs: Vec<(Direction, Frame)>,
    pub(super) obligations: Vec<Obligation>,
    /// Who is told if this cannot be recorded or an obligation fails.
    pub(super) fallback: Fallback,
    /// Why it comes to nothing then.
    pub(super) given_up: Reason,
    /// Messages that waited for this one, to be decided now, in order.
    pub(super) released: Vec<Opened>,
    /// On whose behalf something is sent to the server.
    pub(super) by: Option<Arc<Principal>>,
}

impl Decision {
    /// On whose behalf the server gets something because of this, with the token
    /// of the message that has caused it.
    pub fn by(&self) -> Option<&Arc<Principal>> {
        self.by.as_ref()
    }

    /// What to record.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// What has to be done before it is cleared.
    pub fn obligations(&self) -> &[Obligation] {
        &self.obligations
    }

    /// The messages that waited for this decision; decide them next.
    pub fn take_released(&mut self) -> Vec<Opened> {
        std::mem::take(&mut self.released)
    }

    /// Turns a recorded decision into what may be sent, and where to.
    pub fn clear<E: Evidence>(
        self,
        ticket: &E::Ticket,
        evidence: &E,
    ) -> Result<Vec<(Direction, Cleared<Frame>)>, Unrecorded> {
        if !evidence.covers(ticket) {
            return Err(Unrecorded);
        }
        let cleared = self.outputs.into_iter();
        Ok(cleared.map(|(to, frame)| (to, Cleared(frame))).collect())
    }

    /// Gives up on a decision that could not be recorded, or whose obligations
    /// failed: all that may be sent
    /// then is the refusal, to whoever waits for an answer.
    pub fn refuse(self) -> Option<(Direction, Cleared<Frame>)> {
        let (to, frame) = match self.fallback {
            Fallback::Nobody => return None,
            Fallback::Waits(to, id) => {
                let reason = self.given_up;
                (to, reply::refusal(id.as_ref(), &self.record, reason))
            }
            Fallback::Told(to, frame) => (to, frame),
        };
        Some((to, Cleared(frame)))
    }
}

/// Who is told when a decision comes to nothing.
#[derive(Debug)]
pub(super) enum Fallback {
    /// Nobody waits.
    Nobody,
    /// Somebody waits for the answer to this id.
    Waits(Direction, Option<Id>),
    /// The refusal that was decided anyway.
    Told(Direction, Frame),
}
