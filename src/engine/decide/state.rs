//! `requestState` (MRTR, 2026-07-28): bound before the agent sees it, checked
//! and given back as the server wrote it when the agent comes again.

use super::requests::Request;
use super::{Engine, Plan, Refusal};
use crate::engine::message::{Direction, Document, Json, KnownMethod, Method, exact_case};
use crate::engine::reason::Reason;
use crate::engine::seal::{Bound, LIFETIME, Maker, Seal, salient};
use crate::engine::session::{Pending, Refused, Session};
use crate::engine::types::Digest;
use std::sync::Arc;

/// What states are bound with: without it none passes.
#[derive(Debug)]
pub(super) struct Sealing {
    pub(super) seal: Arc<Seal>,
    /// Whom they are bound to where no principal was proved.
    pub(super) principal: Arc<str>,
}

/// What a request of the stateless revision is bound by. Requests of the others
/// cannot be answered with a request for input.
pub(super) fn bound(method: &Method, params: Option<Json<'_>>) -> Option<Digest> {
    let Method::Known(method) = method else {
        return None;
    };
    let meta = params?.get("_meta")?;
    meta.get("io.modelcontextprotocol/protocolVersion")?;
    salient(*method, params)
}

impl Engine {
    /// Seals the state of a result that asks the agent for input.
    pub(super) fn seal_state(
        &self,
        session: &Session,
        document: &Document,
        pending: &Pending,
        result: Json<'_>,
    ) -> Result<Plan, Refusal> {
        let invalid = |why: &str| Refusal::new(Reason::InvalidResult, why.to_owned());
        // A client that matches keys without case would take it for sealed.
        exact_case(result, &["requestState"]).map_err(|e| invalid(&e.to_string()))?;
        let Some(state) = result.get("requestState") else {
            return Ok(Plan::Forward);
        };
        let original = state
            .as_str()
            .ok_or_else(|| invalid("expected `requestState` to be a string"))?;
        let request = pending.bound.ok_or_else(|| {
            invalid("expected no `requestState`: the request named no revision in its `_meta`")
        })?;
        let sealing = self
            .sealing
            .as_ref()
            .ok_or_else(|| invalid("there is no key to seal `requestState` with"))?;
        let expires = session.clock().saturating_add(LIFETIME);
        let bound = self.binding(session, sealing, request);
        let sealed = sealing.seal.close(&bound, &original, expires);
        Ok(Plan::Rewrite(replaced(document, state, &sealed)))
    }

    /// The bytes of a permitted request with the state as the server wrote it,
    /// if it presents one. Nothing but that one string differs.
    pub(super) fn unseal_state(
        &self,
        session: &mut Session,
        request: &Request<'_>,
    ) -> Result<Option<Vec<u8>>, Refusal> {
        let refused = |why: &str| Refusal::new(Reason::RequestState, why.to_owned());
        let (Method::Known(method), Some(params), Direction::ToServer) =
            (request.method, request.params, request.opened.direction())
        else {
            return Ok(None);
        };
        let asks = matches!(
            method,
            KnownMethod::CallTool | KnownMethod::GetPrompt | KnownMethod::ReadResource
        );
        let Some(state) = params.get("requestState").filter(|_| asks) else {
            return Ok(None);
        };
        let sealed = state
            .as_str()
            .ok_or_else(|| refused("expected `requestState` to be a string"))?;
        let digest = bound(request.method, request.params)
            .ok_or_else(|| refused("expected `_meta` to name the revision"))?;
        let sealing = self
            .sealing
            .as_ref()
            .ok_or_else(|| refused("there is no key to check `requestState` with"))?;
        let now = session.clock();
        let opened = sealing
            .seal
            .open(&self.binding(session, sealing, digest), &sealed, now)
            .map_err(|broken| refused(&broken.to_string()))?;
        session
            .spent
            .spend(now.as_secs(), opened.expires, opened.mac)
            .map_err(|why| match why {
                Refused::Again => refused("this `requestState` was presented before"),
                Refused::Full => refused("too many states have been presented within an hour"),
            })?;
        let document = request
            .opened
            .document()
            .ok_or_else(|| refused("unreadable"))?;
        Ok(Some(replaced(document, state, opened.original)))
    }

    fn binding<'a>(
        &'a self,
        session: &'a Session,
        sealing: &'a Sealing,
        request: Digest,
    ) -> Bound<'a> {
        let proved = session.principal().map(|p| &p.key);
        Bound {
            maker: Maker::Server,
            principal: proved.unwrap_or(&sealing.principal),
            server: self.server.as_str(),
            request,
        }
    }
}

/// The document with another string at one place.
fn replaced(document: &Document, at: Json<'_>, with: &str) -> Vec<u8> {
    let (text, span) = (document.text(), at.span());
    let before = text.get(..span.start).unwrap_or_default();
    let after = text.get(span.end..).unwrap_or_default();
    let with = serde_json::Value::from(with);
    format!("{before}{with}{after}").into_bytes()
}
