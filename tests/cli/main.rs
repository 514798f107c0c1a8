//! The command line as scripts rely on it: exit codes, what is printed, and
//! what is changed.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod check;
mod evidence;
mod pins;
mod policy;
mod run;
mod user;
