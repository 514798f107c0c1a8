//! What a server may ask of an agent, and whether that agent has declared it.
//! The same three requests exist in both eras.

use super::splice::{self, Edit};
use crate::engine::message::{Json, Kind};

/// One thing that a server asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Form,
    Url,
    Sample,
    SampleWithTools,
    Roots,
}

impl Ask {
    /// What a request asks for; nothing where no revision has it.
    pub(super) fn of(method: &str, params: Option<Json<'_>>) -> Option<Self> {
        let has = |key: &str| params.is_some_and(|p| p.get(key).is_some());
        let mode = params.and_then(|p| p.get("mode"));
        Some(match method {
            "elicitation/create" => match mode.map(Json::as_str) {
                None => Self::Form,
                Some(Some(mode)) if mode == "form" => Self::Form,
                Some(Some(mode)) if mode == "url" => Self::Url,
                Some(_) => return None,
            },
            "sampling/createMessage" if has("tools") || has("toolChoice") => Self::SampleWithTools,
            "sampling/createMessage" => Self::Sample,
            "roots/list" => Self::Roots,
            _ => return None,
        })
    }

    /// Whether an agent with these capabilities can be asked.
    pub(super) fn is_declared(self, capabilities: Json<'_>) -> bool {
        let object = |of: Option<Json<'_>>| of.is_some_and(|value| value.kind() == Kind::Object);
        let elicitation = capabilities.get("elicitation");
        let sampling = capabilities.get("sampling");
        let within = |of: Option<Json<'_>>, key: &str| object(of.and_then(|o| o.get(key)));
        match self {
            // An empty object stands for forms.
            Self::Form => {
                object(elicitation) && (within(elicitation, "form") || !within(elicitation, "url"))
            }
            Self::Url => within(elicitation, "url"),
            Self::Sample => object(sampling),
            Self::SampleWithTools => within(sampling, "tools"),
            Self::Roots => object(capabilities.get("roots")),
        }
    }

    /// What it is, for people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Form => "elicitation",
            Self::Url => "elicitation by URL",
            Self::Sample => "sampling",
            Self::SampleWithTools => "sampling with tools",
            Self::Roots => "roots",
        }
    }
}

/// Capabilities without tasks, which are not bridged.
pub(super) fn bridged(of: Json<'_>) -> String {
    let edit = |key: &str, value: Json<'_>| match key {
        "tasks" => Edit::Drop,
        "extensions" if value.get(splice::TASKS).is_some() => {
            Edit::Put(splice::without(value, &[splice::TASKS]))
        }
        _ => Edit::Keep,
    };
    splice::object(of, edit, &[])
}
