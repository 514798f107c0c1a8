//! What stands behind the poll loop: a process, or a bridge to a remote server.
//!
//! Either way it is three pipes, an end, and ways to bring the end about, so
//! that framing, back-pressure and shutdown exist once.

use super::child::{Child, exit_code};
use crate::proxy::pump::Lost;
use std::fmt;
use std::os::fd::OwnedFd;

/// How a server, or the connection to it, has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// The exit code of a program that ends as the server did.
    pub code: u8,
    /// For people, after "the server has ended".
    pub why: String,
}

/// The server's side of a connection. No call here waits.
pub trait Upstream: fmt::Debug {
    /// Takes messages for the server, a line each; non-blocking.
    fn stdin(&self) -> Option<&OwnedFd>;
    /// Gives the server's messages, a line each; non-blocking.
    fn stdout(&self) -> Option<&OwnedFd>;
    /// Gives what the server logs; non-blocking.
    fn stderr(&self) -> Option<&OwnedFd>;
    /// Nothing more comes: the request to end.
    fn close_stdin(&mut self);
    /// Nothing more is read of its messages.
    fn close_stdout(&mut self);
    /// Nothing more is read of its log.
    fn close_stderr(&mut self);
    /// Polls readable when [`Upstream::poll_exit`] has an answer; `None` where
    /// one has to ask now and then.
    fn exit_fd(&self) -> Option<&OwnedFd>;
    /// How it ended, once it has.
    fn poll_exit(&mut self) -> Option<Exit>;
    /// What has come to nothing on its way since the last time.
    fn lost(&mut self) -> Vec<Lost> {
        Vec::new()
    }
    /// Ends it soon.
    fn terminate(&self);
    /// Ends it now.
    fn kill(&self);
}

impl Upstream for Child {
    fn stdin(&self) -> Option<&OwnedFd> {
        self.stdin.as_ref()
    }

    fn stdout(&self) -> Option<&OwnedFd> {
        self.stdout.as_ref()
    }

    fn stderr(&self) -> Option<&OwnedFd> {
        self.stderr.as_ref()
    }

    fn close_stdin(&mut self) {
        self.stdin = None;
    }

    fn close_stdout(&mut self) {
        self.stdout = None;
    }

    fn close_stderr(&mut self) {
        self.stderr = None;
    }

    fn exit_fd(&self) -> Option<&OwnedFd> {
        Self::exit_fd(self)
    }

    fn poll_exit(&mut self) -> Option<Exit> {
        Self::poll_exit(self).map(|status| Exit {
            code: exit_code(status),
            why: status.to_string(),
        })
    }

    fn terminate(&self) {
        Self::terminate(self);
    }

    fn kill(&self) {
        Self::kill(self);
    }
}
