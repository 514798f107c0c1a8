//! `email`: one plain address.
//!
//! The attack answered: display names, comments, quoted parts, routes and lists
//! are how a mail for one address goes to another. What is more than
//! `local@domain` in plain letters cannot be told.

use super::Holding;
use super::host::{Host, Hosts, Listed};
use crate::engine::policy::pattern::Pattern;
use std::fmt;

/// Longest address (RFC 5321).
const LONGEST: usize = 254;
/// Longest local part.
const LONGEST_LOCAL: usize = 64;

/// The addresses that a policy lists.
#[derive(Debug, Clone)]
pub(in crate::engine::policy) struct Emails(Vec<Email>);

#[derive(Debug, Clone)]
struct Email {
    local: Pattern,
    domain: Hosts,
    told: String,
}

impl Emails {
    /// Takes `*@acme.com`; the error is the number of the first that is none,
    /// and what to write instead.
    pub(in crate::engine::policy) fn new(texts: &[&str]) -> Result<Self, (usize, &'static str)> {
        let mut all = Vec::new();
        for (n, text) in texts.iter().enumerate() {
            const HELP: &str = "write `name@acme.com`, `*@acme.com` or `*@*.acme.com`";
            let (local, domain) = text.split_once('@').ok_or((n, HELP))?;
            let letters = local.replace('*', "a");
            if !is_local(&letters) {
                return Err((n, HELP));
            }
            if domain == "**" {
                return Err((n, "that is any address: list the domains"));
            }
            if matches!(Host::parse(domain), Some(Host::Address(_))) {
                return Err((n, HELP));
            }
            all.push(Email {
                local: Pattern::new(local.to_owned()),
                domain: Hosts::new(&[domain]).map_err(|(_, help)| (n, help))?,
                told: (*text).to_owned(),
            });
        }
        Ok(Self(all))
    }

    /// Whether every address that `narrow` takes is taken.
    pub(in crate::engine::policy) fn contains(&self, narrow: &Self) -> bool {
        let takes = |one: &Email| {
            self.0
                .iter()
                .any(|wide| wide.local.contains(&one.local) && wide.domain.contains(&one.domain))
        };
        narrow.0.iter().all(takes)
    }

    pub(super) fn judge(&self, text: &str) -> Option<Holding> {
        let (local, domain) = parts(text)?;
        // `bob+anything` and `Bob` are most likely bob.
        let lower = local.to_ascii_lowercase();
        let base = lower.split('+').next().unwrap_or_default();
        let mut answer = Some(Holding::No);
        for email in &self.0 {
            if !matches!(email.domain.find(&domain), Listed::Named | Listed::Fits) {
                continue;
            }
            if email.local.matches(local) {
                return Some(Holding::Yes);
            }
            let pattern = Pattern::new(email.local.as_str().to_ascii_lowercase());
            if pattern.matches(&lower) || pattern.matches(base) {
                answer = None;
            }
        }
        answer
    }
}

/// One plain address, in its two parts.
fn parts(text: &str) -> Option<(&str, Host)> {
    let (local, domain) = text.split_once('@')?;
    let is_plain = is_local(local) && !domain.ends_with('.') && text.len() <= LONGEST;
    match Host::parse(domain)? {
        name @ Host::Name(_) if is_plain => Some((local, name)),
        _ => None,
    }
}

/// One plain address, for whoever writes a pattern.
pub(in crate::engine::policy) fn seen(text: &str) -> Option<(&str, &str)> {
    parts(text)?;
    text.split_once('@')
}

/// A local part that no mail system reads as more than a name.
fn is_local(local: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphanumeric() || b"._+-'".contains(&b);
    local.len() <= LONGEST_LOCAL
        && !local.starts_with('-')
        && local.bytes().all(letter)
        && local.split('.').all(|part| !part.is_empty())
}

impl fmt::Display for Emails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::listed(f, self.0.iter().map(|email| email.told.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_plain_address_is_read() {
        let emails = Emails::new(&["*@acme.com", "Bob@*.acme.com", "ops-*@b.example"]).unwrap();
        for (text, expected) in [
            ("a.b+c@acme.com", Some(Holding::Yes)),
            ("a@ACME.com", Some(Holding::Yes)),
            ("Bob@x.acme.com", Some(Holding::Yes)),
            ("bob@x.acme.com", None),
            ("bob+x@x.acme.com", None),
            ("eve@x.acme.com", Some(Holding::No)),
            ("ops-1@b.example", Some(Holding::Yes)),
            ("ops@b.example", Some(Holding::No)),
            ("a@acme.com.evil.net", Some(Holding::No)),
            ("a@evil.net", Some(Holding::No)),
            ("a@acme.com.", None),
            ("a@[127.0.0.1]", None),
            ("a@127.0.0.1", None),
            ("a@acme.com,b@evil.net", None),
            ("a@acme.com b@evil.net", None),
            ("a@acme.com\nBcc: b@evil.net", None),
            ("Acme <a@acme.com>", None),
            ("<a@acme.com>", None),
            ("a(b)@acme.com", None),
            ("\"a\"@acme.com", None),
            ("\"a@evil.net\"@acme.com", None),
            ("a@evil.net@acme.com", None),
            ("a%evil.net@acme.com", None),
            ("evil.net!a@acme.com", None),
            (".a@acme.com", None),
            ("a..b@acme.com", None),
            ("-oX@acme.com", None),
            ("@acme.com", None),
            ("acme.com", None),
            ("mailto:a@acme.com", None),
            ("a@b\u{fc}cher.example", None),
            ("", None),
        ] {
            assert_eq!(emails.judge(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_address_is_told() {
        for text in [
            "acme.com",
            "@acme.com",
            "*@**",
            "a b@acme.com",
            "*@127.0.0.1",
            "*@",
        ] {
            assert!(Emails::new(&[text]).is_err(), "{text}");
        }
    }
}
