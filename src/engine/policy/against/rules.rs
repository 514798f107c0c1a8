//! What rules permit, in one policy and not in the other.
//!
//! Each permit of the one is measured by the permits of the other, for each
//! agent, server and pattern; a pattern that no single one takes is taken apart
//! into the pinned tools that fit. Then each forbid that is gone.

mod counts;
mod differences;

use super::{More, Pair, listed};
use crate::engine::policy::Code;
use crate::engine::policy::check::place;
use crate::engine::policy::diagnostic::Span;
use crate::engine::policy::pattern::Pattern;
use crate::engine::policy::relation::Kind;
use crate::engine::policy::rule::{Effect, Rule};
use crate::engine::types::{AgentName, ServerName};
use differences::differences;
use std::collections::{BTreeMap, BTreeSet};

/// What is told in one message: all items, agents and servers that share it.
#[derive(Default)]
struct Group {
    span: Span,
    items: BTreeSet<String>,
    agents: BTreeSet<String>,
    servers: BTreeSet<String>,
}

/// Messages by what they say: code, rule, text, and kind of item.
type Groups = BTreeMap<(Code, String, String, Kind), Group>;

/// One agent on one server, and the rules of both policies about them: most rules
/// are about others.
struct Where<'a> {
    agent: &'a AgentName,
    server: &'a ServerName,
    /// All of the wider policy.
    wide: Vec<&'a Rule>,
    /// All of the narrower one.
    narrow: Vec<&'a Rule>,
}

impl<'a> Where<'a> {
    /// Permits of the narrower policy that may take all of a pattern. Uris have
    /// many spellings, so that all of these are asked.
    fn able(&self, kind: Kind, pattern: &Pattern) -> Vec<&'a Rule> {
        let begins = |old: &Pattern| {
            let letters = old.as_str().split('*').next().unwrap_or_default();
            pattern.as_str().starts_with(letters)
        };
        let is_uri = matches!(kind, Kind::Resource | Kind::Completion);
        let narrow = self.narrow.iter().copied();
        narrow
            .filter(|rule| rule.effect == Effect::Permit)
            .filter(|rule| is_uri || kind.of(rule).iter().any(|(old, _)| begins(old)))
            .collect()
    }
}

fn only<'a>(rules: impl Iterator<Item = &'a Rule>, is: impl Fn(&Rule) -> bool) -> Vec<&'a Rule> {
    rules.filter(|rule| is(rule)).collect()
}

impl Pair<'_> {
    pub(super) fn rules(&self, found: &mut Vec<More>) {
        let mut groups = Groups::new();
        for at in self.places() {
            for rule in at.wide.iter().filter(|rule| rule.effect == Effect::Permit) {
                self.permit(rule, &at, &mut groups);
            }
            for rule in at
                .narrow
                .iter()
                .filter(|rule| rule.effect != Effect::Permit)
            {
                self.forbid(rule, &at, &mut groups);
            }
        }
        for ((code, rule, text, kind), group) in groups {
            let names = |set: &BTreeSet<String>| listed(set.iter().map(String::as_str));
            let what = format!(
                "{} {} of {}, for {} (rule `{rule}`): {text}",
                kind.name(),
                names(&group.items),
                names(&group.servers),
                names(&group.agents),
            );
            found.push(self.more(code, &group.span, &what));
        }
        self.counts(found);
    }

    /// Agents that both policies have, on servers of the wider one. A new agent
    /// is told as such.
    fn places(&self) -> impl Iterator<Item = Where<'_>> {
        let agents = self.wide.agents.keys();
        let both = agents.filter(|name| self.narrow.agents.contains_key(*name));
        both.flat_map(move |agent| {
            let wide = only(self.wide.acting(), |rule| rule.is_for(agent));
            let narrow = only(self.narrow.acting(), |rule| rule.is_for(agent));
            let servers = self.wide.servers.keys();
            servers.map(move |server| {
                let knows = self.narrow.servers.contains_key(server);
                let on = |rule: &Rule| rule.is_on(server);
                Where {
                    agent,
                    server,
                    wide: only(wide.iter().copied(), on),
                    narrow: only(narrow.iter().copied().filter(|_| knows), on),
                }
            })
        })
    }

    fn permit(&self, rule: &Rule, at: &Where<'_>, groups: &mut Groups) {
        for kind in Kind::ALL {
            for (pattern, span) in kind.of(rule) {
                self.item(rule, (kind, pattern, span), at, groups);
            }
        }
    }

    fn item(
        &self,
        rule: &Rule,
        (kind, pattern, span): (Kind, &Pattern, &Span),
        at: &Where<'_>,
        groups: &mut Groups,
    ) {
        let asked_before = kind == Kind::Ask
            && self.narrow.servers.contains_key(at.server)
            && self.narrow.lets_ask(at.server, pattern.as_str());
        if asked_before || is_always_forbidden(rule, kind, pattern, at) {
            return;
        }
        let able = at.able(kind, pattern);
        let takes: Vec<_> = able
            .iter()
            .copied()
            .filter(|old| kind.covered(pattern, old))
            .collect();
        let all = |old: &&Rule| old.covers_people_of(rule) && old.permits_all_of(rule);
        if takes.iter().any(all) {
            return;
        }
        let mut add = |code: Code, text: String, span: &Span| {
            let key = (code, rule.reference.id.clone(), text, kind);
            let group = groups.entry(key).or_insert_with(|| Group {
                span: span.clone(),
                ..Group::default()
            });
            group.items.insert(pattern.as_str().to_owned());
            group.agents.insert(at.agent.to_string());
            group.servers.insert(at.server.to_string());
        };
        if let Some(least) = takes
            .iter()
            .map(|old| differences(rule, old, span, self.other()))
            .min_by_key(Vec::len)
        {
            for (code, text, span) in least {
                add(code, text, &span);
            }
            return;
        }
        let overlaps = |old: &&Rule| kind.of(old).iter().any(|(old, _)| old.overlaps(pattern));
        let mut permits = at.narrow.iter().filter(|old| old.effect == Effect::Permit);
        if pattern.is_literal() || !permits.any(overlaps) {
            add(Code::NEWLY_REACHABLE, "can be reached".to_owned(), span);
            return;
        }
        // In the other direction it is certain enough for a note.
        let (code, text) = if self.forward {
            let text = "takes names that no single rule took; pinned tools are told one by one";
            (Code::MAY_BE_WIDER, text)
        } else {
            (Code::NEWLY_REACHABLE, "all that fits can be reached")
        };
        add(code, text.to_owned(), span);
        if kind == Kind::Tool {
            for tool in self.pinned(at.server).filter(|tool| pattern.matches(tool)) {
                let one = Pattern::new(tool.to_owned());
                self.item(rule, (kind, &one, span), at, groups);
            }
        }
    }

    /// A forbid of the narrower policy that nothing of the wider one replaces,
    /// where something is permitted.
    fn forbid(&self, rule: &Rule, at: &Where<'_>, groups: &mut Groups) {
        let here = &at.wide;
        for kind in Kind::ALL {
            for (pattern, _) in kind.of(rule) {
                let replaced = here.iter().any(|other| {
                    [rule.effect, Effect::Forbid].contains(&other.effect)
                        && kind.covered(pattern, other)
                        && other.covers_people_of(rule)
                        && other.fires_wherever(rule)
                });
                let permits = |other: &&&Rule| {
                    other.effect == Effect::Permit && kind.may_reach(pattern, other)
                };
                let permit = here.iter().find(permits);
                if replaced || !(permit.is_some() || self.passes_anyway(kind, pattern, at)) {
                    continue;
                }
                let text = if self.forward {
                    "was forbidden, and nothing forbids all of that now"
                } else {
                    "is forbidden now"
                };
                let id = rule.reference.id.clone();
                let key = (Code::FORBID_GONE, id, text.to_owned(), kind);
                let group = groups.entry(key).or_insert_with(|| Group {
                    span: permit.map_or(0..0, |permit| place(permit)),
                    ..Group::default()
                });
                group.items.insert(pattern.as_str().to_owned());
                group.agents.insert(at.agent.to_string());
                group.servers.insert(at.server.to_string());
            }
        }
    }

    /// Whether what no rule permits may pass in the wider policy.
    fn passes_anyway(&self, kind: Kind, pattern: &Pattern, at: &Where<'_>) -> bool {
        match kind {
            Kind::Ask => self.wide.lets_ask(at.server, pattern.as_str()),
            _ => self.wide.only_audits(),
        }
    }

    fn pinned(&self, server: &ServerName) -> impl Iterator<Item = &str> {
        let pins = self.lockfile.servers.get(server);
        pins.into_iter()
            .flat_map(|pins| pins.tools.keys().map(String::as_str))
    }

    /// The pinned tools that an agent of the wider policy can call.
    pub(super) fn reach_of(&self, agent: &AgentName) -> BTreeSet<String> {
        let mut reach = BTreeSet::new();
        for server in self.wide.servers.keys() {
            let able = self
                .pinned(server)
                .filter(|tool| self.wide.may_ever_call(agent, server, tool));
            reach.extend(able.map(|tool| format!("{server}/{tool}")));
        }
        reach
    }
}

fn is_always_forbidden(rule: &Rule, kind: Kind, pattern: &Pattern, at: &Where<'_>) -> bool {
    at.wide.iter().any(|forbid| {
        forbid.effect == Effect::Forbid
            && forbid.arguments.is_empty()
            && forbid.covers_people_of(rule)
            && forbid.holds_whenever(rule)
            && !matches!(kind, Kind::Resource | Kind::Completion)
            && kind.covered(pattern, forbid)
    })
}
