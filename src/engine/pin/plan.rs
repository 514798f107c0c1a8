//! What pinning would change, for `pin`, `pin --check`, `status`, `diff`.
//!
//! Pure: the command line lists the server, asks for the plan, shows it, asks
//! the person, and then calls [`ServerPins::approve`] and
//! [`ServerPins::bury`] for what was approved.

use super::diff::Paint;
use super::drift::{Change, Drift, Entry, Likeness, compare};
use super::{Identity, Launch, Review, ServerPins, Transport, pretty, render_diff, visible};
use crate::engine::guard::definition::inspect_text;
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

/// A fact about the server itself that is not as pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerChange {
    /// Which (`launch.command`, `identity.instructions`).
    pub what: &'static str,
    /// As pinned; nothing where it was not there.
    pub before: Option<String>,
    /// As it is now.
    pub after: Option<String>,
    /// What the inspection says of a text that the model reads.
    pub findings: Vec<Finding>,
}

/// What pinning would change, and how to show it.
#[derive(Debug, Clone)]
pub struct Plan {
    /// How every tool stands.
    pub drift: Drift,
    /// What changed about the server itself.
    pub server: Vec<ServerChange>,
    /// By the entries of `drift`: old and new definition.
    texts: Vec<(Option<String>, Option<String>)>,
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
    let texts = drift.entries.iter().map(|entry| {
        let differs = !matches!(entry.change, Change::Unchanged(_));
        let old = pins.tools.get(&entry.name).filter(|_| differs);
        let new = entry.index.and_then(|index| observed.tools.get(index));
        let new = new.filter(|_| differs).map(|json| pretty(*json));
        (old.map(|pin| pin.definition.clone()), new)
    });
    let texts = texts.collect();
    let mut server = Vec::new();
    if let Some(launch) = observed.launch {
        launch_changes(pins.launch.as_ref(), launch, &mut server);
    }
    if let Some(identity) = observed.identity {
        identity_changes(pins.identity.as_ref(), identity, &mut server);
    }
    Plan {
        drift,
        server,
        texts,
    }
}

impl Plan {
    /// Whether everything is as pinned: what `pin --check` asks. A pin that
    /// nobody reviewed is no drift; see [`Plan::unreviewed`].
    pub fn is_empty(&self) -> bool {
        self.drift.is_empty() && self.server.is_empty()
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
        for entry in &self.drift.entries {
            out.push_str(&headline(entry, paint));
            out.push('\n');
        }
        out
    }

    /// Everything a reviewer needs, findings first: what `pin` and `diff`
    /// show. Empty if everything is as pinned. Ends with a line that counts.
    pub fn render(&self, color: bool) -> String {
        let paint = Paint::new(color);
        let mut out = String::new();
        for change in &self.server {
            render_server_change(change, paint, &mut out);
        }
        for (entry, (old, new)) in self.drift.entries.iter().zip(&self.texts) {
            if matches!(entry.change, Change::Unchanged(_)) {
                continue;
            }
            out.push_str(&headline(entry, paint));
            out.push('\n');
            render_warnings(entry, paint, &mut out);
            let shown = match (&entry.change, old, new) {
                (Change::Changed { .. }, Some(old), Some(new)) => render_diff(old, new, color),
                (Change::New { .. }, _, Some(new)) => new.clone(),
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
        let refused = count(|c| matches!(c, Change::Duplicate(_) | Change::Unusable(_)));
        let out = format!(
            "{} new, {} changed, {} removed, {} as pinned",
            count(|c| matches!(c, Change::New { .. })),
            count(|c| matches!(c, Change::Changed { .. })),
            count(|c| matches!(c, Change::Removed)),
            count(|c| matches!(c, Change::Unchanged(_))),
        );
        if refused == 0 {
            return out;
        }
        format!("{out}, {refused} that cannot be pinned")
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

fn render_warnings(entry: &Entry, paint: Paint, out: &mut String) {
    let name = &entry.name;
    let (findings, resembles): (&[Finding], &[_]) = match &entry.change {
        Change::New {
            findings,
            resembles,
        } => (findings, resembles),
        Change::Changed { findings, .. } => (findings, &[]),
        Change::Unchanged(_) | Change::Removed | Change::Duplicate(_) | Change::Unusable(_) => {
            return;
        }
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

fn render_server_change(change: &ServerChange, paint: Paint, out: &mut String) {
    let head = match (&change.before, &change.after) {
        (None, _) => paint.green(&format!("+ {}: new", change.what)),
        (_, None) => paint.red(&format!("- {}: removed", change.what)),
        _ => paint.yellow(&format!("~ {}: changed", change.what)),
    };
    out.push_str(&head);
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

fn launch_changes(pinned: Option<&Launch>, now: &Launch, out: &mut Vec<ServerChange>) {
    let mut compare = |what, of: fn(&Launch) -> Option<String>| {
        push_change(what, pinned.and_then(of), of(now), out);
    };
    compare("launch.transport", |l| {
        Some(Transport::as_str(l.transport).to_owned())
    });
    compare("launch.command", |l| {
        (!l.command.is_empty()).then(|| format!("{:?}", l.command))
    });
    compare("launch.url", |l| l.url.clone());
    compare("launch.executable", |l| l.executable.clone());
    compare("launch.executable_digest", |l| {
        l.executable_digest.map(|digest| digest.to_string())
    });
    compare("launch.package", |l| {
        l.package.as_ref().map(ToString::to_string)
    });
}

fn identity_changes(pinned: Option<&Identity>, now: &Identity, out: &mut Vec<ServerChange>) {
    let mut compare = |what, of: fn(&Identity) -> Option<String>| {
        let known = out.len();
        push_change(what, pinned.and_then(of), of(now), out);
        for change in out.iter_mut().skip(known) {
            let text = change.after.as_deref().unwrap_or_default();
            change.findings = inspect_text(what, text);
        }
    };
    compare("identity.name", |i| i.name.clone());
    compare("identity.title", |i| i.title.clone());
    compare("identity.version", |i| i.version.clone());
    compare("identity.protocol", |i| i.protocol.clone());
    compare("identity.instructions", |i| i.instructions.clone());
}

fn push_change(
    what: &'static str,
    before: Option<String>,
    after: Option<String>,
    out: &mut Vec<ServerChange>,
) {
    if before != after {
        out.push(ServerChange {
            what,
            before,
            after,
            findings: Vec::new(),
        });
    }
}
