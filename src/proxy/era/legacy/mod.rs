//! A legacy agent in front of a server that speaks 2026-07-28 only.
//!
//! The handshake becomes `server/discover`, every request carries what the
//! agent said in it, subscriptions become one stream, and a result that asks
//! for input becomes requests to the agent.

mod answers;
mod asking;
mod handshake;
mod listening;

use super::splice::{self, Refusal};
use super::{Ids, Steps, Unread};
use crate::engine::message::{Document, Id, Json, Kind, KnownMethod, Limits, Message, Method};
use answers::told_error;
use asking::Input;
use handshake::Client;
use listening::Listening;
use std::collections::BTreeMap;
use std::time::Duration;

/// Most requests of the agent without an answer.
const CALLS: usize = 1000;
/// Most bytes that are kept of requests that may have to be repeated, and of what
/// they are repeated with.
const KEPT: usize = 64 * 1024 * 1024;

/// The legacy side's adapter.
#[derive(Debug)]
pub(super) struct LegacyAgent {
    ids: Ids,
    pub(super) unread: Unread,
    client: Option<Client>,
    /// The level that the agent has set, as JSON.
    log_level: Option<String>,
    /// Requests of the agent without an answer, by its own ids.
    calls: BTreeMap<Id, Call>,
    /// Ids under which they were repeated.
    repeated: BTreeMap<Id, Id>,
    /// What the agent is being asked: for which call.
    asks: BTreeMap<Id, Id>,
    listening: Listening,
}

#[derive(Debug)]
struct Call {
    method: Method,
    /// The whole request as the engine got it, if its answer may ask for input.
    request: Option<Vec<u8>>,
    /// Its progress token, in one spelling.
    token: Option<String>,
    /// How often the server has asked for input.
    rounds: usize,
    stage: Stage,
}

impl Call {
    /// Bytes that are kept for it.
    fn bytes(&self) -> usize {
        let stage = match &self.stage {
            Stage::Server(_) => 0,
            Stage::Pause { state, .. } => state.len(),
            Stage::Agent { state, inputs, .. } => {
                let inputs: usize = inputs.iter().map(Input::bytes).sum();
                inputs.saturating_add(state.as_ref().map_or(0, String::len))
            }
        };
        stage.saturating_add(self.request.as_ref().map_or(0, Vec::len))
    }
}

#[derive(Debug)]
enum Stage {
    /// The server has it, under this id.
    Server(Id),
    /// The agent is asked.
    Agent {
        state: Option<String>,
        inputs: Vec<Input>,
        until: Duration,
    },
    /// Repeated after a while.
    Pause { state: String, until: Duration },
}

impl LegacyAgent {
    pub(super) fn new(nonce: &str) -> Self {
        Self {
            ids: Ids::new(nonce),
            unread: Unread::default(),
            client: None,
            log_level: None,
            calls: BTreeMap::new(),
            repeated: BTreeMap::new(),
            asks: BTreeMap::new(),
            listening: Listening::default(),
        }
    }

    pub(super) fn agent_says(&mut self, message: Vec<u8>, now: Duration, steps: &mut Steps) {
        // What cannot be read is the engine's to refuse.
        let document = match Document::read_or_return(message, &Limits::DEFAULT) {
            Ok(document) => document,
            Err((_, message)) => return self.unread.pass(message, steps),
        };
        match Message::read(document.root()) {
            Err(_) => self.unread.pass(document.into_bytes(), steps),
            Ok(Message::Request { id, method, params }) => {
                let request = Request {
                    root: document.root(),
                    id: &id,
                    method: &method,
                    params,
                };
                if let Err(refusal) = self.request(&request, now, steps) {
                    steps.refuse(&id, &refusal);
                }
            }
            Ok(Message::Notification { method, params }) => {
                self.note(&method, document.root(), params, now, steps);
            }
            Ok(Message::Response { id, result }) => self.input(&id, Ok(result), steps),
            Ok(Message::Failure { id, error }) => {
                if let Some(id) = id {
                    self.input(&id, Err(error), steps);
                }
            }
        }
    }

    fn request(
        &mut self,
        request: &Request<'_>,
        now: Duration,
        steps: &mut Steps,
    ) -> Result<(), Refusal> {
        let id = request.id;
        splice::names(id, request.params)?;
        if self.ids.is_own(id) || self.calls.contains_key(id) || self.listening.waits(id) {
            return Err(Refusal::request("the id is in use"));
        }
        let Method::Known(method) = request.method else {
            return self.pass(request, steps);
        };
        match method {
            KnownMethod::Ping => {
                steps.agent(Some(id), splice::result(id, "{}"));
                Ok(())
            }
            KnownMethod::Initialize => self.initialize(request, steps),
            KnownMethod::SetLogLevel => self.set_level(request, steps),
            KnownMethod::SubscribeResource | KnownMethod::UnsubscribeResource => {
                let add = *method == KnownMethod::SubscribeResource;
                let uri = request.params.and_then(|p| p.get("uri"));
                let uri = uri.and_then(Json::as_str);
                let uri = uri.ok_or_else(|| Refusal::params("expected `uri` to be a string"))?;
                self.listening.change(id, &uri, add)?;
                self.listen(now, steps);
                Ok(())
            }
            KnownMethod::Discover | KnownMethod::Listen | KnownMethod::UpdateTask => Err(
                Refusal::method("the agent's revision does not have this method"),
            ),
            KnownMethod::GetTask
            | KnownMethod::TaskResult
            | KnownMethod::CancelTask
            | KnownMethod::ListTasks => Err(Refusal::method(
                "tasks differ between the revisions of agent and server, and are not bridged",
            )),
            _ => self.pass(request, steps),
        }
    }

    fn set_level(&mut self, request: &Request<'_>, steps: &mut Steps) -> Result<(), Refusal> {
        let level = request.params.and_then(|p| p.get("level"));
        let level = level.filter(|l| splice::level(*l).is_some());
        let level = level.ok_or_else(|| Refusal::params("expected `level` to be a log level"))?;
        self.log_level = Some(level.raw().to_owned());
        steps.agent(Some(request.id), splice::result(request.id, "{}"));
        Ok(())
    }

    /// Passes a request on, with what the agent has said of itself.
    fn pass(&mut self, request: &Request<'_>, steps: &mut Steps) -> Result<(), Refusal> {
        if self.calls.len() >= CALLS {
            return Err(Refusal::busy());
        }
        let may_ask = may_ask(request.method);
        let own = ["inputResponses", "requestState"];
        let params = request.params;
        if may_ask
            && own
                .iter()
                .any(|key| params.is_some_and(|p| p.get(key).is_some()))
        {
            return Err(Refusal::params(
                "the agent's revision has neither `inputResponses` nor `requestState`",
            ));
        }
        let params = self.params(params)?;
        let bytes = splice::with(request.root, &[("params", &params)]).into_bytes();
        // Beyond the bound nothing is kept: such a call can then not be asked.
        let kept = (may_ask && self.has_room(bytes.len())).then(|| bytes.clone());
        let call = Call {
            method: request.method.clone(),
            request: kept,
            token: request.params.and_then(splice::token),
            rounds: 0,
            stage: Stage::Server(request.id.clone()),
        };
        self.calls.insert(request.id.clone(), call);
        steps.engine(bytes);
        Ok(())
    }

    /// Whether so many bytes more may be kept.
    fn has_room(&self, bytes: usize) -> bool {
        let kept: usize = self.calls.values().map(Call::bytes).sum();
        kept.saturating_add(bytes) <= KEPT
    }

    /// Params with the `_meta` that the modern protocol wants in each request.
    fn params(&self, params: Option<Json<'_>>) -> Result<String, Refusal> {
        let client = self.client.as_ref();
        let client = client.ok_or_else(|| Refusal::request("expected `initialize` first"))?;
        let own = client.meta(self.log_level.as_deref());
        let own: Vec<(&str, &str)> = own.iter().map(|(k, v)| (*k, v.as_str())).collect();
        let Some(params) = params else {
            return Ok(format!(r#"{{"_meta":{}}}"#, members(&own)));
        };
        let meta = match params.get("_meta") {
            None => members(&own),
            Some(meta) if meta.kind() == Kind::Object => {
                let edit = |key: &str, _: Json<'_>| {
                    if splice::PROTOCOL.contains(&key) {
                        splice::Edit::Drop
                    } else {
                        splice::Edit::Keep
                    }
                };
                splice::object(meta, edit, &own)
            }
            Some(_) => return Err(Refusal::params("expected `_meta` to be an object")),
        };
        Ok(splice::with(params, &[("_meta", &meta)]))
    }

    fn note(
        &mut self,
        method: &Method,
        root: Json<'_>,
        params: Option<Json<'_>>,
        now: Duration,
        steps: &mut Steps,
    ) {
        let whole = || root.raw().as_bytes().to_vec();
        let Method::Known(method) = method else {
            return steps.engine(whole());
        };
        match method {
            KnownMethod::Initialized => {
                self.listening.begin();
                self.listen(now, steps);
            }
            KnownMethod::Cancelled => {
                if let Some(id) = params.and_then(|p| p.get("requestId")).and_then(Id::of) {
                    self.cancel(&id, params, steps);
                }
            }
            // No counterpart: roots are asked for anew each time, and nothing
            // that the server sent has a progress token or became a task.
            KnownMethod::RootsChanged | KnownMethod::Progress | KnownMethod::TaskStatus => {}
            _ => steps.engine(whole()),
        }
    }

    fn cancel(&mut self, id: &Id, params: Option<Json<'_>>, steps: &mut Steps) {
        let initialize = Method::Known(KnownMethod::Initialize);
        let Some(call) = self.calls.get(id).filter(|c| c.method != initialize) else {
            return;
        };
        if let (Stage::Server(under), Some(params)) = (&call.stage, params) {
            let under = under.to_json();
            let params = splice::with(params, &[("requestId", &under)]);
            steps.engine(splice::notification(
                "notifications/cancelled",
                Some(&params),
            ));
        }
        self.take_back(id, steps);
        self.forget(id);
    }

    fn listen(&mut self, now: Duration, steps: &mut Steps) {
        let Ok(meta) = self.params(None) else {
            return;
        };
        self.listening.step(&mut self.ids, &meta, now, steps);
    }

    /// Whether a request waits to be made again.
    pub(super) fn is_holding(&self) -> bool {
        let pauses = |call: &Call| matches!(call.stage, Stage::Pause { .. });
        self.calls.values().any(pauses)
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        let calls = self.calls.values().filter_map(|call| match &call.stage {
            Stage::Server(_) => None,
            Stage::Agent { until, .. } | Stage::Pause { until, .. } => Some(*until),
        });
        calls.chain(self.listening.deadline()).min()
    }

    pub(super) fn tick(&mut self, now: Duration, steps: &mut Steps) {
        self.expire(now, steps);
        self.listening.expire(now, steps);
        self.listen(now, steps);
    }

    pub(super) fn end(&mut self, steps: &mut Steps) {
        let gone = Refusal::late("the session with the server is over");
        for id in self.calls.keys() {
            steps.refuse(id, &gone);
        }
        self.listening.end(&gone, steps);
        self.calls.clear();
        self.repeated.clear();
        self.asks.clear();
    }
}

/// A request of the agent.
struct Request<'a> {
    root: Json<'a>,
    id: &'a Id,
    method: &'a Method,
    params: Option<Json<'a>>,
}

/// Whether the answer to a method may ask for input.
fn may_ask(method: &Method) -> bool {
    matches!(
        method,
        Method::Known(KnownMethod::CallTool | KnownMethod::GetPrompt | KnownMethod::ReadResource)
    )
}

fn members(of: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = of
        .iter()
        .map(|(key, value)| format!("{}:{value}", splice::quoted(key)))
        .collect();
    format!("{{{}}}", pairs.join(","))
}
