//! How statements begin, and the commands of the clients beside them.

use super::{How, Reach};
use crate::engine::guard::paths::role::listed;

/// `.read f`, `.import f t`, `\i f`, `.shell cat f`: commands of the clients.
pub(super) fn commands(text: &str) -> Vec<Reach> {
    let mut found = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        let Some((verb, rest)) = command(line) else {
            continue;
        };
        if listed("shell system !", verb) {
            found.push(Reach {
                text: rest.to_owned(),
                how: How::Runs,
            });
            continue;
        }
        let how = if listed("once output backup save o", verb) {
            How::Written
        } else {
            How::Read
        };
        found.extend(rest.split_whitespace().map(|word| Reach {
            text: word.trim_matches(['\'', '"', ';']).to_owned(),
            how,
        }));
    }
    found
}

/// A command of a client and what follows it.
fn command(line: &str) -> Option<(&str, &str)> {
    let line = line.strip_prefix(['.', '\\'])?;
    let (verb, rest) = line.split_once(char::is_whitespace).or_else(|| {
        let rest = line.strip_prefix('!')?;
        Some(("!", rest))
    })?;
    let is_verb = verb == "!" || verb.bytes().all(|b| b.is_ascii_lowercase());
    (is_verb && !verb.is_empty()).then_some((verb, rest.trim()))
}

/// `text` behind white space, comments, brackets and empty statements.
fn opening(text: &str) -> &str {
    let mut rest = text;
    loop {
        let trimmed =
            rest.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '(' | ';'));
        rest = if trimmed.starts_with("--") || trimmed.starts_with('#') {
            trimmed.split_once('\n').map_or("", |(_, after)| after)
        } else if trimmed.starts_with("/*!") {
            trimmed.trim_start_matches(|c: char| matches!(c, '/' | '*' | '!') || c.is_ascii_digit())
        } else if trimmed.starts_with("/*") {
            trimmed.split_once("*/").map_or("", |(_, after)| after)
        } else {
            return trimmed;
        };
    }
}

/// Whether `text` starts as an SQL statement does.
pub(in crate::engine::guard::paths) fn is_statement(text: &str) -> bool {
    let verbs = "read import open once output shell system restore load i ir copy !";
    let client = text.lines().next().and_then(|line| command(line.trim()));
    if client.is_some_and(|(verb, _)| listed(verbs, verb)) {
        return true;
    }
    let text = opening(text);
    let end = text
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(text.len());
    let Some((first, rest)) = text.split_at_checked(end) else {
        return false;
    };
    let first = first.to_ascii_lowercase();
    let directly = rest.chars().next();
    let rest = rest.trim_start();
    let second: String = rest
        .chars()
        .take(24)
        .take_while(|c| c.is_ascii_alphabetic() || *c == '_')
        .map(|c| c.to_ascii_lowercase())
        .collect();
    let quoted = rest.starts_with(['\'', '"', '`']);
    let called = rest.starts_with('(');
    let is = |words: &str| listed(words, &second);
    let says = |word: &str| {
        rest.split_whitespace()
            .any(|w| w.to_ascii_lowercase().contains(word))
    };
    match first.as_str() {
        "select" | "copy" | "pragma" => !rest.is_empty(),
        "load" => quoted || is("data xml"),
        "attach" | "import" => quoted || is("database"),
        "insert" | "merge" | "replace" => is("into"),
        "vacuum" => is("into full") || quoted,
        "create" => is("table view or external temp temporary function procedure virtual unique"),
        "with" => says("select"),
        "explain" | "describe" | "desc" | "summarize" => quoted || is("select analyze from with"),
        "begin" => directly == Some(';') || is("transaction"),
        "do" => rest.starts_with('$') || is("language"),
        "call" => rest
            .split_whitespace()
            .next()
            .is_some_and(|w| w.contains('(')),
        "exec" | "execute" => {
            is("immediate") || second.starts_with("xp_") || second.starts_with("sp_") || says("xp_")
        }
        "values" => called,
        "update" => says("set"),
        "delete" => is("from"),
        "from" => quoted || is("read_csv read_text read_csv_auto read_json read_parquet read_blob"),
        "export" | "backup" | "restore" => is("database"),
        "bulk" => is("insert"),
        "alter" => is("system database table"),
        "set" => is("global session persist"),
        "declare" => rest.starts_with('@'),
        "unload" | "truncate" => called || is("table"),
        _ => false,
    }
}
