//! The command line as scripts rely on it: exit codes, what is printed, and
//! what is changed.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test fails by panicking"
)]

mod check;
mod evidence;
#[path = "../support/packs.rs"]
mod packs;
mod pins;
mod policy;
mod questions;
mod run;
mod stated;
mod tested;
mod traffic;
mod user;
