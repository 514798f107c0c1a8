//! What lockgate says of itself to people: never on stdout, which is the
//! protocol, and never so that a message has to wait for a reader.

pub mod log;
pub mod standing;
