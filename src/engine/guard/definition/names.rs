//! Names that look like other names, and annotations that a name belies.

use super::Report;
use crate::engine::message::{Json, fold_case};
use unicode_security::{GeneralSecurityProfile as _, MixedScript as _};

/// Words that say a tool only looks.
const LOOKS: [&str; 21] = [
    "get", "list", "read", "search", "find", "show", "describe", "count", "check", "view", "fetch",
    "query", "lookup", "validate", "preview", "plan", "explain", "diff", "is", "has", "can",
];

/// Words that say a tool changes something.
const CHANGES: [&str; 24] = [
    "delete",
    "remove",
    "write",
    "drop",
    "destroy",
    "purge",
    "overwrite",
    "truncate",
    "wipe",
    "erase",
    "create",
    "update",
    "insert",
    "edit",
    "move",
    "rename",
    "send",
    "upload",
    "push",
    "commit",
    "install",
    "uninstall",
    "deploy",
    "publish",
];

/// How many of `CHANGES` (from its start) also destroy.
const DESTROYS: usize = 10;

/// Looks at the tool's name, the names of its parameters, and at what the
/// annotations claim beside the name.
pub(super) fn inspect(definition: Json<'_>, report: &mut Report) {
    let Some(name) = definition.get("name").and_then(Json::as_str) else {
        return;
    };
    if let Some(detail) = confusable(&name) {
        report.add("confusable-name", "/name", detail);
    }
    let claim = |hint| {
        let annotations = definition.get("annotations")?;
        annotations.get(hint).and_then(Json::as_bool)
    };
    let Some((at, verb)) = changing_verb(&name) else {
        return;
    };
    if claim("readOnlyHint") == Some(true) {
        let detail = format!("says that it only reads, and its name says `{verb}`");
        report.add("misleading-annotation", "/annotations/readOnlyHint", detail);
    }
    // A tool that `removes` is sometimes honest to call itself reversible;
    // one that wipes is not.
    if claim("destructiveHint") == Some(false)
        && matches!(
            verb,
            "delete" | "drop" | "destroy" | "purge" | "wipe" | "erase"
        )
        && at < DESTROYS
    {
        let detail = format!("says that it destroys nothing, and its name says `{verb}`");
        report.add(
            "misleading-annotation",
            "/annotations/destructiveHint",
            detail,
        );
    }
}

/// Why a name could be taken for another one.
pub(super) fn confusable(name: &str) -> Option<String> {
    if name.is_ascii() {
        return None;
    }
    let skeleton: String = unicode_security::skeleton(name).collect();
    if skeleton.is_ascii() {
        return Some(format!("looks like `{}`", fold_case(&skeleton)));
    }
    if !name.is_single_script() {
        return Some("letters of several scripts".to_owned());
    }
    let odd = name
        .chars()
        .find(|c| c.is_alphanumeric() && !c.identifier_allowed());
    odd.map(|c| format!("U+{:04X} is not for names", u32::from(c)))
}

/// The first word that mixes Latin with letters that look Latin.
pub(super) fn mixed_word(text: &str) -> Option<&str> {
    if text.is_ascii() {
        return None;
    }
    text.split(|c: char| !c.is_alphanumeric()).find(|word| {
        let imitates = |c: char| {
            matches!(c, '\u{0400}'..='\u{052F}' | '\u{0531}'..='\u{0587}' | '\u{13A0}'..='\u{13FD}' | '\u{1C80}'..='\u{1C88}' | '\u{A640}'..='\u{A69F}')
        };
        word.chars().any(|c| c.is_ascii_alphabetic()) && word.chars().any(imitates)
    })
}

/// The word of a name that says that the tool changes something, unless the
/// name starts with a word that says that it looks.
fn changing_verb(name: &str) -> Option<(usize, &'static str)> {
    let mut spaced = String::with_capacity(name.len().saturating_add(4));
    let mut before = ' ';
    for c in name.chars() {
        if before.is_lowercase() && c.is_uppercase() {
            spaced.push(' ');
        }
        spaced.extend(c.to_lowercase());
        before = c;
    }
    let words: Vec<&str> = spaced
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    if words.iter().any(|word| LOOKS.contains(word)) {
        return None;
    }
    CHANGES
        .iter()
        .enumerate()
        .find(|(_, verb)| words.contains(verb))
        .map(|(at, verb)| (at, *verb))
}
