//! The handshake that a legacy server wants, made for all agents at once, and
//! `server/discover`, which is answered from it.

use super::super::Steps;
use super::super::ask::bridged;
use super::super::splice::{self, LEGACY, MODERN, Refusal};
use super::{ModernAgent, Request};
use crate::engine::message::{Document, Id, Json, Kind, KnownMethod, Limits, Message, REVISIONS};
use std::collections::VecDeque;
use std::time::Duration;

/// Most requests that wait for it.
const HELD: usize = 256;
/// Most bytes of them.
const BYTES: usize = 64 * 1024 * 1024;
/// How long one may wait: a server may have to be downloaded first.
const PATIENCE: Duration = Duration::from_mins(2);

/// Where the handshake stands.
#[derive(Debug, Default)]
pub(super) struct Handshake {
    stage: Stage,
    held: VecDeque<Held>,
}

#[derive(Debug, Default)]
enum Stage {
    #[default]
    None,
    Asked(Id),
    Done(Box<Server>),
}

/// What the server said of itself.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) capabilities: Document,
    info: String,
    instructions: Option<String>,
}

/// A request that waits.
#[derive(Debug)]
struct Held {
    id: Id,
    message: Vec<u8>,
    until: Duration,
}

impl Server {
    fn read(result: Json<'_>) -> Option<Self> {
        let version = result.get("protocolVersion").and_then(Json::as_str)?;
        if version == MODERN || !REVISIONS.contains(&&*version) {
            return None;
        }
        let object = |key: &str| result.get(key).filter(|v| v.kind() == Kind::Object);
        let text = |key: &str| result.get(key).filter(|v| v.kind() == Kind::String);
        Some(Self {
            capabilities: splice::document(&bridged(object("capabilities")?))?,
            info: object("serverInfo")?.raw().to_owned(),
            instructions: text("instructions").map(|i| i.raw().to_owned()),
        })
    }
}

impl Handshake {
    /// The server, once it is known.
    pub(super) fn server(&self) -> Option<&Server> {
        match &self.stage {
            Stage::Done(server) => Some(server),
            Stage::None | Stage::Asked(_) => None,
        }
    }

    /// The id of the handshake that is under way.
    pub(super) fn asked(&self) -> Option<&Id> {
        match &self.stage {
            Stage::Asked(id) => Some(id),
            Stage::None | Stage::Done(_) => None,
        }
    }

    pub(super) fn holds(&self, id: &Id) -> bool {
        self.held.iter().any(|held| held.id == *id)
    }

    pub(super) fn is_holding(&self) -> bool {
        !self.held.is_empty()
    }

    /// Whether a request waited here; it does not any more.
    pub(super) fn drop_held(&mut self, id: &Id) -> bool {
        let before = self.held.len();
        self.held.retain(|held| held.id != *id);
        before != self.held.len()
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        self.held.front().map(|held| held.until)
    }

    pub(super) fn expire(&mut self, now: Duration, steps: &mut Steps) {
        while let Some(held) = self.held.pop_front_if(|held| held.until <= now) {
            let late = Refusal::late("the server has not answered the handshake");
            steps.refuse(&held.id, &late);
        }
    }

    pub(super) fn end(&mut self, why: &Refusal, steps: &mut Steps) {
        for held in self.held.drain(..) {
            steps.refuse(&held.id, why);
        }
    }
}

impl ModernAgent {
    /// Keeps a request until the handshake is done, and begins it.
    pub(super) fn hold(
        &mut self,
        request: &Request<'_>,
        now: Duration,
        steps: &mut Steps,
    ) -> Result<(), Refusal> {
        let message = request.document.text().as_bytes();
        let held = &mut self.handshake.held;
        let bytes: usize = held.iter().map(|h| h.message.len()).sum();
        if held.len() >= HELD || bytes.saturating_add(message.len()) > BYTES {
            return Err(Refusal::busy());
        }
        held.push_back(Held {
            id: request.id.clone(),
            message: message.to_vec(),
            until: now.saturating_add(PATIENCE),
        });
        if matches!(self.handshake.stage, Stage::None) {
            let id = self.ids.next();
            steps.engine(initialize(&id, request));
            self.handshake.stage = Stage::Asked(id);
        }
        Ok(())
    }

    /// The server has answered the handshake.
    pub(super) fn shaken(
        &mut self,
        answer: Result<Json<'_>, Json<'_>>,
        now: Duration,
        steps: &mut Steps,
    ) {
        let server = match answer {
            Ok(result) => Server::read(result).ok_or_else(|| {
                Refusal::handshake("the server answers the handshake with no revision we know")
            }),
            Err(error) => {
                let said = error.get("message").and_then(Json::as_str);
                let said = said.unwrap_or_default();
                let said = said
                    .get(..said.floor_char_boundary(256))
                    .unwrap_or_default();
                Err(Refusal::handshake(format!("the handshake failed: {said}")))
            }
        };
        let held = std::mem::take(&mut self.handshake.held);
        match server {
            Err(refusal) => {
                // The next request tries again.
                self.handshake.stage = Stage::None;
                for held in held {
                    steps.refuse(&held.id, &refusal);
                }
            }
            Ok(server) => {
                self.handshake.stage = Stage::Done(Box::new(server));
                let initialized = KnownMethod::Initialized.name();
                steps.engine(splice::notification(initialized, None));
                for held in held {
                    self.release(held, now, steps);
                }
            }
        }
    }

    fn release(&mut self, held: Held, now: Duration, steps: &mut Steps) {
        let Ok(document) = Document::read(held.message, &Limits::DEFAULT) else {
            return;
        };
        let Ok(Message::Request { id, method, params }) = Message::read(document.root()) else {
            return;
        };
        let taken = Request::read(&document, &id, &method, params)
            .and_then(|request| self.request(&request, now, steps));
        if let Err(refusal) = taken {
            steps.refuse(&id, &refusal);
        }
    }

    /// Answers `server/discover` from what the handshake said.
    pub(super) fn discover(&self, request: &Request<'_>, steps: &mut Steps) {
        let Some(server) = self.handshake.server() else {
            return;
        };
        let instructions = server.instructions.as_ref();
        let instructions = instructions.map(|i| format!(r#""instructions":{i},"#));
        let result = format!(
            r#"{{"resultType":"complete","supportedVersions":["{MODERN}"],"capabilities":{},{}"ttlMs":0,"cacheScope":"private","_meta":{{"{}":{}}}}}"#,
            server.capabilities.text(),
            instructions.unwrap_or_default(),
            splice::SERVER,
            server.info,
        );
        steps.agent(Some(request.id), splice::result(request.id, &result));
    }
}

/// The request that opens the server's session, in the name of the first agent.
fn initialize(id: &Id, request: &Request<'_>) -> Vec<u8> {
    let capabilities = bridged(request.capabilities);
    let client = request.meta.get(splice::CLIENT);
    let client = client.filter(|c| c.kind() == Kind::Object);
    let version = env!("CARGO_PKG_VERSION");
    let client = client.map_or_else(
        || format!(r#"{{"name":"lockgate","version":"{version}"}}"#),
        |client| client.raw().to_owned(),
    );
    let params = format!(
        r#"{{"protocolVersion":"{LEGACY}","capabilities":{capabilities},"clientInfo":{client}}}"#
    );
    splice::request(id, KnownMethod::Initialize.name(), Some(&params))
}
