//! What an interpreter wants to be done.

use super::Step;
use crate::engine::decision::{Cleared, Frame};
use crate::engine::message::{Direction, Limits, Opened};
use crate::proxy::pump::Lost;

/// What goes to the agent: what the engine has cleared, or what an adapter has made
/// of that. Nobody else can make the latter:
///
/// ```compile_fail
/// let forged = lockgate::proxy::era::ForAgent::own(b"{}".to_vec());
/// ```
pub struct ForAgent(Words);

enum Words {
    Cleared(Cleared<Frame>),
    Own(Vec<u8>),
}

impl ForAgent {
    pub(super) fn own(bytes: Vec<u8>) -> Self {
        Self(Words::Own(bytes))
    }
}

impl From<Cleared<Frame>> for ForAgent {
    fn from(frame: Cleared<Frame>) -> Self {
        Self(Words::Cleared(frame))
    }
}

impl AsRef<[u8]> for ForAgent {
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            Words::Cleared(frame) => frame.bytes(),
            Words::Own(bytes) => bytes,
        }
    }
}

impl std::fmt::Debug for ForAgent {
    /// Shows no content: it can be secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ForAgent({} bytes)", self.as_ref().len())
    }
}

/// What is to be done, in this order.
#[derive(Debug)]
pub enum Act {
    /// The engine is to judge this as if the agent had sent it.
    Judge(Box<Opened>),
    /// The agent gets this.
    Tell(ForAgent),
    /// It has no counterpart in the other era: the evidence is to say so.
    Lost(Lost),
}

/// What becomes of a message of the agent.
#[derive(Debug)]
pub enum Heard {
    /// It is judged as it is.
    AsIs(Opened),
    /// This is done instead.
    Acts(Vec<Act>),
}

/// What becomes of what was cleared for the agent.
#[derive(Debug)]
pub enum Passed {
    /// It goes out as it is.
    AsIs(Cleared<Frame>),
    /// This is done instead.
    Acts(Vec<Act>),
}

pub(super) fn judge(bytes: Vec<u8>) -> Act {
    let opened = Opened::read(Direction::ToServer, bytes, &Limits::DEFAULT);
    Act::Judge(Box::new(opened))
}

pub(super) fn act(step: Step) -> Act {
    match step {
        Step::ToEngine(bytes) => judge(bytes),
        Step::ToAgent { bytes, .. } => Act::Tell(ForAgent::own(bytes)),
        Step::Lost(lost) => Act::Lost(lost),
    }
}

pub(super) fn acts(steps: Vec<Step>) -> Vec<Act> {
    steps.into_iter().map(act).collect()
}
