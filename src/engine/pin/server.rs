//! What is not as pinned about a server itself: how it is started, who it says
//! it is.
//!
//! A lockfile is shared between machines, and where a program lies, and for
//! another processor what is in it, differs between them: that is told, and is
//! no drift. The same path with other bytes in it is.

use super::{Identity, Launch, Transport};
use crate::engine::guard::definition::inspect_text;
use crate::engine::types::Finding;

/// How much it weighs that a fact about the server is not as pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The server is started otherwise, or says that it is another.
    Drift,
    /// Nobody has approved such a fact yet.
    Unreviewed,
    /// It differs from machine to machine.
    Machine,
}

impl Weight {
    /// As programs read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Drift => "drift",
            Self::Unreviewed => "unreviewed",
            Self::Machine => "machine",
        }
    }
}

/// A fact about the server itself that is not as pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerChange {
    /// How much it weighs.
    pub weight: Weight,
    /// Which (`launch.command`, `identity.instructions`).
    pub what: &'static str,
    /// As pinned; nothing where it was not there.
    pub before: Option<String>,
    /// As it is now.
    pub after: Option<String>,
    /// What the inspection says of a text that the model reads.
    pub findings: Vec<Finding>,
}

/// Compares facts with pinned ones.
pub(super) struct Facts {
    /// Nothing of the server is pinned.
    pub(super) is_new: bool,
    /// A person has looked at all that is pinned.
    pub(super) is_reviewed: bool,
    pub(super) found: Vec<ServerChange>,
}

impl Facts {
    pub(super) fn launch(&mut self, pinned: Option<&Launch>, now: &Launch) {
        let was = pinned.is_some();
        let mut compare = |what, of: fn(&Launch) -> Option<String>| {
            self.compare(what, was, (pinned.and_then(of), of(now)));
        };
        compare("launch.transport", |l| {
            Some(Transport::as_str(l.transport).to_owned())
        });
        compare("launch.command", |l| {
            (!l.command.is_empty()).then(|| format!("{:?}", l.command))
        });
        compare("launch.url", |l| l.url.clone());
        compare("launch.package", |l| {
            l.package.as_ref().map(ToString::to_string)
        });
        let from = self.found.len();
        self.compare(
            "launch.executable",
            was,
            (
                pinned.and_then(|l| l.executable.clone()),
                now.executable.clone(),
            ),
        );
        let digest = |l: &Launch| l.executable_digest.map(|digest| digest.to_string());
        self.compare(
            "launch.executable_digest",
            was,
            (pinned.and_then(digest), digest(now)),
        );
        let same_place = pinned.is_some_and(|l| l.executable == now.executable);
        for change in self.found.iter_mut().skip(from) {
            change.weight = match (&change.before, &change.after) {
                // Of a first use nobody has hashed the program.
                (None, Some(_)) if was => Weight::Unreviewed,
                (Some(_), _) if same_place => Weight::Drift,
                (Some(_), _) if change.weight == Weight::Drift => Weight::Machine,
                _ => change.weight,
            };
        }
    }

    pub(super) fn identity(&mut self, pinned: Option<&Identity>, now: &Identity) {
        let mut compare = |what, of: fn(&Identity) -> Option<String>| {
            let known = self.found.len();
            self.compare(what, pinned.is_some(), (pinned.and_then(of), of(now)));
            for change in self.found.iter_mut().skip(known) {
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

    fn compare(
        &mut self,
        what: &'static str,
        was: bool,
        (before, after): (Option<String>, Option<String>),
    ) {
        let same = before == after;
        // What was kept on first use is shown once to who approves the tools.
        let unseen = !self.is_reviewed && after.is_some();
        if same && !unseen {
            return;
        }
        let weight = if same || !(was || self.is_new) {
            Weight::Unreviewed
        } else {
            Weight::Drift
        };
        self.found.push(ServerChange {
            weight,
            what,
            before: before.filter(|_| !same),
            after,
            findings: Vec::new(),
        });
    }
}
