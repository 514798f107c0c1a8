//! Modern agents of one principal in front of a server of the legacy era.
//!
//! The adapter makes the handshake, takes from each request what only the
//! modern protocol has, completes results, and keeps a call open while its agent
//! answers what the server asked. The ids of the agents' requests are unique:
//! the listener sees to that.

mod asking;
mod calls;
mod handshake;
mod listening;

use super::splice::{self, MODERN, Refusal};
use super::{Ids, Steps, Terms, Unread};
use crate::engine::message::{
    Direction, Document, Id, Json, Kind, KnownMethod, Limits, Message, Method,
};
use crate::engine::seal::Seal;
use crate::engine::types::ServerName;
use calls::{Call, Calls};
use handshake::Handshake;
use listening::Listening;
use std::sync::Arc;
use std::time::Duration;

/// The modern side's adapter.
#[derive(Debug)]
pub(super) struct ModernAgent {
    ids: Ids,
    pub(super) unread: Unread,
    seal: Arc<Seal>,
    principal: Arc<str>,
    server: ServerName,
    handshake: Handshake,
    calls: Calls,
    listening: Listening,
    /// The level that the server was told, as a place among all.
    level: Option<usize>,
}

/// A request of an agent.
#[derive(Clone, Copy)]
struct Request<'a> {
    document: &'a Document,
    id: &'a Id,
    method: &'a Method,
    params: Json<'a>,
    meta: Json<'a>,
    /// What its agent can be asked.
    capabilities: Json<'a>,
}

impl<'a> Request<'a> {
    /// Reads what each request of the modern protocol has to have.
    fn read(
        document: &'a Document,
        id: &'a Id,
        method: &'a Method,
        params: Option<Json<'a>>,
    ) -> Result<Self, Refusal> {
        let missing = |what: &str| Refusal::params(format!("expected `{what}` in `_meta`"));
        let meta = params.and_then(|p| Some((p, p.get("_meta")?)));
        let (params, meta) = meta.ok_or_else(|| Refusal::params("expected `_meta`"))?;
        let version = meta.get(splice::VERSION).and_then(Json::as_str);
        let version = version.ok_or_else(|| missing(splice::VERSION))?;
        if version != MODERN {
            return Err(Refusal::version(&version));
        }
        let capabilities = meta.get(splice::CAPABILITIES);
        let capabilities = capabilities.filter(|c| c.kind() == Kind::Object);
        let capabilities = capabilities.ok_or_else(|| missing(splice::CAPABILITIES))?;
        Ok(Self {
            document,
            id,
            method,
            params,
            meta,
            capabilities,
        })
    }

    /// The log level that it asks for.
    fn level(&self) -> Result<Option<usize>, Refusal> {
        let Some(value) = self.meta.get(splice::LOG_LEVEL) else {
            return Ok(None);
        };
        let level = splice::level(value).map(Some);
        level.ok_or_else(|| Refusal::params("expected a log level in `_meta`"))
    }
}

impl ModernAgent {
    pub(super) fn new(terms: Terms) -> Self {
        let Terms {
            nonce,
            seal,
            principal,
            server,
        } = terms;
        Self {
            ids: Ids::new(&nonce),
            unread: Unread::default(),
            seal,
            principal,
            server,
            handshake: Handshake::default(),
            calls: Calls::default(),
            listening: Listening::default(),
            level: None,
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
                let taken = Request::read(&document, &id, &method, params)
                    .and_then(|request| self.takes(&request, now, steps));
                if let Err(refusal) = taken {
                    steps.refuse(&id, &refusal);
                }
            }
            Ok(Message::Notification { method, params }) => {
                if method != Method::Known(KnownMethod::Cancelled) {
                    let why = "an agent of this revision sends no such notification";
                    steps.lose(Direction::ToServer, document.root(), why);
                } else if let Some(id) = params.and_then(|p| p.get("requestId")).and_then(Id::of) {
                    self.cancel(&id, steps);
                }
            }
            // It would be an answer to a request of the server that this agent was
            // never shown.
            Ok(Message::Response { .. } | Message::Failure { .. }) => {
                let why = "no agent of this revision answers a request";
                steps.lose(Direction::ToServer, document.root(), why);
            }
        }
    }

    /// Takes over a request that the server has already.
    pub(super) fn adopt(&mut self, message: &[u8]) -> bool {
        let Ok(document) = Document::read(message.to_vec(), &Limits::DEFAULT) else {
            return false;
        };
        let Ok(Message::Request { id, method, params }) = Message::read(document.root()) else {
            return false;
        };
        let request = Request::read(&document, &id, &method, params);
        match request.and_then(|request| Call::of(&request)) {
            Ok(call) if !self.calls.knows(&id) => self.calls.add(id, call),
            _ => return false,
        }
        true
    }

    /// Whether requests wait for the handshake.
    pub(super) fn is_holding(&self) -> bool {
        self.handshake.is_holding()
    }

    fn takes(
        &mut self,
        request: &Request<'_>,
        now: Duration,
        steps: &mut Steps,
    ) -> Result<(), Refusal> {
        let id = request.id;
        splice::names(id, Some(request.params))?;
        let listens = self.listening.has(id) || self.handshake.holds(id);
        if self.ids.is_own(id) || self.calls.knows(id) || listens {
            return Err(Refusal::request("the id is in use"));
        }
        exists(request.method)?;
        if self.handshake.server().is_none() {
            return self.hold(request, now, steps);
        }
        self.request(request, now, steps)
    }

    /// A request after the handshake.
    fn request(
        &mut self,
        request: &Request<'_>,
        now: Duration,
        steps: &mut Steps,
    ) -> Result<(), Refusal> {
        match request.method {
            Method::Known(KnownMethod::Discover) => {
                self.discover(request, steps);
                Ok(())
            }
            Method::Known(KnownMethod::Listen) => {
                let server = self.handshake.server();
                let offered = server.map(|s| s.capabilities.clone());
                let offered = offered.as_ref().map(|o| o.root());
                let ids = &mut self.ids;
                self.listening.open(ids, request, offered, now, steps)
            }
            _ if calls::may_ask(request.method) && brings(request.params) => {
                self.retry(request, now, steps)
            }
            _ => self.call(request, steps),
        }
    }

    /// A request that goes to the server.
    fn call(&mut self, request: &Request<'_>, steps: &mut Steps) -> Result<(), Refusal> {
        let call = Call::of(request)?;
        self.calls.has_room()?;
        if let Some(level) = call.level {
            self.set_level(level, steps);
        }
        let params = stripped(request);
        let root = request.document.root();
        steps.engine(splice::with(root, &[("params", &params)]).into_bytes());
        self.calls.add(request.id.clone(), call);
        Ok(())
    }

    /// Tells the server of a level, if it is more talkative than the last one.
    fn set_level(&mut self, level: usize, steps: &mut Steps) {
        let server = self.handshake.server();
        let logs = server.is_some_and(|s| s.capabilities.root().get("logging").is_some());
        let name = splice::LEVELS.get(level);
        if let (true, Some(name)) = (logs && self.level.is_none_or(|l| level < l), name) {
            self.level = Some(level);
            let params = format!(r#"{{"level":"{name}"}}"#);
            let method = KnownMethod::SetLogLevel.name();
            steps.engine(splice::request(&self.ids.next(), method, Some(&params)));
        }
    }

    /// The agent wants no answer to that any more.
    pub(super) fn cancel(&mut self, id: &Id, steps: &mut Steps) {
        if self.handshake.drop_held(id) {
            return;
        }
        if self.listening.has(id) {
            self.listening.close(&mut self.ids, id, steps);
            return;
        }
        if let Some(under) = self.calls.under(id) {
            self.give_up(&under, "the agent has cancelled the call", steps);
        }
    }

    pub(super) fn server_says(&mut self, cleared: &[u8], now: Duration, steps: &mut Steps) {
        let Ok(document) = Document::read(cleared.to_vec(), &Limits::DEFAULT) else {
            return;
        };
        let root = document.root();
        match Message::read(root) {
            Err(_) => {}
            Ok(Message::Request { id, method, params }) => {
                self.asked(&id, &method, params, now, steps);
            }
            Ok(Message::Notification { method, params }) => {
                self.told(&method, root, params, steps);
            }
            Ok(Message::Response { id, result }) => {
                self.answered(&id, Ok(result), root, now, steps);
            }
            Ok(Message::Failure { id: None, .. }) => steps.agent(None, cleared.to_vec()),
            Ok(Message::Failure {
                id: Some(id),
                error,
            }) => self.answered(&id, Err(error), root, now, steps),
        }
    }

    fn answered(
        &mut self,
        id: &Id,
        answer: Result<Json<'_>, Json<'_>>,
        root: Json<'_>,
        now: Duration,
        steps: &mut Steps,
    ) {
        if self.handshake.asked() == Some(id) {
            return self.shaken(answer, now, steps);
        }
        if self.ids.is_own(id) {
            let granted = answer.is_ok();
            return self.listening.settled(&mut self.ids, id, granted, steps);
        }
        if self.calls.get(id).is_some() {
            if !answer.is_err_and(|error| self.pages_first(id, error, now, steps)) {
                self.finished(id, answer, root, steps);
            }
        } else if answer.is_err() && self.unread.take(id) {
            steps.agent(Some(id), root.raw().as_bytes().to_vec());
        }
    }

    fn told(
        &mut self,
        method: &Method,
        root: Json<'_>,
        params: Option<Json<'_>>,
        steps: &mut Steps,
    ) {
        let Method::Known(method) = method else {
            let why = "it belongs to no request, and the agent's revision has no other stream";
            return steps.lose(Direction::ToAgent, root, why);
        };
        match method {
            KnownMethod::Progress => self.progress(root, params, steps),
            KnownMethod::LogMessage => self.calls.log(root, params, steps),
            KnownMethod::Cancelled => {
                if let Some(id) = params.and_then(|p| p.get("requestId")).and_then(Id::of) {
                    self.calls.not_asked(&id);
                }
            }
            KnownMethod::ToolsChanged
            | KnownMethod::PromptsChanged
            | KnownMethod::ResourcesChanged
            | KnownMethod::ResourceUpdated => self.listening.told(*method, root, params, steps),
            _ => {
                let why = "the agent's revision has no counterpart";
                steps.lose(Direction::ToAgent, root, why);
            }
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        let all = [
            self.handshake.deadline(),
            self.calls.deadline(),
            self.listening.deadline(),
        ];
        all.into_iter().flatten().min()
    }

    pub(super) fn tick(&mut self, now: Duration, steps: &mut Steps) {
        self.handshake.expire(now, steps);
        self.listening.expire(&mut self.ids, now, steps);
        for id in self.calls.expired(now) {
            self.give_up(&id, "nobody answered what the server asked for", steps);
        }
    }

    pub(super) fn end(&mut self, steps: &mut Steps) {
        let gone = Refusal::late("the session with the server is over");
        self.handshake.end(&gone, steps);
        self.calls.end(&gone, steps);
        self.listening.end(steps);
    }
}

/// Whether a request says that it was made before.
fn brings(params: Json<'_>) -> bool {
    let own = ["inputResponses", "requestState"];
    own.iter().any(|key| params.get(key).is_some())
}

/// Refuses what the modern revision does not have.
fn exists(method: &Method) -> Result<(), Refusal> {
    let Method::Known(method) = method else {
        return Ok(());
    };
    match method {
        KnownMethod::Discover
        | KnownMethod::Listen
        | KnownMethod::ListTools
        | KnownMethod::CallTool
        | KnownMethod::ListPrompts
        | KnownMethod::GetPrompt
        | KnownMethod::ListResources
        | KnownMethod::ListResourceTemplates
        | KnownMethod::ReadResource
        | KnownMethod::Complete => Ok(()),
        KnownMethod::GetTask | KnownMethod::CancelTask | KnownMethod::UpdateTask => {
            Err(Refusal::method(
                "tasks differ between the revisions of agent and server, and are not bridged",
            ))
        }
        _ => Err(Refusal::method("Method not found")),
    }
}

/// The params as a legacy server knows them: without the members of `_meta` that
/// the modern protocol gives each request, without what was asked before, and
/// without a task, which would be answered with what the agent cannot read.
fn stripped(request: &Request<'_>) -> String {
    let meta = splice::without(request.meta, &splice::PROTOCOL);
    let asks = calls::may_ask(request.method);
    let tool = *request.method == Method::Known(KnownMethod::CallTool);
    let edit = |key: &str, _: Json<'_>| match key {
        "_meta" if meta == "{}" => splice::Edit::Drop,
        "_meta" => splice::Edit::Put(meta.clone()),
        "task" if tool => splice::Edit::Drop,
        "inputResponses" | "requestState" if asks => splice::Edit::Drop,
        _ => splice::Edit::Keep,
    };
    splice::object(request.params, edit, &[])
}
