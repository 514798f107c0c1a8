//! Requests of either side.

use super::permits::Grant;
use super::{Context, Engine, Plan, Refusal, asked_method, state};
use crate::engine::guard::paths::Candidate;
use crate::engine::mask::{self, MaskedUri};
use crate::engine::message::{
    CallTool, Direction, Id, Json, KnownMethod, Method, Named, Opened, Shape, ViewError,
    exact_params,
};
use crate::engine::policy::Action;
use crate::engine::principal::Principal;
use crate::engine::reason::Reason;
use crate::engine::record::Record;
use crate::engine::session::{Lists, Pending, Session, Subject};
use crate::engine::types::Digest;

/// Where the stateless revision says which revision a request is of.
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// What that revision has given up, and whose subject would be looked for.
const SUBSCRIBE: [KnownMethod; 2] = [
    KnownMethod::SubscribeResource,
    KnownMethod::UnsubscribeResource,
];

/// A request under judgement.
pub(super) struct Request<'a> {
    pub(super) id: &'a Id,
    pub(super) method: &'a Method,
    pub(super) params: Option<Json<'a>>,
    pub(super) opened: &'a Opened,
}

impl From<ViewError> for Refusal {
    fn from(error: ViewError) -> Self {
        Self::new(Reason::InvalidParams, error.to_string())
    }
}

/// What a permitted request takes with it, and where it must wait.
pub(super) enum Judged {
    Permit(Grant),
    Hold(Plan),
}

impl Engine {
    pub(super) fn request(
        &self,
        session: &mut Session,
        request: &Request<'_>,
        context: &Context,
        record: &mut Record,
    ) -> Plan {
        let direction = request.opened.direction();
        let answer = Some((direction.reversed(), Some(request.id.clone())));
        if let Err(refusal) = self.admit(session, request) {
            return refusal.to(answer);
        }
        let judged = match direction {
            Direction::ToServer => self.judge(session, request, context, record),
            Direction::ToAgent => self.judge_asking(session, request, record),
        };
        match judged {
            Err(refusal) => refusal.to(answer),
            Ok(Judged::Hold(plan)) => plan,
            Ok(Judged::Permit(grant)) => {
                let leases = match self.count(session, &grant.charges) {
                    Err(refusal) => return refusal.to(answer),
                    Ok(leases) => leases,
                };
                // Last, since a state is good once.
                let plan = match self.unseal_state(session, request) {
                    Err(refusal) => return refusal.to(answer),
                    Ok(rewritten) => rewritten.map_or(Plan::Forward, Plan::Rewrite),
                };
                if direction == Direction::ToServer {
                    session.era.hears(request.method, request.params);
                }
                let pending = Pending {
                    leases,
                    results: grant.results,
                    ..pending(request, record)
                };
                match direction {
                    Direction::ToServer => session.down.add(request.id.clone(), pending),
                    Direction::ToAgent => session.up.add(request.id.clone(), pending),
                }
                plan
            }
        }
    }

    /// What holds for every request: a defined method, the right way, a fresh id.
    fn admit(&self, session: &Session, request: &Request<'_>) -> Result<(), Refusal> {
        let direction = request.opened.direction();
        let requests = match direction {
            Direction::ToServer => &session.down,
            Direction::ToAgent => &session.up,
        };
        if let Some(gone) = &session.gone {
            return Err(Refusal::new(Reason::ServerExited, gone.clone()));
        }
        if session.is_own(request.id) {
            return Err(Refusal::new(
                Reason::DuplicateId,
                "the id belongs to a request of lockgate's own",
            ));
        }
        requests.may_add(request.id).map_err(|reason| {
            Refusal::new(reason, "wait for the answers to earlier requests first")
        })?;
        let Method::Known(method) = request.method else {
            return if self.allows_method(request.method.name()) {
                Ok(())
            } else {
                Err(Refusal::new(
                    Reason::UnknownMethod,
                    "no protocol revision defines this method; `allow_methods` of the server can name it",
                ))
            };
        };
        let modern = request.params.and_then(|p| p.get("_meta"));
        let modern = modern.is_some_and(|m| m.get(VERSION).is_some());
        if modern && SUBSCRIBE.contains(method) {
            return Err(Refusal::new(
                Reason::UnknownMethod,
                "2026-07-28 has `subscriptions/listen` in its place",
            ));
        }
        if method.shape() != Shape::Request {
            return Err(Refusal::new(
                Reason::WrongShape,
                "this method is a notification: expected no `id`",
            ));
        }
        if !method.way().covers(direction) {
            return Err(Refusal::new(
                Reason::WrongDirection,
                format!("{} never sends this request", direction.sender()),
            ));
        }
        Ok(exact_params(request.params)?)
    }

    fn judge(
        &self,
        session: &mut Session,
        request: &Request<'_>,
        context: &Context,
        record: &mut Record,
    ) -> Result<Judged, Refusal> {
        let params = request.params;
        let Method::Known(method) = request.method else {
            return Ok(Judged::Permit(Grant::default()));
        };
        let grant = match method {
            KnownMethod::CallTool => return self.judge_call(session, request, context, record),
            KnownMethod::GetPrompt => {
                let name = Named::read(params, "name")?.0;
                record.prompt = Some(super::bounded(&name));
                remember_arguments(record, params.and_then(|p| p.get("arguments")));
                self.guarded(request, context, record)?;
                let action = Action::GetPrompt(&name);
                self.permits(session, action, None, &context.facts, record)?
                    .grant
            }
            KnownMethod::ReadResource
            | KnownMethod::SubscribeResource
            | KnownMethod::UnsubscribeResource => {
                let uri = Named::read(params, "uri")?.0;
                record.resource = Some(MaskedUri::of(&uri));
                self.guarded(request, context, record)?;
                let action = Action::ReadResource(&uri);
                self.permits(session, action, None, &context.facts, record)?
                    .grant
            }
            KnownMethod::Complete => self.judge_completion(session, request, context, record)?,
            KnownMethod::Listen => self.judge_listen(session, request, context, record)?,
            KnownMethod::GetTask
            | KnownMethod::TaskResult
            | KnownMethod::CancelTask
            | KnownMethod::UpdateTask => {
                let task = judge_task(session, params)?;
                Grant {
                    charges: Vec::new(),
                    results: session.tasks.demands(&task),
                }
            }
            // Lists are filtered on their way back; the rest is the protocol's
            // own housekeeping and reaches nothing.
            KnownMethod::Initialize
            | KnownMethod::Discover
            | KnownMethod::Ping
            | KnownMethod::ListTools
            | KnownMethod::ListPrompts
            | KnownMethod::ListResources
            | KnownMethod::ListResourceTemplates
            | KnownMethod::ListTasks
            | KnownMethod::SetLogLevel => Grant::default(),
            other => {
                return Err(Refusal::new(
                    Reason::WrongDirection,
                    format!("{} is not for the server", other.name()),
                ));
            }
        };
        Ok(Judged::Permit(grant))
    }

    fn judge_asking(
        &self,
        session: &Session,
        request: &Request<'_>,
        record: &mut Record,
    ) -> Result<Judged, Refusal> {
        if !session.era.lets_servers_ask() {
            return Err(Refusal::new(
                Reason::WrongEra,
                "in the revision that the agent speaks, servers send no requests",
            ));
        }
        let Method::Known(method) = request.method else {
            return Ok(Judged::Permit(Grant::default()));
        };
        match method {
            KnownMethod::Ping | KnownMethod::ListTasks => {}
            KnownMethod::GetTask | KnownMethod::TaskResult | KnownMethod::CancelTask => {
                judge_task(session, request.params)?;
            }
            method => self.may_ask(session, asked_method(*method, request.params)?, record)?,
        }
        Ok(Judged::Permit(Grant::default()))
    }

    fn judge_completion(
        &self,
        session: &Session,
        request: &Request<'_>,
        context: &Context,
        record: &mut Record,
    ) -> Result<Grant, Refusal> {
        let reference = request.params.and_then(|p| p.get("ref"));
        let kind = Named::read(reference, "type")?.0;
        self.guarded(request, context, record)?;
        let name = match &*kind {
            "ref/prompt" => Named::read(reference, "name")?.0,
            "ref/resource" => Named::read(reference, "uri")?.0,
            _ => {
                return Err(Refusal::new(
                    Reason::InvalidParams,
                    "expected `ref` to be a prompt or a resource",
                ));
            }
        };
        let action = if kind == "ref/prompt" {
            record.prompt = Some(super::bounded(&name));
            Action::CompletePrompt(&name)
        } else {
            record.resource = Some(MaskedUri::of(&name));
            Action::CompleteResource(&name)
        };
        let permitted = self.permits(session, action, None, &context.facts, record)?;
        Ok(permitted.grant)
    }

    fn judge_listen(
        &self,
        session: &Session,
        request: &Request<'_>,
        context: &Context,
        record: &mut Record,
    ) -> Result<Grant, Refusal> {
        self.guarded(request, context, record)?;
        let mut grant = Grant::default();
        for uri in subscribed(request.params) {
            let uri = uri.as_str().ok_or_else(|| {
                Refusal::new(
                    Reason::InvalidParams,
                    "expected `resourceSubscriptions` to hold strings",
                )
            })?;
            let action = Action::ReadResource(&uri);
            let permitted = self.permits(session, action, None, &context.facts, record)?;
            grant.charges.extend(permitted.grant.charges);
            grant.results.extend(permitted.grant.results);
        }
        Ok(grant)
    }

    /// The path guard's word on a request; the built-in rules come first, and
    /// no policy can take them back.
    pub(super) fn guarded(
        &self,
        request: &Request<'_>,
        context: &Context,
        record: &mut Record,
    ) -> Result<(), Refusal> {
        let mut found = self
            .guard
            .inspect(&request.opened.candidates, &context.facts);
        let Some(first) = found.first() else {
            return Ok(());
        };
        let reason = match first.code {
            "self-protection" => Reason::SelfProtection,
            "unresolvable-path" => Reason::UnresolvablePath,
            _ => Reason::SecretPlace,
        };
        let detail = format!("{}: {}", mask::place(&first.at), first.detail);
        for finding in &mut found {
            finding.at = mask::pointer(&finding.at);
        }
        record.findings = found;
        Err(Refusal::new(reason, detail))
    }

    /// Every path-bearing string of a request.
    pub(super) fn candidates(
        &self,
        session: &Session,
        sender: Option<&Principal>,
        method: &Method,
        params: Option<Json<'_>>,
    ) -> Vec<Candidate> {
        let Method::Known(method) = method else {
            return Vec::new();
        };
        match method {
            KnownMethod::CallTool => {
                let Ok(call) = CallTool::read(params) else {
                    return Vec::new();
                };
                self.call_candidates(session, sender, &call)
            }
            KnownMethod::GetPrompt | KnownMethod::Complete => {
                let Some(params) = params else {
                    return Vec::new();
                };
                let parts = ["arguments", "argument", "context"].map(|key| params.get(key));
                let mut found: Vec<Candidate> = Vec::new();
                for part in parts.into_iter().flatten() {
                    found.extend(self.guard.candidates(method.name(), part, None));
                }
                let uri = params.get("ref").and_then(|r| r.get("uri"));
                if let Some(uri) = uri.and_then(Json::as_str) {
                    found.extend(self.guard.candidates_of_uri(&uri));
                }
                found
            }
            KnownMethod::ReadResource
            | KnownMethod::SubscribeResource
            | KnownMethod::UnsubscribeResource => Named::read(params, "uri")
                .map_or_else(|_| Vec::new(), |uri| self.guard.candidates_of_uri(&uri.0)),
            KnownMethod::Listen => subscribed(params)
                .filter_map(Json::as_str)
                .flat_map(|uri| self.guard.candidates_of_uri(&uri))
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// The uris that `subscriptions/listen` subscribes to.
pub(in crate::engine) fn subscribed(params: Option<Json<'_>>) -> impl Iterator<Item = Json<'_>> {
    params
        .and_then(|p| p.get("notifications"))
        .and_then(|n| n.get("resourceSubscriptions"))
        .into_iter()
        .flat_map(Json::items)
}

/// Tasks belong to the requests that made them.
fn judge_task(session: &Session, params: Option<Json<'_>>) -> Result<String, Refusal> {
    let id = Named::read(params, "taskId")?.0;
    if session.tasks.contains(&id) {
        Ok(id.into_owned())
    } else {
        Err(Refusal::new(
            Reason::UnknownRequest,
            "expected the id of a task that this session has created",
        ))
    }
}

/// Puts the arguments' digest and masked shape into the record.
pub(super) fn remember_arguments(record: &mut Record, arguments: Option<Json<'_>>) {
    if let Some(arguments) = arguments {
        record.arguments_digest = Some(Digest::of(&[arguments.raw().as_bytes()]));
        record.arguments = Some(mask::mask(arguments));
    }
}

fn pending(request: &Request<'_>, record: &Record) -> Pending {
    let member = |key| request.params.and_then(|p| p.get(key));
    let token = member("_meta").and_then(|m| m.get("progressToken"));
    Pending {
        method: request.method.clone(),
        subject: Subject::of(record),
        bound: state::bound(request.method, request.params),
        cursor: member("cursor").and_then(Json::as_str).map(String::from),
        token: token.map(token_text),
        leases: Vec::new(),
        results: Vec::new(),
        lists: Lists::asked_for(request.method, request.params),
    }
}

/// A progress token in one spelling.
pub(super) fn token_text(token: Json<'_>) -> String {
    Id::of(token).map_or_else(|| token.raw().to_owned(), |id| id.to_json())
}
