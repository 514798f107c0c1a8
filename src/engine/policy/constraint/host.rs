//! `host`: names of machines, label by label.
//!
//! The attack answered: `api.example.com.evil.net`, `evil.net#api.example.com`
//! and `127.1` fit a careless pattern by their letters. What not every resolver
//! reads alike is no host here: it fails a permit and fires a forbid.

use super::Holding;
use crate::engine::policy::seen::HostSeen;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;

/// Longest name (RFC 1035).
const LONGEST: usize = 253;
/// Longest label.
const LONGEST_LABEL: usize = 63;

/// Last labels of names that only a house, a company or this machine knows.
const INNER: [&str; 10] = [
    "arpa",
    "corp",
    "home",
    "internal",
    "intranet",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "private",
];

/// A host that everybody reads alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Host {
    /// Lower-case labels, without the dot at the end.
    Name(String),
    Address(IpAddr),
}

/// A host of a policy.
#[derive(Debug, Clone)]
enum Wanted {
    /// This one.
    Exactly(Host),
    /// Any public name.
    AnyName,
    /// One label more than this, or any number of them.
    Below { deep: bool, name: String },
}

/// The hosts that a policy lists.
#[derive(Debug, Clone)]
pub(in crate::engine::policy) struct Hosts(Vec<(Wanted, String)>);

/// What a list of hosts says of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listed {
    /// It is written there.
    Named,
    /// A wildcard stands for it.
    Fits,
    No,
    /// A name may have this address.
    Unknown,
}

impl Host {
    /// Reads one; an IPv6 address may stand in brackets.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let bracketed = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
        let address = bracketed.unwrap_or(text);
        if let Ok(address) = address.parse::<Ipv6Addr>() {
            return Some(Self::Address(IpAddr::V6(address).to_canonical()));
        }
        if bracketed.is_some() {
            return None;
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Some(Self::Address(address.into()));
        }
        name(text).map(Self::Name)
    }

    /// For whoever writes a pattern.
    pub(super) fn seen(&self) -> HostSeen {
        HostSeen {
            name: match self {
                Self::Name(name) => name.clone(),
                Self::Address(IpAddr::V4(address)) => address.to_string(),
                Self::Address(IpAddr::V6(address)) => format!("[{address}]"),
            },
            is_address: matches!(self, Self::Address(_)),
            is_inner: self.is_inner(),
            is_never: self.is_never(),
        }
    }

    /// Whether it is no machine of the public network, or may well be none: a
    /// name is not looked up here.
    pub(super) fn is_inner(&self) -> bool {
        use crate::engine::guard::address::{Class, class};
        match self {
            Self::Address(address) => class(*address) != Class::Public,
            Self::Name(name) => {
                let last = name.rsplit('.').next().unwrap_or_default();
                !name.contains('.') || INNER.contains(&last)
            }
        }
    }

    /// Whether clouds give credentials away there, or it is no machine at all.
    pub(super) fn is_never(&self) -> bool {
        use crate::engine::guard::address::{Class, class};
        match self {
            Self::Address(address) => matches!(class(*address), Class::Never(_)),
            Self::Name(name) => name == "metadata.google.internal",
        }
    }
}

/// A name in lower case. What ends in a number is an address to some.
fn name(text: &str) -> Option<String> {
    let text = text.strip_suffix('.').unwrap_or(text);
    let letter = |b: u8| b.is_ascii_alphanumeric() || b"-_".contains(&b);
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= LONGEST_LABEL
            && !label.starts_with('-')
            && label.bytes().all(letter)
    };
    let last = text.rsplit('.').next().unwrap_or_default();
    let numeric = last.starts_with(|c: char| c.is_ascii_digit());
    let fits = text.len() <= LONGEST && text.split('.').all(label) && !numeric;
    fits.then(|| text.to_ascii_lowercase())
}

/// A bare host, for whoever writes a pattern.
pub(in crate::engine::policy) fn seen(text: &str) -> Option<HostSeen> {
    Host::parse(text).map(|host| host.seen())
}

impl Hosts {
    /// Takes the hosts of a policy; the error is the number of the first that
    /// is none, and what to write instead.
    pub(in crate::engine::policy) fn new(texts: &[&str]) -> Result<Self, (usize, &'static str)> {
        let mut hosts = Vec::new();
        for (n, text) in texts.iter().enumerate() {
            let host = Wanted::parse(text).map_err(|help| (n, help))?;
            hosts.push((host, (*text).to_owned()));
        }
        Ok(Self(hosts))
    }

    /// Whether one of them is this host.
    pub(super) fn find(&self, host: &Host) -> Listed {
        let is_named =
            |(wanted, _): &(Wanted, String)| matches!(wanted, Wanted::Exactly(h) if h == host);
        if self.0.iter().any(is_named) {
            return Listed::Named;
        }
        match host {
            Host::Name(name) if self.0.iter().any(|(wanted, _)| wanted.fits(name)) => Listed::Fits,
            Host::Name(_) => Listed::No,
            Host::Address(_) => {
                let of_address =
                    |(w, _): &(Wanted, String)| matches!(w, Wanted::Exactly(Host::Address(_)));
                if self.0.iter().all(of_address) {
                    Listed::No
                } else {
                    Listed::Unknown
                }
            }
        }
    }

    /// Whether every host that `narrow` takes is taken, and whatever it does not
    /// turn away is not turned away.
    pub(in crate::engine::policy) fn contains(&self, narrow: &Self) -> bool {
        let takes = |one: &Wanted| self.0.iter().any(|(wide, _)| wide.contains(one));
        narrow.0.iter().all(|(one, _)| takes(one))
    }

    /// Whether it names a host that may be no machine of the public network.
    pub(super) fn names_inner(&self) -> bool {
        let mut all = self.0.iter();
        all.any(|(wanted, _)| matches!(wanted, Wanted::Exactly(host) if host.is_inner()))
    }

    /// A bare host.
    pub(super) fn judge(&self, text: &str) -> Option<Holding> {
        let host = Host::parse(text)?;
        match self.find(&host) {
            Listed::Fits if host.is_inner() => None,
            Listed::Named | Listed::Fits => Some(Holding::Yes),
            Listed::No => Some(Holding::No),
            Listed::Unknown => None,
        }
    }
}

impl Wanted {
    fn parse(text: &str) -> Result<Self, &'static str> {
        const NAME: &str = "write a bare host, such as `api.example.com`, `*.example.com` (one label) or `**.example.com` (any number)";
        if text == "**" {
            return Ok(Self::AnyName);
        }
        if text == "*" {
            return Err("`*` stands for one label; write `**` for any public name");
        }
        if !text.is_ascii() {
            return Err("write an international name in its ASCII form (`xn--...`)");
        }
        let below = text.strip_prefix("**.").map(|name| (true, name));
        let below = below.or_else(|| text.strip_prefix("*.").map(|name| (false, name)));
        match (below, Host::parse(below.map_or(text, |(_, name)| name))) {
            (_, None) => Err(NAME),
            (None, Some(host)) if host.is_never() => {
                Err("clouds give credentials away there, or it is no machine: remove it")
            }
            (None, Some(host)) => Ok(Self::Exactly(host)),
            (Some((deep, _)), Some(Host::Name(name))) => Ok(Self::Below { deep, name }),
            (Some(_), Some(Host::Address(_))) => Err("an address has no names below it"),
        }
    }

    fn contains(&self, narrow: &Self) -> bool {
        match (self, narrow) {
            (Self::Exactly(one), Self::Exactly(other)) => one == other,
            // A wildcard never stands for an address or an inner name.
            (_, Self::Exactly(Host::Name(name))) => {
                self.fits(name) && !Host::Name(name.clone()).is_inner()
            }
            (Self::AnyName, Self::AnyName | Self::Below { .. }) => true,
            (
                Self::Below { deep, name },
                Self::Below {
                    deep: all,
                    name: below,
                },
            ) => (name == below && (*deep || !all)) || (*deep && self.fits(below)),
            (Self::Exactly(_), _)
            | (_, Self::Exactly(Host::Address(_)))
            | (Self::Below { .. }, Self::AnyName) => false,
        }
    }

    fn fits(&self, host: &str) -> bool {
        match self {
            Self::Exactly(_) => false,
            Self::AnyName => true,
            Self::Below { deep, name } => {
                let head = host.strip_suffix(name.as_str());
                let head = head.and_then(|head| head.strip_suffix('.'));
                head.is_some_and(|head| !head.is_empty() && (*deep || !head.contains('.')))
            }
        }
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::listed(f, self.0.iter().map(|(_, text)| text.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_contains_what_it_takes_and_no_more() {
        for (wide, narrow, contains) in [
            (&["a.com"][..], &["A.com."][..], true),
            (&["a.com", "b.com"], &["b.com"], true),
            (&["b.com"], &["a.com", "b.com"], false),
            (&["*.a.com"], &["x.a.com"], true),
            (&["*.a.com"], &["x.y.a.com"], false),
            (
                &["**.a.com"],
                &["x.y.a.com", "*.a.com", "**.y.a.com", "*.y.a.com"],
                true,
            ),
            (&["*.a.com"], &["**.a.com"], false),
            (&["*.a.com"], &["*.y.a.com"], false),
            (&["**.a.com"], &["a.com"], false),
            (&["**"], &["a.com", "**.b.com", "**"], true),
            (&["**"], &["localhost"], false),
            (&["**"], &["8.8.8.8"], false),
            (&["**.corp"], &["x.corp"], false),
            (&["**.a.com"], &["**"], false),
        ] {
            let (w, n) = (Hosts::new(wide).unwrap(), Hosts::new(narrow).unwrap());
            assert_eq!(w.contains(&n), contains, "{wide:?} {narrow:?}");
        }
    }

    #[test]
    fn a_host_is_what_every_resolver_reads() {
        for (text, expected) in [
            ("API.Example.com", Some("api.example.com")),
            ("api.example.com.", Some("api.example.com")),
            ("xn--bcher-kva.example", Some("xn--bcher-kva.example")),
            ("my_host", Some("my_host")),
            ("api.example.com..", None),
            (".example.com", None),
            ("a..b", None),
            ("", None),
            (".", None),
            ("api.example.com:443", None),
            ("u@api.example.com", None),
            ("api.example.com/x", None),
            ("api.example.com#", None),
            ("api%2eexample.com", None),
            ("b\u{fc}cher.example", None),
            ("ap\u{131}.example.com", None),
            ("a\u{3002}example.com", None),
            (" a.example", None),
            ("a.example\0", None),
            ("-oProxyCommand=x", None),
            ("127.1", None),
            ("2130706433", None),
            ("0x7f000001", None),
            ("0x7f.1", None),
            ("017700000001", None),
            ("127.0.0.1.", None),
            ("127.0.0.01", None),
            ("[example.com]", None),
            ("[::1", None),
            ("fe80::1%eth0", None),
        ] {
            let name = expected.map(|name| Host::Name(name.to_owned()));
            assert_eq!(Host::parse(text), name, "{text}");
        }
        let long = format!("{}.example", "a".repeat(64));
        assert_eq!(Host::parse(&long), None);
        for text in ["127.0.0.1", "[::ffff:127.0.0.1]", "::ffff:7f00:1"] {
            let address = Host::Address(Ipv4Addr::LOCALHOST.into());
            assert_eq!(Host::parse(text), Some(address), "{text}");
        }
    }

    #[test]
    fn lists_are_compared_label_by_label() {
        let hosts = Hosts::new(&["a.example", "*.one.example", "**.deep.example"]).unwrap();
        for (text, expected) in [
            ("a.example", Some(Holding::Yes)),
            ("A.EXAMPLE.", Some(Holding::Yes)),
            ("ba.example", Some(Holding::No)),
            ("a.example.evil.net", Some(Holding::No)),
            ("one.example", Some(Holding::No)),
            ("x.one.example", Some(Holding::Yes)),
            ("x.y.one.example", Some(Holding::No)),
            ("xone.example", Some(Holding::No)),
            ("deep.example", Some(Holding::No)),
            ("x.y.deep.example", Some(Holding::Yes)),
            ("93.184.216.34", None),
            ("127.0.0.1", None),
        ] {
            assert_eq!(hosts.judge(text), expected, "{text}");
        }
        let any = Hosts::new(&["**"]).unwrap();
        assert_eq!(any.judge("example.com"), Some(Holding::Yes));
        for text in ["localhost", "x.internal", "printer", "1.2.3.4", "::1"] {
            assert_eq!(any.judge(text), None, "{text}");
        }
    }
}
