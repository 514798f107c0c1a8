//! The order of keys and tables.

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
                "version", "include", "defaults", "set", "paths", "server", "agent", "pins",
                "audit", "serve", "rule", "flow",
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
            Self::Serve => &["url", "hosts", "origins", "tls", "sse"],
            Self::Rule => &[
                "id",
                "effect",
                "agents",
                "users",
                "groups",
                "scopes",
                "server",
                "servers",
                "tools",
                "prompts",
                "resources",
                "completions",
                "asks",
                "args",
                "undeclared",
                "mode",
                "limit",
                "when",
                "results",
            ],
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
