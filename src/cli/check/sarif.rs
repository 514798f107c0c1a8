//! Findings in SARIF 2.1.0, for code scanning.

use crate::engine::policy::{Code, Diagnostic, Severity, Sources};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// One run, with the rules that it speaks of. What has no place is told of
/// `file`.
pub(super) fn log(file: &str, sources: &Sources, found: &[Diagnostic], here: &Path) -> String {
    let codes: BTreeSet<Code> = found.iter().map(|d| d.code).collect();
    let rules: Vec<Value> = codes.iter().map(|code| rule(*code)).collect();
    let results: Vec<Value> = found
        .iter()
        .map(|diagnostic| {
            let at = codes.iter().position(|code| *code == diagnostic.code);
            let is_placed = diagnostic.span.end > 0;
            let place = sources.place(diagnostic.span.start).filter(|_| is_placed);
            let uri = uri(place.map_or(file, |place| place.file), here);
            result(diagnostic, at, sources, &uri)
        })
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "lockgate",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            } },
            "columnKind": "utf16CodeUnits",
            "results": results,
        }],
    })
    .to_string()
}

fn rule(code: Code) -> Value {
    let (title, severity) = code
        .entry()
        .map_or(("", Severity::Error), |entry| (entry.title, entry.severity));
    let page = code.page().unwrap_or_default();
    json!({
        "id": code.to_string(),
        "shortDescription": { "text": title },
        "defaultConfiguration": { "level": super::severity(severity) },
        "help": { "text": page, "markdown": page },
    })
}

fn result(diagnostic: &Diagnostic, rule: Option<usize>, sources: &Sources, uri: &str) -> Value {
    let place = |at: usize| {
        let place = sources.place(at);
        place.map_or((1, 1), |place| (place.line, place.utf16))
    };
    let (line, column) = place(diagnostic.span.start);
    let (end_line, end_column) = place(diagnostic.span.end.max(diagnostic.span.start));
    let help = diagnostic.help.as_deref().unwrap_or_default();
    json!({
        "ruleId": diagnostic.code.to_string(),
        "ruleIndex": rule,
        "level": super::severity(diagnostic.severity),
        "message": { "text": format!("{}\n{help}", diagnostic.message) },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": uri },
            "region": {
                "startLine": line,
                "startColumn": column,
                "endLine": end_line,
                "endColumn": end_column,
            },
        } }],
    })
}

/// Relative to the working directory, which CI takes for the repository; what
/// lies elsewhere in full.
fn uri(file: &str, here: &Path) -> String {
    let path = Path::new(file);
    let inside = path.strip_prefix(here).unwrap_or(path);
    let prefix = if inside.is_absolute() { "file://" } else { "" };
    let shown = inside.to_string_lossy();
    let plain = shown.strip_prefix("./").unwrap_or(&shown);
    let mut uri = prefix.to_owned();
    for byte in plain.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(uri, "%{byte:02X}");
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_relative_where_they_can_be() {
        let here = Path::new("/work/repo");
        for (file, expected) in [
            ("lockgate.toml", "lockgate.toml"),
            ("./a b.toml", "a%20b.toml"),
            ("/work/repo/x/p.toml", "x/p.toml"),
            ("/etc/p.toml", "file:///etc/p.toml"),
            ("x:y.toml", "x%3Ay.toml"),
        ] {
            assert_eq!(uri(file, here), expected);
        }
    }
}
