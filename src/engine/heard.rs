//! What a message asks for, as whoever records traffic keeps it.
//!
//! Only requests that rules are about: tools, prompts, resources, completions,
//! and what a server asks of the agent, in an answer or a notification as well
//! (2026-07-28). Deliberately absent: messages, answers,
//! the text of what a server asks (the policy judges it by its method).

use super::message::{Direction, Json, KnownMethod, Message, Method, Opened};
use super::principal::Groups;
use super::session::Session;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a request is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// A tool is called.
    Tool,
    /// A prompt is asked for, or completed.
    Prompt,
    /// A resource is read, subscribed to, or completed.
    Resource,
    /// The server asks something of the agent.
    Ask,
}

impl Subject {
    /// Every subject, with its word.
    const WORDS: [(Self, &'static str); 4] = [
        (Self::Tool, "tool"),
        (Self::Prompt, "prompt"),
        (Self::Resource, "resource"),
        (Self::Ask, "ask"),
    ];

    /// As a recording has it.
    pub fn word(self) -> &'static str {
        let found = Self::WORDS.iter().find(|(subject, _)| *subject == self);
        found.map_or("", |(_, word)| word)
    }

    /// Reads a word.
    pub fn of(word: &str) -> Option<Self> {
        let found = Self::WORDS.iter().find(|(_, known)| *known == word);
        found.map(|(subject, _)| *subject)
    }
}

/// One thing that a request asks for.
#[derive(Debug, Clone)]
pub struct Heard<'a> {
    /// The method of the request.
    pub method: &'static str,
    /// What it is about.
    pub subject: Subject,
    /// The tool, prompt, uri, or what the server asks.
    pub name: String,
    /// Arguments of a tool or prompt; of a completion, what is completed.
    pub arguments: Vec<(&'static str, Json<'a>)>,
    /// The user's groups.
    pub groups: Groups,
    /// What the token is good for; `None` without a token.
    pub scopes: Option<BTreeSet<Arc<str>>>,
}

/// What a server may ask of the agent, if `ask_agent` says so.
const ASKED: [KnownMethod; 3] = [
    KnownMethod::CreateMessage,
    KnownMethod::Elicit,
    KnownMethod::ListRoots,
];

/// What a message asks for; of `subscriptions/listen`, one for each uri.
pub fn heard<'a>(opened: &'a Opened, session: &Session) -> Vec<Heard<'a>> {
    let sender = opened.sent_by.as_deref().or(session.principal());
    let heard = |method: KnownMethod, subject, name: Cow<'a, str>, arguments| Heard {
        method: method.name(),
        subject,
        name: name.into_owned(),
        arguments,
        groups: sender.map(|p| p.groups.clone()).unwrap_or_default(),
        scopes: sender.and_then(|p| p.scopes.clone()),
    };
    let Ok(message) = opened.message() else {
        return Vec::new();
    };
    if opened.direction() == Direction::ToAgent {
        let asked = asked(&message).into_iter();
        return asked
            .map(|(method, name)| heard(method, Subject::Ask, name.into(), Vec::new()))
            .collect();
    }
    let Message::Request {
        method: Method::Known(method),
        params,
        ..
    } = message
    else {
        return Vec::new();
    };
    let one = |subject, name, arguments| heard(method, subject, name, arguments);
    let text = |key: &str| params.and_then(|p| p.get(key)).and_then(Json::as_str);
    let members = |keys: &[&'static str]| {
        let found = keys
            .iter()
            .map(|key| (*key, params.and_then(|p| p.get(key))));
        found
            .filter_map(|(key, value)| Some((key, value?)))
            .collect()
    };
    let found = match method {
        KnownMethod::CallTool => {
            text("name").map(|name| one(Subject::Tool, name, members(&["arguments"])))
        }
        KnownMethod::GetPrompt => {
            text("name").map(|name| one(Subject::Prompt, name, members(&["arguments"])))
        }
        KnownMethod::ReadResource
        | KnownMethod::SubscribeResource
        | KnownMethod::UnsubscribeResource => {
            text("uri").map(|uri| one(Subject::Resource, uri, Vec::new()))
        }
        KnownMethod::Complete => {
            let reference = params.and_then(|p| p.get("ref"));
            let text = |key: &str| reference.and_then(|r| r.get(key)).and_then(Json::as_str);
            let parts = members(&["argument", "context"]);
            match (text("name"), text("uri")) {
                (Some(name), None) => Some(one(Subject::Prompt, name, parts)),
                (None, Some(uri)) => Some(one(Subject::Resource, uri, parts)),
                _ => None,
            }
        }
        KnownMethod::Listen => {
            let uris = super::decide::subscribed(params).filter_map(Json::as_str);
            return uris
                .map(|uri| one(Subject::Resource, uri, Vec::new()))
                .collect();
        }
        _ => None,
    };
    found.into_iter().collect()
}

/// What a message of the server asks of the agent: a request, or what stands in
/// an answer or in news of a task for one, where the engine looks as well. The
/// method, and how a rule names it.
fn asked(message: &Message<'_>) -> BTreeSet<(KnownMethod, &'static str)> {
    let within = |whole: Json<'_>| {
        let inner = ["task", "result"].map(|key| whole.get(key));
        let all = inner.into_iter().flatten().chain([whole]);
        let requests = all.filter_map(|one| one.get("inputRequests"));
        let requests = requests.flat_map(Json::members).filter_map(|(_, request)| {
            let method = request.get("method").and_then(Json::as_str)?;
            match Method::of(&method) {
                Method::Known(method) => named(method, request.get("params")),
                Method::Unknown(_) => None,
            }
        });
        requests.collect()
    };
    match message {
        Message::Request {
            method: Method::Known(method),
            params,
            ..
        } => named(*method, *params).into_iter().collect(),
        Message::Notification {
            method: Method::Known(KnownMethod::TaskStatus | KnownMethod::TaskChanged),
            params: Some(task),
        } => within(*task),
        Message::Response { result, .. } => within(*result),
        Message::Failure { error, .. } if super::decide::wants_page(*error) => {
            BTreeSet::from([(KnownMethod::Elicit, super::decide::PAGE)])
        }
        _ => BTreeSet::new(),
    }
}

/// A request of a server, as a rule names it.
fn named(method: KnownMethod, params: Option<Json<'_>>) -> Option<(KnownMethod, &'static str)> {
    let name = super::decide::asked_method(method, params).ok()?;
    ASKED.contains(&method).then_some((method, name))
}
