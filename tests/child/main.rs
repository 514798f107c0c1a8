//! The wrapped server as a real process: what it gets and how it ends. Linux
//! only, because the tests look at `/proc`.
#![cfg(target_os = "linux")]

// Said once more for clippy, which otherwise holds helpers to be no tests.
#[cfg(test)]
mod common;
#[cfg(test)]
mod ends;
#[cfg(test)]
mod gets;
