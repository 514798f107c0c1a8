//! What an argument is for, as `lockgate check` tells it to a person.
//!
//! The guard reads closely whatever may be a path, which costs nothing; an
//! advice that is mostly wrong is read by nobody. So less is a path here.

use super::{Deed, Nature, Role, listed, says_path};
use crate::engine::message::Json;

/// What can be done with a free argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// Names a file or a directory.
    Path,
    /// Names something to connect to.
    Url,
    /// Is run.
    Command,
    /// Is stored, sent or shown.
    Text,
}

const PLACES: &str = "
    path paths file files filename filenames filepath filepaths dir dirs directory directories
    folder folders cwd src source sources dst dest destination workdir workspace
";
const URLS: &str = "url urls uri uris endpoint webhook href website";

/// The purpose of a string argument, where it can be told.
pub(crate) fn purpose(tool: &str, key: &str, schema: Json<'_>) -> Option<Purpose> {
    let format = schema.get("format").and_then(Json::as_str);
    let last = last_word(key);
    if matches!(
        format.as_deref(),
        Some("uri" | "url" | "uri-reference" | "iri")
    ) || listed(URLS, &last)
    {
        return Some(Purpose::Url);
    }
    let nature = Nature::of(tool);
    match Role::of(key, Role::Neutral, &nature, Some(schema)) {
        Role::Path | Role::Pattern if listed(PLACES, &last) || says_path(schema) => {
            Some(Purpose::Path)
        }
        Role::Command => Some(Purpose::Command),
        Role::Code if nature.does(Deed::Executes) => Some(Purpose::Command),
        Role::Code | Role::Content | Role::Manifest => Some(Purpose::Text),
        Role::Path | Role::Pattern | Role::Aside | Role::Neutral => None,
    }
}

/// Whether a tool changes something, as its annotations or else its name say.
pub(crate) fn changes(tool: &str, definition: Json<'_>) -> bool {
    let hint = |key: &str| {
        let annotations = definition.get("annotations");
        annotations
            .and_then(|all| all.get(key))
            .and_then(Json::as_bool)
    };
    match (hint("readOnlyHint"), hint("destructiveHint")) {
        (Some(reads), _) => !reads,
        (None, Some(true)) => true,
        (None, Some(false) | None) => {
            let nature = Nature::of(tool);
            let deeds = [Deed::Executes, Deed::Writes, Deed::Changes, Deed::Removes];
            deeds.into_iter().any(|deed| nature.does(deed))
        }
    }
}

/// `url` of `callbackUrl`, `callback_url` and `callback-url`.
fn last_word(name: &str) -> String {
    let mut word = String::new();
    let mut was_lower = false;
    for c in name.chars().take(128) {
        let starts = !c.is_alphanumeric() || (c.is_uppercase() && was_lower);
        if starts {
            word.clear();
        }
        was_lower = c.is_lowercase() || c.is_ascii_digit();
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::message::{Document, Limits};

    fn document(text: &str) -> Document {
        Document::read(text.as_bytes().to_vec(), &Limits::DEFAULT).unwrap()
    }

    #[test]
    fn purposes() {
        let plain = r#"{"type":"string"}"#;
        for (tool, key, schema, expected) in [
            ("write_file", "path", plain, Some(Purpose::Path)),
            ("move_file", "destination", plain, Some(Purpose::Path)),
            ("write_file", "content", plain, Some(Purpose::Text)),
            ("send", "to", plain, None),
            ("x", "callbackUrl", plain, Some(Purpose::Url)),
            ("x", "it", r#"{"format":"uri"}"#, Some(Purpose::Url)),
            (
                "x",
                "it",
                r#"{"description":"Path to the log"}"#,
                Some(Purpose::Path),
            ),
            ("run", "command", plain, Some(Purpose::Command)),
            ("run_python", "code", plain, Some(Purpose::Command)),
            ("create_snippet", "code", plain, Some(Purpose::Text)),
            ("create_issue", "owner", plain, None),
        ] {
            let schema = document(schema);
            assert_eq!(purpose(tool, key, schema.root()), expected, "{tool} {key}");
        }
    }

    #[test]
    fn what_changes_something() {
        for (tool, definition, expected) in [
            ("write_file", "{}", true),
            ("read_file", "{}", false),
            (
                "write_file",
                r#"{"annotations":{"readOnlyHint":true}}"#,
                false,
            ),
            ("get", r#"{"annotations":{"readOnlyHint":false}}"#, true),
            ("get", r#"{"annotations":{"destructiveHint":true}}"#, true),
            (
                "run_it",
                r#"{"annotations":{"destructiveHint":false}}"#,
                true,
            ),
        ] {
            let definition = document(definition);
            assert_eq!(changes(tool, definition.root()), expected, "{tool}");
        }
    }
}
