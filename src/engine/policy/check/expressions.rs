//! Expressions and globs that match more than they look.
//!
//! A heuristic over the text, for people: `api.example.com` as an expression is
//! fitted by `apiXexample.com`, which somebody else may own.

use crate::engine::policy::Code;
use crate::engine::policy::constraint::Constraint;
use crate::engine::policy::diagnostic::{Problems, Severity, Span};
use crate::engine::policy::rule::{Demand, Effect, Rule};
use crate::engine::policy::shown;

/// Tells what the expressions of a rule take beside what they look like.
pub(super) fn check(rule: &Rule, problems: &mut Problems) {
    let is_permit = rule.effect == Effect::Permit;
    for argument in &rule.arguments {
        let Demand::Present { constraints, .. } = &argument.demand else {
            continue;
        };
        for (constraint, span) in constraints {
            match constraint {
                Constraint::Matches(_, source) => expression(source, span, is_permit, problems),
                // Beside an expression it says what that cannot: no `.` or `..`
                // segments.
                Constraint::Glob(matcher) if is_permit && !fits(constraints) => {
                    glob(matcher.glob().glob(), span, problems);
                }
                _ => {}
            }
        }
    }
}

fn fits(constraints: &[(Constraint, Span)]) -> bool {
    let is_expression = |(c, _): &(Constraint, Span)| matches!(c, Constraint::Matches(..));
    constraints.iter().any(is_expression)
}

fn expression(source: &str, span: &Span, is_permit: bool, problems: &mut Problems) {
    let letters = read(source);
    if let Some(dot) = bare_dot(&letters) {
        let message = format!(
            "the `.` in {} stands for any character",
            shown::quoted(&dot)
        );
        let help = format!("write {}", shown::quoted(&dot.replace('.', "[.]")));
        problems.tell(Code::BARE_DOT, span.clone(), message, help);
    }
    // `[^-].*` says what must not stand there, and means the rest.
    let excludes = source.starts_with("[^");
    if is_permit
        && !excludes
        && let Some(message) = open_end(&letters)
    {
        let help = "say what may stand there, such as `[a-z0-9-]+`";
        problems.tell(Code::OPEN_END, span.clone(), message, help);
    }
    let is_multiline = source.contains("(?") && source.contains('m');
    if !is_multiline && let Some(help) = anchors(&letters) {
        let message = "the expression has to fit all of the text anyway: anchors change nothing";
        problems.tell(Code::ANCHORS, span.clone(), message, help);
    }
}

/// One character of an expression, as far as this reader tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letter {
    /// It stands for itself.
    Plain(char),
    /// It has a meaning, outside of a class.
    Special(char),
    /// Part of a class or an escape.
    Other(char),
}

impl Letter {
    fn text(self) -> char {
        match self {
            Self::Plain(c) | Self::Special(c) | Self::Other(c) => c,
        }
    }

    fn is_word(self) -> bool {
        matches!(self, Self::Plain(c) if c.is_alphanumeric() || c == '-')
    }
}

fn read(source: &str) -> Vec<Letter> {
    let mut letters = Vec::new();
    let (mut escaped, mut depth) = (false, 0_usize);
    for c in source.chars() {
        let letter = match c {
            _ if escaped || depth > 0 => Letter::Other(c),
            '\\' | '[' => Letter::Other(c),
            '.' | '*' | '+' | '?' | '^' | '$' | '|' | '(' | ')' | '{' | '}' => Letter::Special(c),
            _ => Letter::Plain(c),
        };
        match c {
            _ if escaped => {}
            '[' => depth = depth.saturating_add(1),
            ']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        letters.push(letter);
    }
    letters
}

/// The word around the first dot that stands between two letters.
fn bare_dot(letters: &[Letter]) -> Option<String> {
    let is_dot = |letter: &Letter| *letter == Letter::Special('.');
    let at = letters.windows(3).position(|three| {
        matches!(three, [before, dot, after] if before.is_word() && is_dot(dot) && after.is_word())
    })?;
    let in_word = |letter: &&Letter| letter.is_word() || is_dot(letter);
    let dot = at.saturating_add(1);
    let before = letters.get(..dot)?.iter().rev().take_while(in_word).count();
    let after = letters.get(dot..)?.iter().take_while(in_word).count();
    let word = letters.get(dot.saturating_sub(before)..dot.saturating_add(after))?;
    Some(word.iter().map(|letter| letter.text()).collect())
}

/// Whether it begins or ends with anything at all.
fn open_end(letters: &[Letter]) -> Option<&'static str> {
    let anything = |two: &[Letter]| {
        let repeats = [Letter::Special('*'), Letter::Special('+')];
        matches!(two, [dot, repeat] if *dot == Letter::Special('.') && repeats.contains(repeat))
    };
    let first = letters.get(..2).is_some_and(anything);
    let last_two = letters
        .len()
        .checked_sub(2)
        .and_then(|at| letters.get(at..));
    let last = last_two.is_some_and(anything);
    match (first, last) {
        (true, true) if letters.len() <= 2 => Some("the expression takes every text"),
        (true, _) => Some("the expression takes any beginning"),
        (false, true) => Some("the expression takes any end"),
        (false, false) => None,
    }
}

/// What to say where there are anchors: they look as if they did something.
fn anchors(letters: &[Letter]) -> Option<&'static str> {
    let is_special = |letter: Option<&Letter>, c: char| letter == Some(&Letter::Special(c));
    let starts = is_special(letters.first(), '^');
    let ends = is_special(letters.last(), '$');
    if !starts && !ends {
        return None;
    }
    let mut depth = 0_usize;
    let mut alternates = false;
    for letter in letters {
        match letter {
            Letter::Special('(') => depth = depth.saturating_add(1),
            Letter::Special(')') => depth = depth.saturating_sub(1),
            Letter::Special('|') => alternates |= depth == 0,
            _ => {}
        }
    }
    Some(if alternates {
        "remove `^` and `$`: each alternative has to fit the whole text, `^a|b$` is `a` or `b`"
    } else {
        "remove `^` and `$`"
    })
}

fn glob(source: &str, span: &Span, problems: &mut Problems) {
    let (severity, message) = match source {
        "**" | "**/*" | "**/**" => (Severity::Warning, "this glob takes every text"),
        "*" => (Severity::Note, "this glob takes every text without a `/`"),
        _ => return,
    };
    let help = "say what the text begins with, such as `acme/*`, or remove the constraint";
    problems
        .of(Code::OPEN_GLOB)
        .add(severity, span.clone(), message, help);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots() {
        for (source, expected) in [
            ("api.example.com", Some("api.example.com")),
            ("https://(a|b)/x.y", Some("x.y")),
            (r"api\.example\.com", None),
            ("api[.]example[.]com", None),
            ("a.*b", None),
            (".a", None),
            ("a.+", None),
            ("[a.b]", None),
            (r"\[a.b", Some("a.b")),
        ] {
            assert_eq!(bare_dot(&read(source)).as_deref(), expected, "{source}");
        }
    }

    #[test]
    fn ends() {
        for (source, expected) in [
            ("a.*", Some("the expression takes any end")),
            (".*a", Some("the expression takes any beginning")),
            (".*", Some("the expression takes every text")),
            (r"a\.*", None),
            ("a[.*]", None),
            ("", None),
            ("a", None),
        ] {
            assert_eq!(open_end(&read(source)), expected, "{source}");
        }
    }

    #[test]
    fn anchors_are_seen() {
        for (source, told, grouped) in [
            ("^a$", true, true),
            ("^a|b$", true, false),
            ("^(a|b)$", true, true),
            (r"a\$", false, true),
            ("[^a]", false, true),
            ("a", false, true),
        ] {
            let found = anchors(&read(source));
            assert_eq!(found.is_some(), told, "{source}");
            assert_eq!(
                found.is_none_or(|help| !help.contains("alternative")),
                grouped,
                "{source}"
            );
        }
    }
}
