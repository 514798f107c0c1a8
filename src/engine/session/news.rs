//! Which lists an agent is told of when they change: those of which it was told
//! that it would be.

use super::{Requests, Session};
use crate::engine::message::{Id, Json, KnownMethod, Method};

/// A list that an agent asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Listed {
    Tools,
    Prompts,
    Resources,
}

impl Listed {
    pub(in crate::engine) const ALL: [Self; 3] = [Self::Tools, Self::Prompts, Self::Resources];

    /// What says that it has changed.
    pub(in crate::engine) fn changed(self) -> KnownMethod {
        match self {
            Self::Tools => KnownMethod::ToolsChanged,
            Self::Prompts => KnownMethod::PromptsChanged,
            Self::Resources => KnownMethod::ResourcesChanged,
        }
    }

    /// The capability that it belongs to.
    fn capability(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
        }
    }

    /// How `subscriptions/listen` asks for it.
    fn asked(self) -> &'static str {
        match self {
            Self::Tools => "toolsListChanged",
            Self::Prompts => "promptsListChanged",
            Self::Resources => "resourcesListChanged",
        }
    }
}

/// Some of the lists.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::engine) struct Lists([bool; 3]);

impl Lists {
    fn of(is_in: impl Fn(Listed) -> bool) -> Self {
        Self(Listed::ALL.map(is_in))
    }

    /// Those of whose changes the answer to a handshake says that it will tell.
    pub(in crate::engine) fn announced(result: Json<'_>) -> Self {
        let capabilities = result.get("capabilities");
        Self::of(|list| {
            let capability = capabilities.and_then(|all| all.get(list.capability()));
            is_true(capability.and_then(|one| one.get("listChanged")))
        })
    }

    /// Those that `subscriptions/listen` asks for.
    pub(in crate::engine) fn asked_for(method: &Method, params: Option<Json<'_>>) -> Self {
        let listens = *method == Method::Known(KnownMethod::Listen);
        let asked = params.and_then(|params| params.get("notifications"));
        let asked = asked.filter(|_| listens);
        Self::of(|list| is_true(asked.and_then(|asked| asked.get(list.asked()))))
    }

    pub(in crate::engine) fn has(self, list: Listed) -> bool {
        let at = Listed::ALL.iter().position(|one| *one == list);
        at.and_then(|at| self.0.get(at)).copied().unwrap_or(false)
    }

    fn is_empty(self) -> bool {
        self == Self::default()
    }
}

fn is_true(value: Option<Json<'_>>) -> bool {
    value.is_some_and(|value| value.raw() == "true")
}

impl Requests {
    /// The subscriptions that want to be told of a list.
    pub(in crate::engine) fn listening(&self, list: Listed) -> impl Iterator<Item = &Id> {
        let wants = self.pending.iter().filter(move |(_, p)| p.lists.has(list));
        let live = wants.filter(|(id, _)| !self.cancelled.contains(id));
        live.map(|(id, _)| id)
    }
}

impl Session {
    /// Whether anybody wants to be told when a list changes.
    pub fn wants_news(&self) -> bool {
        let mut all = self.down.pending.values();
        !self.announced.is_empty() || all.any(|pending| !pending.lists.is_empty())
    }
}
