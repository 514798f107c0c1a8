//! Recorded traffic: what agents asked for, with what arguments, and what came
//! of it.
//!
//! The audit masks arguments, so that learning a policy and replaying traffic
//! need a recording of their own. It is made only where somebody asks for it
//! (`--record`), it holds content, and it decides nothing: whether a request
//! passes never depends on it. Absent by intent: messages as a whole,
//! what answers say (facts about them are kept), and every string in which a secret was seen.

pub mod answered;
pub mod bench;
pub mod entry;
pub mod read;
pub mod scrub;
pub mod tape;

pub use answered::Answered;
pub use bench::{AnswerJudged, Bench, Judged, circumstance};
pub use entry::{Entry, FORMAT};
pub use read::{Recording, RecordingError, recording};
pub use tape::{Stamps, Tape, TapeError};
