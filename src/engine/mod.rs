//! The decision engine (PDP): pure and total.
//!
//! No I/O, clock, randomness, environment, async or globals: what it needs to
//! know comes in as values, so that a decision can be replayed and explained.
#![forbid(unsafe_code)]
#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod decide;
pub mod decision;
pub mod guard;
pub mod heard;
pub mod mask;
pub mod message;
pub mod mirrored;
pub mod pin;
pub mod policy;
pub mod principal;
pub mod reason;
pub mod record;
mod reply;
pub mod route;
pub mod schema;
pub mod seal;
mod session;
pub mod types;
pub mod url;

pub use decide::{Context, Engine};
pub use session::Session;
