//! From what was learned of single tools to rules.

use super::World;
use super::crowd::Who;
use super::infer::Learned;
use super::limit::{Limit, Limits};
use crate::engine::pin::visible;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Fewest tools that are called by a pattern where all that have it were seen.
const ALL_OF: usize = 3;
/// Longest id of a rule.
const ID: usize = 64;

/// What a rule lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Topic {
    Tool,
    Prompt,
    Resource,
    Completion,
    Ask,
}

impl Topic {
    /// Its key in a rule.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Tool => "tools",
            Self::Prompt => "prompts",
            Self::Resource => "resources",
            Self::Completion => "completions",
            Self::Ask => "asks",
        }
    }
}

/// A permit that is proposed.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub(super) agents: BTreeSet<String>,
    pub(super) who: Who,
    pub(super) server: String,
    pub(super) topic: Topic,
    /// Names, uris, or patterns of names.
    pub(super) names: Vec<String>,
    pub(super) arguments: BTreeMap<String, Limits>,
    /// What it saw.
    pub(super) notes: Vec<String>,
}

/// What makes two tools one rule.
type Same = (String, Who, BTreeMap<String, Limits>);

/// Names that share a rule, and what it saw.
type Sharing = (BTreeSet<String>, Vec<String>);

/// One rule for the tools, and the agents, that have the same constraints.
pub(super) fn tools(
    learned: &[Learned<'_>],
    pinned: &BTreeMap<String, BTreeSet<String>>,
    world: &World<'_>,
) -> Vec<Rule> {
    let mut by_agent: BTreeMap<(String, Same), Sharing> = BTreeMap::new();
    for one in learned {
        let Some(call) = one.calls.first() else {
            continue;
        };
        let users = one.calls.iter().map(|call| call.user.clone()).collect();
        let who = world.crowd.narrow(&call.agent, &call.server, &users);
        let notes_of = told(one, &who);
        let same = (call.server.clone(), who, one.arguments.clone());
        let (tools, notes) = by_agent.entry((call.agent.clone(), same)).or_default();
        tools.insert(call.tool.clone());
        notes.extend(notes_of);
    }
    let mut rules: BTreeMap<(Same, BTreeSet<String>), Sharing> = BTreeMap::new();
    for ((agent, same), (tools, notes)) in by_agent {
        let (agents, all) = rules.entry((same, tools)).or_default();
        agents.insert(agent);
        all.extend(notes);
    }
    rules
        .into_iter()
        .map(
            |(((server, who, arguments), tools), (agents, notes))| Rule {
                names: called(&tools, pinned.get(&server), world.patterns),
                agents,
                who,
                server,
                topic: Topic::Tool,
                arguments,
                notes,
            },
        )
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
fn told(learned: &Learned<'_>, who: &Who) -> Vec<String> {
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
        among(&users, who)
    )];
    if !matches!(first.example.as_str(), "" | "{}") {
        notes.push(format!("  for example {}", first.example));
    }
    // As the rule has them, right below.
    let place = |at: &str| format!("`{at}`");
    for (at, note) in &learned.notes {
        let optional = learned.arguments.get(at).is_some_and(|l| l.optional);
        let times = if optional { ", not always there" } else { "" };
        notes.push(format!("  {}: {note}{times}", place(at)));
    }
    let never = learned.arguments.iter();
    let never = never.filter(|(_, limits)| limits.limits == [Limit::Absent]);
    let never: Vec<_> = never.map(|(at, _)| place(at)).collect();
    if !never.is_empty() {
        notes.push(format!("  never: {}", never.join(", ")));
    }
    if !learned.open.is_empty() {
        let open: Vec<_> = learned.open.iter().map(|at| place(at)).collect();
        notes.push(format!(
            "  its schema lets members pass that nobody has declared or seen: {}",
            open.join(", ")
        ));
    }
    notes
}

/// `12 times, 2026-11-20 to 2026-11-24,`.
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

/// For how many users; and that a rule is for them alone.
pub(super) fn among(users: &BTreeSet<&str>, who: &Who) -> String {
    let only = if who.groups.is_empty() {
        ""
    } else {
        ", all of this group"
    };
    match users.len() {
        0 => String::new(),
        1 => format!(" for one user{only}"),
        count => format!(" for {count} users{only}"),
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
        let what = match self.topic {
            Topic::Tool => self.names.first().map(|name| slug(name)),
            other => Some(other.key().to_owned()),
        };
        let what = what.unwrap_or_default();
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
            let names: toml_edit::Array = names.map(|name| literal(name)).collect();
            names.to_string()
        };
        let key = self.topic.key();
        let quoted = |text: &str| toml_edit::Value::from(text).to_string();
        text.push_str("[[rule]]\n");
        let _ = writeln!(text, "id = {}", quoted(&self.id(taken)));
        text.push_str("effect = \"permit\"\n");
        let _ = writeln!(text, "agents = {}", names(&mut self.agents.iter()));
        for (key, all) in [("users", &self.who.users), ("groups", &self.who.groups)] {
            if !all.is_empty() {
                let _ = writeln!(text, "{key} = {}", names(&mut all.iter()));
            }
        }
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

/// A name in a list: one that begins with `@` is no set.
fn literal(name: &str) -> String {
    if name.starts_with('@') {
        format!("@{name}")
    } else {
        name.to_owned()
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
