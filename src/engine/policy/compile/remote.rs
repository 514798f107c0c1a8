//! The keys of a remote server.

use super::Compiler;
use crate::engine::policy::raw::{RawEnv, RawServer, Text};
use crate::engine::policy::{EnvValue, shown};
use crate::engine::url::{ServerUrl, is_reserved_header};

impl Compiler<'_> {
    /// A server is started or dialled, not both, and what belongs to the other
    /// way would not be enforced.
    pub(super) fn one_way(&mut self, server: &RawServer) {
        let name = server.name.span.clone();
        if let (Some(url), Some(_)) = (&server.url, &server.command) {
            let message = "a server has a `command` or a `url`, not both";
            let help = "remove one, or make two servers of it";
            self.problems.error(url.span.clone(), message, help);
        } else if server.url.is_some() && (server.cwd.is_some() || !server.env.is_empty()) {
            let message = "`env` and `cwd` are for servers with a `command`";
            let help = "remove them; a remote server gets `headers`";
            self.problems.error(name, message, help);
        } else if server.command.is_some() && !server.headers.is_empty() {
            let message = "`headers` are for servers with a `url`";
            self.problems
                .error(name, message, "remove them; a process gets `env`");
        }
    }

    pub(super) fn url(&mut self, url: &Text) -> Option<ServerUrl> {
        match ServerUrl::parse(&url.value) {
            Ok(url) => Some(url),
            Err(why) => {
                // Not quoted: it may hold a secret.
                let message = "this is no URL of a server";
                self.problems
                    .error(url.span.clone(), message, why.to_string());
                None
            }
        }
    }

    pub(super) fn header(&mut self, name: &Text, value: RawEnv) -> (String, EnvValue) {
        let quoted = shown::quoted(&name.value);
        match is_reserved_header(&name.value) {
            None => {
                let message = format!("{quoted} is no name of a header");
                let help = "expected letters, digits and `-`";
                self.problems.error(name.span.clone(), message, help);
            }
            Some(true) => {
                let message = format!("lockgate sets {quoted} itself");
                let help = "remove it: a second value would contradict the message";
                self.problems.error(name.span.clone(), message, help);
            }
            Some(false) => {}
        }
        (name.value.to_ascii_lowercase(), self.given(value))
    }
}
