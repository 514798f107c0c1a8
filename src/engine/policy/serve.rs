//! `[serve]`: the listener that agents connect to.

/// How the listener presents itself, and to whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
