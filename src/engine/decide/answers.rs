//! Answers of either side, and messages that cannot be read.

use super::permits::meets;
use super::{Engine, Plan, Refusal, asked_method, verify};
use crate::engine::message::{
    Direction, Id, Json, Kind, KnownMethod, Method, Opened, Unreadable, exact_case, exact_params,
};
use crate::engine::reason::Reason;
use crate::engine::record::Record;
use crate::engine::session::{Lists, Pending, Session};

/// JSON-RPC code of "URL elicitation required" (2025-11-25).
const URL_ELICITATION_REQUIRED: &str = "-32042";
/// How a policy names the request for a page to be opened.
pub(in crate::engine) const PAGE: &str = "elicitation/create#url";

/// Whether an error asks the agent to open a page.
pub(in crate::engine) fn wants_page(error: Json<'_>) -> bool {
    error.get("code").and_then(Json::as_number) == Some(URL_ELICITATION_REQUIRED)
}

/// A message that the reader refused: it never passes, and whoever waits for
/// it, or sent it and waits for an answer, is told.
pub(super) fn unreadable(
    session: &mut Session,
    direction: Direction,
    message: &Unreadable,
    record: &mut Record,
) -> Plan {
    let reason = Reason::Malformed(message.code);
    let detail = message.detail.clone();
    let deny = |answer| Plan::Deny {
        reason,
        detail: detail.clone(),
        answer: Some(answer),
    };
    let id = message.id.clone();
    match (direction, &id) {
        (_, Some(wanted)) if !message.call => {
            if session
                .verification
                .as_ref()
                .is_some_and(|v| v.id == *wanted)
                && direction == Direction::ToAgent
            {
                return verify::fail(session, Reason::VerificationFailed, detail, record);
            }
            let answered = match direction {
                Direction::ToAgent => session.down.end(wanted),
                Direction::ToServer => session.up.end(wanted),
            };
            match (answered, direction) {
                (Some(_), _) => deny((direction, id)),
                // Perhaps a request whose method could not be made out.
                (None, Direction::ToServer) => deny((Direction::ToAgent, id)),
                (None, Direction::ToAgent) => Plan::Drop { reason, detail },
            }
        }
        // JSON-RPC 2.0 section 5: an error without an id where none was read.
        (Direction::ToServer, _) => deny((Direction::ToAgent, id)),
        (Direction::ToAgent, Some(_)) => deny((Direction::ToServer, id)),
        // A server that prints to its standard output: nobody waits for that.
        (Direction::ToAgent, None) => Plan::Drop { reason, detail },
    }
}

impl Engine {
    pub(super) fn response(
        &self,
        session: &mut Session,
        opened: &Opened,
        id: &Id,
        result: Json<'_>,
        record: &mut Record,
    ) -> Plan {
        let direction = opened.direction();
        let own = session.verification.as_ref().is_some_and(|v| v.id == *id);
        if own && direction == Direction::ToAgent {
            record.method = Some(KnownMethod::ListTools.name().into());
            session.server.answers(None, result);
            return self.verified_page(session, result, record);
        }
        let requests = match direction {
            Direction::ToAgent => &session.down,
            Direction::ToServer => &session.up,
        };
        let Some(pending) = requests.get(id).cloned() else {
            return unsolicited();
        };
        name(record, &pending);
        if direction == Direction::ToAgent && session.era.is_modern() {
            session.server.answers(Some(&pending.method), result);
        }
        let plan = match direction {
            Direction::ToAgent => self.judge_result(session, opened, &pending, result, record),
            Direction::ToServer => Ok(Plan::Forward),
        };
        let shakes = pending.method == Method::Known(KnownMethod::Initialize);
        if shakes && direction == Direction::ToAgent && plan.is_ok() {
            session.announced = Lists::announced(result);
        }
        session.answered(direction, id, result);
        plan.unwrap_or_else(|refusal| refusal.to(Some((direction, Some(id.clone())))))
    }

    fn judge_result(
        &self,
        session: &mut Session,
        opened: &Opened,
        pending: &Pending,
        result: Json<'_>,
        record: &mut Record,
    ) -> Result<Plan, Refusal> {
        // Whatever it answers: what asks the agent for input is judged.
        self.judge_asked(session, result, record)?;
        meets(&pending.results, result, record)?;
        let whole = opened.document().map(|d| d.root());
        let (Method::Known(method), Some(whole)) = (&pending.method, whole) else {
            return Ok(Plan::Forward);
        };
        match method {
            KnownMethod::CallTool | KnownMethod::GetPrompt | KnownMethod::ReadResource => {
                let document = opened.document();
                document.map_or(Ok(Plan::Forward), |document| {
                    self.seal_state(session, document, pending, result)
                })
            }
            KnownMethod::ListTools => self.tools_page(session, pending, whole, result, record),
            KnownMethod::ListPrompts => self.named_page(session, whole, result, "prompts", record),
            KnownMethod::ListResources => {
                self.named_page(session, whole, result, "resources", record)
            }
            _ => Ok(Plan::Forward),
        }
    }

    /// A result that asks the agent for input (MRTR, 2026-07-28) is judged as
    /// the requests that it stands for; so is a task that does, and what stands
    /// inside either where a client may look.
    pub(super) fn judge_asked(
        &self,
        session: &Session,
        result: Json<'_>,
        record: &mut Record,
    ) -> Result<(), Refusal> {
        self.judge_input_requests(session, result, record)?;
        for inner in ["task", "result"] {
            if let Some(inner) = result.get(inner) {
                self.judge_input_requests(session, inner, record)?;
            }
        }
        Ok(())
    }

    fn judge_input_requests(
        &self,
        session: &Session,
        result: Json<'_>,
        record: &mut Record,
    ) -> Result<(), Refusal> {
        let invalid =
            |why: &dyn std::fmt::Display| Refusal::new(Reason::InvalidResult, why.to_string());
        // A client that matches keys without case would read them.
        exact_case(result, &["inputRequests"]).map_err(|e| invalid(&e))?;
        let Some(asked) = result.get("inputRequests") else {
            return Ok(());
        };
        if asked.kind() != Kind::Object {
            return Err(invalid(&"expected `inputRequests` to be an object"));
        }
        for (_, request) in asked.members() {
            exact_case(request, &["method", "params"]).map_err(|e| invalid(&e))?;
            exact_params(request.get("params")).map_err(|e| invalid(&e))?;
            let method = request.get("method").and_then(Json::as_str);
            let Some(Method::Known(known)) = method.as_deref().map(Method::of) else {
                return Err(Refusal::new(
                    Reason::UnknownMethod,
                    "the server asks the agent for something that no revision defines",
                ));
            };
            self.may_ask(session, asked_method(known, request.get("params"))?, record)?;
        }
        Ok(())
    }

    pub(super) fn failure(
        &self,
        session: &mut Session,
        direction: Direction,
        id: Option<&Id>,
        error: Json<'_>,
        record: &mut Record,
    ) -> Plan {
        let Some(id) = id else {
            return unsolicited();
        };
        let own = session.verification.as_ref().is_some_and(|v| v.id == *id);
        if own && direction == Direction::ToAgent {
            let detail = "the server refuses to list its tools".to_owned();
            return verify::fail(session, Reason::VerificationFailed, detail, record);
        }
        let pending = match direction {
            Direction::ToAgent => session.down.end(id),
            Direction::ToServer => session.up.end(id),
        };
        let Some(pending) = pending else {
            return unsolicited();
        };
        name(record, &pending);
        if pending.method == Method::Known(KnownMethod::Initialize) {
            session.era.hears_no_handshake();
        }
        if direction == Direction::ToAgent && session.era.is_modern() {
            session.server.fails(error);
        }
        if let Err(refusal) = meets(&pending.results, error, record) {
            return refusal.to(Some((direction, Some(id.clone()))));
        }
        if wants_page(error)
            && direction == Direction::ToAgent
            && let Err(refusal) = self.may_ask(session, PAGE, record)
        {
            return refusal.to(Some((direction, Some(id.clone()))));
        }
        Plan::Forward
    }
}

fn unsolicited() -> Plan {
    Plan::drop(Reason::UnsolicitedResponse, "nobody waits for this answer")
}

/// Says in the record what an answer answers.
fn name(record: &mut Record, pending: &Pending) {
    record.method = Some(super::recorded(&pending.method));
    pending.subject.put_into(record);
}
