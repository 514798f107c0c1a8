//! `initialize` and `server/discover`.

use super::super::Steps;
use super::super::ask::bridged;
use super::super::splice::{self, Edit, LEGACY, MODERN, Refusal};
use super::{Call, LegacyAgent, Request, Stage};
use crate::engine::message::{Document, Id, Json, Kind, KnownMethod, Method, REVISIONS};

/// Most bytes of what an agent says of itself; it goes with each request.
const MOST: usize = 64 * 1024;

/// What the agent said of itself in its handshake.
#[derive(Debug)]
pub(super) struct Client {
    info: Option<String>,
    pub(super) capabilities: Document,
    /// The revision that it gets.
    version: String,
}

impl Client {
    fn read(params: Option<Json<'_>>) -> Result<Self, Refusal> {
        let params = params.ok_or_else(|| Refusal::params("expected params"))?;
        let object = |key: &str| params.get(key).filter(|v| v.kind() == Kind::Object);
        let info = object("clientInfo").map(|info| info.raw().to_owned());
        let capabilities = object("capabilities")
            .ok_or_else(|| Refusal::params("expected `capabilities` to be an object"))?;
        let asked = params.get("protocolVersion").and_then(Json::as_str);
        let asked =
            asked.ok_or_else(|| Refusal::params("expected `protocolVersion` to be a string"))?;
        let known = REVISIONS.iter().find(|r| **r == asked && **r != MODERN);
        let capabilities = bridged(capabilities);
        if capabilities
            .len()
            .saturating_add(info.as_ref().map_or(0, String::len))
            > MOST
        {
            return Err(Refusal::params("expected less than 64 KiB of capabilities"));
        }
        Ok(Self {
            info,
            capabilities: splice::document(&capabilities)
                .ok_or_else(|| Refusal::params("expected `capabilities` to be readable"))?,
            version: (*known.unwrap_or(&LEGACY)).to_owned(),
        })
    }

    /// The members of `_meta` that each of its requests has.
    pub(super) fn meta(&self, log_level: Option<&str>) -> Vec<(&'static str, String)> {
        let capabilities = self.capabilities.text().to_owned();
        let mut meta = vec![
            (splice::VERSION, splice::quoted(MODERN)),
            (splice::CAPABILITIES, capabilities),
        ];
        meta.extend(self.info.clone().map(|info| (splice::CLIENT, info)));
        meta.extend(log_level.map(|level| (splice::LOG_LEVEL, level.to_owned())));
        meta
    }
}

impl LegacyAgent {
    pub(super) fn initialize(
        &mut self,
        request: &Request<'_>,
        steps: &mut Steps,
    ) -> Result<(), Refusal> {
        if self.client.is_some() {
            return Err(Refusal::request("this session was initialised before"));
        }
        self.client = Some(Client::read(request.params)?);
        let params = self.params(None)?;
        let call = Call {
            method: Method::Known(KnownMethod::Initialize),
            request: None,
            token: None,
            rounds: 0,
            stage: Stage::Server(request.id.clone()),
        };
        self.calls.insert(request.id.clone(), call);
        let discover = KnownMethod::Discover.name();
        steps.engine(splice::request(request.id, discover, Some(&params)));
        Ok(())
    }

    /// The answer to `initialize`, of that to `server/discover`.
    pub(super) fn initialized(&mut self, id: &Id, found: Json<'_>) -> Result<Vec<u8>, Refusal> {
        let versions = found.get("supportedVersions");
        let speaks = versions
            .into_iter()
            .flat_map(Json::items)
            .any(|v| v.as_str().as_deref() == Some(MODERN));
        let capabilities = found.get("capabilities");
        let capabilities = capabilities.filter(|c| c.kind() == Kind::Object);
        let (Some(capabilities), Some(client), true) = (capabilities, &self.client, speaks) else {
            self.client = None;
            return Err(Refusal::handshake(
                "the server's `server/discover` does not offer the revision 2026-07-28",
            ));
        };
        self.listening.offered(capabilities);
        let version = splice::quoted(&client.version);
        let capabilities = bridged(capabilities);
        let meta = found.get("_meta");
        let server = meta.and_then(|m| m.get(splice::SERVER));
        let server = server.filter(|s| s.kind() == Kind::Object);
        let server = server.map_or(r#"{"name":"unknown","version":"0"}"#, Json::raw);
        let edit = |key: &str, value: Json<'_>| match key {
            "protocolVersion" | "serverInfo" | "capabilities" | "supportedVersions"
            | "resultType" | "ttlMs" | "cacheScope" => Edit::Drop,
            "_meta" if value.get(splice::SERVER).is_some() => {
                Edit::Put(splice::without(value, &[splice::SERVER]))
            }
            _ => Edit::Keep,
        };
        let own = [
            ("protocolVersion", version.as_str()),
            ("capabilities", &capabilities),
            ("serverInfo", server),
        ];
        let result = splice::object(found, edit, &own);
        Ok(splice::result(id, &result))
    }
}
