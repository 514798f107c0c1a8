//! `[serve]`: the listener that agents connect to.

/// How the listener presents itself, and to whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serve {
    /// The address at which agents reach it: scheme, host and port.
    pub url: Option<String>,
    /// Values of `Host` that are its names, in lower case, `url`'s included.
    pub hosts: Vec<String>,
    /// Origins of web pages that may call it, in lower case.
    pub origins: Vec<String>,
    /// TLS, where it speaks that itself.
    pub tls: Option<ServeTls>,
    /// Whether the HTTP+SSE transport of 2024-11-05 is served too.
    pub sse: bool,
    /// Most processes of servers that stand for principals in the stateless era.
    pub processes: usize,
    /// The same of one server.
    pub processes_of_server: usize,
}

impl Serve {
    /// Most processes, where nothing else is said.
    pub const PROCESSES: usize = 256;
    /// Most processes of one server, where nothing else is said.
    pub const PROCESSES_OF_SERVER: usize = 64;
    /// More than these nobody means.
    pub const MOST_PROCESSES: usize = 20_000;
}

impl Default for Serve {
    fn default() -> Self {
        Self {
            url: None,
            hosts: Vec::new(),
            origins: Vec::new(),
            tls: None,
            sse: false,
            processes: Self::PROCESSES,
            processes_of_server: Self::PROCESSES_OF_SERVER,
        }
    }
}

/// Files of the listener's TLS, as absolute paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServeTls {
    /// The chain, the listener's own certificate first.
    pub certificate: String,
    /// Its private key.
    pub key: String,
    /// Who may sign certificates of agents.
    pub client_authorities: Option<String>,
}
