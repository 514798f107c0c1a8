//! What the server says, as a legacy agent may read it.

use super::super::Steps;
use super::super::splice::{self, Refusal};
use super::{Call, LegacyAgent, Stage, may_ask};
use crate::engine::message::{
    Direction, Document, Id, Json, Kind, KnownMethod, Limits, Message, Method,
};
use std::time::Duration;

impl LegacyAgent {
    pub(in crate::proxy::era) fn server_says(
        &mut self,
        cleared: &[u8],
        now: Duration,
        steps: &mut Steps,
    ) {
        let Ok(document) = Document::read(cleared.to_vec(), &Limits::DEFAULT) else {
            return;
        };
        let root = document.root();
        match Message::read(root) {
            Err(_) => {}
            Ok(Message::Request { id, .. }) => {
                let refusal = Refusal::method("a server of this revision sends no requests");
                steps.engine(refusal.answer(&id));
            }
            Ok(Message::Notification { method, params }) => {
                self.told(&method, root, params, now, steps);
            }
            Ok(Message::Response { id, result }) => self.answered(&id, root, result, now, steps),
            Ok(Message::Failure { id, error }) => {
                self.failed(id.as_ref(), root, error, now, steps);
            }
        }
    }

    /// A result from the server.
    fn answered(
        &mut self,
        id: &Id,
        root: Json<'_>,
        result: Json<'_>,
        now: Duration,
        steps: &mut Steps,
    ) {
        let Some((agent, call)) = self.waiting(id) else {
            // Also the answer to what was cancelled: nobody waits for it.
            if self.ids.is_own(id) {
                self.listening.answered(id, None, now, steps);
                self.listen(now, steps);
            }
            return;
        };
        let kind = result.get("resultType");
        let method = call.method.clone();
        let refused = match kind.and_then(Json::as_str).as_deref() {
            None | Some("complete") if kind.is_none_or(|k| k.kind() == Kind::String) => {
                if method == Method::Known(KnownMethod::Initialize) {
                    self.initialized(&agent, result)
                } else {
                    Ok(splice::with(root, &[("id", &agent.to_json())]).into_bytes())
                }
            }
            Some("input_required") if may_ask(&method) => {
                match self.ask(&agent, result, now, steps) {
                    Ok(()) => return,
                    Err(refusal) => Err(refusal),
                }
            }
            _ => Err(Refusal::result(
                "the server's result is of a kind that the agent's revision does not have",
            )),
        };
        self.forget(&agent);
        match refused {
            Ok(bytes) => steps.agent(Some(&agent), bytes),
            Err(refusal) => steps.refuse(&agent, &refusal),
        }
    }

    fn failed(
        &mut self,
        id: Option<&Id>,
        root: Json<'_>,
        error: Json<'_>,
        now: Duration,
        steps: &mut Steps,
    ) {
        let Some(id) = id else {
            return steps.agent(None, root.raw().as_bytes().to_vec());
        };
        let Some((agent, call)) = self.waiting(id) else {
            return self.stray(id, error, root, now, steps);
        };
        if call.method == Method::Known(KnownMethod::Initialize) {
            // The agent may try again.
            self.client = None;
        }
        let error = told_error(error);
        self.forget(&agent);
        steps.agent(Some(&agent), splice::failure(&agent, &error));
    }

    /// An error that answers none of the agent's requests.
    fn stray(
        &mut self,
        id: &Id,
        error: Json<'_>,
        root: Json<'_>,
        now: Duration,
        steps: &mut Steps,
    ) {
        if self.ids.is_own(id) {
            self.listening.answered(id, Some(error), now, steps);
            self.listen(now, steps);
        } else if self.unread.take(id) {
            steps.agent(Some(id), root.raw().as_bytes().to_vec());
        }
    }

    /// The agent's id, and the call, that an answer to `id` belongs to.
    fn waiting(&self, id: &Id) -> Option<(Id, &Call)> {
        let agent = self.repeated.get(id).unwrap_or(id);
        let call = self.calls.get(agent)?;
        let here = matches!(&call.stage, Stage::Server(under) if under == id);
        here.then(|| (agent.clone(), call))
    }

    /// A call has its answer.
    pub(super) fn forget(&mut self, agent: &Id) {
        let stage = self.calls.remove(agent).map(|call| call.stage);
        if let Some(Stage::Server(under)) = stage {
            self.repeated.remove(&under);
        }
        self.asks.retain(|_, call| call != agent);
    }

    fn told(
        &mut self,
        method: &Method,
        root: Json<'_>,
        params: Option<Json<'_>>,
        now: Duration,
        steps: &mut Steps,
    ) {
        let whole = || root.raw().as_bytes().to_vec();
        let Method::Known(method) = method else {
            return steps.agent(None, whole());
        };
        match method {
            KnownMethod::ListenAcknowledged => {
                self.listening.acknowledged(params, steps);
                self.listen(now, steps);
            }
            KnownMethod::Cancelled => {
                if let Some(id) = params.and_then(|p| p.get("requestId")).and_then(Id::of) {
                    self.listening.answered(&id, None, now, steps);
                    self.listen(now, steps);
                }
            }
            KnownMethod::ToolsChanged
            | KnownMethod::PromptsChanged
            | KnownMethod::ResourcesChanged
            | KnownMethod::ResourceUpdated => {
                if let Some(bytes) = self.listening.told(root, params) {
                    steps.agent(None, bytes);
                } else {
                    let why = "it is on a subscription that was given up";
                    steps.lose(Direction::ToAgent, root, why);
                }
            }
            KnownMethod::Progress => {
                let token = params.and_then(splice::told_token);
                let mut calls = self.calls.iter();
                let call = calls.find(|(_, call)| token.is_some() && call.token == token);
                steps.agent(call.map(|(id, _)| id), whole());
            }
            KnownMethod::TaskChanged | KnownMethod::TaskStatus => {
                let why = "it is of an extension that the agent's revision does not have";
                steps.lose(Direction::ToAgent, root, why);
            }
            _ => steps.agent(None, whole()),
        }
    }
}

/// An error of the modern protocol as a legacy agent may read it: its own codes
/// become ones that each revision has.
pub(super) fn told_error(error: Json<'_>) -> String {
    let code = match error.get("code").and_then(Json::as_number) {
        // What the agent's request was made into did not suit the server.
        Some("-32020") => "-32603",
        Some("-32021" | "-32022") => "-32602",
        _ => return error.raw().to_owned(),
    };
    splice::with(error, &[("code", code)])
}
