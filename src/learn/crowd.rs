//! For whom agents acted: when a rule is for some of them only.
//!
//! A rule is narrowed where that says something: to a group that all callers are
//! in and somebody else of the same agent is not, or to the callers by name
//! where they are few among others. Where it is not known who called, nothing
//! is narrowed.

use super::collect::is_plain_name;
use crate::engine::principal::Groups;
use crate::traffic::Entry;
use std::collections::{BTreeMap, BTreeSet};

/// Most users whom a rule names.
const NAMED: usize = 3;

/// For whom a rule is; empty: for everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Who {
    pub(super) users: BTreeSet<String>,
    pub(super) groups: BTreeSet<String>,
}

/// What is known of a user's groups.
#[derive(Debug, Default)]
struct Member {
    /// Those of every request; `None`: of some it cannot be told.
    always: Option<BTreeSet<String>>,
    /// Those of some request.
    ever: BTreeSet<String>,
    seen: bool,
}

/// Who asked, by agent and server. A request for no user is one of `None`.
#[derive(Debug, Default)]
pub struct Crowd(BTreeMap<(String, String), BTreeMap<Option<String>, Member>>);

impl Crowd {
    /// Of all requests that passed, those that nothing is learned from included.
    pub fn of<'e>(entries: impl IntoIterator<Item = &'e Entry>) -> Self {
        let mut crowd = Self::default();
        for entry in entries {
            let key = (entry.agent.to_string(), entry.server.to_string());
            let users = crowd.0.entry(key).or_default();
            users
                .entry(entry.user.clone())
                .or_default()
                .add(&entry.groups);
        }
        crowd
    }

    /// For whom a rule is that these users need.
    pub(super) fn narrow(
        &self,
        agent: &str,
        server: &str,
        callers: &BTreeSet<Option<String>>,
    ) -> Who {
        let key = (agent.to_owned(), server.to_owned());
        let Some(all) = self.0.get(&key).filter(|_| !callers.contains(&None)) else {
            return Who::default();
        };
        let others: Vec<_> = all
            .iter()
            .filter(|(user, _)| !callers.contains(*user))
            .collect();
        if others.is_empty() {
            return Who::default();
        }
        let own = callers.iter().map(|user| {
            let member = all.get(user);
            member.and_then(|m| m.always.clone()).unwrap_or_default()
        });
        let common = own.reduce(|one, other| one.intersection(&other).cloned().collect());
        let size = |group: &String| all.values().filter(|m| m.ever.contains(group)).count();
        let keeps_out = |group: &String| {
            let outside = |(_, member): &(_, &Member)| {
                member.always.is_some() && !member.ever.contains(group)
            };
            others.iter().any(outside)
        };
        let groups = common.unwrap_or_default().into_iter();
        let telling = groups.filter(|g| is_plain_name(g) && keeps_out(g));
        if let Some(group) = telling.min_by_key(|group| (size(group), group.clone())) {
            return Who {
                groups: BTreeSet::from([group]),
                users: BTreeSet::new(),
            };
        }
        let users: BTreeSet<String> = callers.iter().flatten().cloned().collect();
        let few = users.len() <= NAMED && users.len() <= others.len();
        if few && users.iter().all(|user| is_plain_name(user)) {
            return Who {
                users,
                groups: BTreeSet::new(),
            };
        }
        Who::default()
    }
}

impl Member {
    fn add(&mut self, groups: &Groups) {
        let known: Option<BTreeSet<String>> = match groups {
            Groups::Unknown => None,
            Groups::Known(groups) => Some(groups.iter().map(ToString::to_string).collect()),
        };
        self.ever.extend(known.iter().flatten().cloned());
        self.always = match (self.seen, self.always.take(), known) {
            (false, _, known) => known,
            (true, Some(one), Some(other)) => Some(one.intersection(&other).cloned().collect()),
            (true, _, _) => None,
        };
        self.seen = true;
    }
}
