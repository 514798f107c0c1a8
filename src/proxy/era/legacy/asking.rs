//! A result that asks for input (MRTR): the agent is asked by requests, as its
//! revision has it, and then the request is made again with its answers.

use super::super::Steps;
use super::super::ask::Ask;
use super::super::splice::{self, Refusal};
use super::{LegacyAgent, Stage};
use crate::engine::message::{Id, Json, Kind, Limits};
use std::time::Duration;

/// How often one call may ask.
const ROUNDS: usize = 16;
/// Most things that are asked at once.
const INPUTS: usize = 16;
/// How long a person may take.
const PATIENCE: Duration = Duration::from_mins(10);
/// How long a server that only wants to be asked again is left alone, times the
/// number of rounds.
const PAUSE: Duration = Duration::from_secs(1);

/// One thing that the agent is asked.
#[derive(Debug)]
pub(super) struct Input {
    /// Its key, as JSON.
    key: String,
    /// The id of the request to the agent.
    id: Id,
    what: Ask,
    /// The agent's answer, as JSON.
    answer: Option<String>,
}

impl Input {
    /// Bytes that are kept for it.
    pub(super) fn bytes(&self) -> usize {
        let answer = self.answer.as_ref().map_or(0, String::len);
        self.key.len().saturating_add(answer)
    }
}

impl LegacyAgent {
    /// Asks the agent what the server wants to know.
    pub(super) fn ask(
        &mut self,
        agent: &Id,
        result: Json<'_>,
        now: Duration,
        steps: &mut Steps,
    ) -> Result<(), Refusal> {
        let state = result.get("requestState");
        if state.is_some_and(|s| s.kind() != Kind::String) {
            return Err(Refusal::result("expected `requestState` to be a string"));
        }
        let state = state.map(|s| s.raw().to_owned());
        let asked: Vec<_> = result.get("inputRequests").into_iter().collect();
        let asked = asked.iter().flat_map(|all| all.members());
        let capabilities = self.client.as_ref().map(|c| c.capabilities.clone());
        let mut inputs = Vec::new();
        let mut requests = Vec::new();
        for (key, request) in asked {
            let what = declared(request, capabilities.as_ref().map(|c| c.root()))?;
            let id = self.ids.next();
            requests.push(asking(&id, what, request));
            inputs.push(Input {
                key: splice::quoted(&key),
                id,
                what,
                answer: None,
            });
            if inputs.len() > INPUTS {
                return Err(Refusal::ask("the server asks for too much at once"));
            }
        }
        if !self.has_room(result.raw().len()) {
            return Err(Refusal::busy());
        }
        let call = self.calls.get_mut(agent).filter(|c| c.request.is_some());
        let call = call.ok_or_else(Refusal::busy)?;
        call.rounds = call.rounds.saturating_add(1);
        if call.rounds > ROUNDS {
            return Err(Refusal::ask("the server asks again and again"));
        }
        if let Stage::Server(under) = &call.stage {
            self.repeated.remove(under);
        }
        if inputs.is_empty() {
            let state = state.ok_or_else(|| {
                Refusal::result("the server asks for input and does not say for which")
            })?;
            let rounds = u32::try_from(call.rounds).unwrap_or(u32::MAX);
            let until = now.saturating_add(PAUSE.saturating_mul(rounds));
            call.stage = Stage::Pause { state, until };
            return Ok(());
        }
        for input in &inputs {
            self.asks.insert(input.id.clone(), agent.clone());
        }
        let until = now.saturating_add(PATIENCE);
        call.stage = Stage::Agent {
            state,
            inputs,
            until,
        };
        for bytes in requests {
            steps.agent(Some(agent), bytes);
        }
        Ok(())
    }

    /// The agent answers something that it was asked.
    pub(super) fn input(&mut self, id: &Id, answer: Result<Json<'_>, Json<'_>>, steps: &mut Steps) {
        // Nobody else asks the agent for anything.
        let Some(agent) = self.asks.remove(id) else {
            return;
        };
        let room = answer.is_ok_and(|result| self.has_room(result.raw().len()));
        let call = self.calls.get_mut(&agent);
        let Some(Stage::Agent { inputs, .. }) = call.map(|c| &mut c.stage) else {
            return;
        };
        let Some(input) = inputs.iter_mut().find(|i| i.id == *id) else {
            return;
        };
        let answer = match (answer, input.what) {
            (Ok(_), _) if !room => Err(Refusal::busy()),
            (Ok(result), _) => Ok(result.raw().to_owned()),
            // There is no other way to say that a form came to nothing.
            (Err(_), Ask::Form | Ask::Url) => Ok(r#"{"action":"cancel"}"#.to_owned()),
            (Err(_), what) => Err(Refusal::ask(format!(
                "the server needs {}, and the agent has refused it",
                what.name()
            ))),
        };
        match answer {
            Ok(answer) => input.answer = Some(answer),
            Err(refusal) => {
                self.take_back(&agent, steps);
                self.forget(&agent);
                steps.refuse(&agent, &refusal);
                return;
            }
        }
        if inputs.iter().all(|i| i.answer.is_some()) {
            self.again(&agent, steps);
        }
    }

    /// Makes a request again, with what the server wanted.
    fn again(&mut self, agent: &Id, steps: &mut Steps) {
        let id = self.ids.next();
        let Some(call) = self.calls.get_mut(agent) else {
            return;
        };
        let (state, responses) = match &call.stage {
            Stage::Server(_) => return,
            Stage::Pause { state, .. } => (Some(state.clone()), None),
            Stage::Agent { state, inputs, .. } => {
                let all = inputs.iter().filter_map(|i| {
                    let answer = i.answer.as_ref()?;
                    Some(format!("{}:{answer}", i.key))
                });
                let all = format!("{{{}}}", all.collect::<Vec<_>>().join(","));
                (state.clone(), Some(all))
            }
        };
        let request = call.request.as_ref();
        let request = request
            .and_then(|r| crate::engine::message::Document::read(r.clone(), &Limits::DEFAULT).ok());
        let whole = request.as_ref().map(|d| d.root());
        let Some((whole, params)) = whole.and_then(|w| Some((w, w.get("params")?))) else {
            return;
        };
        let mut set = Vec::new();
        set.extend(responses.as_deref().map(|r| ("inputResponses", r)));
        set.extend(state.as_deref().map(|s| ("requestState", s)));
        let params = splice::with(params, &set);
        let text = splice::with(whole, &[("id", &id.to_json()), ("params", &params)]);
        call.stage = Stage::Server(id.clone());
        self.repeated.insert(id, agent.clone());
        steps.engine(text.into_bytes());
    }

    /// The agent need not answer any more.
    pub(super) fn take_back(&mut self, agent: &Id, steps: &mut Steps) {
        let open = self.asks.iter().filter(|(_, call)| *call == agent);
        for (id, _) in open {
            steps.agent(Some(agent), splice::cancelled(id));
        }
        self.asks.retain(|_, call| call != agent);
    }

    /// Ends what has waited too long, and repeats what has waited long enough.
    pub(super) fn expire(&mut self, now: Duration, steps: &mut Steps) {
        let due: Vec<(Id, bool)> = self
            .calls
            .iter()
            .filter_map(|(id, call)| match &call.stage {
                Stage::Agent { until, .. } if *until <= now => Some((id.clone(), false)),
                Stage::Pause { until, .. } if *until <= now => Some((id.clone(), true)),
                _ => None,
            })
            .collect();
        for (id, repeat) in due {
            if repeat {
                self.again(&id, steps);
            } else {
                self.take_back(&id, steps);
                self.forget(&id);
                let late = Refusal::late("nobody answered what the server asked for");
                steps.refuse(&id, &late);
            }
        }
    }
}

/// What a server asks for, if the agent has said that it can be asked.
fn declared(request: Json<'_>, capabilities: Option<Json<'_>>) -> Result<Ask, Refusal> {
    let method = request.get("method").and_then(Json::as_str);
    let params = request.get("params").filter(|p| !p.is_null());
    if params.is_some_and(|p| p.kind() != Kind::Object) {
        return Err(Refusal::result("expected `params` to be an object"));
    }
    let what = method.and_then(|method| Ask::of(&method, params));
    let what = what.ok_or_else(|| {
        Refusal::ask("the server asks for something that the agent's revision does not have")
    })?;
    if capabilities.is_some_and(|c| what.is_declared(c)) {
        Ok(what)
    } else {
        let name = what.name();
        Err(Refusal::ask(format!(
            "the server needs {name}, which the agent has not declared"
        )))
    }
}

/// The request by which the agent is asked.
fn asking(id: &Id, what: Ask, request: Json<'_>) -> Vec<u8> {
    let method = request.get("method").and_then(Json::as_str);
    let params = request.get("params").filter(|p| !p.is_null());
    let params = params.map(|params| {
        if what == Ask::Url && params.get("elicitationId").is_none() {
            // The legacy revision wants one.
            splice::with(params, &[("elicitationId", &id.to_json())])
        } else {
            params.raw().to_owned()
        }
    });
    splice::request(id, &method.unwrap_or_default(), params.as_deref())
}
