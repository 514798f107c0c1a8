//! Finding the rules of a request without asking each one.
//!
//! Rules are laid out by agent, server, kind and name, so that the cost of a
//! request grows with the rules that might be about it. What is found is asked
//! again by `Rule::covers`: nothing is decided here, and a test compares it with
//! asking all.

use super::pattern::Pattern;
use super::rule::Rule;
use super::{AccessRequest, Action};
use crate::engine::types::{AgentName, ServerName};
use std::collections::{BTreeMap, BTreeSet};

/// The rules of a policy.
#[derive(Debug)]
pub(super) struct Rules {
    /// In the order of the files.
    all: Vec<Rule>,
    index: Level<AgentName, Level<ServerName, Bucket>>,
}

/// What is under a name, and what is for every name.
#[derive(Debug)]
struct Level<K, V> {
    every: V,
    named: BTreeMap<K, V>,
}

impl<K, V: Default> Default for Level<K, V> {
    fn default() -> Self {
        Self {
            every: V::default(),
            named: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone, V: Default> Level<K, V> {
    /// The places of a rule that names these, or none of them.
    fn add(&mut self, names: Option<&[K]>, mut add: impl FnMut(&mut V)) {
        let Some(names) = names else {
            return add(&mut self.every);
        };
        for name in names.iter().collect::<BTreeSet<_>>() {
            add(self.named.entry(name.clone()).or_default());
        }
    }

    fn of<'s>(&'s self, name: &K) -> impl Iterator<Item = &'s V> + use<'s, K, V> {
        std::iter::once(&self.every).chain(self.named.get(name))
    }
}

/// Rules by kind, by their numbers.
#[derive(Debug, Default)]
struct Bucket {
    tools: Names,
    prompts: Names,
    completions: Names,
    /// Uris have many spellings, so that all of these are asked.
    resources: Vec<usize>,
    uri_completions: Vec<usize>,
    asks: Names,
}

/// Rules by the names that they are about.
#[derive(Debug, Default)]
struct Names {
    exact: BTreeMap<String, Vec<usize>>,
    /// By what stands before the first wildcard.
    prefixed: BTreeMap<String, Vec<usize>>,
    /// Every length of such a prefix.
    lengths: BTreeSet<usize>,
}

impl Names {
    fn add(&mut self, pattern: &Pattern, rule: usize) {
        let source = pattern.as_str();
        let rules = match source.split_once('*') {
            None => self.exact.entry(source.to_owned()).or_default(),
            Some((prefix, _)) => {
                self.lengths.insert(prefix.len());
                self.prefixed.entry(prefix.to_owned()).or_default()
            }
        };
        rules.push(rule);
    }

    fn find(&self, name: &str, found: &mut Vec<usize>) {
        found.extend(self.exact.get(name).into_iter().flatten());
        for length in self.lengths.range(..=name.len()) {
            let prefix = name.get(..*length);
            let rules = prefix.and_then(|prefix| self.prefixed.get(prefix));
            found.extend(rules.into_iter().flatten());
        }
    }
}

impl Bucket {
    fn add(&mut self, rule: &Rule, number: usize) {
        for (names, patterns) in [
            (&mut self.tools, &rule.tools),
            (&mut self.prompts, &rule.prompts),
            (&mut self.completions, &rule.completions),
            (&mut self.asks, &rule.asks),
        ] {
            for (pattern, _) in patterns {
                names.add(pattern, number);
            }
        }
        for (numbers, patterns) in [
            (&mut self.resources, &rule.resources),
            (&mut self.uri_completions, &rule.completions),
        ] {
            if !patterns.is_empty() {
                numbers.push(number);
            }
        }
    }

    fn find(&self, action: Action<'_>, found: &mut Vec<usize>) {
        match action {
            Action::CallTool(name) => self.tools.find(name, found),
            Action::GetPrompt(name) => self.prompts.find(name, found),
            Action::CompletePrompt(name) => {
                self.prompts.find(name, found);
                self.completions.find(name, found);
            }
            Action::ReadResource(_) => found.extend(&self.resources),
            Action::CompleteResource(_) => {
                found.extend(&self.resources);
                found.extend(&self.uri_completions);
            }
            Action::AskAgent(method) => {
                self.asks.find(method, found);
            }
        }
    }
}

impl Rules {
    pub(super) fn new(all: Vec<Rule>) -> Self {
        let mut index: Level<AgentName, Level<ServerName, Bucket>> = Level::default();
        for (number, rule) in all.iter().enumerate() {
            index.add(rule.agents.as_deref(), |servers| {
                servers.add(rule.servers.as_deref(), |bucket| bucket.add(rule, number));
            });
        }
        Self { all, index }
    }

    /// All of them, in the order of the files.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Rule> {
        self.all.iter()
    }

    /// Those that are about a request, in the order of the files.
    pub(super) fn covering(&self, request: &AccessRequest<'_>) -> Vec<&Rule> {
        let mut numbers = Vec::new();
        for servers in self.index.of(request.agent) {
            for bucket in servers.of(request.server) {
                bucket.find(request.action, &mut numbers);
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        let rules = numbers
            .into_iter()
            .filter_map(|number| self.all.get(number));
        rules.filter(|rule| rule.covers(request)).collect()
    }
}

#[cfg(test)]
mod tests;
