//! What a legacy server asks while a call runs, and the agent that comes again
//! with the answers (MRTR).
//!
//! The server's request stays open. The agent's request is answered with what
//! is asked and a sealed state; the retry is not sent to the server again: its
//! answers go to the server's requests, and it waits for the call that still
//! runs.

use super::super::Steps;
use super::super::ask::Ask;
use super::super::splice::{self, Refusal};
use super::calls::{self, Calls};
use super::{ModernAgent, Request};
use crate::engine::message::{Id, Json, Kind, KnownMethod, Method};
use crate::engine::seal::{Bound, Maker, salient};
use crate::engine::types::Digest;
use std::time::Duration;

/// Most things that one call may wait for at once.
const ASKS: usize = 16;
/// How often one call may ask.
const ROUNDS: usize = 32;
/// Most bytes of what waits for agents that come again.
pub(super) const KEPT: usize = 64 * 1024 * 1024;
/// How long an agent may take to come again.
const PATIENCE: Duration = Duration::from_mins(10);

/// One request of the server without an answer.
#[derive(Debug)]
pub(super) struct Asked {
    /// What the agent calls it.
    key: String,
    /// The server's id.
    id: Id,
    method: String,
    params: Option<String>,
}

impl Asked {
    pub(super) fn bytes(&self) -> usize {
        let id = match &self.id {
            Id::Number(_) => 0,
            Id::Text(text) => text.len(),
        };
        id.saturating_add(self.params.as_ref().map_or(0, String::len))
    }
}

/// A call whose agent has to come again.
#[derive(Debug)]
pub(super) struct Parked {
    /// What the agent's state says, under its seal.
    state: String,
    pub(super) until: Duration,
}

impl Calls {
    /// The one call that a server can mean when it asks for input.
    fn only(&self) -> Result<Id, Refusal> {
        let may_ask = self
            .all()
            .filter(|(_, c)| c.request.is_some() && c.done.is_none());
        let mut ids = may_ask.map(|(id, _)| id.clone());
        match (ids.next(), ids.next()) {
            (Some(id), None) => Ok(id),
            (None, _) => Err(Refusal::ask(
                "no call is running that could ask the agent: its revision asks only then",
            )),
            (Some(_), Some(_)) => Err(Refusal::ask(
                "several calls are running, and it cannot be told which of them asks the agent",
            )),
        }
    }

    fn parked(&self, state: &str) -> Option<Id> {
        let has = |c: &calls::Call| c.parked.as_ref().is_some_and(|p| p.state == state);
        let found = self.all().find(|(_, call)| has(call));
        found.map(|(id, _)| id.clone())
    }

    /// The server does not want to know any more.
    pub(super) fn not_asked(&mut self, id: &Id) {
        let call = self.all().find(|(_, c)| c.asks.iter().any(|a| a.id == *id));
        let call = call.map(|(call, _)| call.clone());
        if let Some(call) = call.and_then(|call| self.get_mut(&call)) {
            call.asks.retain(|asked| asked.id != *id);
        }
    }
}

impl ModernAgent {
    /// A request of the server.
    pub(super) fn asked(
        &mut self,
        id: &Id,
        method: &Method,
        params: Option<Json<'_>>,
        now: Duration,
        steps: &mut Steps,
    ) {
        if *method == Method::Known(KnownMethod::Ping) {
            steps.engine(splice::result(id, "{}"));
            return;
        }
        if let Err(refusal) = self.asks(id, method, params, now, steps) {
            steps.engine(refusal.answer(id));
        }
    }

    fn asks(
        &mut self,
        id: &Id,
        method: &Method,
        params: Option<Json<'_>>,
        now: Duration,
        steps: &mut Steps,
    ) -> Result<(), Refusal> {
        let what = Ask::of(method.name(), params)
            .ok_or_else(|| Refusal::method("an agent of this revision cannot be asked that"))?;
        let call_id = self.calls.only()?;
        let kept = self.calls.kept();
        let key = self.ids.text();
        let call = self.calls.get_mut(&call_id).ok_or_else(Refusal::busy)?;
        let declared = call.capabilities.as_ref();
        if !declared.is_some_and(|c| what.is_declared(c.root())) {
            return Err(Refusal::undeclared(what));
        }
        let bytes = params.map_or(0, |p| p.raw().len());
        if call.asks.len() >= ASKS || kept.saturating_add(bytes) > KEPT || call.rounds >= ROUNDS {
            return Err(Refusal::busy());
        }
        call.asks.push(Asked {
            key,
            id: id.clone(),
            method: method.name().to_owned(),
            params: params.map(|p| p.raw().to_owned()),
        });
        if call.waiter.is_some() {
            self.park(&call_id, now, steps);
        }
        Ok(())
    }

    /// Answers the agent with what the server wants to know; the call goes on.
    fn park(&mut self, call_id: &Id, now: Duration, steps: &mut Steps) {
        let state = self.ids.text();
        let Some(waiter) = self.calls.detach(call_id) else {
            return;
        };
        let Some(call) = self.calls.get_mut(call_id) else {
            return;
        };
        let Some(request) = call.request else {
            return;
        };
        let until = now.saturating_add(PATIENCE);
        let bound = self.bound(request);
        let sealed = splice::quoted(&self.seal.close(&bound, &state, until));
        let Some(call) = self.calls.get_mut(call_id) else {
            return;
        };
        call.rounds = call.rounds.saturating_add(1);
        call.parked = Some(Parked { state, until });
        let asks = call.asks.iter().map(|asked| {
            let (key, method) = (splice::quoted(&asked.key), splice::quoted(&asked.method));
            let params = asked.params.as_ref().map(|p| format!(r#","params":{p}"#));
            let params = params.unwrap_or_default();
            format!(r#"{key}:{{"method":{method}{params}}}"#)
        });
        let asks = asks.collect::<Vec<_>>().join(",");
        let result = format!(
            r#"{{"resultType":"input_required","inputRequests":{{{asks}}},"requestState":{sealed}}}"#
        );
        steps.agent(Some(&waiter), splice::result(&waiter, &result));
    }

    /// An agent has come again.
    pub(super) fn retry(
        &mut self,
        request: &Request<'_>,
        now: Duration,
        steps: &mut Steps,
    ) -> Result<(), Refusal> {
        let params = request.params;
        let state = params.get("requestState").and_then(Json::as_str);
        let state = state.ok_or_else(|| {
            Refusal::state("expected the `requestState` that came with what was asked")
        })?;
        let bound = match request.method {
            Method::Known(method) => salient(*method, Some(params)),
            Method::Unknown(_) => None,
        };
        let bound = bound.ok_or_else(|| Refusal::params("expected a name or uri"))?;
        let opened = self.seal.open(&self.bound(bound), &state, now);
        let opened = opened.map_err(|broken| Refusal::state(broken.to_string()))?;
        let call_id = self.calls.parked(opened.original).ok_or_else(|| {
            Refusal::state("the call that asked is over, or was answered already")
        })?;
        let responses = params.get("inputResponses");
        if responses.is_some_and(|r| r.kind() != Kind::Object) {
            return Err(Refusal::params("expected `inputResponses` to be an object"));
        }
        let call = self.calls.get_mut(&call_id).ok_or_else(Refusal::busy)?;
        let answer = |asked: &Asked| responses?.get(&asked.key);
        let odd = |asked: &Asked| answer(asked).is_some_and(|a| a.kind() != Kind::Object);
        if call.asks.iter().any(odd) {
            return Err(Refusal::params("expected each response to be an object"));
        }
        call.resumed(request)?;
        let level = call.level;
        call.asks.retain(|asked| match answer(asked) {
            Some(answer) => {
                steps.engine(splice::result(&asked.id, answer.raw()));
                false
            }
            // It is asked again.
            None => true,
        });
        let again = !call.asks.is_empty();
        let done = call.done.take();
        self.calls.attach(request.id.clone(), &call_id);
        if let Some(level) = level {
            self.set_level(level, steps);
        }
        if let Some(done) = done {
            self.calls.remove(&call_id);
            steps.agent(Some(request.id), done.answer(request.id));
        } else if again {
            self.park(&call_id, now, steps);
        }
        Ok(())
    }

    /// Ends a call that nobody waits for.
    pub(super) fn give_up(&mut self, id: &Id, why: &str, steps: &mut Steps) {
        let Some(call) = self.calls.remove(id) else {
            return;
        };
        for asked in &call.asks {
            steps.engine(Refusal::late(why).answer(&asked.id));
        }
        if call.done.is_none() {
            steps.engine(splice::cancelled(id));
        }
    }

    fn bound(&self, request: Digest) -> Bound<'_> {
        Bound {
            maker: Maker::Bridge,
            principal: &self.principal,
            server: self.server.as_str(),
            request,
        }
    }
}
