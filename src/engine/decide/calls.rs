//! `tools/call`: the path guard, the allowlist, the pin, the policy's
//! constraints, the pinned schema, in that order.

use super::requests::{Judged, Request, remember_arguments};
use super::verify::Begin;
use super::{Context, Engine, Refusal};
use crate::engine::guard::paths::Candidate;
use crate::engine::mask;
use crate::engine::message::CallTool;
use crate::engine::policy::{AccessRequest, Action};
use crate::engine::principal::Principal;
use crate::engine::reason::Reason;
use crate::engine::record::Record;
use crate::engine::schema::{self, Violation};
use crate::engine::session::{Known, Parsed, Session, Tool};
use std::sync::Arc;

impl Engine {
    pub(super) fn judge_call(
        &self,
        session: &mut Session,
        request: &Request<'_>,
        context: &Context,
        record: &mut Record,
    ) -> Result<Judged, Refusal> {
        let call = CallTool::read(request.params)?;
        record.tool = Some(super::bounded(&call.name));
        remember_arguments(record, call.arguments);
        // The built-in rules come first, and need no server.
        self.guarded(request, context, record)?;
        // Nothing is asked of the server about a tool that nobody may call.
        if !self.may_ever_call(session, &call.name) {
            self.permits(
                session,
                Action::CallTool(&call.name),
                call.arguments,
                &context.facts,
                record,
            )?;
            return Err(Refusal::new(
                Reason::NotPermitted,
                "no rule permits this tool",
            ));
        }
        let tool = match session.tools.known.get(&*call.name) {
            Some(Known::Verified(tool)) => Arc::clone(tool),
            Some(Known::Withheld(reason, detail)) => {
                return Err(Refusal::new(*reason, detail.clone()));
            }
            None if session.tools.complete => {
                return Err(Refusal::new(
                    Reason::UnknownTool,
                    "the server lists no tool of this name",
                ));
            }
            None => {
                if let Some((reason, detail)) = &request.opened.refused {
                    return Err(Refusal::new(*reason, detail.clone()));
                }
                let begin = Begin {
                    now: context.now,
                    params: request.params,
                };
                return Ok(Judged::Hold(super::verify::begin(session, &begin)));
            }
        };
        record.tool_digest = Some(tool.digest);
        let permitted = self.permits(
            session,
            Action::CallTool(&call.name),
            call.arguments,
            &context.facts,
            record,
        )?;
        fits(&tool, &call, permitted.undeclared)?;
        Ok(Judged::Permit(permitted.grant))
    }

    /// The path-bearing strings of a call, by the pinned schema where the tool
    /// is known already, and those that a rule's `path` constraint looks at.
    pub(super) fn call_candidates(
        &self,
        session: &Session,
        sender: Option<&Principal>,
        call: &CallTool<'_>,
    ) -> Vec<Candidate> {
        let Some(arguments) = call.arguments else {
            return Vec::new();
        };
        let tool = match session.tools.known.get(&*call.name) {
            Some(Known::Verified(tool)) => tool.parsed(),
            _ => None,
        };
        let schema = tool.and_then(Parsed::input_schema);
        let mut found = self.guard.candidates(&call.name, arguments, schema);
        let request = AccessRequest {
            agent: &self.agent,
            principal: sender,
            server: &self.server,
            action: Action::CallTool(&call.name),
            arguments: call.arguments,
        };
        for (at, value) in self.policy.path_values(&request) {
            found.push(self.guard.candidate_of_path(&at, &value));
        }
        found
    }
}

/// Judges a call's arguments by the pinned schema.
fn fits(tool: &Tool, call: &CallTool<'_>, undeclared: bool) -> Result<(), Refusal> {
    let unusable = |why: &str| Refusal::new(Reason::SchemaUnusable, why.to_owned());
    let parsed = tool
        .parsed()
        .ok_or_else(|| unusable("the pinned definition has no input schema"))?;
    let schema = parsed.schema().map_err(|e| unusable(&e.to_string()))?;
    if let (Some(declared), Some(arguments), false) =
        (parsed.input_schema(), call.arguments, undeclared)
        && let Some(at) = schema::undeclared(declared, arguments)
    {
        return Err(Refusal::new(
            Reason::UndeclaredArgument,
            format!("the pinned schema declares no {}", mask::place(&at)),
        ));
    }
    match schema.check(call.arguments) {
        None => Ok(()),
        Some(violation) => Err(Refusal::new(Reason::SchemaViolation, told(&violation))),
    }
}

/// The names in it are the schema's, the place is masked.
fn told(violation: &Violation) -> String {
    let place = mask::place(&violation.at);
    match &violation.missing {
        Some(name) => {
            let name = super::bounded(name);
            format!("{place}: expected `{name}` (`required` of the pinned schema)")
        }
        None => format!(
            "{place}: not as `{}` of the pinned schema wants it",
            violation.keyword
        ),
    }
}
