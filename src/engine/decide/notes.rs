//! Notifications of either side: known ones that belong to something pass.

use super::permits::meets;
use super::requests::token_text;
use super::{Engine, Plan, Refusal, is_known, verify};
use crate::engine::message::{Direction, Id, Json, KnownMethod, Method, Shape, exact_params};
use crate::engine::reason::Reason;
use crate::engine::record::Record;
use crate::engine::session::{Pending, Requests, Session};

impl Engine {
    pub(super) fn note(
        &self,
        session: &mut Session,
        direction: Direction,
        method: &Method,
        params: Option<Json<'_>>,
        record: &mut Record,
    ) -> Plan {
        if let Some(gone) = &session.gone {
            return Plan::drop(Reason::ServerExited, gone.clone());
        }
        let Method::Known(known) = method else {
            return if self.allows_method(method.name()) {
                Plan::Forward
            } else {
                Plan::drop(
                    Reason::UnknownMethod,
                    "no protocol revision defines this notification",
                )
            };
        };
        if known.shape() != Shape::Notification {
            return Plan::drop(
                Reason::WrongShape,
                "this method is a request: expected an `id`",
            );
        }
        if !known.way().covers(direction) {
            return Plan::drop(
                Reason::WrongDirection,
                format!("{} never sends this notification", direction.sender()),
            );
        }
        if let Err(e) = exact_params(params) {
            return Plan::drop(Reason::InvalidParams, e.to_string());
        }
        match known {
            KnownMethod::Cancelled => cancelled(session, direction, params),
            KnownMethod::Progress => progress(session, direction, params),
            KnownMethod::ToolsChanged => {
                verify::changed(session);
                Plan::Forward
            }
            KnownMethod::TaskStatus | KnownMethod::TaskChanged => self
                .task(session, direction, params, record)
                .unwrap_or_else(|refusal| Plan::drop(refusal.reason, refusal.detail)),
            _ => Plan::Forward,
        }
    }

    /// News of a task pass if this session knows it. What it asks the agent for
    /// is judged as a result that asks is.
    fn task(
        &self,
        session: &mut Session,
        direction: Direction,
        params: Option<Json<'_>>,
        record: &mut Record,
    ) -> Result<Plan, Refusal> {
        let unknown = "expected `taskId` to be that of a task that this session has created";
        let unknown = || Refusal::new(Reason::UnknownRequest, unknown);
        let task = params.ok_or_else(unknown)?;
        if direction == Direction::ToAgent {
            self.judge_asked(session, task, record)?;
            let id = task.get("taskId").and_then(Json::as_str);
            let demands = id.map(|id| session.tasks.demands(&id));
            meets(&demands.unwrap_or_default(), task, record)?;
        }
        if session.task_says(direction, task) {
            Ok(Plan::Forward)
        } else {
            Err(unknown())
        }
    }
}

/// A cancellation passes if what it cancels is under way.
fn cancelled(session: &mut Session, direction: Direction, params: Option<Json<'_>>) -> Plan {
    let id = params.and_then(|p| p.get("requestId")).and_then(Id::of);
    let unknown = || {
        Plan::drop(
            Reason::UnknownRequest,
            "expected `requestId` to name a request that is under way",
        )
    };
    let Some(id) = id else {
        return unknown();
    };
    let listens = |p: &Pending| is_known(&p.method, KnownMethod::Listen);
    match direction {
        Direction::ToServer if session.down.get(&id).is_some() => session.down.cancel(id),
        Direction::ToAgent if session.up.get(&id).is_some() => session.up.cancel(id),
        // 2026-07-28 over stdio: the server ends a subscription this way.
        Direction::ToAgent if session.down.get(&id).is_some_and(listens) => {
            session.down.end(&id);
        }
        Direction::ToServer | Direction::ToAgent => return unknown(),
    }
    Plan::Forward
}

/// Progress passes if someone asked to be told.
fn progress(session: &Session, direction: Direction, params: Option<Json<'_>>) -> Plan {
    let requests: &Requests = match direction {
        Direction::ToAgent => &session.down,
        Direction::ToServer => &session.up,
    };
    let token = params.and_then(|p| p.get("progressToken"));
    if token.is_some_and(|t| requests.knows_token(&token_text(t))) {
        Plan::Forward
    } else {
        Plan::drop(
            Reason::UnknownRequest,
            "expected `progressToken` to be that of a request under way",
        )
    }
}
