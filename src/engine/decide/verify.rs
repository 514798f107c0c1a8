//! Verification before use: lockgate's own walk through the server's tools.
//!
//! A call to a tool that this session has not seen waits until all pages of
//! the list have been compared with the pins. What the agent sends meanwhile
//! waits behind it, so nothing overtakes; its answers to the server pass, so
//! that a server may ask something before it lists its tools.

use super::{Engine, Plan, is_known};
use crate::engine::decision::Decision;
use crate::engine::message::{Direction, Document, Id, Json, KnownMethod, Message, Opened};
use crate::engine::policy::PinMode;
use crate::engine::reason::Reason;
use crate::engine::record::{Record, RecordKind, RecordVerdict};
use crate::engine::reply;
use crate::engine::session::{Known, Session, Verification, Walk};
use std::time::Duration;

/// How long a server may take to list its tools.
const PATIENCE: Duration = Duration::from_secs(30);
/// Most pages of one list.
const PAGES: usize = Walk::PAGES;
/// How often a list may change while it is read.
const RESTARTS: usize = 3;

/// Why a list does not count.
pub(super) const DOUBTED: &str =
    "the server answers a request of 2026-07-28 as an older revision has it";

/// What a verification starts from.
pub(super) struct Begin<'a> {
    pub(super) now: Duration,
    /// Params of the call that needs it.
    pub(super) params: Option<Json<'a>>,
}

/// Starts a verification; the call that needs it waits.
pub(super) fn begin(session: &mut Session, begin: &Begin<'_>) -> Plan {
    let id = session.own_id();
    let meta = reply::request_meta(begin.params);
    let ask = reply::list_tools(&id, None, meta.as_deref());
    session.verification = Some(Verification {
        id,
        walk: Walk::default(),
        pages: 0,
        stale: false,
        restarts: 0,
        cursor: None,
        deadline: begin.now.saturating_add(PATIENCE),
        meta,
        by: session.acting_now(),
    });
    Plan::Hold { ask: Some(ask) }
}

/// What happens to a message of the agent while a verification is under way.
pub(super) fn must_wait(
    session: &mut Session,
    opened: &Opened,
    message: &Message<'_>,
) -> Option<Plan> {
    session.verification.as_ref()?;
    let id = match message {
        Message::Response { .. } | Message::Failure { .. } => return None,
        Message::Request { id, .. } => Some(id.clone()),
        Message::Notification { method, params } => {
            if is_known(method, KnownMethod::Cancelled)
                && let Some(plan) = take_back(session, *params)
            {
                return Some(plan);
            }
            None
        }
    };
    if session.held.has_room(opened.bytes()) {
        return Some(Plan::Hold { ask: None });
    }
    let (reason, detail) = (
        Reason::TooManyHeld,
        "too many messages wait for the server's list of tools".to_owned(),
    );
    Some(match id {
        None => Plan::Drop { reason, detail },
        Some(id) => Plan::Deny {
            reason,
            detail,
            answer: Some((Direction::ToAgent, Some(id))),
        },
    })
}

/// Cancels a request that still waits: the server never hears of it.
fn take_back(session: &mut Session, params: Option<Json<'_>>) -> Option<Plan> {
    let wanted = params?.get("requestId").and_then(Id::of)?;
    let queue = &mut session.held.queue;
    let at = queue.iter().position(
        |held| matches!(held.message(), Ok(Message::Request { id, .. }) if id == wanted),
    )?;
    let taken = queue.remove(at)?;
    session.held.bytes = session.held.bytes.saturating_sub(taken.bytes());
    Some(Plan::drop(
        Reason::Cancelled,
        format!("request {wanted} was cancelled while it waited"),
    ))
}

impl Engine {
    /// A page of lockgate's own walk.
    pub(super) fn verified_page(
        &self,
        session: &mut Session,
        result: Json<'_>,
        record: &mut Record,
    ) -> Plan {
        let Some(mut walk) = session.verification.take() else {
            return Plan::drop(Reason::UnsolicitedResponse, "nobody waits for this answer");
        };
        if walk.meta.is_some() && session.doubts_server() {
            return fail(session, Reason::WrongEra, DOUBTED.to_owned(), record);
        }
        walk.pages = walk.pages.saturating_add(1);
        let cursor = walk.cursor.take();
        let learned = self.learn_page(session, result, &mut walk.walk, cursor.as_deref());
        let next = match learned {
            Err(refusal) => return fail(session, refusal.reason, refusal.detail, record),
            Ok(next) => next,
        };
        if session.tools.overflow {
            let detail = "the server lists more tools, or larger ones, than lockgate keeps";
            return fail(session, Reason::TooManyTools, detail.to_owned(), record);
        }
        if walk.pages >= PAGES {
            let detail = "the list of tools has no end".to_owned();
            return fail(session, Reason::VerificationFailed, detail, record);
        }
        let next = if walk.stale {
            walk.restarts = walk.restarts.saturating_add(1);
            if walk.restarts > RESTARTS {
                let detail = "the list of tools changes all the time".to_owned();
                return fail(session, Reason::VerificationFailed, detail, record);
            }
            walk.stale = false;
            walk.walk = Walk::default();
            session.tools.forget();
            Some(None)
        } else {
            next.map(Some)
        };
        let Some(cursor) = next else {
            session.tools.seen(&self.shared);
            session.tools.pins_are_due();
            return Plan::Absorb {
                ask: None,
                release: true,
            };
        };
        walk.id = session.own_id();
        walk.cursor.clone_from(&cursor);
        let ask = reply::list_tools(&walk.id, cursor.as_deref(), walk.meta.as_deref());
        session.verification = Some(walk);
        Plan::Absorb {
            ask: Some(ask),
            release: false,
        }
    }

    /// Takes the server to be as it is pinned, to explain what would happen to
    /// a call of `tool`. Where only pinned tools may be used (the policy says
    /// so, or the first use is over), one without a pin is withheld.
    pub fn assume_pinned(&self, session: &mut Session, tool: Option<&str>) {
        for pin in self.pins.tools.values() {
            let text = pin.definition.clone().into_bytes();
            if let Ok(definition) = Document::read(text, &self.limits) {
                self.learn(session, definition.root());
            }
        }
        let settled = self.policy.pins == PinMode::Require || !self.pins.tools.is_empty();
        if let Some(tool) = tool.filter(|tool| settled && !self.pins.tools.contains_key(*tool)) {
            let withheld = Known::Withheld(Reason::UnpinnedTool, self.without_pin());
            let _too_many = session.tools.remember(tool, withheld);
        }
    }

    /// Gives up on a verification whose time has come.
    pub fn expire(&self, session: &mut Session, now: Duration) -> Option<Decision> {
        if session.deadline()? > now {
            return None;
        }
        let mut record = self.own_record(session);
        let detail = format!(
            "the server did not list its tools in {} s",
            PATIENCE.as_secs()
        );
        let plan = fail(session, Reason::VerificationTimeout, detail, &mut record);
        Some(Self::own_decision(session, record, plan))
    }

    /// The server has ended: everyone who waits is told, in order.
    pub fn server_gone(&self, session: &mut Session, why: &str) -> Vec<Decision> {
        session.gone = Some(why.to_owned());
        session.verification = None;
        session.up.drain();
        let mut decisions = self.given_up(session, |id| Plan::Deny {
            reason: Reason::ServerExited,
            detail: why.to_owned(),
            answer: Some((Direction::ToAgent, Some(id))),
        });
        if session.is_holding() {
            let record = self.own_record(session);
            let plan = Plan::Absorb {
                ask: None,
                release: true,
            };
            decisions.push(Self::own_decision(session, record, plan));
        }
        decisions
    }

    /// The server has ended and is started again: what it was asked is answered by
    /// nobody, and whoever waits is told by whoever starts it.
    pub fn server_restarts(&self, session: &mut Session, why: &str) -> Vec<Decision> {
        session.up.drain();
        self.given_up(session, |_| Plan::drop(Reason::ServerExited, why))
    }

    /// What becomes of each request that the server will not answer any more.
    fn given_up(&self, session: &mut Session, plan: impl Fn(Id) -> Plan) -> Vec<Decision> {
        let mut decisions = Vec::new();
        for (id, pending) in session.down.drain() {
            let mut record = self.own_record(session);
            record.method = Some(super::recorded(&pending.method));
            record.id = Some(super::bounded(&id.to_json()));
            pending.subject.put_into(&mut record);
            decisions.push(Self::own_decision(session, record, plan(id)));
        }
        decisions
    }

    /// The pins of first use could not be kept: nothing that was learned counts.
    pub fn distrust(&self, session: &mut Session, decision: &mut Decision, why: &str) {
        session.tools.forget();
        session.tools.forget_first_use();
        for waiting in &mut decision.released {
            waiting.refused = Some((Reason::PinNotSaved, why.to_owned()));
        }
        decision.given_up = Reason::PinNotSaved;
        decision.record.reason = Some(Reason::PinNotSaved.code());
        // The evidence says what happens, not what would have happened.
        let verdict = &mut decision.record.verdict;
        if matches!(verdict, RecordVerdict::Forward | RecordVerdict::Rewrite) {
            *verdict = RecordVerdict::Deny;
        }
        decision.record.detail = Some(why.to_owned());
    }

    fn own_record(&self, session: &Session) -> Record {
        let mut record = self.record_of(session, Direction::ToAgent, 0);
        record.kind = RecordKind::Own;
        record
    }
}

/// Ends a verification without success: the calls that wait are refused.
pub(super) fn fail(
    session: &mut Session,
    reason: Reason,
    detail: String,
    record: &mut Record,
) -> Plan {
    session.verification = None;
    // What was seen of a list that is not whole proves nothing.
    session.tools.forget();
    session.tools.forget_unsaved();
    for waiting in &mut session.held.queue {
        waiting.refused = Some((reason, detail.clone()));
    }
    record.reason = Some(reason.code());
    record.detail = Some(detail);
    Plan::Absorb {
        ask: None,
        release: true,
    }
}

/// The server says that its tools have changed.
pub(super) fn changed(session: &mut Session) {
    session.tools.forget();
    if let Some(walk) = &mut session.verification {
        walk.stale = true;
    }
}
