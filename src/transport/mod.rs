//! Transports: thin shells that move bytes and decide nothing.

pub mod child;
pub mod ends;
pub mod http;
pub mod lines;
pub mod outbox;
pub mod signals;
pub mod stdio;
pub mod upstream;
pub mod words;
