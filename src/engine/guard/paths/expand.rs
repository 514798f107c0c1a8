//! Tilde, variables and braces, as shells and path libraries expand them.
//!
//! A variable that [`HostFacts`] does not know becomes a wildcard where the
//! question is what the path could mean (`unknown_as_wildcard`). Nothing is
//! read from the environment here.

use super::HostFacts;

/// Most alternatives of the braces of one string.
const ALTERNATIVES: usize = 64;
/// Longest bracketed part in characters; keeps a row of open brackets linear.
const BRACKET_SPAN: usize = 1024;

/// Longest text in bytes that is expanded any further.
const EXPANDED: usize = 256 * 1024;

/// Variables that lead into the home directory on some system, lower case.
const UNDER_HOME: [(&str, &str); 20] = [
    ("home", ""),
    ("userprofile", ""),
    ("homepath", ""),
    ("zdotdir", ""),
    ("appdata", "/AppData/Roaming"),
    ("localappdata", "/AppData/Local"),
    ("xdg_config_home", "/.config"),
    ("xdg_data_home", "/.local/share"),
    ("xdg_state_home", "/.local/state"),
    ("xdg_cache_home", "/.cache"),
    ("gnupghome", "/.gnupg"),
    ("cargo_home", "/.cargo"),
    ("codex_home", "/.codex"),
    ("copilot_home", "/.copilot"),
    ("cline_dir", "/.cline"),
    ("kubeconfig", "/.kube/config"),
    ("aws_shared_credentials_file", "/.aws/credentials"),
    ("aws_config_file", "/.aws/config"),
    (
        "google_application_credentials",
        "/.config/gcloud/application_default_credentials.json",
    ),
    ("ssh_auth_sock", "/.ssh/agent"),
];

/// The value of a variable, if it is known.
fn value(name: &str, host: &HostFacts) -> Option<String> {
    if let Some(value) = host.variables.get(name) {
        return Some(value.clone());
    }
    let lower = name.to_ascii_lowercase();
    match lower.as_str() {
        "pwd" | "cwd" | "init_cwd" | "workspacefolder" => return Some(host.cwd.clone()),
        "homedrive" | "systemdrive" => return Some(String::new()),
        "user" | "username" | "logname" => {
            return host.home.rsplit('/').next().map(str::to_owned);
        }
        _ => {}
    }
    let lower = lower.strip_prefix("env:").unwrap_or(&lower);
    let (_, below) = UNDER_HOME.iter().find(|(known, _)| *known == lower)?;
    Some(format!("{}{below}", host.home))
}

/// Expands a leading `~`, and every variable that is known.
pub(super) fn variables(text: &str, host: &HostFacts) -> String {
    let mut text = text.to_owned();
    if let Some(rest) = text.strip_prefix('~') {
        text = tilde(rest, host);
    }
    if text.contains('$') {
        text = replaced(&text, &|name| value(name, host));
    }
    if text.contains('%') {
        text = percent_variables(&text, host);
    }
    text
}

fn tilde(rest: &str, host: &HostFacts) -> String {
    let (user, path) = rest
        .find(['/', '\\'])
        .and_then(|at| rest.split_at_checked(at))
        .unwrap_or((rest, ""));
    match user {
        "" => format!("{}{path}", host.home),
        "+" => format!("{}{path}", host.cwd),
        "-" => format!(
            "{}{path}",
            host.variables.get("OLDPWD").unwrap_or(&host.cwd)
        ),
        "root" => format!("/root{path}"),
        user if user
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')) =>
        {
            // `~$` and backup files such as `~lock.odt#` are names, not users.
            let homes = host
                .home
                .rsplit_once('/')
                .map_or("/home", |(parent, _)| parent);
            format!(
                "{}/{user}{path}",
                if homes.is_empty() { "/home" } else { homes }
            )
        }
        _ => format!("~{rest}"),
    }
}

/// A `$name`, `${name…}`, `$env:name` or `$(…)` found at the start of `text`.
struct Reference<'a> {
    name: &'a str,
    /// `!` or `#` before the name.
    sign: Option<char>,
    /// What stands behind the name inside the braces (`:-default`, `:0:1`).
    rest: &'a str,
    after: &'a str,
}

fn reference(text: &str) -> Option<Reference<'_>> {
    let body = text.strip_prefix('$')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if let Some(inner) = body.strip_prefix('{') {
        let (inside, after) = closing(inner, '{', '}')?;
        let start = inside.trim_start_matches(['!', '#']);
        let start = start.strip_prefix("env:").unwrap_or(start);
        let end = start.find(|c: char| !is_name(c)).unwrap_or(start.len());
        let (name, rest) = start.split_at_checked(end)?;
        let sign = inside.chars().next().filter(|c| matches!(c, '!' | '#'));
        return Some(Reference {
            name,
            sign,
            rest,
            after,
        });
    }
    if let Some(inner) = body.strip_prefix('(') {
        let (_, after) = closing(inner, '(', ')')?;
        return Some(Reference {
            name: "",
            sign: None,
            rest: "",
            after,
        });
    }
    let body = match body.get(..4) {
        Some(prefix) if prefix.eq_ignore_ascii_case("env:") => body.get(4..)?,
        _ => body,
    };
    let end = body.find(|c: char| !is_name(c)).unwrap_or(body.len());
    let (name, after) = body.split_at_checked(end)?;
    let special = after.starts_with(['@', '*', '#', '?', '!', '-']) && name.is_empty();
    let after = if special { after.get(1..)? } else { after };
    (special || !name.is_empty()).then_some(Reference {
        name,
        sign: None,
        rest: "",
        after,
    })
}

/// Text up to the matching `close`, and what follows it.
fn closing(text: &str, open: char, close: char) -> Option<(&str, &str)> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices().take(BRACKET_SPAN) {
        if c == open {
            depth = depth.saturating_add(1);
        } else if c == close {
            if depth == 0 {
                return Some((
                    text.get(..at)?,
                    text.get(at.saturating_add(c.len_utf8())..)?,
                ));
            }
            depth = depth.saturating_sub(1);
        }
    }
    None
}

/// Replaces each reference for which `with` has a value.
fn replaced(text: &str, with: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$').filter(|_| out.len() <= EXPANDED) {
        let Some((before, from)) = rest.split_at_checked(at) else {
            break;
        };
        out.push_str(before);
        let found = reference(from);
        if let Some((value, after)) = found.and_then(|r| resolve(&r, with).map(|v| (v, r.after))) {
            out.push_str(&value);
            rest = after;
        } else {
            out.push('$');
            rest = from.get(1..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

fn resolve(reference: &Reference<'_>, with: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let known = match reference.sign {
        // `${!v}` is the variable that `v` names, `${#v}` a number.
        Some('!') => with(reference.name).and_then(|name| with(&name).or(Some(name))),
        Some('#') => with(reference.name).map(|value| value.len().to_string()),
        _ => with(reference.name),
    };
    let rest = reference.rest;
    for operator in [":-", ":=", "-", "="] {
        if let Some(default) = rest.strip_prefix(operator) {
            return Some(known.unwrap_or_else(|| default.to_owned()));
        }
    }
    for operator in [":+", "+"] {
        if let Some(alternative) = rest.strip_prefix(operator) {
            return Some(alternative.to_owned());
        }
    }
    // `${PATH:0:1}` spells a slash: every value that can be cut is a path.
    if let Some(cut) = rest.strip_prefix(':') {
        let known = known.unwrap_or_else(|| "/".to_owned());
        let mut numbers = cut.split(':').map(|n| n.trim().parse::<usize>().ok());
        let (Some(skip), take) = (numbers.next().flatten(), numbers.next()) else {
            return Some(ANYTHING.to_owned());
        };
        if known == ANYTHING || take == Some(None) {
            return Some(ANYTHING.to_owned());
        }
        let take = take.flatten().unwrap_or(known.len());
        return Some(known.chars().skip(skip).take(take).collect());
    }
    known.map(|value| changed(&value, rest))
}

/// What stands for a part that cannot be told.
const ANYTHING: &str = "*";

/// The value after an operator: `${v#x}`, `${v%x}`, `${v/x/y}`, `${v^^}`.
/// Where that cannot be told it may be anything.
fn changed(value: &str, operator: &str) -> String {
    // Case makes no difference to what is compared later.
    if operator
        .trim_matches(['^', ',', '[', ']', '@', '*'])
        .is_empty()
        || operator.starts_with('@')
    {
        return value.to_owned();
    }
    let literal = |text: &str| !text.contains(['*', '?', '[', '$', '\\', '`']);
    let cut = |rest: &str| rest.trim_matches(['"', '\'']).to_owned();
    let done = match operator.split_at_checked(1) {
        Some(("#", rest)) => {
            let part = cut(rest.trim_start_matches('#'));
            literal(&part).then(|| {
                value
                    .strip_prefix(part.as_str())
                    .unwrap_or(value)
                    .to_owned()
            })
        }
        Some(("%", rest)) => {
            let part = cut(rest.trim_start_matches('%'));
            literal(&part).then(|| {
                value
                    .strip_suffix(part.as_str())
                    .unwrap_or(value)
                    .to_owned()
            })
        }
        Some(("/", rest)) => replaced_part(value, rest).filter(|_| literal(rest)),
        _ => None,
    };
    done.filter(|text| text.len() <= VALUE)
        .unwrap_or_else(|| ANYTHING.to_owned())
}

/// Longest value of a variable after a replacement, in bytes.
const VALUE: usize = 4096;

/// `${v/x/y}` and `${v//x/y}`, from behind the first slash.
fn replaced_part(value: &str, rest: &str) -> Option<String> {
    let (all, rest) = rest.strip_prefix('/').map_or((false, rest), |r| (true, r));
    let (from, to) = rest.split_once('/').unwrap_or((rest, ""));
    let from = from.trim_matches(['"', '\'']);
    let to = to.trim_matches(['"', '\'']);
    if from.is_empty() || value.len().saturating_mul(to.len().saturating_add(1)) > 1 << 16 {
        return None;
    }
    if let Some(start) = from.strip_prefix('#') {
        return value.strip_prefix(start).map(|rest| format!("{to}{rest}"));
    }
    if let Some(end) = from.strip_prefix('%') {
        return value.strip_suffix(end).map(|rest| format!("{rest}{to}"));
    }
    Some(if all {
        value.replace(from, to)
    } else {
        value.replacen(from, to, 1)
    })
}

/// `%NAME%` of Windows, and `%NAME:~0,1%`.
fn percent_variables(text: &str, host: &HostFacts) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('%') {
        out.push_str(before);
        let Some((name, after)) = from.split_once('%') else {
            out.push('%');
            rest = from;
            continue;
        };
        if let Some(value) = value(name, host).filter(|_| !name.is_empty()) {
            out.push_str(&value);
            rest = after;
        } else {
            out.push('%');
            rest = from;
        }
    }
    out.push_str(rest);
    out
}

/// `text` with every remaining reference and command substitution as `*`, if
/// it has one: the path could be anything that fits.
pub(super) fn unknown_as_wildcard(text: &str) -> Option<String> {
    if !text.contains('$') {
        return None;
    }
    let open = replaced(text, &|_| Some("*".to_owned()));
    (open != text).then_some(open)
}

/// Every alternative of `{a,b}`, or `None` where there are too many.
pub(super) fn braces(text: &str) -> Option<Vec<String>> {
    let mut open = vec![text.to_owned()];
    let mut done = Vec::new();
    while let Some(next) = open.pop() {
        if open.len().saturating_add(done.len()) > ALTERNATIVES {
            return None;
        }
        match alternatives(&next) {
            Some(all) => open.extend(all),
            None => done.push(next),
        }
    }
    Some(done)
}

fn alternatives(text: &str) -> Option<Vec<String>> {
    for (at, _) in text.match_indices('{') {
        let (before, from) = text.split_at_checked(at)?;
        let Some((inside, after)) = closing(from.get(1..)?, '{', '}') else {
            continue;
        };
        let mut parts = split_top(inside);
        if inside.contains("..") {
            parts = vec!["*"];
        } else if parts.len() < 2 {
            // `{s}` is literal in a shell and one alternative in glob libraries.
            if inside.is_empty() || inside.contains(['.', ' ', ':', '"']) || before.ends_with('$') {
                continue;
            }
            parts = vec![inside];
        }
        return Some(
            parts
                .into_iter()
                .map(|part| format!("{before}{part}{after}"))
                .collect(),
        );
    }
    None
}

/// Splits at commas that are not inside inner braces.
fn split_top(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0_usize, 0_usize);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth = depth.saturating_add(1),
            '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.extend(text.get(from..at));
                from = at.saturating_add(1);
            }
            _ => {}
        }
    }
    parts.extend(text.get(from..));
    parts
}

/// Replaces the references that `values` has.
pub(super) fn with(text: &str, values: &std::collections::BTreeMap<String, String>) -> String {
    replaced(text, &|name| values.get(name).cloned())
}
