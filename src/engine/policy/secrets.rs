//! What of a policy's text is starred out before a line of it is shown.
//!
//! Environment values for one, headers and URLs, under a mistyped key too; values whose name says
//! that they are secret; secret words of a command line; whatever looks like a
//! token. A mistake is shown to people who paste it into an issue.

use super::Span;
use crate::engine::mask::{is_secret_word, looks_like_token, names_a_secret};
use toml::de::{DeTable, DeValue};

/// The keys of a policy, and of a server, that hold no secrets. What is none of
/// them may be a mistyped `env`.
const TOP: [&str; 13] = [
    "version", "strict", "include", "server", "agent", "paths", "pins", "audit", "serve",
    "defaults", "set", "rule", // Of a test file.
    "test",
];
const SERVER: [&str; 7] = [
    "command",
    "cwd",
    "allow_methods",
    "bridge",
    "ask_agent",
    "addresses",
    "oauth",
];
/// The same of a server's `oauth`.
const OAUTH: [&str; 12] = [
    "issuer",
    "client_id",
    "scope",
    "resource",
    "audience",
    "addresses",
    "exchange",
    "login",
    "redirect_port",
    "default_endpoints",
    "key_id",
    "algorithm",
];

/// The text with everything secret starred out, byte for byte, so that spans
/// stay true.
pub(super) fn without_secrets(text: &str) -> String {
    let (root, errors) = DeTable::parse_recoverable(text);
    let secret = ["env", "headers", "url", "oauth", "key"];
    if !errors.is_empty() && secret.iter().any(|key| text.contains(key)) {
        return skeleton(text);
    }
    let mut found = Finder::default();
    found.table(root.get_ref(), &[], false);
    let hide = |(at, c): (usize, char)| {
        let hidden = c.is_alphanumeric() && found.spans.iter().any(|span| span.contains(&at));
        if hidden {
            "*".repeat(c.len_utf8())
        } else {
            c.to_string()
        }
    };
    text.char_indices().map(hide).collect()
}

/// The punctuation of a text that is no TOML: where the parser lost its way,
/// nobody knows what is an environment value. Keys and headers stay.
fn skeleton(text: &str) -> String {
    let hide = |c: char| {
        if c.is_alphanumeric() {
            "*".repeat(c.len_utf8())
        } else {
            c.to_string()
        }
    };
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let is_header = line.starts_with('[') && line.trim_end().ends_with(']');
        let (head, tail) = match line.split_once('=') {
            _ if is_header => (line, ""),
            Some((key, _)) => line.split_at_checked(key.len()).unwrap_or(("", line)),
            None => ("", line),
        };
        shown.push_str(head);
        shown.extend(tail.chars().map(hide));
    }
    shown
}

#[derive(Default)]
struct Finder {
    spans: Vec<Span>,
}

impl Finder {
    /// As deep as the parser lets a policy be, which is bounded.
    fn table(&mut self, table: &DeTable<'_>, at: &[&str], hidden: bool) {
        for (key, value) in table {
            let key: &str = key.get_ref();
            // `url` and `headers` of a server are left out: both are hidden.
            let odd = match at {
                [] => !TOP.contains(&key),
                ["server", _] => !SERVER.contains(&key),
                ["server", _, "oauth"] => !OAUTH.contains(&key),
                // Says which tokens are trusted, and holds none.
                ["agent", _] if key == "jwt" => false,
                // A constraint; its value is a word of the language.
                ["rule", ..] if key == "secrets" => false,
                // Names of servers and agents, and `[paths] secret`.
                ["server" | "agent" | "paths"] => false,
                _ => key == "env" || names_a_secret(key),
            };
            let (hidden, at) = (hidden || odd, [at, &[key]].concat());
            match value.get_ref() {
                // The name of a variable, or of a file, is no secret.
                DeValue::Table(inner)
                    if hidden
                        && inner.len() == 1
                        && (inner.contains_key("from") || inner.contains_key("file")) => {}
                DeValue::Array(items) if key == "command" && !hidden => self.command(items),
                other => self.value(other, value.span(), &at, hidden),
            }
        }
    }

    fn value(&mut self, value: &DeValue<'_>, span: Span, at: &[&str], hidden: bool) {
        match value {
            DeValue::Table(inner) => self.table(inner, at, hidden),
            DeValue::Array(items) => {
                for item in items {
                    self.value(item.get_ref(), item.span(), at, hidden);
                }
            }
            DeValue::String(text) if hidden || looks_like_token(text) => self.spans.push(span),
            _ => self.spans.extend(hidden.then_some(span)),
        }
    }

    fn command(&mut self, items: &toml::de::DeArray<'_>) {
        let mut before = None;
        for item in items {
            if let DeValue::String(word) = item.get_ref() {
                if is_secret_word(before, word) {
                    self.spans.push(item.span());
                }
                before = Some(&**word);
            }
        }
    }
}
