//! Requests that the server has, and what it says of them.

use super::super::Steps;
use super::super::splice::{self, Edit, Refusal};
use super::asking::{Asked, Parked};
use super::{ModernAgent, Request};
use crate::engine::message::{Document, Id, Json, KnownMethod, Method};
use crate::engine::seal::salient;
use crate::engine::types::Digest;
use std::collections::BTreeMap;
use std::time::Duration;

/// Most requests without an answer.
const CALLS: usize = 1000;
/// Most bytes of what an agent says that it can do.
const DECLARED: usize = 64 * 1024;

/// One request that the server has.
#[derive(Debug)]
pub(super) struct Call {
    method: Method,
    /// What a state that its agent gets is bound to, if it may ask for input.
    pub(super) request: Option<Digest>,
    /// What its agent can be asked.
    pub(super) capabilities: Option<Document>,
    /// The agent's request that is answered next; nothing while the agent
    /// gathers what was asked.
    pub(super) waiter: Option<Id>,
    /// The progress token that the server knows, and the one that the agent
    /// listens for now, as JSON.
    token: Option<(String, Option<String>)>,
    /// Log messages from this level on are wanted.
    pub(super) level: Option<usize>,
    /// What the server has asked and nobody has answered.
    pub(super) asks: Vec<Asked>,
    pub(super) parked: Option<Parked>,
    /// The server's answer, where it came while the agent was asked.
    pub(super) done: Option<Done>,
    pub(super) rounds: usize,
}

/// The server's answer, for the agent.
#[derive(Debug)]
pub(super) enum Done {
    Result(String),
    Error(String),
}

impl Done {
    fn bytes(&self) -> usize {
        match self {
            Self::Result(text) | Self::Error(text) => text.len(),
        }
    }

    pub(super) fn answer(&self, id: &Id) -> Vec<u8> {
        match self {
            Self::Result(result) => splice::result(id, result),
            Self::Error(error) => splice::failure(id, error),
        }
    }
}

impl Call {
    pub(super) fn of(request: &Request<'_>) -> Result<Self, Refusal> {
        let bound = match request.method {
            Method::Known(method) => salient(*method, Some(request.params)),
            Method::Unknown(_) => None,
        };
        let token = request.meta.get("progressToken").map(Json::raw);
        let spelled = splice::token(request.params);
        Ok(Self {
            method: request.method.clone(),
            request: bound,
            capabilities: bound.and(declared(request)?),
            waiter: Some(request.id.clone()),
            token: spelled.map(|spelled| (spelled, token.map(str::to_owned))),
            level: request.level()?,
            asks: Vec::new(),
            parked: None,
            done: None,
            rounds: 0,
        })
    }

    /// The agent has come again: what it says now counts.
    pub(super) fn resumed(&mut self, request: &Request<'_>) -> Result<(), Refusal> {
        let level = request.level()?;
        self.capabilities = declared(request)?;
        self.level = level;
        if let Some((_, agent)) = &mut self.token {
            let token = request.meta.get("progressToken");
            *agent = token.map(|token| token.raw().to_owned());
        }
        self.waiter = Some(request.id.clone());
        self.parked = None;
        Ok(())
    }
}

fn declared(request: &Request<'_>) -> Result<Option<Document>, Refusal> {
    let raw = request.capabilities.raw();
    if raw.len() > DECLARED {
        return Err(Refusal::params("expected less than 64 KiB of capabilities"));
    }
    Ok(splice::document(raw))
}

/// All of them.
#[derive(Debug, Default)]
pub(super) struct Calls {
    calls: BTreeMap<Id, Call>,
    /// Requests of agents that wait for an answer: to which call they belong.
    waiters: BTreeMap<Id, Id>,
}

impl Calls {
    pub(super) fn has_room(&self) -> Result<(), Refusal> {
        if self.calls.len() < CALLS {
            Ok(())
        } else {
            Err(Refusal::busy())
        }
    }

    pub(super) fn add(&mut self, id: Id, call: Call) {
        self.waiters.insert(id.clone(), id.clone());
        self.calls.insert(id, call);
    }

    pub(super) fn get(&self, id: &Id) -> Option<&Call> {
        self.calls.get(id)
    }

    pub(super) fn get_mut(&mut self, id: &Id) -> Option<&mut Call> {
        self.calls.get_mut(id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&Id, &Call)> {
        self.calls.iter()
    }

    /// Whether an id is in use, by an agent or by a call that goes on.
    pub(super) fn knows(&self, id: &Id) -> bool {
        self.calls.contains_key(id) || self.waiters.contains_key(id)
    }

    /// The call that a waiting request belongs to.
    pub(super) fn under(&self, waiter: &Id) -> Option<Id> {
        self.waiters.get(waiter).cloned()
    }

    /// An agent waits for a call that goes on.
    pub(super) fn attach(&mut self, waiter: Id, id: &Id) {
        self.waiters.insert(waiter, id.clone());
    }

    /// Nobody waits for a call; it goes on.
    pub(super) fn detach(&mut self, id: &Id) -> Option<Id> {
        let waiter = self.calls.get_mut(id)?.waiter.take()?;
        self.waiters.remove(&waiter);
        Some(waiter)
    }

    pub(super) fn remove(&mut self, id: &Id) -> Option<Call> {
        let call = self.calls.remove(id)?;
        if let Some(waiter) = &call.waiter {
            self.waiters.remove(waiter);
        }
        Some(call)
    }

    /// Bytes that are kept for agents that have to come again.
    pub(super) fn kept(&self) -> usize {
        let parked = self.calls.values().filter(|c| c.waiter.is_none());
        let bytes = parked.map(|call| {
            let asks: usize = call.asks.iter().map(Asked::bytes).sum();
            asks.saturating_add(call.done.as_ref().map_or(0, Done::bytes))
        });
        bytes.sum()
    }

    /// A log message goes to the requests that want it, and to no others.
    pub(super) fn log(&self, root: Json<'_>, params: Option<Json<'_>>, steps: &mut Steps) {
        let level = params.and_then(|p| p.get("level")).and_then(splice::level);
        let Some(level) = level else {
            return;
        };
        // Only who wants them gets them: that is no loss.
        for call in self.calls.values() {
            if let (Some(waiter), Some(wanted)) = (&call.waiter, call.level)
                && wanted <= level
            {
                steps.agent(Some(waiter), root.raw().as_bytes().to_vec());
            }
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        let parked = self.calls.values().filter_map(|c| c.parked.as_ref());
        parked.map(|p| p.until).min()
    }

    /// Calls whose agent did not come again in time.
    pub(super) fn expired(&self, now: Duration) -> Vec<Id> {
        let late = |call: &Call| call.parked.as_ref().is_some_and(|p| p.until <= now);
        let late = self.calls.iter().filter(|(_, call)| late(call));
        late.map(|(id, _)| id.clone()).collect()
    }

    pub(super) fn end(&mut self, why: &Refusal, steps: &mut Steps) {
        for waiter in self.waiters.keys() {
            steps.refuse(waiter, why);
        }
        self.waiters.clear();
        self.calls.clear();
    }
}

impl ModernAgent {
    /// The server has answered a call.
    pub(super) fn finished(
        &mut self,
        id: &Id,
        answer: Result<Json<'_>, Json<'_>>,
        root: Json<'_>,
        steps: &mut Steps,
    ) {
        let held = self.calls.kept();
        let Some(call) = self.calls.get_mut(id) else {
            return;
        };
        let (key, text) = match answer {
            Ok(result) => ("result", completed(&call.method, result)),
            Err(error) => ("error", told_error(error)),
        };
        if let Some(waiter) = call.waiter.clone() {
            self.calls.remove(id);
            let set = [("id", waiter.to_json()), (key, text)];
            let set = set.each_ref().map(|(key, value)| (*key, value.as_str()));
            steps.agent(Some(&waiter), splice::with(root, &set).into_bytes());
            return;
        }
        call.done = Some(match answer {
            _ if held.saturating_add(text.len()) > super::asking::KEPT => {
                let busy = r#"{"code":-32603,"message":"the answer came before it was asked for, and is too large to be kept","data":{"by":"lockgate","reason":"era-busy"}}"#;
                Done::Error(busy.to_owned())
            }
            Ok(_) => Done::Result(text),
            Err(_) => Done::Error(text),
        });
    }

    /// Progress goes to the request that waits for the call, under its token.
    pub(super) fn progress(&self, root: Json<'_>, params: Option<Json<'_>>, steps: &mut Steps) {
        let Some((params, told)) = params.and_then(|p| Some((p, splice::told_token(p)?))) else {
            return;
        };
        let call = self.calls.all().find_map(|(_, call)| {
            let (server, agent) = call.token.as_ref()?;
            (*server == told).then_some((call.waiter.as_ref()?, agent.as_ref()?))
        });
        // While its agent is asked for something, a call has nobody to report to.
        if let Some((waiter, token)) = call {
            let params = splice::with(params, &[("progressToken", token)]);
            let text = splice::with(root, &[("params", &params)]);
            steps.agent(Some(waiter), text.into_bytes());
        }
    }
}

/// Whether the answer to a method may ask for input.
pub(super) fn may_ask(method: &Method) -> bool {
    matches!(
        method,
        Method::Known(KnownMethod::CallTool | KnownMethod::GetPrompt | KnownMethod::ReadResource)
    )
}

/// A legacy result with what the modern revision wants in each.
fn completed(method: &Method, result: Json<'_>) -> String {
    let cached = matches!(
        method,
        Method::Known(
            KnownMethod::ListTools
                | KnownMethod::ListPrompts
                | KnownMethod::ListResources
                | KnownMethod::ListResourceTemplates
                | KnownMethod::ReadResource
        )
    );
    // Whatever a legacy server means by these names, it is not what they mean
    // to the agent.
    let edit = |key: &str, _: Json<'_>| match key {
        "resultType" | "inputRequests" | "requestState" => Edit::Drop,
        "ttlMs" | "cacheScope" if cached => Edit::Drop,
        _ => Edit::Keep,
    };
    let all = [
        ("resultType", r#""complete""#),
        ("ttlMs", "0"),
        ("cacheScope", r#""private""#),
    ];
    let own = all.get(..if cached { 3 } else { 1 });
    splice::object(result, edit, own.unwrap_or_default())
}

/// A legacy server's error as a modern agent may read it: codes that the modern
/// revision has given up, or has defined since, become ones of JSON-RPC.
fn told_error(error: Json<'_>) -> String {
    let code = error.get("code").and_then(Json::as_number);
    let code = match code.and_then(|code| code.parse::<i64>().ok()) {
        Some(-32002) => "-32602",
        Some(-32099..=-32020) => "-32603",
        _ => return error.raw().to_owned(),
    };
    splice::with(error, &[("code", code)])
}
