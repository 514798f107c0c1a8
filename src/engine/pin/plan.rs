//! What pinning would change, for `pin`, `pin --check`, `status`, `diff`.
//!
//! Pure: the command line lists the server, asks for the plan, shows it, asks
//! the person, and then calls [`ServerPins::approve`] and
//! [`ServerPins::bury`] for what was approved.

use super::diff::Paint;
use super::drift::{Change, Drift, Entry, Likeness, compare};
use super::server::{Facts, ServerChange, Weight};
use super::{Identity, Launch, Review, ServerPins, pretty, render_diff, visible};
use crate::engine::guard::definition::inspect;
use crate::engine::message::Json;
use crate::engine::types::Finding;

/// A server as it is now.
#[derive(Debug, Clone, Copy, Default)]
pub struct Observed<'a> {
    /// How it was started; `None` if not known, and then not compared.
    pub launch: Option<&'a Launch>,
    /// Who it says it is; likewise.
    pub identity: Option<&'a Identity>,
    /// The tool definitions of all pages.
    pub tools: &'a [Json<'a>],
}

/// What pinning would change, and how to show it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How every tool stands.
    pub drift: Drift,
    /// What changed about the server itself.
    pub server: Vec<ServerChange>,
    /// By the entries of `drift`.
    texts: Vec<Texts>,
}

/// What a reviewer reads of one entry.
#[derive(Debug, Clone, Default)]
struct Texts {
    old: Option<String>,
    new: Option<String>,
    /// Of a definition that nobody has looked at.
    findings: Vec<Finding>,
}

/// Compares the tools of a server with its pins.
pub fn plan(pins: &ServerPins, observed: &[Json<'_>]) -> Plan {
    plan_server(
        pins,
        &Observed {
            tools: observed,
            ..Observed::default()
        },
    )
}

/// Compares a server, its tools included, with its pins.
pub fn plan_server(pins: &ServerPins, observed: &Observed<'_>) -> Plan {
    let drift = compare(pins, observed.tools);
    let texts = drift.entries.iter();
    let texts = texts.map(|entry| texts_of(entry, pins, observed.tools));
    let texts = texts.collect();
    let mut server = Facts {
        is_new: pins.tools.is_empty() && pins.launch.is_none() && pins.identity.is_none(),
        is_reviewed: pins.tools.values().all(|p| p.review == Review::Approved),
        found: Vec::new(),
    };
    if let Some(launch) = observed.launch {
        server.launch(pins.launch.as_ref(), launch);
    }
    if let Some(identity) = observed.identity {
        server.identity(pins.identity.as_ref(), identity);
    }
    Plan {
        drift,
        server: server.found,
        texts,
    }
}

fn texts_of(entry: &Entry, pins: &ServerPins, tools: &[Json<'_>]) -> Texts {
    let now = entry.index.and_then(|index| tools.get(index));
    let old = pins.tools.get(&entry.name);
    match (&entry.change, now) {
        (Change::Unchanged(Review::Approved), _) => Texts::default(),
        (Change::Unchanged(Review::Unreviewed), Some(json)) => Texts {
            old: None,
            new: Some(pretty(*json)),
            findings: inspect(*json),
        },
        (_, now) => Texts {
            old: old.map(|pin| pin.definition.clone()),
            new: now.map(|json| pretty(*json)),
            findings: Vec::new(),
        },
    }
}

impl Plan {
    /// Whether everything is as pinned: what `pin --check` asks. What nobody
    /// has reviewed is no drift, nor is what differs from machine to machine.
    pub fn is_empty(&self) -> bool {
        self.drift.is_empty() && !self.server.iter().any(|c| c.weight == Weight::Drift)
    }

    /// Whether a person has nothing to look at.
    pub fn is_reviewed(&self) -> bool {
        let known = |c: &ServerChange| c.weight == Weight::Machine;
        self.drift.is_empty() && self.unreviewed().next().is_none() && self.server.iter().all(known)
    }

    /// How many definitions the inspection has something to say about.
    pub fn suspects(&self) -> usize {
        let all = self.drift.entries.iter().zip(&self.texts);
        all.filter(|(entry, texts)| match &entry.change {
            Change::New {
                findings,
                resembles,
            } => !findings.is_empty() || !resembles.is_empty(),
            Change::Changed { findings, .. } => !findings.is_empty(),
            _ => !texts.findings.is_empty(),
        })
        .count()
    }

    /// What of it is about these tools; with no names, all of it.
    #[must_use]
    pub fn only(mut self, names: &[String]) -> Self {
        if names.is_empty() {
            return self;
        }
        let entries = std::mem::take(&mut self.drift.entries);
        let texts = std::mem::take(&mut self.texts);
        let kept = entries.into_iter().zip(texts);
        let kept = kept.filter(|(entry, _)| names.contains(&entry.name));
        (self.drift.entries, self.texts) = kept.unzip();
        self.server.clear();
        self
    }

    /// The names that are pinned and that nobody has looked at.
    pub fn unreviewed(&self) -> impl Iterator<Item = &str> {
        let entries = self.drift.entries.iter();
        entries
            .filter(|entry| entry.change == Change::Unchanged(Review::Unreviewed))
            .map(|entry| entry.name.as_str())
    }

    /// Whether some definition in this plan can never be pinned (a duplicate
    /// or a definition without a name).
    pub fn has_unusable(&self) -> bool {
        let mut entries = self.drift.entries.iter();
        entries.any(|entry| matches!(entry.change, Change::Duplicate(_) | Change::Unusable(_)))
    }

    /// One short line for each name, in columns: what `status` shows.
    pub fn render_status(&self, color: bool) -> String {
        let paint = Paint::new(color);
        let mut out = String::new();
        for change in &self.server {
            if change.weight != Weight::Unreviewed {
                out.push_str(&server_headline(change, paint));
                out.push('\n');
            }
        }
        for entry in &self.drift.entries {
            out.push_str(&headline(entry, paint));
            out.push('\n');
        }
        out
    }

    /// What is not as pinned, findings first: what `diff` shows. Empty if
    /// everything is as pinned. Ends with a line that counts.
    pub fn render(&self, color: bool) -> String {
        self.shown(color, false)
    }

    /// The same, and all that would be approved although nobody has looked at
    /// it yet: what a person sees before they are asked.
    pub fn render_review(&self, color: bool) -> String {
        self.shown(color, true)
    }

    fn shown(&self, color: bool, unreviewed: bool) -> String {
        let paint = Paint::new(color);
        let mut out = String::new();
        for change in &self.server {
            if unreviewed || change.weight != Weight::Unreviewed {
                render_server_change(change, paint, &mut out);
            }
        }
        for (entry, texts) in self.drift.entries.iter().zip(&self.texts) {
            let look = unreviewed && entry.change == Change::Unchanged(Review::Unreviewed);
            if matches!(entry.change, Change::Unchanged(_)) && !look {
                continue;
            }
            out.push_str(&headline(entry, paint));
            out.push('\n');
            render_warnings(entry, texts, paint, &mut out);
            let shown = match (&entry.change, &texts.old, &texts.new) {
                (Change::Changed { .. }, Some(old), Some(new)) => render_diff(old, new, color),
                (Change::New { .. } | Change::Unchanged(_), _, Some(new)) => new.clone(),
                _ => String::new(),
            };
            indent(&shown, &mut out);
            out.push('\n');
        }
        if !out.is_empty() {
            out.push_str(&self.counts());
            out.push('\n');
        }
        out
    }

    /// `2 new, 1 changed, 0 removed, 5 as pinned`, and what else there is.
    fn counts(&self) -> String {
        let count = |of: fn(&Change) -> bool| {
            let entries = self.drift.entries.iter();
            entries.filter(|entry| of(&entry.change)).count()
        };
        let out = format!(
            "{} new, {} changed, {} removed, {} as pinned",
            count(|c| matches!(c, Change::New { .. })),
            count(|c| matches!(c, Change::Changed { .. })),
            count(|c| matches!(c, Change::Removed)),
            count(|c| matches!(c, Change::Unchanged(Review::Approved))),
        );
        let refused = count(|c| matches!(c, Change::Duplicate(_) | Change::Unusable(_)));
        let also = [
            (self.unreviewed().count(), "unreviewed"),
            (self.suspects(), "with findings"),
            (refused, "that cannot be pinned"),
        ];
        let also = also.iter().filter(|(number, _)| *number > 0);
        let also = also.map(|(number, what)| format!(", {number} {what}"));
        also.fold(out, |out, more| out + &more)
    }
}

fn headline(entry: &Entry, paint: Paint) -> String {
    let name = visible(&entry.name);
    match &entry.change {
        Change::Unchanged(Review::Approved) => format!("  {name}: approved"),
        Change::Unchanged(Review::Unreviewed) => {
            paint.yellow(&format!("? {name}: pinned on first use, not reviewed"))
        }
        Change::New { .. } => paint.green(&format!("+ {name}: new")),
        Change::Changed { fields, .. } => {
            let fields: Vec<String> = fields.iter().map(|field| visible(field)).collect();
            paint.yellow(&format!("~ {name}: changed in {}", fields.join(", ")))
        }
        Change::Removed => paint.red(&format!("- {name}: removed")),
        Change::Duplicate(times) => paint.red(&format!(
            "! {name}: listed {times} times, withheld; the server has to list each name once"
        )),
        Change::Unusable(reason) => paint.red(&format!("! {name}: withheld, {}", visible(reason))),
    }
}

fn render_warnings(entry: &Entry, texts: &Texts, paint: Paint, out: &mut String) {
    let name = &entry.name;
    let (findings, resembles): (&[Finding], &[_]) = match &entry.change {
        Change::New {
            findings,
            resembles,
        } => (findings, resembles),
        Change::Changed { findings, .. } => (findings, &[]),
        Change::Unchanged(_) => (&texts.findings, &[]),
        Change::Removed | Change::Duplicate(_) | Change::Unusable(_) => return,
    };
    render_findings(findings, paint, out);
    for other in resembles {
        if other.removed && other.likeness == Likeness::Name && other.name == *name {
            out.push_str(&paint.red("  ! a tool of this name was removed before"));
            out.push('\n');
            continue;
        }
        let likeness = match other.likeness {
            Likeness::Name => "its name looks like that of",
            Likeness::Description => "it has the description of",
            Likeness::Schema => "it has the input schema of",
        };
        let state = if other.removed { "removed" } else { "pinned" };
        let line = format!("  ! {likeness} the {state} tool `{}`", visible(&other.name));
        out.push_str(&paint.red(&line));
        out.push('\n');
    }
}

fn render_findings(findings: &[Finding], paint: Paint, out: &mut String) {
    for finding in findings {
        let (at, detail) = (visible(&finding.at), visible(&finding.detail));
        let place = if at.is_empty() { "/" } else { &at };
        let line = format!("  ! {} at {place}: {detail}", finding.code);
        out.push_str(&paint.red(&line));
        out.push('\n');
    }
}

fn server_headline(change: &ServerChange, paint: Paint) -> String {
    let what = change.what;
    match (change.weight, &change.before, &change.after) {
        (Weight::Machine, ..) => format!("  {what}: not as on the machine where it was pinned"),
        (Weight::Unreviewed, ..) => paint.yellow(&format!("? {what}: not reviewed")),
        (Weight::Drift, None, _) => paint.green(&format!("+ {what}: new")),
        (Weight::Drift, _, None) => paint.red(&format!("- {what}: removed")),
        (Weight::Drift, ..) => paint.yellow(&format!("~ {what}: changed")),
    }
}

fn render_server_change(change: &ServerChange, paint: Paint, out: &mut String) {
    out.push_str(&server_headline(change, paint));
    out.push('\n');
    render_findings(&change.findings, paint, out);
    let before = change.before.as_deref().unwrap_or_default();
    let after = change.after.as_deref().unwrap_or_default();
    indent(&super::diff::words(before, after, paint), out);
    out.push('\n');
}

fn indent(text: &str, out: &mut String) {
    for line in text.lines() {
        out.push_str("    ");
        out.push_str(line);
        out.push('\n');
    }
}
