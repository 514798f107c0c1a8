//! What the tests of a policy said: for people, and for programs.

use super::outcome::{Outcome, is_permitted};
use super::{Ran, RanTest};
use crate::cli::counted;
use crate::cli::explain::words::{named, place};
use crate::cli::standing::table;
use crate::engine::pin::visible;
use crate::engine::policy::Effect;
use serde_json::{Value, json};

impl RanTest {
    fn name(&self) -> String {
        let first = || self.outcomes.first().map(|outcome| outcome.what.clone());
        let name = self.test.name.clone().or_else(first);
        visible(&name.unwrap_or_default())
    }

    fn lines(&self) -> Vec<String> {
        let name = self.name();
        let calls = match self.outcomes.len() {
            0 | 1 => String::new(),
            many => format!(" ({})", counted(many, "call")),
        };
        let wrong: Vec<_> = self.outcomes.iter().filter(|o| !o.is_fine()).collect();
        if wrong.is_empty() {
            return vec![format!("  ok      {name}{calls}")];
        }
        let mut lines = vec![format!("  FAILED  {name}{calls}")];
        for outcome in wrong {
            lines.extend(failure(&self.file, outcome));
        }
        lines
    }
}

/// One call that came out otherwise.
fn failure(file: &str, outcome: &Outcome) -> Vec<String> {
    let mut lines = vec![format!(
        "{file}:{}: {}",
        outcome.line,
        visible(&outcome.what)
    )];
    if let Some(wrong) = &outcome.wrong {
        lines.push(format!("  wanted:  {}", wrong.expected));
    }
    lines.extend(outcome.found().iter().map(|line| format!("  {line}")));
    let hint = outcome.wrong.as_ref().and_then(|wrong| wrong.hint.as_ref());
    lines.extend(hint.map(|hint| format!("  hint:    {hint}")));
    lines
        .iter()
        .map(|line| format!("            {line}"))
        .collect()
}

fn effect(effect: Effect) -> String {
    serde_json::to_value(effect)
        .ok()
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

impl Ran {
    pub(super) fn words(&self, coverage: bool, least: Option<u8>) -> String {
        let mut lines = Vec::new();
        let mut file = "";
        for test in &self.tests {
            if test.file != file {
                file = &test.file;
                lines.push(file.to_owned());
            }
            lines.extend(test.lines());
        }
        for mistakes in &self.mistakes {
            let (file, count) = (&mistakes.file, counted(mistakes.count, "mistake"));
            lines.push(format!(
                "{file}\n  FAILED  {count}, told above: none of its tests ran"
            ));
        }
        if coverage {
            lines.push(self.table());
        }
        lines.push(self.summary());
        let idle: Vec<_> = self.coverage.idle().map(|rule| named(&rule.rule)).collect();
        if !idle.is_empty() && !coverage {
            lines.push(format!("  not covered: {}", idle.join(", ")));
        }
        if let (false, Some(least)) = (self.covers(least), least) {
            lines.push(format!(
                "  FAILED  expected at least {least} % of the rules"
            ));
        }
        lines.extend(self.notes.iter().map(|note| format!("  note: {note}")));
        lines.join("\n")
    }

    fn summary(&self) -> String {
        let (calls, failed) = (self.outcomes().count(), self.failed());
        let came = match failed {
            0 if calls == 0 => "nothing ran".to_owned(),
            0 => "all as expected".to_owned(),
            some => format!("{some} FAILED"),
        };
        let rules = self.coverage.rules().len();
        let covered = rules.saturating_sub(self.coverage.idle().count());
        format!(
            "{}: {} in {}: {came}; {covered} of {} covered ({} %)",
            self.policy,
            counted(calls, "call"),
            counted(self.tests.len(), "test"),
            counted(rules, "rule"),
            self.coverage.percent()
        )
    }

    fn table(&self) -> String {
        let rows = self.coverage.rules().iter().map(|rule| {
            let refused = if rule.effect == Effect::Permit {
                rule.refused.to_string()
            } else {
                String::new()
            };
            vec![
                rule.rule.id.clone(),
                effect(rule.effect),
                rule.determined.to_string(),
                refused,
                place(&rule.rule),
            ]
        });
        let head = ["RULE", "EFFECT", "DETERMINED", "REFUSED", "WHERE"];
        table(&head, &rows.collect::<Vec<_>>())
    }

    pub(super) fn json(&self, least: Option<u8>) -> Value {
        let tests = self.tests.iter().map(|test| {
            json!({
                "file": test.file,
                "line": test.test.line,
                "name": test.test.name,
                "calls": test.outcomes.iter().map(call).collect::<Vec<_>>(),
            })
        });
        let rules = self.coverage.rules().iter().map(|rule| {
            json!({
                "rule": rule.rule,
                "effect": rule.effect,
                "determined": rule.determined,
                "refused": rule.refused,
            })
        });
        let mistakes = self.mistakes.iter();
        let mistakes = mistakes.map(|m| json!({ "file": m.file, "mistakes": m.count }));
        json!({
            "policy": self.policy,
            "fine": self.code(least) == 0,
            "calls": self.outcomes().count(),
            "failed": self.failed(),
            "tests": tests.collect::<Vec<_>>(),
            "unusable": mistakes.collect::<Vec<_>>(),
            "coverage": { "percent": self.coverage.percent(), "rules": rules.collect::<Vec<_>>() },
            "notes": self.notes,
        })
    }
}

fn call(outcome: &Outcome) -> Value {
    let record = outcome.record();
    json!({
        "line": outcome.line,
        "what": outcome.what,
        "fine": outcome.is_fine(),
        "expected": outcome.wrong.as_ref().map(|wrong| &wrong.expected),
        "permitted": is_permitted(record),
        "reason": record.reason,
        "detail": record.detail,
        "rules": record.rules,
    })
}
