//! Who may knock at all: `Host` and `Origin`, before anything is read.
//!
//! Answers web pages (A3) that reach a listener on this machine through a name
//! of their own (DNS rebinding: the browser sends that name as `Host`), or send
//! requests across origins (CSRF: the browser sends `Origin`). A program that
//! is no browser sends a `Host` that it was configured with, and no `Origin`.

use hyper::HeaderMap;
use hyper::header::{HOST, HeaderName, HeaderValue, ORIGIN};

const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The names by which the listener may be called.
#[derive(Debug, Clone, Default)]
pub struct Door {
    /// Hosts besides the loopback's own, in lower case, with or without a port.
    hosts: Vec<String>,
    /// Origins of web pages that may call, in lower case.
    origins: Vec<String>,
    /// The listener is on the loopback, whose own names are good.
    loopback: bool,
}

/// Why a request does not pass the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    /// Not a name of this listener.
    #[error(
        "the `Host` header does not name this listener; add the name to `hosts` in `[serve]` if clients may use it"
    )]
    Host,
    /// A web page that nobody has allowed.
    #[error(
        "requests of this `Origin` are refused; add it to `origins` in `[serve]` if its pages may call"
    )]
    Origin,
}

impl Closed {
    /// The stable reason code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Host => "foreign-host",
            Self::Origin => "foreign-origin",
        }
    }
}

impl Door {
    /// `loopback`: the listener can be reached from this machine only.
    pub fn new(hosts: &[String], origins: &[String], loopback: bool) -> Self {
        let lower = |all: &[String]| all.iter().map(|h| h.to_ascii_lowercase()).collect();
        Self {
            hosts: lower(hosts),
            origins: lower(origins),
            loopback,
        }
    }

    /// Whether a request with these headers may come in.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn admit(&self, headers: &HeaderMap, authority: Option<&str>) -> Result<(), Closed> {
        let host = match (only(headers, &HOST), authority) {
            (Ok(Some(host)), None) => host.to_str().ok(),
            // HTTP/2 says it in the request's target.
            (Ok(None), Some(authority)) => Some(authority),
            (Ok(Some(host)), Some(authority)) => {
                let host = host.to_str().ok();
                host.filter(|h| h.eq_ignore_ascii_case(authority))
            }
            _ => None,
        };
        let host = host.ok_or(Closed::Host)?.to_ascii_lowercase();
        if !self.knows_host(&host) {
            return Err(Closed::Host);
        }
        match only(headers, &ORIGIN) {
            // A page can send a plain GET without `Origin`; browsers say so all
            // the same (Fetch Metadata Request Headers, section 2.3).
            Ok(None) if is_of_a_page(headers) => Err(Closed::Origin),
            Ok(None) => Ok(()),
            Ok(Some(origin)) => {
                let origin = origin.to_str().map_err(|_| Closed::Origin)?;
                let origin = origin.to_ascii_lowercase();
                if self.origins.contains(&origin) || self.is_own_origin(&origin) {
                    Ok(())
                } else {
                    Err(Closed::Origin)
                }
            }
            Err(()) => Err(Closed::Origin),
        }
    }

    fn knows_host(&self, host: &str) -> bool {
        let (name, _) = split(host);
        let listed = |known: &String| known == host || known == name;
        self.hosts.iter().any(listed) || (self.loopback && is_loopback_name(name))
    }

    /// A page that came from a server on this machine: only where the listener
    /// itself is for this machine only.
    fn is_own_origin(&self, origin: &str) -> bool {
        let rest = origin
            .strip_prefix("http://")
            .or_else(|| origin.strip_prefix("https://"));
        rest.is_some_and(|host| self.loopback && is_loopback_name(split(host).0))
    }
}

/// The one value of a header; an error if there are several.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a HeaderValue>, ()> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(());
    }
    Ok(first)
}

/// Host and port.
fn split(host: &str) -> (&str, Option<&str>) {
    let bracket = host.rfind(']').map_or(0, |at| at.saturating_add(1));
    let (_, after) = host.split_at_checked(bracket).unwrap_or((host, ""));
    match after.find(':') {
        Some(colon) => {
            let at = bracket.saturating_add(colon);
            let (name, port) = host.split_at_checked(at).unwrap_or((host, ""));
            let port = port.strip_prefix(':').unwrap_or_default();
            let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
            if digits {
                (name, Some(port))
            } else {
                (host, None)
            }
        }
        None => (host, None),
    }
}

/// Whether a browser sends it on behalf of a page of another origin.
fn is_of_a_page(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all(FETCH_SITE).iter();
    sites.any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
}

fn is_loopback_name(name: &str) -> bool {
    let inner = name.strip_prefix('[').and_then(|n| n.strip_suffix(']'));
    match inner {
        Some(v6) => v6
            .parse::<std::net::Ipv6Addr>()
            .is_ok_and(|a| a.is_loopback()),
        None => {
            name == "localhost"
                || name
                    .parse::<std::net::Ipv4Addr>()
                    .is_ok_and(|a| a.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(host: &[&str], origin: &[&str]) -> HeaderMap {
        let host = host.iter().map(|h| (HOST, *h));
        let all = host.chain(origin.iter().map(|o| (ORIGIN, *o)));
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn only_names_of_this_listener_are_hosts() {
        let local = Door::new(&["Gate.Example".to_owned()], &[], true);
        let open = Door::new(&["gate.example:8443".to_owned()], &[], false);
        for (host, by_local, by_open) in [
            ("127.0.0.1:8400", true, false),
            ("localhost", true, false),
            ("LOCALHOST:1", true, false),
            ("[::1]:8400", true, false),
            ("127.9.9.9", true, false),
            ("gate.example", true, false),
            ("GATE.example:8443", true, true),
            ("gate.example:1", true, false),
            ("evil.example", false, false),
            ("evil.example:8400", false, false),
            ("localhost.evil.example", false, false),
            ("127.0.0.1.evil.example", false, false),
            ("127.0.0.1:8400.evil.example", false, false),
            ("localhost:", false, false),
            ("user@localhost", false, false),
            ("[::1", false, false),
            ("[::2]", false, false),
            ("", false, false),
        ] {
            let found = headers(&[host], &[]);
            assert_eq!(local.admit(&found, None).is_ok(), by_local, "{host}");
            assert_eq!(open.admit(&found, None).is_ok(), by_open, "{host}");
        }
    }

    #[test]
    fn a_host_is_said_once_and_alike() {
        let door = Door::new(&[], &[], true);
        for (host, authority, good) in [
            (&[][..], None, false),
            (&["localhost", "localhost"], None, false),
            (&["localhost"], Some("localhost"), true),
            (&["localhost"], Some("evil.example"), false),
            (&[], Some("localhost:1"), true),
            (&[], Some("evil.example"), false),
        ] {
            let admitted = door.admit(&headers(host, &[]), authority);
            assert_eq!(admitted.is_ok(), good, "{host:?} {authority:?}");
        }
    }

    #[test]
    fn plain_requests_of_pages_are_refused() {
        let door = Door::new(&[], &[], true);
        for (site, good) in [
            ("same-origin", true),
            ("none", true),
            ("same-site", false),
            ("cross-site", false),
            ("anything", false),
        ] {
            let mut headers = headers(&["localhost"], &[]);
            headers.insert(FETCH_SITE, HeaderValue::from_static(site));
            assert_eq!(door.admit(&headers, None).is_ok(), good, "{site}");
        }
    }

    #[test]
    fn pages_of_others_are_refused() {
        let local = Door::new(&[], &["https://app.example".to_owned()], true);
        let open = Door::new(&["gate.example".to_owned()], &[], false);
        for (origin, good) in [
            (&["https://app.example"][..], true),
            (&["https://APP.example"], true),
            (&["http://app.example"], false),
            (&["https://app.example:444"], false),
            (&["https://app.example", "https://app.example"], false),
            (&["http://localhost:6274"], true),
            (&["https://127.0.0.1"], true),
            (&["http://localhost.evil.example"], false),
            (&["null"], false),
            (&["file://"], false),
            (&[""], false),
            (&["chrome-extension://x"], false),
        ] {
            let admitted = local.admit(&headers(&["localhost"], origin), None);
            assert_eq!(admitted.is_ok(), good, "{origin:?}");
        }
        let page = headers(&["gate.example"], &["http://localhost"]);
        assert_eq!(open.admit(&page, None), Err(Closed::Origin));
    }
}
