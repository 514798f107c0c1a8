//! `url`: where a URL leads.
//!
//! The attack answered: two parsers that disagree about a URL fetch from two
//! hosts, and a server fetches what the policy did not read. Only what all of
//! them read alike is read here; the rest cannot be told. What a policy does
//! not mention is not open either: another port than the scheme's own, and an
//! address that is not public, cannot be told unless it is said.
//!
//! Deliberately absent: looking names up. A public name can have a private
//! address; whoever fetches has to judge that.

use super::host::{Host, Hosts, Listed};
use super::text::{glob_contains, globbed};
use super::{Holding, and};
use crate::engine::policy::seen::UrlSeen;
use globset::GlobMatcher;
use std::fmt;

/// Longest URL that is read.
const LONGEST: usize = 8192;

/// Schemes whose URLs are all read in the same way, with their ports.
const SCHEMES: [(&str, u16); 5] = [
    ("https", 443),
    ("http", 80),
    ("wss", 443),
    ("ws", 80),
    ("ftp", 21),
];
/// Those that need no mention.
const PLAIN: [&str; 2] = ["https", "http"];

/// Where URLs may lead.
#[derive(Debug, Clone)]
pub(in crate::engine::policy) struct UrlPattern {
    schemes: Vec<String>,
    hosts: Option<Hosts>,
    ports: Vec<u16>,
    paths: Vec<PathGlob>,
    private: bool,
    /// How the policy says it.
    told: String,
}

#[derive(Debug, Clone)]
struct PathGlob {
    exact: GlobMatcher,
    any_case: GlobMatcher,
}

/// A URL, read.
struct Url<'a> {
    scheme: &'a str,
    own_port: u16,
    host: Host,
    port: u16,
    path: &'a str,
}

/// What a policy lists of a URL.
#[derive(Debug, Clone, Default)]
pub(in crate::engine::policy) struct UrlParts<'a> {
    pub(in crate::engine::policy) schemes: Vec<&'a str>,
    pub(in crate::engine::policy) hosts: Vec<&'a str>,
    pub(in crate::engine::policy) ports: Vec<u16>,
    pub(in crate::engine::policy) paths: Vec<&'a str>,
    pub(in crate::engine::policy) private: bool,
}

/// A mistake: in which list, at which place, what to do about it.
pub(in crate::engine::policy) type BadPart = (&'static str, usize, String);

impl UrlPattern {
    /// Reads `https://host/path/**`.
    pub(in crate::engine::policy) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text
            .split_once("://")
            .ok_or("write `https://host/path`, with `**` for any rest of the path")?;
        let (authority, path) = match rest.find('/') {
            Some(at) => rest.split_at_checked(at).unwrap_or((rest, "")),
            None => (rest, ""),
        };
        let (host, port) = split_port(authority).ok_or("expected `host` or `host:port`")?;
        let port = port.map(|port| port.parse::<u16>().ok().filter(|port| *port > 0));
        if port == Some(None) {
            return Err("expected a port from 1 to 65535 after the host".to_owned());
        }
        let parts = UrlParts {
            schemes: vec![scheme],
            hosts: vec![host],
            ports: port.flatten().into_iter().collect(),
            paths: vec![if path.is_empty() { "/" } else { path }],
            private: false,
        };
        let pattern = Self::of(&parts).map_err(|(_, _, help)| help)?;
        Ok(Self {
            told: super::shown::quoted(text),
            ..pattern
        })
    }

    /// Takes the lists of a policy.
    pub(in crate::engine::policy) fn of(parts: &UrlParts<'_>) -> Result<Self, BadPart> {
        let known: Vec<_> = SCHEMES.iter().map(|(scheme, _)| *scheme).collect();
        if let Some((n, scheme)) = find(&parts.schemes, |s| !known.contains(s)) {
            return Err(("schemes", n, super::suggest::help(scheme, &known)));
        }
        let hosts = Hosts::new(&parts.hosts).map_err(|(n, help)| ("hosts", n, help.to_owned()))?;
        let mut paths = Vec::new();
        for (n, path) in parts.paths.iter().enumerate() {
            let bad = |help: &str| ("paths", n, help.to_owned());
            if !path.starts_with('/') {
                return Err(bad("a path starts with `/`; `/**` is any path"));
            }
            if path.contains(['?', '#', '%']) {
                return Err(bad(
                    "paths are compared decoded, and without what follows `?` or `#`",
                ));
            }
            paths.push(PathGlob {
                exact: globbed(path, false).map_err(|why| bad(&why))?,
                any_case: globbed(path, true).map_err(|why| bad(&why))?,
            });
        }
        Ok(Self {
            schemes: parts.schemes.iter().map(|s| (*s).to_owned()).collect(),
            hosts: (!parts.hosts.is_empty()).then_some(hosts),
            ports: parts.ports.clone(),
            paths,
            private: parts.private,
            told: told(parts),
        })
    }

    /// Whether every URL that `narrow` takes is taken. What it cannot tell it
    /// calls no.
    pub(in crate::engine::policy) fn contains(&self, narrow: &Self) -> bool {
        let scheme = |scheme: &String| match &self.schemes {
            any if any.is_empty() => PLAIN.contains(&scheme.as_str()),
            listed => listed.contains(scheme),
        };
        let schemes = match &narrow.schemes {
            any if any.is_empty() => {
                let plain = PLAIN.map(str::to_owned);
                self.schemes.is_empty() || plain.iter().all(scheme)
            }
            listed => listed.iter().all(scheme),
        };
        let ports = match (&self.ports, &narrow.ports) {
            (wide, narrow) if narrow.is_empty() => wide.is_empty(),
            (wide, narrow) => narrow.iter().all(|port| wide.contains(port)),
        };
        let private = self.private || !narrow.private;
        let hosts = match (&self.hosts, &narrow.hosts) {
            (None, None) => private,
            (None, Some(narrow)) => self.private || (private && !narrow.names_inner()),
            (Some(_), None) => false,
            (Some(wide), Some(narrow)) => private && wide.contains(narrow),
        };
        let path = |one: &PathGlob| {
            let mut all = self.paths.iter();
            all.any(|wide| glob_contains(wide.exact.glob().glob(), one.exact.glob().glob()))
        };
        let paths =
            self.paths.is_empty() || (!narrow.paths.is_empty() && narrow.paths.iter().all(path));
        schemes && ports && hosts && paths
    }

    fn judge(&self, url: &Url<'_>) -> Holding {
        and(self.judge_place(url), self.path(url.path))
    }

    /// All but the path.
    fn judge_place(&self, url: &Url<'_>) -> Holding {
        let scheme = match &self.schemes {
            any if any.is_empty() => told_if(PLAIN.contains(&url.scheme)),
            listed => listed.iter().any(|scheme| scheme == url.scheme).into(),
        };
        let port = match &self.ports {
            any if any.is_empty() => told_if(url.port == url.own_port),
            listed => listed.contains(&url.port).into(),
        };
        let parts = [scheme, port, self.host(&url.host)];
        parts.into_iter().fold(Holding::Yes, and)
    }

    fn host(&self, host: &Host) -> Holding {
        let listed = self
            .hosts
            .as_ref()
            .map_or(Listed::Fits, |hosts| hosts.find(host));
        let private = self.private && !host.is_never();
        match listed {
            Listed::Named => Holding::Yes,
            Listed::Fits => told_if(private || !host.is_inner()),
            Listed::No => Holding::No,
            Listed::Unknown => Holding::Unknown,
        }
    }

    fn path(&self, path: &str) -> Holding {
        if self.paths.is_empty() {
            return Holding::Yes;
        }
        let Some(path) = decoded(path) else {
            return Holding::Unknown;
        };
        if self.paths.iter().any(|glob| glob.exact.is_match(&path)) {
            Holding::Yes
        } else if self.paths.iter().any(|glob| glob.any_case.is_match(&path)) {
            // Many servers do not tell `/Admin` from `/admin`.
            Holding::Unknown
        } else {
            Holding::No
        }
    }
}

/// A URL under several patterns: one is enough.
pub(super) fn judge(patterns: &[UrlPattern], text: &str) -> Option<Holding> {
    let url = Url::parse(text)?;
    let answers: Vec<_> = patterns.iter().map(|pattern| pattern.judge(&url)).collect();
    if answers.contains(&Holding::Yes) {
        Some(Holding::Yes)
    } else if answers.contains(&Holding::Unknown) {
        None
    } else {
        Some(Holding::No)
    }
}

/// The same of a URL whose path is not known: a no is what no path makes a yes.
pub(in crate::engine::policy) fn judge_origin(patterns: &[UrlPattern], origin: &str) -> Holding {
    let Some(url) = Url::parse(origin) else {
        return Holding::No;
    };
    let mut fitting = patterns
        .iter()
        .filter(|pattern| pattern.judge_place(&url) == Holding::Yes)
        .peekable();
    if fitting.peek().is_none() {
        return Holding::No;
    }
    told_if(fitting.any(|pattern| pattern.paths.is_empty()))
}

impl<'a> Url<'a> {
    /// A URL that every parser reads like this one.
    fn parse(text: &'a str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_graphic() && !br#"\"<>^`{|}"#.contains(&b);
        if text.len() > LONGEST || !text.bytes().all(plain) {
            return None;
        }
        let (scheme, rest) = text.split_once("://")?;
        let (_, own_port) = SCHEMES.iter().find(|(known, _)| *known == scheme)?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at_checked(end)?;
        // `http://a.example?@b.example` has two hosts, by two standards.
        if !(tail.is_empty() || tail.starts_with('/')) {
            return None;
        }
        let (host, port) = split_port(authority)?;
        let port = match port {
            Some(port) if port.starts_with('0') => return None,
            Some(port) => port.parse().ok()?,
            None => *own_port,
        };
        let path = tail.split(['?', '#']).next().unwrap_or_default();
        Some(Self {
            scheme,
            own_port: *own_port,
            host: Host::parse(host)?,
            port,
            path: if path.is_empty() { "/" } else { path },
        })
    }
}

/// Where a URL leads, for whoever writes a pattern.
pub(in crate::engine::policy) fn seen(text: &str) -> Option<UrlSeen> {
    let url = Url::parse(text)?;
    Some(UrlSeen {
        scheme: url.scheme.to_owned(),
        host: url.host.seen(),
        port: (url.port != url.own_port).then_some(url.port),
        path: decoded(url.path),
    })
}

/// The host and the port of an authority; no user.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if authority.contains('@') {
        return None;
    }
    let end = if authority.starts_with('[') {
        authority.find(']')?.checked_add(1)?
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, rest) = authority.split_at_checked(end)?;
    if !authority.starts_with('[') && host.contains(['[', ']']) {
        return None;
    }
    let digits = |port: &&str| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    match rest.strip_prefix(':') {
        None if rest.is_empty() => Some((host, None)),
        None => None,
        Some(port) => Some((host, Some(port).filter(digits))).filter(|(_, port)| port.is_some()),
    }
}

/// The path as a server routes it. `None`: two servers would route it to two
/// places (dots, empty segments, encoded separators, parameters).
fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut pieces = path.split('%');
    bytes.extend(pieces.next()?.bytes());
    for piece in pieces {
        let byte = u8::from_str_radix(piece.get(..2)?, 16).ok()?;
        if byte < 0x20 || byte == 0x7f || b"/\\%;?#".contains(&byte) || piece.starts_with('+') {
            return None;
        }
        bytes.push(byte);
        bytes.extend(piece.get(2..)?.bytes());
    }
    let path = String::from_utf8(bytes).ok()?;
    let mut segments = path.strip_prefix('/')?.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        let odd = segment.is_empty() && !is_last;
        if odd || matches!(segment, "." | "..") || segment.contains(';') {
            return None;
        }
    }
    Some(path)
}

fn told_if(holds: bool) -> Holding {
    if holds {
        Holding::Yes
    } else {
        Holding::Unknown
    }
}

fn find<'t>(texts: &[&'t str], is_bad: impl Fn(&&str) -> bool) -> Option<(usize, &'t str)> {
    let mut all = texts.iter().enumerate();
    all.find(|(_, text)| is_bad(text))
        .map(|(n, text)| (n, *text))
}

fn told(parts: &UrlParts<'_>) -> String {
    let mut told = Vec::new();
    for (what, list) in [
        ("scheme", &parts.schemes),
        ("host", &parts.hosts),
        ("path", &parts.paths),
    ] {
        if !list.is_empty() {
            let list: Vec<_> = list.iter().map(|text| super::shown::quoted(text)).collect();
            told.push(format!("{what} {}", list.join(", ")));
        }
    }
    if !parts.ports.is_empty() {
        let numbers: Vec<_> = parts.ports.iter().map(ToString::to_string).collect();
        told.push(format!("port {}", numbers.join(", ")));
    }
    if parts.hosts.is_empty() && !parts.private {
        told.push("a public host".to_owned());
    }
    format!("one with {}", told.join(" and "))
}

impl fmt::Display for UrlPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told)
    }
}

#[cfg(test)]
mod tests;
