//! The address of a remote server, strictly read.
//!
//! Two parsers that disagree about a URL dial two hosts: what is accepted here
//! is a subset that all of them read alike. No user or password (credentials
//! belong into headers), no fragment, no escape in the host, no backslash.
//!
//! A query can hold a key, so nothing but [`ServerUrl::whole`] shows it.

use super::guard::address::{Class, Reach, class, is_local_name};
use std::fmt;

/// Where a server listens: `http` or `https`, host, port, path, query.
#[derive(Clone, PartialEq, Eq)]
pub struct ServerUrl {
    /// The text as it was written.
    whole: String,
    /// The length of scheme and authority.
    origin: usize,
    /// Where the query begins; the length of `whole` if there is none.
    query: usize,
    secure: bool,
    /// Without brackets.
    host: String,
}

/// Why a text is no address of a server. It is not quoted: it can hold a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// Another scheme, or none.
    #[error("expected a URL that starts with `https://` or `http://`")]
    Scheme,
    /// A user, or a user and a password.
    #[error("the URL holds a user or password: give the server `headers` instead")]
    Credentials,
    /// No host, or one that not everybody reads alike.
    #[error(
        "expected a host of letters, digits, `.`, `-` and `_`, an IPv4 address, or an IPv6 address in brackets"
    )]
    Host,
    /// An address that is no server's.
    #[error("the host is {0}, which lockgate never dials")]
    Never(&'static str),
    /// No port from 1 to 65535.
    #[error("expected a port from 1 to 65535 after the host")]
    Port,
    /// A fragment, or a character that does not stand in a URL.
    #[error("expected path and query in visible ASCII without `#`, `\\` and quotes")]
    Path,
    /// Longer than any server needs.
    #[error("expected a URL of at most {} bytes", ServerUrl::LONGEST)]
    TooLong,
}

impl ServerUrl {
    /// Longest URL, in bytes.
    pub const LONGEST: usize = 4096;

    /// Reads it.
    pub fn parse(text: &str) -> Result<Self, InvalidUrl> {
        if text.len() > Self::LONGEST {
            return Err(InvalidUrl::TooLong);
        }
        let (secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(InvalidUrl::Scheme),
        };
        let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
        if authority.contains('@') {
            return Err(InvalidUrl::Credentials);
        }
        let host = host(authority)?;
        if let Some(Class::Never(what)) = host.parse().ok().map(class) {
            return Err(InvalidUrl::Never(what));
        }
        let origin = text
            .len()
            .saturating_sub(rest.len())
            .saturating_add(authority.len());
        let after = text.get(origin..).unwrap_or_default();
        let fits = |b: u8| b.is_ascii_graphic() && !br#"#\"<>^`{|}"#.contains(&b);
        if !after.bytes().all(fits) {
            return Err(InvalidUrl::Path);
        }
        let query = text.find('?').unwrap_or(text.len());
        Ok(Self {
            whole: text.to_owned(),
            origin,
            query,
            secure,
            host: host.to_owned(),
        })
    }

    /// All of it, to be dialled; it may hold a secret.
    pub fn whole(&self) -> &str {
        &self.whole
    }

    /// Scheme, host and port: what may be shown to anybody.
    pub fn origin(&self) -> &str {
        self.whole.get(..self.origin).unwrap_or_default()
    }

    /// All but the query: what a lockfile and its reader see.
    pub fn without_query(&self) -> &str {
        self.whole.get(..self.query).unwrap_or_default()
    }

    /// Whether it has a query.
    pub fn has_query(&self) -> bool {
        self.query < self.whole.len()
    }

    /// The host, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        let said = self.origin().rsplit(':').next();
        let said = said.and_then(|port| port.parse().ok());
        said.unwrap_or(if self.secure { 443 } else { 80 })
    }

    /// Whether it is `https`.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// Whether the host surely is this machine.
    pub fn is_loopback(&self) -> bool {
        let address: Option<core::net::IpAddr> = self.host.parse().ok();
        is_local_name(&self.host) || address.map(class) == Some(Class::Loopback)
    }

    /// The addresses that the host may have, where the policy says nothing.
    pub fn reach(&self) -> Reach {
        Reach::of(&self.host)
    }

    /// Whether the host says itself which addresses it has, so that a policy
    /// has nothing to say about them.
    pub fn names_its_address(&self) -> bool {
        is_local_name(&self.host) || self.host.parse::<core::net::IpAddr>().is_ok()
    }
}

/// The host of an authority without credentials.
fn host(authority: &str) -> Result<&str, InvalidUrl> {
    let (host, port) = if let Some(rest) = authority.strip_prefix('[') {
        let (host, port) = rest.split_once(']').ok_or(InvalidUrl::Host)?;
        let address: Result<core::net::Ipv6Addr, _> = host.parse();
        address.map_err(|_| InvalidUrl::Host)?;
        (
            host,
            port.strip_prefix(':').or((!port.is_empty()).then_some("")),
        )
    } else {
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        };
        let word = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
        // What ends in a digit is an address to some parsers (`127.1`, `0x7f.1`).
        // With a dot behind it, to some more.
        let numeric = host.strip_suffix('.').unwrap_or(host);
        let numeric = numeric.rsplit('.').next().unwrap_or_default();
        let numeric = numeric.starts_with(|c: char| c.is_ascii_digit());
        let address: Option<core::net::Ipv4Addr> = host.parse().ok();
        if host.is_empty() || !host.bytes().all(word) || (numeric && address.is_none()) {
            return Err(InvalidUrl::Host);
        }
        (host, port)
    };
    let fits = |port: &str| {
        let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
        digits && port.parse::<u16>().is_ok_and(|port| port > 0)
    };
    if port.is_some_and(|port| !fits(port)) {
        return Err(InvalidUrl::Port);
    }
    Ok(host)
}

/// Whether a header of that name belongs to the protocol or to HTTP itself, so
/// that nobody else may set it; `None` if it is no name of a header.
pub fn is_reserved_header(name: &str) -> Option<bool> {
    const RESERVED: [&str; 15] = [
        "accept",
        "accept-encoding",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "last-event-id",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    ];
    let name = name.to_ascii_lowercase();
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if name.is_empty() || name.len() > 128 || !name.bytes().all(fits) {
        return None;
    }
    let protocol = ["mcp-", "proxy-"].iter().any(|p| name.starts_with(p));
    Some(protocol || RESERVED.contains(&name.as_str()))
}

impl fmt::Debug for ServerUrl {
    /// The query, and a key in the path, can be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerUrl({})", self.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn addresses_are_read_and_shown_without_secrets() {
        let url = ServerUrl::parse("https://Mcp.example.com:8443/v1/mcp?key=s3cret&a=b").unwrap();
        assert_eq!(url.origin(), "https://Mcp.example.com:8443");
        assert_eq!(url.without_query(), "https://Mcp.example.com:8443/v1/mcp");
        assert_eq!(url.host(), "Mcp.example.com");
        assert!(!format!("{url:?}").contains("v1"));
        for (text, loopback) in [
            ("http://127.0.0.1:3000/mcp", true),
            ("http://[::1]:3000/mcp", true),
            ("http://localhost", true),
            ("http://[::ffff:127.0.0.1]/", true),
            ("http://Mcp.LOCALHOST./", true),
            ("http://localhost.example.com/", false),
            ("http://10.0.0.1/", false),
            ("http://mcp_server:80/mcp", false),
            ("https://example.com?x", false),
        ] {
            assert_eq!(
                ServerUrl::parse(text).unwrap().is_loopback(),
                loopback,
                "{text}"
            );
        }
    }

    #[test]
    fn what_two_parsers_could_read_differently_is_refused() {
        for (text, why) in [
            ("ftp://example.com/", InvalidUrl::Scheme),
            ("HTTPS://example.com/", InvalidUrl::Scheme),
            ("//example.com", InvalidUrl::Scheme),
            ("https://user:pass@example.com/", InvalidUrl::Credentials),
            ("https://user@example.com/", InvalidUrl::Credentials),
            ("https://", InvalidUrl::Host),
            ("https:///mcp", InvalidUrl::Host),
            ("https://exa mple.com/", InvalidUrl::Host),
            ("https://ex%61mple.com/", InvalidUrl::Host),
            ("https://b\u{fc}cher.example/", InvalidUrl::Host),
            ("http://127.1/", InvalidUrl::Host),
            ("http://2130706433/", InvalidUrl::Host),
            ("http://0x7f.0.0.1/", InvalidUrl::Host),
            ("http://127.0.0.1./", InvalidUrl::Host),
            (
                "http://169.254.169.254/latest",
                InvalidUrl::Never("link-local, where clouds give away credentials"),
            ),
            (
                "http://[::ffff:0.0.0.0]/",
                InvalidUrl::Never("no address of a machine"),
            ),
            ("http://[::1/", InvalidUrl::Host),
            ("http://[v1.x]/", InvalidUrl::Host),
            ("http://[::1]x/", InvalidUrl::Port),
            ("http://example.com:/", InvalidUrl::Port),
            ("http://example.com:0/", InvalidUrl::Port),
            ("http://example.com:65536/", InvalidUrl::Port),
            ("http://example.com:80:80/", InvalidUrl::Port),
            ("https://example.com\\@evil.example/", InvalidUrl::Path),
            ("https://example.com/#x", InvalidUrl::Path),
            ("https://example.com/a b", InvalidUrl::Path),
            ("https://example.com/\r\nx: y", InvalidUrl::Path),
        ] {
            assert_eq!(ServerUrl::parse(text).unwrap_err(), why, "{text}");
        }
    }

    proptest! {
        #[test]
        fn whoever_dials_it_reads_the_same_host(
            text in r"https?://[a-zA-Z0-9._\[\]:@%\\-]{1,12}(:[0-9]{1,5})?[/?#a-z@:]{0,6}"
        ) {
            if let Ok(url) = ServerUrl::parse(&text) {
                let other: hyper::Uri = text.parse().unwrap();
                let host = other.host().unwrap().trim_matches(['[', ']']);
                prop_assert_eq!(host, url.host());
                prop_assert_eq!(other.scheme_str() == Some("https"), url.is_secure());
            }
        }
    }
}
