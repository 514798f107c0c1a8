//! From what was learned of single tools to rules.

use super::infer::{Learned, Limits};
use crate::engine::heard::Subject;
use crate::engine::pin::visible;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Fewest tools that are called by a pattern where all that have it were seen.
const ALL_OF: usize = 3;
/// Longest id of a rule.
const ID: usize = 64;

/// A permit that is proposed.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) agents: BTreeSet<String>,
    pub(super) server: String,
    pub(super) subject: Subject,
    /// Names, uris, or patterns of names.
    pub(super) names: Vec<String>,
    pub(super) arguments: BTreeMap<String, Limits>,
    /// What it saw.
    pub(super) notes: Vec<String>,
}

/// What makes two tools one rule.
type Same = (String, BTreeMap<String, Limits>);

/// Names that share a rule, and what it saw.
type Sharing = (BTreeSet<String>, Vec<String>);

/// One rule for the tools, and the agents, that have the same constraints.
pub(super) fn tools(
    learned: &[Learned<'_>],
    pinned: &BTreeMap<String, BTreeSet<String>>,
    patterns: bool,
) -> Vec<Rule> {
    let mut by_agent: BTreeMap<(String, Same), Sharing> = BTreeMap::new();
    for one in learned {
        let Some(call) = one.calls.first() else {
            continue;
        };
        let same = (call.server.clone(), one.arguments.clone());
        let (tools, notes) = by_agent.entry((call.agent.clone(), same)).or_default();
        tools.insert(call.tool.clone());
        notes.extend(told(one));
    }
    let mut rules: BTreeMap<(Same, BTreeSet<String>), Sharing> = BTreeMap::new();
    for ((agent, same), (tools, notes)) in by_agent {
        let (agents, all) = rules.entry((same, tools)).or_default();
        agents.insert(agent);
        all.extend(notes);
    }
    rules
        .into_iter()
        .map(|(((server, arguments), tools), (agents, notes))| Rule {
            names: called(&tools, pinned.get(&server), patterns),
            agents,
            server,
            subject: Subject::Tool,
            arguments,
            notes,
        })
        .collect()
}

/// Names as they are, or a pattern where it covers nothing unseen (or where
/// patterns were asked for).
fn called(
    tools: &BTreeSet<String>,
    pinned: Option<&BTreeSet<String>>,
    patterns: bool,
) -> Vec<String> {
    let prefix = |tool: &str| {
        tool.find(['_', '-'])
            .map(|at| tool.get(..=at).unwrap_or_default().to_owned())
    };
    let mut parts: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    let mut names = BTreeSet::new();
    for tool in tools {
        match prefix(tool) {
            Some(prefix) => parts.entry(prefix).or_default().push(tool),
            None => drop(names.insert(tool.clone())),
        }
    }
    for (prefix, with) in parts {
        let mut known = pinned
            .into_iter()
            .flatten()
            .filter(|t| t.starts_with(&prefix));
        let complete = pinned.is_some() && known.all(|tool| tools.contains(tool));
        if (patterns && with.len() > 1) || (complete && with.len() >= ALL_OF) {
            names.insert(format!("{prefix}*"));
        } else {
            names.extend(with.into_iter().cloned());
        }
    }
    names.into_iter().collect()
}

/// What a rule saw of one tool.
fn told(learned: &Learned<'_>) -> Vec<String> {
    let Some(first) = learned.calls.first() else {
        return Vec::new();
    };
    let times = learned.calls.iter().map(|call| call.time.as_str());
    let users: BTreeSet<&str> = learned
        .calls
        .iter()
        .filter_map(|c| c.user.as_deref())
        .collect();
    let mut notes = vec![format!(
        "`{}` {} by `{}`{}",
        first.tool,
        seen(times),
        first.agent,
        among(&users)
    )];
    if !matches!(first.example.as_str(), "" | "{}") {
        notes.push(format!("  for example {}", first.example));
    }
    if learned.open.iter().any(|at| !at.is_empty()) {
        let open = learned.open.iter().filter(|at| !at.is_empty());
        let open: Vec<_> = open.map(|at| crate::engine::mask::place(at)).collect();
        notes.push(format!(
            "  its schema lets members pass that nobody has declared or seen: {}",
            open.join(", ")
        ));
    }
    notes
}

/// `12 times, 2026-11-20 to 2026-11-24`.
pub(super) fn seen<'a>(times: impl Iterator<Item = &'a str>) -> String {
    let mut days: Vec<&str> = times.map(|time| time.get(..10).unwrap_or(time)).collect();
    days.sort_unstable();
    let count = match days.len() {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    };
    match (days.first(), days.last()) {
        (Some(first), Some(last)) if first != last => format!("{count}, {first} to {last},"),
        (Some(only), _) => format!("{count}, {only},"),
        _ => count,
    }
}

fn among(users: &BTreeSet<&str>) -> String {
    match users.len() {
        0 => String::new(),
        1 => " for one user".to_owned(),
        count => format!(" for {count} users"),
    }
}

impl Rule {
    /// A name of its own among `taken`.
    pub(super) fn id(&self, taken: &mut BTreeSet<String>) -> String {
        let word = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let slug = |text: &str| -> String {
            text.chars()
                .filter(|c| word(*c))
                .take(24)
                .collect::<String>()
        };
        let what = match self.subject {
            Subject::Tool => self
                .names
                .first()
                .map(|name| slug(name))
                .unwrap_or_default(),
            other => format!("{}s", other.word()),
        };
        let base = format!("learned-{}-{what}", slug(&self.server));
        let base: String = base.chars().take(ID.saturating_sub(5)).collect();
        let numbered = (2..).map(|n: usize| format!("{base}-{n}"));
        let free = std::iter::once(base.clone())
            .chain(numbered)
            .find(|id| !taken.contains(id));
        let id = free.unwrap_or(base);
        taken.insert(id.clone());
        id
    }

    /// As a policy has it.
    pub(super) fn to_toml(&self, taken: &mut BTreeSet<String>) -> Option<String> {
        let mut text = String::new();
        for note in &self.notes {
            // A peer's words must not end the comment.
            let _ = writeln!(text, "# {}", visible(note));
        }
        let names = |names: &mut dyn Iterator<Item = &String>| {
            let names: toml_edit::Array = names.map(String::as_str).collect();
            names.to_string()
        };
        let key = match self.subject {
            Subject::Tool => "tools",
            Subject::Prompt => "prompts",
            Subject::Resource | Subject::Ask => "resources",
        };
        let quoted = |text: &str| toml_edit::Value::from(text).to_string();
        text.push_str("[[rule]]\n");
        let _ = writeln!(text, "id = {}", quoted(&self.id(taken)));
        text.push_str("effect = \"permit\"\n");
        let _ = writeln!(text, "agents = {}", names(&mut self.agents.iter()));
        let _ = writeln!(text, "server = {}", quoted(&self.server));
        let _ = writeln!(text, "{key} = {}", names(&mut self.names.iter()));
        if !self.arguments.is_empty() {
            let mut table = toml_edit::InlineTable::new();
            for (pointer, limits) in &self.arguments {
                table.insert(pointer, limits.to_toml()?.into());
            }
            let _ = writeln!(text, "args = {table}");
        }
        text.push('\n');
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn patterns_cover_what_was_seen_unless_they_are_asked_for() {
        let seen = set(&["get_a", "get_b", "get_c", "list_a", "list_b", "status"]);
        let more = set(&[
            "get_a", "get_b", "get_c", "get_d", "list_a", "list_b", "status",
        ]);
        for (pinned, patterns, expected) in [
            (
                Some(&seen),
                false,
                &["get_*", "list_a", "list_b", "status"][..],
            ),
            (
                Some(&more),
                false,
                &["get_a", "get_b", "get_c", "list_a", "list_b", "status"],
            ),
            (
                None,
                false,
                &["get_a", "get_b", "get_c", "list_a", "list_b", "status"],
            ),
            (Some(&more), true, &["get_*", "list_*", "status"]),
        ] {
            assert_eq!(
                called(&seen, pinned, patterns),
                expected,
                "{pinned:?} {patterns}"
            );
        }
    }
}
