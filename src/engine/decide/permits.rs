//! What the policy says of a request at this moment, and what that counts.

use super::{Engine, Refusal};
use crate::engine::guard::paths::{Access, PathFacts, PathGuard};
use crate::engine::message::Json;
use crate::engine::policy::{
    AccessRequest, Action, Answer, Charge, Counted, Demands, Instead, Judgement, Lease, Met,
    Moment, PathJudge,
};
use crate::engine::reason::Reason;
use crate::engine::record::{Record, Would};
use crate::engine::session::Session;
use std::sync::Arc;

/// What a permit comes with.
pub(super) struct Permitted {
    /// Whether arguments pass that the pinned schema does not declare.
    pub(super) undeclared: bool,
    pub(super) grant: Grant,
}

/// What a request that passes takes with it.
#[derive(Default)]
pub(super) struct Grant {
    /// What it counts against.
    pub(super) charges: Vec<Charge>,
    /// What its answer has to be: all of them.
    pub(super) results: Vec<Arc<Demands>>,
}

impl Engine {
    /// The policy's word.
    pub(super) fn permits(
        &self,
        session: &Session,
        action: Action<'_>,
        arguments: Option<Json<'_>>,
        facts: &PathFacts,
        record: &mut Record,
    ) -> Result<Permitted, Refusal> {
        let request = AccessRequest {
            agent: &self.agent,
            principal: session.principal(),
            server: &self.server,
            action,
            arguments,
        };
        let paths = GuardedPaths {
            guard: &self.guard,
            facts,
        };
        let moment = Moment {
            time: session.time,
            counted: Some(Counted {
                quotas: &self.quotas,
                who: self.counted_as(session),
                now: session.clock(),
            }),
        };
        let Judgement {
            answer,
            would,
            charges,
            results,
        } = self.policy.judge(&request, &paths, &moment);
        // Of several that one message asks for, the first that differs.
        if record.would.is_none() {
            record.would = would.map(|would| Would {
                reason: would.answer.reason().map(Reason::code),
                detail: Some(would.answer.why().to_owned()).filter(|why| !why.is_empty()),
                rules: would
                    .answer
                    .rules()
                    .iter()
                    .cloned()
                    .zip(would.modes)
                    .collect(),
            });
        }
        record.rules = answer.rules().to_vec();
        let reason = answer.reason().unwrap_or(Reason::NotPermitted);
        match answer {
            Answer::Permit { undeclared, .. } => Ok(Permitted {
                undeclared,
                grant: Grant {
                    charges,
                    results: results.into_iter().collect(),
                },
            }),
            Answer::Nothing { why, scopes, .. } => {
                record.scopes = scopes;
                Err(Refusal::new(reason, why))
            }
            Answer::Ask { why, .. } | Answer::Forbid { why, .. } | Answer::Limited { why, .. } => {
                Err(Refusal::new(reason, why))
            }
        }
    }

    /// Counts a request that passes.
    pub(super) fn count(
        &self,
        session: &Session,
        charges: &[Charge],
    ) -> Result<Vec<Lease>, Refusal> {
        let who = self.counted_as(session);
        let taken = self.quotas.take(who, charges, session.clock());
        taken.map_err(|full| Refusal::new(Reason::Limit, full.to_string()))
    }

    /// Whose the counts are.
    fn counted_as<'a>(&'a self, session: &'a Session) -> &'a Arc<str> {
        session.principal().map_or(&self.names.0, |p| &p.key)
    }
}

/// Whether an answer is as all of these demand.
pub(super) fn meets(
    demands: &[Arc<Demands>],
    answer: Json<'_>,
    record: &mut Record,
) -> Result<(), Refusal> {
    for one in demands {
        let Met { refused, would } = one.judge(answer);
        if record.would.is_none() {
            record.would = would.map(|would| match would {
                Instead::Passed => Would {
                    reason: None,
                    detail: Some("a permit in audit mode is satisfied".to_owned()),
                    rules: Vec::new(),
                },
                Instead::Refused(unmet) => Would {
                    reason: Some(Reason::ResultRefused.code()),
                    detail: Some(unmet.why),
                    rules: unmet.rules.into_iter().zip(unmet.modes).collect(),
                },
            });
        }
        if let Some(unmet) = refused {
            record.rules = unmet.rules;
            return Err(Refusal::new(Reason::ResultRefused, unmet.why));
        }
    }
    Ok(())
}

struct GuardedPaths<'a> {
    guard: &'a PathGuard,
    facts: &'a PathFacts,
}

impl PathJudge for GuardedPaths<'_> {
    fn within(&self, value: &str, access: Access) -> Result<(), String> {
        self.guard.within(value, access, self.facts)
    }
}
