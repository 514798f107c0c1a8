//! The order of keys and tables.

use crate::engine::policy::RULE_KEYS;

/// What a table is, as far as the order of its keys depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// The whole file.
    Root,
    /// Names that the user chose, each with one of these below it.
    Servers,
    Agents,
    Arguments,
    Server,
    Agent,
    Jwt,
    Paths,
    Serve,
    Rule,
    Constraint,
    /// Anything else: the order is the user's.
    Plain,
}

impl Shape {
    /// What stands under a key.
    pub(super) fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Root, "server") => Self::Servers,
            (Self::Root, "agent") => Self::Agents,
            (Self::Root, "paths") => Self::Paths,
            (Self::Root, "serve") => Self::Serve,
            (Self::Root, "rule") => Self::Rule,
            (Self::Servers, _) => Self::Server,
            (Self::Agents, _) => Self::Agent,
            (Self::Agent, "jwt") => Self::Jwt,
            (Self::Rule, "args") => Self::Arguments,
            (Self::Arguments, _) | (Self::Constraint, "each" | "any_of" | "not") => {
                Self::Constraint
            }
            _ => Self::Plain,
        }
    }

    /// Where a key stands among its siblings; equal ones stay as they are.
    pub(super) fn rank(self, key: &str) -> usize {
        let known = self.keys();
        let at = known.iter().position(|known| *known == key);
        at.unwrap_or(known.len())
    }

    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Root => &[
                "version", "strict", "include", "defaults", "set", "paths", "server", "agent",
                "pins", "audit", "serve", "rule", "flow",
            ],
            Self::Server => &[
                "command",
                "url",
                "headers",
                "addresses",
                "oauth",
                "env",
                "cwd",
                "allow_methods",
                "bridge",
                "ask_agent",
            ],
            Self::Agent => &["stdio", "key", "jwt", "mtls"],
            Self::Jwt => &[
                "issuer",
                "audience",
                "subject",
                "client",
                "algorithms",
                "jwks_url",
                "groups",
                "skew",
            ],
            Self::Paths => &["workspace", "read", "write", "secret"],
            Self::Serve => &[
                "url",
                "hosts",
                "origins",
                "tls",
                "sse",
                "processes",
                "processes_of_server",
            ],
            Self::Rule => RULE_KEYS,
            Self::Constraint => &[
                "equals",
                "one_of",
                "matches",
                "glob",
                "path",
                "min",
                "max",
                "min_len",
                "max_len",
                "min_items",
                "max_items",
                "absent",
            ],
            Self::Servers | Self::Agents | Self::Arguments | Self::Plain => &[],
        }
    }

    /// Keys that come after all others, the unknown ones included.
    pub(super) fn is_last(self, key: &str) -> bool {
        self == Self::Constraint && key == "optional"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::policy::LAID_OUT;

    /// What a policy may have has a place, and the other way round.
    #[test]
    fn every_key_has_its_place() {
        for (table, known) in LAID_OUT {
            let shape = match table {
                "" => Shape::Root,
                "server" => Shape::Server,
                "agent" => Shape::Agent,
                "jwt" => Shape::Jwt,
                "paths" => Shape::Paths,
                _ => Shape::Serve,
            };
            for key in known {
                assert!(shape.keys().contains(key), "`{key}` of `{table}`");
            }
            let later = ["flow"];
            for key in shape.keys().iter().filter(|key| !later.contains(key)) {
                assert!(known.contains(key), "`{key}` of `{table}` is no key");
            }
        }
    }
}
