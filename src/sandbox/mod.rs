//! What a wrapped server gets from us, and how it ends: one mechanism per file.
//!
//! `env` decides its environment, `guard` is the small process that starts it
//! and ends its whole tree, `tree` finds what is left of that tree, `stderr`
//! makes its log output harmless. Nothing here decides about messages.
//!
//! Answers a hostile server (A1) that reads secrets from the environment,
//! keeps processes running after it was stopped, or draws on the terminal.
//! `docs/sandbox.md` says what is not stopped.

pub mod env;
pub mod guard;
pub mod stderr;
pub(crate) mod tree;
