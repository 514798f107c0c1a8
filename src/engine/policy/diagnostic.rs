//! What is wrong with a policy, and how a person gets to see it.
//!
//! A diagnostic says where, what was expected, and what to do next. Rendering
//! shows lines of the policy file, which may hold secrets: they are starred out
//! first (`secrets`), so that a mistake never prints one.

use super::code::Code;
use super::secrets::without_secrets;
use super::source::Sources;
use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
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
    /// Which kind of thing it says.
    pub code: Code,
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
#[derive(Debug)]
pub(super) struct Problems {
    found: Vec<Diagnostic>,
    /// The code of what has none of its own.
    subject: Code,
}

/// Adds something with a code of its own.
#[derive(Debug)]
pub(super) struct Coded<'p>(&'p mut Vec<Diagnostic>, Code);

impl Problems {
    /// Nothing is wrong yet.
    pub(super) fn about(subject: Code) -> Self {
        Self {
            found: Vec::new(),
            subject,
        }
    }

    /// What is looked at from here on: the code of what is said without one.
    pub(super) fn turn_to(&mut self, subject: Code) {
        self.subject = subject;
    }

    /// The next thing to say has this code.
    pub(super) fn of(&mut self, code: Code) -> Coded<'_> {
        Coded(&mut self.found, code)
    }

    /// Adds a mistake, with what to do about it.
    pub(super) fn error(
        &mut self,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let subject = self.subject;
        self.of(subject).error(span, message, help);
    }

    /// Adds something with a code, as bad as the table says.
    pub(super) fn tell(
        &mut self,
        code: Code,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.of(code).add(code.severity(), span, message, help);
    }

    /// Adds what others found.
    pub(super) fn extend(&mut self, more: impl IntoIterator<Item = Diagnostic>) {
        self.found.extend(more);
    }

    /// Whether the policy cannot be used.
    pub(super) fn has_errors(&self) -> bool {
        self.found.iter().any(|d| d.severity == Severity::Error)
    }

    /// All of it, in the order of the file.
    pub(super) fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found
            .sort_by_key(|d| (d.span.start, d.span.end, d.severity, d.code));
        self.found
    }
}

impl Coded<'_> {
    /// Adds a mistake, with what to do about it.
    pub(super) fn error(self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Error, span, message, help);
    }

    /// Adds something to say.
    pub(super) fn add(
        self,
        severity: Severity,
        span: Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.0.push(Diagnostic {
            code: self.1,
            span,
            message: message.into(),
            help: Some(help.into()),
            severity,
        });
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
    let code = diagnostic.code.to_string();
    let title = level
        .primary_title(diagnostic.message.as_str())
        .id(code.as_str());
    let within_file = |at: usize| at.saturating_sub(start);
    let span = within_file(diagnostic.span.start)..within_file(diagnostic.span.end);
    let mut group = if span.end == 0 {
        // About the whole file: its first line has nothing to do with it.
        title.element(Origin::path(file))
    } else {
        let caret = AnnotationKind::Primary.span(within(text, &span));
        title.element(Snippet::source(text).path(file).annotation(caret))
    };
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
            code: Code::RULE,
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
