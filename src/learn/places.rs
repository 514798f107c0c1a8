//! What destinations have in common: URLs, hosts, addresses of mail.
//!
//! A destination is what a turned agent needs most, so that none is proposed
//! that was not seen: hosts are listed as they are. Only `--patterns` puts `*`
//! for several names below one, and never below a name that belongs to many
//! (`*.github.io`, `*.co.uk`).

use super::limit::{Limit, UrlParts};
use super::text::{Told, round};
use crate::engine::policy::seen::{self, HostSeen, UrlSeen};
use std::collections::{BTreeMap, BTreeSet};

/// Most hosts, and most addresses, that are listed.
const MANY: usize = 64;
/// From so many on, what is common to paths, and to names of hosts, counts.
const SEVERAL: usize = 3;

/// Why nothing is learned of a place where clouds keep credentials.
pub(super) const METADATA: &str = "leads to where clouds give credentials away";
/// Why nothing is learned of many places.
pub(super) const TOO_MANY: &str = "names too many places to list them, or places of several kinds";

/// Names below which anybody may have one.
const SHARED: &str = "
    amazonaws.com appspot.com atlassian.net azureedge.net azurewebsites.net bitbucket.io
    blogspot.com cloudapp.net cloudfront.net digitaloceanspaces.com firebaseapp.com fly.dev
    github.io githubusercontent.com gitlab.io glitch.me googleapis.com googleusercontent.com
    herokuapp.com myshopify.com netlify.app ngrok-free.app ngrok.app ngrok.io notion.site
    oraclecloud.com pages.dev r2.dev railway.app readthedocs.io repl.co replit.dev run.app
    sharepoint.com slack.com surge.sh trycloudflare.com tumblr.com vercel.app web.app
    windows.net wordpress.com workers.dev zendesk.com
";
/// Where anybody has an address.
const MAILERS: &str = "
    aol.com fastmail.com gmail.com gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.com
    icloud.com live.com mac.com mail.com mail.ru me.com msn.com outlook.com pm.me proton.me
    protonmail.com qq.com t-online.de web.de yahoo.com yandex.com yandex.ru zoho.com
";
/// Second labels that countries sell names below.
const SOLD: [&str; 12] = [
    "ac", "co", "com", "edu", "gen", "go", "gov", "ltd", "me", "ne", "net", "org",
];

fn among(list: &str, name: &str) -> bool {
    list.split_whitespace().any(|one| one == name)
}

/// URLs; `None`: some cannot be read as all parsers do.
pub(super) fn urls(
    texts: &BTreeSet<&str>,
    longest: usize,
    patterns: bool,
) -> Option<Result<Told, &'static str>> {
    let seen: Option<Vec<UrlSeen>> = texts.iter().map(|text| seen::url(text)).collect();
    let seen = seen?;
    let hosts: BTreeSet<&str> = seen.iter().map(|url| url.host.name.as_str()).collect();
    let schemes: BTreeSet<&str> = seen.iter().map(|url| url.scheme.as_str()).collect();
    let listed = match spread(seen.iter().map(|url| &url.host), patterns) {
        Ok(listed) => listed,
        Err(why) => return Some(Err(why)),
    };
    let origins = origins(&seen);
    let one_kind = origins
        .keys()
        .map(|(scheme, _, port)| (scheme, port))
        .collect::<BTreeSet<_>>();
    let readable = seen.iter().all(|url| url.path.is_some());
    let dirs: Option<BTreeSet<String>> = readable.then(|| below(&origins)).flatten();
    let limit = match (dirs, one_kind.first()) {
        (Some(dirs), _) if listed.len() == hosts.len() => Limit::Urls(dirs),
        (_, Some((scheme, port))) if one_kind.len() == 1 => Limit::UrlParts(UrlParts {
            scheme: (**scheme).to_owned(),
            hosts: listed,
            port: ***port,
        }),
        _ if readable => Limit::Urls(
            origins
                .keys()
                .map(|origin| format!("{}/**", spelled(origin)))
                .collect(),
        ),
        // Their paths cannot be asked about: the shape of the text can.
        _ => return None,
    };
    let note = format!(
        "{} URLs, {} only, at {}",
        texts.len(),
        schemes.into_iter().collect::<Vec<_>>().join(" and "),
        super::text::count(hosts.len(), "host")
    );
    let limits = vec![Limit::MaxLen(round(longest)), limit];
    Some(Ok(Told { limits, note }))
}

/// Scheme, host, port.
type Origin<'u> = (&'u str, &'u str, &'u Option<u16>);

fn origins(seen: &[UrlSeen]) -> BTreeMap<Origin<'_>, BTreeSet<&str>> {
    let mut origins: BTreeMap<Origin<'_>, BTreeSet<&str>> = BTreeMap::new();
    for url in seen {
        let origin = (url.scheme.as_str(), url.host.name.as_str(), &url.port);
        let paths = origins.entry(origin).or_default();
        paths.extend(url.path.as_deref());
    }
    origins
}

fn spelled((scheme, host, port): &Origin<'_>) -> String {
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    format!("{scheme}://{host}{port}")
}

/// The directory that all paths of each place lie in; `None` where no place has
/// one that is worth saying.
fn below(origins: &BTreeMap<Origin<'_>, BTreeSet<&str>>) -> Option<BTreeSet<String>> {
    let mut worth = false;
    let patterns = origins.iter().map(|(origin, paths)| {
        let dir = if paths.len() >= SEVERAL {
            common(paths)
        } else {
            String::new()
        };
        worth |= !dir.is_empty();
        format!("{}{dir}/**", spelled(origin))
    });
    let patterns = patterns.collect();
    worth.then_some(patterns)
}

fn common(paths: &BTreeSet<&str>) -> String {
    let plain = |part: &&str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "._~-".contains(c))
    };
    let dirs = paths.iter().map(|path| {
        let (dir, _) = path.rsplit_once('/').unwrap_or_default();
        let parts = dir.split('/').skip(1);
        parts.take_while(plain).collect::<Vec<_>>()
    });
    let common = dirs.reduce(|one, other| {
        let same = one.iter().zip(&other).take_while(|(a, b)| a == b);
        same.map(|(a, _)| *a).collect()
    });
    let root = [""].into_iter();
    let parts: Vec<_> = root.chain(common.unwrap_or_default()).collect();
    parts.join("/")
}

/// Bare hosts, as an argument has them; `None`: some is none.
pub(super) fn hosts(texts: &BTreeSet<&str>, patterns: bool) -> Option<Result<Told, &'static str>> {
    let seen: Option<Vec<HostSeen>> = texts.iter().map(|text| seen::host(text)).collect();
    let seen = seen?;
    Some(spread(seen.iter(), patterns).map(|listed| Told {
        limits: vec![Limit::Host(listed)],
        note: super::text::count(seen.len(), "host"),
    }))
}

/// Hosts as they are listed.
fn spread<'h>(
    seen: impl Iterator<Item = &'h HostSeen>,
    patterns: bool,
) -> Result<BTreeSet<String>, &'static str> {
    let mut listed = BTreeSet::new();
    let mut siblings: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for host in seen {
        if host.is_never {
            return Err(METADATA);
        }
        listed.insert(host.name.clone());
        if let Some((_, parent)) = host.name.split_once('.')
            && !host.is_address
            && !host.is_inner
            && is_ones_own(parent)
        {
            siblings.entry(parent).or_default().insert(&host.name);
        }
    }
    let many = siblings
        .iter()
        .filter(|(_, names)| patterns && names.len() >= SEVERAL);
    for (parent, names) in many {
        listed.retain(|host| !names.contains(host.as_str()));
        listed.insert(format!("*.{parent}"));
    }
    if listed.len() > MANY {
        return Err(TOO_MANY);
    }
    Ok(listed)
}

/// Whether a name looks like one that somebody has registered for himself.
fn is_ones_own(name: &str) -> bool {
    let labels: Vec<&str> = name.split('.').collect();
    let shared = SHARED
        .split_whitespace()
        .any(|shared| name == shared || name.ends_with(&format!(".{shared}")));
    let sold = match labels.as_slice() {
        [second, country] => country.len() == 2 && SOLD.contains(second),
        _ => false,
    };
    labels.len() >= 2 && !shared && !sold
}

/// Addresses of mail; `None`: some is none.
pub(super) fn emails(texts: &BTreeSet<&str>) -> Option<Result<Told, &'static str>> {
    let mut domains: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for text in texts {
        let (_, domain) = seen::email(text)?;
        domains
            .entry(domain.to_ascii_lowercase())
            .or_default()
            .insert(text);
    }
    let mut listed = BTreeSet::new();
    for (domain, addresses) in &domains {
        if addresses.len() > 1 && !among(MAILERS, domain) {
            listed.insert(format!("*@{domain}"));
        } else {
            listed.extend(addresses.iter().map(|address| (*address).to_owned()));
        }
    }
    let note = format!(
        "{} of {}",
        super::text::count(texts.len(), "address"),
        super::text::count(domains.len(), "domain")
    );
    Some(if listed.len() > MANY {
        Err(TOO_MANY)
    } else {
        let limits = vec![Limit::Email(listed)];
        Ok(Told { limits, note })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(found: Option<Result<Told, &'static str>>) -> String {
        match found {
            None => "not these".to_owned(),
            Some(Err(why)) => why.to_owned(),
            Some(Ok(told)) => {
                let limits: Vec<_> = told.limits.iter().map(Limit::told).collect();
                limits.join(", ")
            }
        }
    }

    #[test]
    fn urls_are_of_the_very_places() {
        for (texts, patterns, expected) in [
            (
                &["https://a.org/1", "https://a.org/2?x", "https://b.org"][..],
                false,
                r#"max_len = 20, url = { schemes = ["https"], hosts = ["a.org", "b.org"] }"#,
            ),
            (
                &["https://a.org/1", "http://b.org:81/", "https://b.org/"],
                false,
                r#"max_len = 20, url = ["http://b.org:81/**", "https://a.org/**", "https://b.org/**"]"#,
            ),
            (
                &[
                    "https://a.org/r/x/1",
                    "https://a.org/r/x/2",
                    "https://a.org/r/x/3/4",
                    "https://b.org/1",
                ],
                false,
                r#"max_len = 50, url = ["https://a.org/r/x/**", "https://b.org/**"]"#,
            ),
            (
                &["https://a.x.org", "https://b.x.org", "https://c.x.org"],
                false,
                r#"max_len = 20, url = { schemes = ["https"], hosts = ["a.x.org", "b.x.org", "c.x.org"] }"#,
            ),
            (
                &["https://a.x.org", "https://b.x.org", "https://c.x.org"],
                true,
                r#"max_len = 20, url = { schemes = ["https"], hosts = ["*.x.org"] }"#,
            ),
            (
                &[
                    "https://a.github.io",
                    "https://b.github.io",
                    "https://c.github.io",
                ],
                true,
                r#"max_len = 20, url = { schemes = ["https"], hosts = ["a.github.io", "b.github.io", "c.github.io"] }"#,
            ),
            (&["http://169.254.169.254/x"], false, METADATA),
            (&["https://u@a.org/"], false, "not these"),
            (&["http://a.org//x", "https://b.org/"], false, "not these"),
            (
                &["http://a.org//x", "http://b.org/"],
                false,
                r#"max_len = 20, url = { schemes = ["http"], hosts = ["a.org", "b.org"] }"#,
            ),
        ] {
            let texts: BTreeSet<&str> = texts.iter().copied().collect();
            assert_eq!(
                told(urls(
                    &texts,
                    texts.iter().map(|t| t.len()).max().unwrap(),
                    patterns
                )),
                expected,
                "{texts:?}"
            );
        }
    }

    #[test]
    fn hosts_and_addresses_are_of_the_very_names() {
        let set = |texts: &[&'static str]| texts.iter().copied().collect::<BTreeSet<_>>();
        for (texts, patterns, expected) in [
            (
                &["a.org", "B.org"][..],
                false,
                r#"host = ["a.org", "b.org"]"#,
            ),
            (&["a.org:81", "b.org"], false, "not these"),
            (&["metadata.google.internal", "b.org"], false, METADATA),
            (
                &["a.co.uk", "b.co.uk", "c.co.uk"],
                true,
                r#"host = ["a.co.uk", "b.co.uk", "c.co.uk"]"#,
            ),
            (
                &["a.b.co.uk", "c.b.co.uk", "d.b.co.uk"],
                true,
                r#"host = "*.b.co.uk""#,
            ),
            (
                &["a.corp", "b.corp", "c.corp"],
                true,
                r#"host = ["a.corp", "b.corp", "c.corp"]"#,
            ),
        ] {
            assert_eq!(told(hosts(&set(texts), patterns)), expected, "{texts:?}");
        }
        for (texts, expected) in [
            (&["a@x.org", "b@x.org"][..], r#"email = "*@x.org""#),
            (&["a@x.org", "b@y.org"], r#"email = ["a@x.org", "b@y.org"]"#),
            (
                &["a@gmail.com", "b@gmail.com"],
                r#"email = ["a@gmail.com", "b@gmail.com"]"#,
            ),
            (&["a@x.org", "b"], "not these"),
        ] {
            assert_eq!(told(emails(&set(texts))), expected, "{texts:?}");
        }
    }
}
