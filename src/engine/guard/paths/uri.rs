//! Uris that hold another one, pages of the browser's own, and scripts as uris.

/// Pages of browsers that show what a profile keeps: what the address ends
/// with behind its scheme, and the file that it shows.
const PAGES: [(&str, &str); 7] = [
    // Chromium: the saved passwords, in its settings and as an application.
    ("settings/passwords", LOGINS),
    ("password-manager", LOGINS),
    // The same in Edge.
    ("wallet/passwords", LOGINS),
    ("settings/payments", LOGINS),
    // Firefox: saved logins, and the page before it had that name.
    ("logins", "~/.mozilla/firefox/x/logins.json"),
    ("preferences#privacy", "~/.mozilla/firefox/x/logins.json"),
    // Cookies of all sites, in older Chromium.
    (
        "settings/cookies",
        "~/.config/google-chrome/Default/Cookies",
    ),
];
const LOGINS: &str = "~/.config/google-chrome/Default/Login Data";
/// Schemes of browsers' own pages.
const BROWSERS: [&str; 7] = [
    "chrome", "edge", "brave", "vivaldi", "opera", "about", "firefox",
];
/// Most uris inside of each other.
const NESTED: usize = 8;

/// The uris that stand inside of this one: `jar:file:///a.jar!/b`,
/// `view-source:file:///etc/shadow`; what is behind `!/` is inside an archive.
pub(super) fn inner(uri: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let outer = uri.split_once("!/").map(|(archive, _)| archive);
    let outer = outer.or_else(|| uri.strip_suffix('!'));
    found.extend(outer);
    let mut rest = outer.unwrap_or(uri);
    for _ in 0..NESTED {
        let Some((scheme, after)) = rest.split_once(':') else {
            break;
        };
        let is_scheme = scheme.len() > 1
            && scheme.len() <= 32
            && scheme
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
        if !is_scheme || after.starts_with("//") {
            break;
        }
        rest = after;
        // Only what is again a uri or a place; `image:latest` is neither.
        if rest.starts_with('/') || rest.contains(':') {
            found.push(rest);
        }
    }
    found
}

/// The file that a page of the browser's own shows.
pub(super) fn page(uri: &str) -> Option<&'static str> {
    let (scheme, rest) = uri.trim().split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    if !BROWSERS.contains(&scheme.as_str()) || rest.len() > 256 {
        return None;
    }
    let rest = rest.to_ascii_lowercase();
    let page = rest.trim_start_matches('/');
    PAGES
        .iter()
        .find(|(start, _)| page.starts_with(start))
        .map(|(_, place)| *place)
}

/// The program text of `javascript:…` and `data:text/html,…`.
pub(super) fn script(uri: &str) -> Option<String> {
    let plain: String = uri
        .chars()
        .filter(|c| !c.is_control())
        .take(64 * 1024)
        .collect();
    let plain = plain.trim();
    let starts = |scheme: &str| {
        plain
            .get(..scheme.len())
            .is_some_and(|s| s.eq_ignore_ascii_case(scheme))
    };
    if !starts("javascript:") && !starts("data:text/html") {
        return None;
    }
    let (_, body) = plain.split_once([':', ','])?;
    Some(super::spell::percent_decoded(body))
}
