//! From a plan to a [`Decision`]: which bytes may go where.

use super::{Engine, Plan};
use crate::engine::decision::{Decision, Fallback, Frame, Obligation};
use crate::engine::message::{Direction, Id, Message, Opened};
use crate::engine::reason::Reason;
use crate::engine::record::{Record, RecordVerdict as Verdict};
use crate::engine::reply;
use crate::engine::route::Route;
use crate::engine::session::Session;
use std::collections::BTreeMap;

/// Who is told if a message does not pass after all.
type Waiting = Option<(Direction, Option<Id>)>;

impl Engine {
    pub(super) fn finish(
        &self,
        session: &mut Session,
        opened: Opened,
        record: Record,
        plan: Plan,
    ) -> Decision {
        let direction = opened.direction();
        let waiting = waits(&opened);
        match plan {
            Plan::Forward => match opened.into_bytes() {
                Some(frame) => pass(
                    session,
                    record,
                    Verdict::Forward,
                    (direction, frame),
                    waiting,
                ),
                None => deny(
                    session,
                    record,
                    Reason::InvalidResult,
                    "unreadable",
                    waiting,
                ),
            },
            Plan::Rewrite(bytes) => {
                // What is forwarded is what was judged: the new bytes are read
                // as strictly as the old ones.
                let rewritten = Opened::read(direction, bytes, &self.limits);
                let same = waits(&rewritten) == waiting;
                match rewritten.into_bytes() {
                    Some(frame) if same => pass(
                        session,
                        record,
                        Verdict::Rewrite,
                        (direction, frame),
                        waiting,
                    ),
                    _ => {
                        let why = "could not be rewritten";
                        deny(session, record, Reason::InvalidResult, why, waiting)
                    }
                }
            }
            Plan::Hold { ask } => {
                session.hold(opened);
                let mut decision = settle(session, record, Verdict::Hold);
                decision
                    .outputs
                    .extend(ask.map(|f| (Direction::ToServer, f)));
                decision
            }
            other => Self::own_decision(session, record, other),
        }
    }

    /// Finishes a plan that passes no message of a peer.
    pub(super) fn own_decision(session: &mut Session, mut record: Record, plan: Plan) -> Decision {
        match plan {
            Plan::Deny {
                reason,
                detail,
                answer,
            } => deny(session, record, reason, &detail, answer),
            Plan::Drop { reason, detail } => {
                record.reason = Some(reason.code());
                record.detail = Some(detail);
                settle(session, record, Verdict::Drop)
            }
            Plan::Absorb { ask, release } => {
                let mut decision = settle(session, record, Verdict::Absorb);
                decision
                    .outputs
                    .extend(ask.map(|f| (Direction::ToServer, f)));
                if release {
                    decision.released = session.held.take();
                }
                decision
            }
            Plan::Forward | Plan::Rewrite(_) | Plan::Hold { .. } => deny(
                session,
                record,
                Reason::InvalidResult,
                "nothing to pass",
                None,
            ),
        }
    }
}

/// Who waits for the outcome of a message: the sender of a request, the
/// receiver of an answer.
fn waits(opened: &Opened) -> Waiting {
    let direction = opened.direction();
    match opened.message().ok()? {
        Message::Request { id, .. } => Some((direction.reversed(), Some(id))),
        Message::Response { id, .. } => Some((direction, Some(id))),
        Message::Failure { id, .. } => Some((direction, Some(id?))),
        Message::Notification { .. } => None,
    }
}

fn settle(session: &mut Session, mut record: Record, verdict: Verdict) -> Decision {
    record.verdict = verdict;
    // While lockgate walks, pages come by the thousand; all is kept at its end.
    let unsaved = if session.verification.is_none() {
        session.tools.take_due()
    } else {
        BTreeMap::new()
    };
    let mut obligations = Vec::new();
    if !unsaved.is_empty() {
        obligations.push(Obligation::SavePins(unsaved));
    }
    // What a page of lockgate's own walk leads to is asked for the call that waits.
    let walks = session.verification.as_ref();
    let walks = walks.filter(|_| record.direction == Direction::ToAgent);
    let by = walks.and_then(|walk| walk.by.clone());
    let by = by.or_else(|| session.acting_now());
    Decision {
        record,
        outputs: Vec::new(),
        obligations,
        fallback: Fallback::Nobody,
        given_up: Reason::NotRecorded,
        released: Vec::new(),
        by,
    }
}

/// What lockgate itself says.
pub(super) fn own(session: &mut Session, record: Record, output: (Direction, Frame)) -> Decision {
    let mut decision = settle(session, record, Verdict::Forward);
    decision.outputs.push(output);
    decision
}

fn pass(
    session: &mut Session,
    record: Record,
    verdict: Verdict,
    output: (Direction, (Vec<u8>, Route)),
    waiting: Waiting,
) -> Decision {
    let mut decision = settle(session, record, verdict);
    decision.fallback = waiting.map_or(Fallback::Nobody, |(to, id)| Fallback::Waits(to, id));
    let (to, (bytes, route)) = output;
    decision.outputs.push((to, Frame::new(bytes, route)));
    decision
}

fn deny(
    session: &mut Session,
    mut record: Record,
    reason: Reason,
    detail: &str,
    answer: Waiting,
) -> Decision {
    record.reason = Some(reason.code());
    record.detail = Some(detail.to_owned());
    record.verdict = if answer.is_some() {
        Verdict::Deny
    } else {
        Verdict::Drop
    };
    let verdict = record.verdict;
    let told = answer.map(|to| refuse(&record, reason, to));
    let mut decision = settle(session, record, verdict);
    if let Some((to, frame)) = told {
        decision.fallback = Fallback::Told(to, frame.clone());
        decision.outputs.push((to, frame));
    }
    decision
}

fn refuse(record: &Record, reason: Reason, to: (Direction, Option<Id>)) -> (Direction, Frame) {
    let (direction, id) = to;
    let frame = reply::refusal(id.as_ref(), record, reason);
    (direction, frame)
}
