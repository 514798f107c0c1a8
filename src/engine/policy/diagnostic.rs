//! What is wrong with a policy, and how a person gets to see it.
//!
//! A diagnostic says where, what was expected, and what to do next. Rendering
//! shows lines of the policy file, which may hold secrets: they are starred out
//! first (`secrets`), so that a mistake never prints one.

use super::secrets::without_secrets;
use super::source::Sources;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::collections::BTreeMap;
use std::ops::Range;

/// Most diagnostics that are rendered: nobody reads more, and each one costs a
/// walk through the file.
const SHOWN: usize = 100;

/// Where something stands in the files of a policy, in bytes, counted through
/// all of them.
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

/// Shows diagnostics of one file as rustc does: message, file, line, caret, help.
pub fn render(file: &str, text: &str, diagnostics: &[Diagnostic], color: bool) -> String {
    render_all(&Sources::one(file, "", text), diagnostics, color)
}

/// The first of them in one line: file, line, message.
pub fn render_first(sources: &Sources, diagnostics: &[Diagnostic]) -> Option<String> {
    let first = diagnostics.first()?;
    let at = first.span.start;
    let (file, text, start) = sources.text_at(at)?;
    let before = text.get(..at.saturating_sub(start)).unwrap_or_default();
    let line = before.matches('\n').count().saturating_add(1);
    let more = match diagnostics.len().saturating_sub(1) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    Some(format!("{file}:{line}: {}{more}", first.message))
}

/// Shows diagnostics of several files.
pub fn render_all(sources: &Sources, diagnostics: &[Diagnostic], color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    // Each text is starred out once.
    let mut texts: BTreeMap<usize, String> = BTreeMap::new();
    let mut reports = Vec::new();
    for diagnostic in diagnostics.iter().take(SHOWN) {
        let (file, text, start) = sources.text_at(diagnostic.span.start).unwrap_or_default();
        let text = texts.entry(start).or_insert_with(|| without_secrets(text));
        reports.push(report(diagnostic, (file, text, start), &renderer));
    }
    let more = diagnostics.len().saturating_sub(SHOWN);
    if more > 0 {
        reports.push(format!("and {more} more"));
    }
    reports.join("\n\n")
}

fn report(
    diagnostic: &Diagnostic,
    (file, text, start): (&str, &str, usize),
    renderer: &Renderer,
) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let within_file = |at: usize| at.saturating_sub(start);
    let span = within_file(diagnostic.span.start)..within_file(diagnostic.span.end);
    let caret = AnnotationKind::Primary.span(within(text, &span));
    let snippet = Snippet::source(text).path(file).annotation(caret);
    let mut group = level
        .primary_title(diagnostic.message.as_str())
        .element(snippet);
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    renderer.render(&[group])
}

/// The span, clipped to the text and moved out to character boundaries.
fn within(text: &str, span: &Span) -> Span {
    let start = text.floor_char_boundary(span.start);
    let end = text.ceil_char_boundary(span.end).max(start);
    start..end
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
    fn environment_values_are_never_shown() {
        for text in [
            "[server.a]\nenv = { T = \"hunter2\", U = \"\u{e9}hunter2\" }\n",
            "[server.a.env]\nT = 'hunter2'\n",
            "server.a.env.T = \"hunter2\"\n",
            "server.a.env = { T = [\"hunter2\"] }\n",
            "env = { T = \"hunter2\n",
            "[server.a]\nenv = { T = \"hunter2\", }}\nx = \"y\"",
            "env = { T = { fro = \"hunter2\" } }\n",
            "[server.a.env]\nT = \"\"\"\nhunter2\n\"\"\"\"\n",
            "[server.a]\nenvv = { T = \"hunter2\" }\n",
            "[server.a]\nvars.T = \"hunter2\"\n",
            "[servers.a]\nT = \"hunter2\"\n",
            "[agent.a]\ntoken = \"hunter2\"\n",
            "[agent.a]\nkey = \"hunter2\"\n",
            "[agent.a]\nkey = [\"x\", \"hunter2\"]\n",
            "[agent.a]\nkey = \"hunter2\n",
            "[agent.a]\njwt = { secret = \"hunter2\" }\n",
            "[server.a]\ncommand = [\"x\", \"--api-key\", \"hunter2\"]\n",
            "[server.a]\ncommand = [\"x\", \"--token=hunter2\"]\n",
            "[server.a]\ncommand = [\"docker\", \"-e\", \"TOKEN=hunter2\"]\n",
            "[server.a]\ncommand = [\"x\", \"https://me:hunter2@host/\"]\n",
            "[server.a]\ncommand = [\"ghp_hunter2hunter2\"]\n",
            "[[rule]]\nid = \"ghp_hunter2hunter2\"\n",
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
    fn what_is_no_secret_is_shown() {
        for text in [
            "[server.auth]\ncommand = [\"npx\", \"@acme/plain@1.2.3\", \"--plain\"]\n",
            "[paths]\nsecret = [\"plain\"]\n",
            "[agent.a]\njwt = { issuer = \"plain\", audience = \"plain\" }\n",
            "[[rule]]\ntools = [\"plain\"]\n",
        ] {
            let at = text.find("plain").unwrap();
            let shown = render("p.toml", text, &[error(at..at)], false);
            assert!(shown.contains("plain"), "{shown}");
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
