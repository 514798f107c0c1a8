//! A decision in words: why, by which rules, and what would have to change.

use crate::cli::setup::Setup;
use crate::engine::pin::visible;
use crate::engine::policy::{NearMiss, RuleRef, nearest};
use crate::engine::record::{Record, RecordVerdict as Verdict, Would};

/// Most near misses that are told.
const TOLD: usize = 4;

/// `` `id` (FILE:LINE) ``
pub(in crate::cli) fn named(rule: &RuleRef) -> String {
    format!("`{}` ({})", rule.id, place(rule))
}

/// Where a rule stands.
pub(in crate::cli) fn place(rule: &RuleRef) -> String {
    // The baseline stands in no file.
    match rule.line {
        0 => "built-in".to_owned(),
        line => format!("{}:{line}", rule.file),
    }
}

/// What happens, in a word.
pub(in crate::cli) fn verdict(record: &Record) -> String {
    match record.verdict {
        Verdict::Forward | Verdict::Rewrite => "permitted".to_owned(),
        Verdict::Hold => {
            "permitted if the server's definition stands the first inspection: it has no pin yet"
                .to_owned()
        }
        Verdict::Deny | Verdict::Drop | Verdict::Absorb => {
            format!("denied [{}]", record.reason.unwrap_or("denied"))
        }
    }
}

/// Why: a line each for the reason, the rules and the findings.
pub(in crate::cli) fn because(record: &Record) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(record.detail.as_ref().map(|d| format!("why:     {d}")));
    let rules = record.rules.iter();
    lines.extend(rules.map(|rule| format!("rule:    {}", named(rule))));
    lines.extend(record.would.as_ref().map(audited));
    for finding in &record.findings {
        let (code, at, detail) = (finding.code, &finding.at, &finding.detail);
        lines.push(format!("finding: {code} at `{at}`: {detail}"));
    }
    lines
}

/// What would happen, were nothing in audit mode.
fn audited(would: &Would) -> String {
    let what = match would.reason {
        Some(reason) => format!("denied [{reason}]"),
        None => "permitted".to_owned(),
    };
    let rules: Vec<_> = would.rules.iter().map(|(rule, _)| &*rule.id).collect();
    let detail = would
        .detail
        .as_deref()
        .map_or_else(|| format!("rule `{}`", rules.join("`, `")), str::to_owned);
    format!("audit:   without audit mode it would be {what}: {detail}")
}

/// A tool that is not pinned is often one that is spelled wrong.
pub(super) fn typo(setup: &Setup, tool: &str) -> Option<String> {
    let pins = setup.pins.servers.get(&setup.server)?;
    if pins.tools.contains_key(tool) {
        return None;
    }
    let near = nearest(tool, pins.tools.keys().map(String::as_str))?;
    Some(format!("hint:    did you mean `{near}`?"))
}

/// What the answer to a permitted request has to be.
pub(super) fn answer(setup: &Setup, record: &Record) -> Option<String> {
    if record.verdict != Verdict::Forward {
        return None;
    }
    let all = setup.policy.rules_for_display();
    let of = |rule: &RuleRef| all.iter().find(|one| one.rule == *rule)?.results.clone();
    let wanted: Vec<_> = record.rules.iter().map(of).collect::<Option<_>>()?;
    (!wanted.is_empty()).then(|| format!("answer:  {}", wanted.join("; or ")))
}

/// What would have to change so that a denied request passes.
pub(super) fn changes(record: &Record, near: &[NearMiss]) -> Vec<String> {
    if !matches!(record.verdict, Verdict::Deny | Verdict::Drop) {
        return Vec::new();
    }
    match record.reason.unwrap_or_default() {
        "not-permitted" | "insufficient-scope" => missing(record, near),
        "forbidden" | "approval-needed" => forbidden(record, near),
        "secret-place" | "self-protection" | "unresolvable-path" => {
            vec!["name another place: the guard comes before all rules".to_owned()]
        }
        "undeclared-argument" => {
            let by = record.rules.iter().map(named).collect::<Vec<_>>();
            vec![format!(
                "leave the argument out; or `undeclared = \"permit\"` in {}",
                by.join(", ")
            )]
        }
        "schema-violation" => {
            vec!["call it as the pinned schema wants it: no rule can widen it".to_owned()]
        }
        "result-refused" => {
            let by = record.rules.iter().map(named).collect::<Vec<_>>();
            vec![format!("wider `results` in {}", by.join(", or in "))]
        }
        // The reason says it already, with the command.
        _ => Vec::new(),
    }
}

fn missing(record: &Record, near: &[NearMiss]) -> Vec<String> {
    let wanting = near.iter().filter(|near| !near.misses.is_empty());
    let mut lines: Vec<_> = wanting
        .clone()
        .take(TOLD)
        .map(|near| one_rule(record, near))
        .collect();
    let more = wanting.count().saturating_sub(TOLD);
    if more > 0 {
        lines.push(format!("or one of {more} more rules"));
    }
    if lines.is_empty() {
        lines.push("a permit rule for it".to_owned());
    }
    lines
}

/// All that one rule misses, each with its place.
fn one_rule(record: &Record, near: &NearMiss) -> String {
    let is_told = record.rules.contains(&near.rule);
    let steps = near.misses.iter().map(|miss| {
        let place = match miss.line {
            Some(line) => format!("{}:{line}", near.rule.file),
            None => place(&near.rule),
        };
        // The reason says already what it found.
        if is_told && miss.line.is_some() {
            format!("{} ({place})", miss.change)
        } else {
            format!("{} ({place}: {})", miss.change, miss.what)
        }
    });
    let steps: Vec<_> = steps.collect();
    format!("for `{}`: {}", near.rule.id, steps.join("; and "))
}

fn forbidden(record: &Record, near: &[NearMiss]) -> Vec<String> {
    let forbids: Vec<_> = record.rules.iter().map(named).collect();
    let permits = near.iter().filter(|near| near.misses.is_empty());
    let permits: Vec<_> = permits.map(|near| named(&near.rule)).collect();
    let then = if permits.is_empty() {
        "then a permit rule as well: none holds".to_owned()
    } else {
        format!("then {} permits it", permits.join(", "))
    };
    vec![format!("narrow or remove {}; {then}", forbids.join(", "))]
}

/// A path as a terminal may show it.
pub(super) fn link(path: &str, real: &str) -> String {
    format!("link:    `{}` leads to `{}`", visible(path), visible(real))
}
