//! What is wrong with a policy, and how a person gets to see it.
//!
//! A diagnostic says where, what was expected, and what to do next. Rendering
//! shows lines of the policy file, which may hold secrets literally:
//! they are starred out first, so that a mistake never prints a secret.

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::ops::Range;
use toml::de::{DeTable, DeValue};

/// Most diagnostics that are rendered: nobody reads more, and each one costs a
/// walk through the file.
const SHOWN: usize = 100;

/// Where something stands in the policy file, in bytes.
pub type Span = Range<usize>;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The policy cannot mean what it says: it is not used.
    Error,
    /// The policy works, but hardly as its author thinks.
    Warning,
    /// Good to know.
    Note,
}

/// One thing to say about a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Where.
    pub span: Span,
    /// What: lower-case, no full stop. Never contains an environment value.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// How bad.
    pub severity: Severity,
}

/// All that is wrong so far. Reading goes on after a mistake, so that all of
/// them are told at once.
#[derive(Debug, Default)]
pub(super) struct Problems(Vec<Diagnostic>);

impl Problems {
    /// Adds a mistake, with what to do about it.
    pub(super) fn error(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.add(Severity::Error, span, message, help);
    }

    /// Adds something to say.
    pub(super) fn add(
        &mut self,
        severity: Severity,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.0.push(Diagnostic {
            span,
            message: message.into(),
            help: Some(help.into()),
            severity,
        });
    }

    /// Adds what others found.
    pub(super) fn extend(&mut self, more: impl IntoIterator<Item = Diagnostic>) {
        self.0.extend(more);
    }

    /// Whether the policy cannot be used.
    pub(super) fn has_errors(&self) -> bool {
        self.0.iter().any(|d| d.severity == Severity::Error)
    }

    /// All of it, in the order of the file.
    pub(super) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.0
            .sort_by_key(|d| (d.span.start, d.span.end, d.severity));
        self.0
    }
}

/// Shows diagnostics as rustc does: message, file, line, caret, help.
pub fn render(file: &str, text: &str, diagnostics: &[Diagnostic], color: bool) -> String {
    let text = without_secrets(text);
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut reports: Vec<_> = diagnostics
        .iter()
        .take(SHOWN)
        .map(|diagnostic| {
            let level = match diagnostic.severity {
                Severity::Error => Level::ERROR,
                Severity::Warning => Level::WARNING,
                Severity::Note => Level::NOTE,
            };
            let caret = AnnotationKind::Primary.span(within(&text, &diagnostic.span));
            let snippet = Snippet::source(text.as_str()).path(file).annotation(caret);
            let mut group = level
                .primary_title(diagnostic.message.as_str())
                .element(snippet);
            if let Some(help) = &diagnostic.help {
                group = group.element(Level::HELP.message(help.as_str()));
            }
            renderer.render(&[group])
        })
        .collect();
    let more = diagnostics.len().saturating_sub(SHOWN);
    if more > 0 {
        reports.push(format!("and {more} more"));
    }
    reports.join("\n\n")
}

/// The span, clipped to the text and moved out to character boundaries.
fn within(text: &str, span: &Span) -> Span {
    let start = text.floor_char_boundary(span.start);
    let end = text.ceil_char_boundary(span.end).max(start);
    start..end
}

/// Keys whose values can be secret: variables, headers, and a URL's query.
const SECRET: [&str; 3] = ["env", "headers", "url"];

/// The text with every literal value of those starred out, byte for byte, so
/// that spans stay true.
fn without_secrets(text: &str) -> String {
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() && SECRET.iter().any(|key| text.contains(key)) {
        return skeleton(text);
    }
    let mut spans = Vec::new();
    env_values(root.get_ref(), false, &mut spans);
    let hide = |(at, c): (usize, char)| {
        let hidden = c.is_alphanumeric() && spans.iter().any(|span| span.contains(&at));
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

fn env_values(table: &DeTable<'_>, within_env: bool, spans: &mut Vec<Span>) {
    for (key, value) in table {
        let within_env = within_env || SECRET.contains(&key.get_ref().as_ref());
        match value.get_ref() {
            DeValue::Table(inner) => {
                let from_elsewhere = within_env && inner.len() == 1 && inner.contains_key("from");
                if !from_elsewhere {
                    env_values(inner, within_env, spans);
                }
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_)
            | DeValue::Array(_) => spans.extend(within_env.then(|| value.span())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(span: Span) -> Diagnostic {
        Diagnostic {
            span,
            message: "odd".to_owned(),
            help: None,
            severity: Severity::Error,
        }
    }

    #[test]
    fn secret_values_are_never_shown() {
        for text in [
            "[server.a]\nenv = { T = \"hunter2\", U = \"\u{e9}hunter2\" }\n",
            "[server.a.env]\nT = 'hunter2'\n",
            "server.a.env.T = \"hunter2\"\n",
            "server.a.env = { T = [\"hunter2\"] }\n",
            "env = { T = \"hunter2\n",
            "[server.a]\nenv = { T = \"hunter2\", }}\nx = \"y\"",
            "env = { T = { fro = \"hunter2\" } }\n",
            "[server.a.env]\nT = \"\"\"\nhunter2\n\"\"\"\"\n",
            "[server.a]\nheaders = { T = \"hunter2\" }\n",
            "[server.a]\nurl = \"https://x.example/?key=hunter2\n",
            "[server.a]\nurl = \"https://x.example/?key=hunter2\"\n",
            "[server.a]\nurl = [\"https://u:hunter2@x.example/\"]\n",
        ] {
            for start in 0..text.len() {
                let shown = render("p.toml", text, &[error(start..start)], false);
                assert!(!shown.contains("hunter2"), "{shown}");
            }
            let at = text.find("hunter2").unwrap();
            let shown = render("p.toml", text, &[error(at..at)], false);
            assert!(shown.contains("*******"), "{shown}");
        }
    }

    #[test]
    fn a_named_variable_is_shown() {
        let shown = render(
            "p.toml",
            "[server.a]\nenv = { T = { from = \"GITHUB\" } }",
            &[error(11..14)],
            false,
        );
        assert!(shown.contains("GITHUB"), "{shown}");
    }

    #[test]
    fn any_span_renders() {
        let text = "a = \"\u{1f600}\"\nb";
        for start in 0..20 {
            for end in 0..20 {
                assert!(render("p.toml", text, &[error(start..end)], true).contains("odd"));
            }
        }
        assert!(render("p.toml", "", &[error(0..0)], false).contains("odd"));
    }
}
