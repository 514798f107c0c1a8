//! Lists on their way to the agent: what is not pinned as it stands, and what
//! this agent may never use, is cut out; all other bytes stay as they were.

use super::{Engine, Plan, Refusal};
use crate::engine::message::{Json, Kind};
use crate::engine::mirrored::mirrored;
use crate::engine::pin::{self, Review, Standing};
use crate::engine::policy::{AccessRequest, Action, Answer, PathJudge, PinMode};
use crate::engine::reason::Reason;
use crate::engine::record::Record;
use crate::engine::session::{Known, Pending, Session, Walk};
use crate::engine::types::Digest;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

impl Engine {
    /// A page of tools that the agent asked for.
    pub(super) fn tools_page(
        &self,
        session: &mut Session,
        pending: &Pending,
        whole: Json<'_>,
        result: Json<'_>,
        record: &mut Record,
    ) -> Result<Plan, Refusal> {
        if session.era.is_modern() && session.doubts_server() {
            return Err(Refusal::new(Reason::WrongEra, super::verify::DOUBTED));
        }
        let cursor = pending.cursor.as_deref();
        let mut walk = session.tools.walks.take(cursor);
        let next = self.learn_page(session, result, &mut walk, cursor)?;
        if next.is_none() && walk.is_whole() && !session.tools.overflow {
            session.tools.seen(&self.shared);
        }
        if next.is_none() {
            session.tools.pins_are_due();
        }
        session.tools.walks.put(walk);
        let forgotten = if session.tools.overflow {
            Reason::TooManyTools
        } else {
            Reason::UnpinnedTool
        };
        let keep = |tool: Json<'_>| {
            let name = tool.get("name").and_then(Json::as_str);
            let name = name.ok_or(Reason::UnpinnedTool)?;
            match session.tools.known.get(&*name) {
                None => Err(forgotten),
                Some(Known::Withheld(reason, _)) => Err(*reason),
                Some(Known::Verified(_)) => {
                    if self.may_ever_call(session, &name) {
                        Ok(())
                    } else {
                        Err(Reason::NotPermitted)
                    }
                }
            }
        };
        Ok(cut(whole, result, "tools", keep, record))
    }

    /// Whether a tool is shown, and asked about, at all.
    pub(super) fn may_ever_call(&self, session: &Session, tool: &str) -> bool {
        self.policy.may_ever(&AccessRequest {
            agent: &self.agent,
            principal: session.principal(),
            server: &self.server,
            action: Action::CallTool(tool),
            arguments: None,
        })
    }

    /// A page of prompts or resources that the agent asked for.
    pub(super) fn named_page(
        &self,
        session: &Session,
        whole: Json<'_>,
        result: Json<'_>,
        key: &'static str,
        record: &mut Record,
    ) -> Result<Plan, Refusal> {
        items(result, key)?;
        let keep = |item: Json<'_>| {
            let name = item.get(if key == "prompts" { "name" } else { "uri" });
            let name = name.and_then(Json::as_str).ok_or(Reason::NotPermitted)?;
            let action = if key == "prompts" {
                Action::GetPrompt(&name)
            } else {
                Action::ReadResource(&name)
            };
            let request = AccessRequest {
                agent: &self.agent,
                principal: session.principal(),
                server: &self.server,
                action,
                arguments: None,
            };
            let answer = self.policy.evaluate(&request, &NoPaths);
            match answer {
                Answer::Permit { .. } => Ok(()),
                // Whoever does not see it never asks for a token that does.
                Answer::Nothing { scopes, .. } if !scopes.is_empty() => Ok(()),
                Answer::Forbid { .. } | Answer::Nothing { .. } => Err(Reason::NotPermitted),
            }
        };
        Ok(cut(whole, result, key, keep, record))
    }

    /// Compares a page of definitions with the pins. Gives the next cursor.
    pub(super) fn learn_page(
        &self,
        session: &mut Session,
        result: Json<'_>,
        walk: &mut Walk,
        cursor: Option<&str>,
    ) -> Result<Option<String>, Refusal> {
        let page = walk.turn(cursor);
        let mut here = BTreeSet::new();
        for definition in items(result, "tools")?.items() {
            let Some(name) = definition.get("name").and_then(Json::as_str) else {
                continue;
            };
            let once = here.insert(name.clone());
            let known = match walk.stands(&name, page) {
                Some(true) if once => self.stand(session, &name, definition),
                Some(_) => {
                    session.tools.withheld.remove(&*name);
                    Known::Withheld(
                        Reason::DuplicateTool,
                        "the server lists two tools of this name".to_owned(),
                    )
                }
                None => {
                    session.tools.overflow = true;
                    continue;
                }
            };
            // What is not remembered is not listed, and a call to it is refused.
            let _too_many = session.tools.remember(&name, known);
        }
        let next = next_cursor(result)?;
        walk.goes_on(next.as_deref());
        Ok(next)
    }

    /// Remembers how one definition stands.
    pub(super) fn learn(&self, session: &mut Session, definition: Json<'_>) {
        if let Some(name) = definition.get("name").and_then(Json::as_str) {
            let known = self.stand(session, &name, definition);
            let _too_many = session.tools.remember(&name, known);
        }
    }

    /// How one received definition stands: what was found out once holds until
    /// the list changes.
    fn stand(&self, session: &mut Session, name: &str, definition: Json<'_>) -> Known {
        let tools = &session.tools;
        match tools.known.get(name) {
            Some(Known::Verified(tool)) if tool.text == definition.raw() => {
                return Known::Verified(Arc::clone(tool));
            }
            Some(known)
                if tools
                    .withheld
                    .get(name)
                    .is_some_and(|seen| *seen == digest(definition)) =>
            {
                return known.clone();
            }
            Some(_) | None => {}
        }
        let known = self.compare(session, name, definition);
        let withheld = &mut session.tools.withheld;
        match known {
            Known::Verified(_) => withheld.remove(name),
            Known::Withheld(..) => withheld.insert(name.to_owned(), digest(definition)),
        };
        known
    }

    /// Compares a definition with its pin.
    fn compare(&self, session: &mut Session, name: &str, definition: Json<'_>) -> Known {
        if self.remote
            && let Err(why) = mirrored(definition)
        {
            return Known::Withheld(Reason::InvalidMirror, why.to_string());
        }
        let pins = if self.pins.tools.contains_key(name) {
            &self.pins
        } else {
            &session.tools.first_use
        };
        match pins.standing(definition) {
            Standing::Pinned(_) => pins.tools.get(name).map_or_else(
                || Known::Withheld(Reason::UnpinnedTool, String::new()),
                |pin| Known::Verified(self.shared.tool(pin.digest.whole, definition.raw())),
            ),
            Standing::Drifted(fields) => Known::Withheld(
                Reason::DriftedTool,
                format!(
                    "its definition differs from its pin in {}; see `{}`, then approve it",
                    super::bounded(&fields.join(", ")),
                    self.policy.hint("diff", &self.server)
                ),
            ),
            Standing::Unusable(why) => Known::Withheld(Reason::UnpinnedTool, super::bounded(&why)),
            Standing::New(findings) => self.first_use(session, definition, &findings),
        }
    }

    /// A definition without a pin: withheld, or pinned on first use.
    fn first_use(
        &self,
        session: &mut Session,
        definition: Json<'_>,
        findings: &[crate::engine::types::Finding],
    ) -> Known {
        let unpinned = |why: &str| Known::Withheld(Reason::UnpinnedTool, why.to_owned());
        if self.policy.pins == PinMode::Require {
            return unpinned(&self.without_pin());
        }
        if let Some(first) = findings.first() {
            return Known::Withheld(
                Reason::SuspectTool,
                format!(
                    "its definition needs a review before first use: {} at `{}` ({})",
                    first.code,
                    super::bounded(&first.at),
                    super::bounded(&first.detail)
                ),
            );
        }
        if !self.pins.tools.is_empty() || session.tools.settled {
            return unpinned(&self.without_pin());
        }
        let Some((name, pin)) = pin::pin(definition, Review::Unreviewed) else {
            return unpinned("it cannot be digested");
        };
        let tool = self.shared.tool(pin.digest.whole, definition.raw());
        if !session.tools.pin_first_use(name, pin) {
            return Known::Withheld(
                Reason::TooManyTools,
                "the server has more tools, or larger ones, than lockgate pins on first use; review them with `lockgate pin`".to_owned(),
            );
        }
        Known::Verified(tool)
    }
}

impl Engine {
    /// Why a tool without a pin is withheld, and what to do.
    pub(super) fn without_pin(&self) -> String {
        let (why, verb) = if self.policy.pins == PinMode::Require {
            ("it has no pin", "pin")
        } else {
            ("it is new since the first use", "approve")
        };
        let hint = self.policy.hint(verb, &self.server);
        format!("{why}; review it with `{hint}`")
    }
}

fn digest(definition: Json<'_>) -> Digest {
    Digest::of(&[definition.raw().as_bytes()])
}

fn next_cursor(result: Json<'_>) -> Result<Option<String>, Refusal> {
    let Some(cursor) = result.get("nextCursor").filter(|c| !c.is_null()) else {
        return Ok(None);
    };
    let cursor = cursor.as_str().map(|c| Some(c.into_owned()));
    cursor.ok_or_else(|| {
        Refusal::new(
            Reason::InvalidResult,
            "expected `nextCursor` to be a string",
        )
    })
}

fn items<'a>(result: Json<'a>, key: &'static str) -> Result<Json<'a>, Refusal> {
    result
        .get(key)
        .filter(|list| list.kind() == Kind::Array)
        .ok_or_else(|| Refusal::new(Reason::InvalidResult, format!("expected an array `{key}`")))
}

/// Cuts the items that `keep` does not keep out of the list `key`.
fn cut(
    whole: Json<'_>,
    result: Json<'_>,
    key: &'static str,
    keep: impl Fn(Json<'_>) -> Result<(), Reason>,
    record: &mut Record,
) -> Plan {
    let Some(list) = result.get(key) else {
        return Plan::Forward;
    };
    let (mut kept, mut withheld) = (Vec::new(), Vec::new());
    for item in list.items() {
        match keep(item) {
            Ok(()) => kept.push(item.raw()),
            Err(reason) => withheld.push((item, reason)),
        }
    }
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    if !withheld.is_empty() {
        record.detail = Some(told(&withheld, list.items().count(), key));
        edits.push((list.span(), format!("[{}]", kept.join(","))));
    }
    // A list made for one agent must not be served to another from a cache.
    if !edits.is_empty()
        && let Some(scope) = result.get("cacheScope")
    {
        edits.push((scope.span(), "\"private\"".to_owned()));
    }
    if edits.is_empty() {
        return Plan::Forward;
    }
    edits.sort_by_key(|(span, _)| span.start);
    let start = whole.span().start;
    let (text, mut out, mut at) = (whole.raw(), String::new(), 0);
    for (span, with) in edits {
        let (from, to) = (
            span.start.saturating_sub(start),
            span.end.saturating_sub(start),
        );
        out.push_str(text.get(at..from).unwrap_or_default());
        out.push_str(&with);
        at = to;
    }
    out.push_str(text.get(at..).unwrap_or_default());
    Plan::Rewrite(out.into_bytes())
}

/// Which items are withheld, and why; a few by name.
fn told(withheld: &[(Json<'_>, Reason)], all: usize, key: &str) -> String {
    const NAMED: usize = 8;
    let named = withheld.iter().take(NAMED).map(|(item, reason)| {
        let name = item.get("name").and_then(Json::as_str).unwrap_or_default();
        let name: String = name.chars().take(64).collect();
        format!("{} [{}]", pin::visible(&name), reason.code())
    });
    let named = named.collect::<Vec<_>>().join(", ");
    let more = if withheld.len() > NAMED { ", ..." } else { "" };
    format!("withheld {} of {all} {key}: {named}{more}", withheld.len())
}

/// Lists have no arguments, so no `path` constraint can hold for them.
struct NoPaths;

impl PathJudge for NoPaths {
    fn within(&self, _: &str, _: crate::engine::guard::paths::Access) -> Result<(), String> {
        Err("a list has no arguments".to_owned())
    }
}
