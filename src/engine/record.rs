//! What the engine says about one decision, for the evidence.
//!
//! A record names and counts; it does not quote. Arguments come in masked,
//! resource uris come in masked, and every string that a peer chose is clipped
//! when it is written, so that no message can make a record large. Absent: the
//! time, the place in the chain and where it is kept; those belong to `audit`.

use crate::engine::mask::{Masked, MaskedUri};
use crate::engine::message::Direction;
use crate::engine::policy::{Mode, RuleRef};
use crate::engine::types::{Digest, Finding};
use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, SerializeStruct, Serializer};
use std::borrow::Cow;
use std::sync::Arc;

#[cfg(test)]
mod tests;

/// Most rules, and most findings, that one record lists.
const LISTED: usize = 16;
/// Most rules of what would have been decided.
const LISTED_WOULD: usize = 4;

/// One decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Which way the judged message travels.
    pub direction: Direction,
    /// What kind of message was judged.
    pub kind: RecordKind,
    /// Its method; of an answer, the method of its request.
    pub method: Option<Cow<'static, str>>,
    /// Its id as JSON text.
    pub id: Option<String>,
    /// What happens to it.
    pub verdict: RecordVerdict,
    /// Why: stable kebab-case code.
    pub reason: Option<&'static str>,
    /// Why, for people. Never contains a secret.
    pub detail: Option<String>,
    /// The scopes that a token needs, where one with more of them would do.
    pub scopes: Vec<Arc<str>>,
    /// The rules that determined the verdict.
    pub rules: Vec<RuleRef>,
    /// What rules in audit mode would have made of it.
    pub would: Option<Would>,
    /// What the guards observed.
    pub findings: Vec<Finding>,
    /// Who acts.
    pub agent: Arc<str>,
    /// For which user.
    pub user: Option<Arc<str>>,
    /// Who acts for whom, the one who acts now first.
    pub actors: Vec<Arc<str>>,
    /// On which server.
    pub server: Arc<str>,
    /// The tool that is called.
    pub tool: Option<String>,
    /// The prompt that is asked for.
    pub prompt: Option<String>,
    /// The resource that is asked for.
    pub resource: Option<MaskedUri>,
    /// Digest of the tool's pinned definition.
    pub tool_digest: Option<Digest>,
    /// Digest of the arguments, to tell equal calls without their content.
    pub arguments_digest: Option<Digest>,
    /// The arguments' shape.
    pub arguments: Option<Masked>,
    /// Size of the judged frame in bytes.
    pub bytes: usize,
    /// Of the policy that it was judged by, where that is not the one that the
    /// evidence begins with.
    pub policy: Option<Digest>,
}

impl Record {
    /// A record with nothing optional in it.
    pub fn new(
        direction: Direction,
        kind: RecordKind,
        verdict: RecordVerdict,
        (agent, server): (Arc<str>, Arc<str>),
        bytes: usize,
    ) -> Self {
        Self {
            direction,
            kind,
            method: None,
            id: None,
            verdict,
            reason: None,
            detail: None,
            scopes: Vec::new(),
            rules: Vec::new(),
            would: None,
            findings: Vec::new(),
            agent,
            user: None,
            actors: Vec::new(),
            server,
            tool: None,
            prompt: None,
            resource: None,
            tool_digest: None,
            arguments_digest: None,
            arguments: None,
            bytes,
            policy: None,
        }
    }
}

impl Record {
    /// The tool, prompt or resource that it is about.
    pub fn subject(&self) -> Option<&str> {
        let named = self.tool.as_deref().or(self.prompt.as_deref());
        named.or(self.resource.as_ref().map(MaskedUri::as_str))
    }
}

/// What would have been decided, were nothing in audit mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Would {
    /// The reason of the denial; `None`: it would have been permitted.
    pub reason: Option<&'static str>,
    /// Why, for people.
    pub detail: Option<String>,
    /// The rules that would have determined it.
    pub rules: Vec<(RuleRef, Mode)>,
}

impl Serialize for Would {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            reason,
            detail,
            rules,
        } = self;
        let verdict = if reason.is_some() { "deny" } else { "permit" };
        let mut out = serializer.serialize_map(None)?;
        out.serialize_entry("verdict", verdict)?;
        optional(&mut out, "reason", *reason)?;
        optional(&mut out, "detail", clip(detail.as_deref(), 512))?;
        let rules = list(rules, Audited).map(|list| List {
            most: LISTED_WOULD,
            ..list
        });
        optional(&mut out, "rules", rules)?;
        out.end()
    }
}

/// What kind of message was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordKind {
    /// Expects an answer.
    Request,
    /// Expects none.
    Notification,
    /// A successful answer.
    Response,
    /// An answer that says what went wrong.
    Failure,
    /// Bytes that are no message.
    Malformed,
    /// A message that lockgate itself began.
    Own,
}

/// What happens to the judged message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RecordVerdict {
    /// Passed on as it came.
    Forward,
    /// Passed on after a change, which was judged again.
    Rewrite,
    /// Refused; a request's sender gets an error.
    Deny,
    /// Not passed on; nobody waits for an answer.
    Drop,
    /// Kept until something else is known.
    Hold,
    /// Meant for lockgate itself.
    Absorb,
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Without `..`: a new field has to say how it is written.
        let Self {
            direction,
            kind,
            method,
            id,
            verdict,
            reason,
            detail,
            scopes,
            rules,
            would,
            findings,
            agent,
            user,
            actors,
            server,
            tool,
            prompt,
            resource,
            tool_digest,
            arguments_digest,
            arguments,
            bytes,
            policy,
        } = self;
        let mut out = serializer.serialize_map(None)?;
        out.serialize_entry("direction", way(*direction))?;
        out.serialize_entry("kind", kind)?;
        optional(&mut out, "method", clip(method.as_deref(), 128))?;
        optional(&mut out, "id", clip(id.as_deref(), 128))?;
        out.serialize_entry("verdict", verdict)?;
        optional(&mut out, "reason", *reason)?;
        optional(&mut out, "detail", clip(detail.as_deref(), 1024))?;
        optional(&mut out, "scopes", list(scopes, Name))?;
        optional(&mut out, "rules", list(rules, Rule))?;
        optional(&mut out, "would", would.as_ref())?;
        optional(&mut out, "findings", list(findings, Found))?;
        out.serialize_entry("agent", &Clip(agent, 128))?;
        optional(&mut out, "user", clip(user.as_deref(), 256))?;
        optional(&mut out, "actors", list(actors, Name))?;
        out.serialize_entry("server", &Clip(server, 128))?;
        optional(&mut out, "tool", clip(tool.as_deref(), 256))?;
        optional(&mut out, "prompt", clip(prompt.as_deref(), 256))?;
        optional(&mut out, "resource", resource.as_ref())?;
        optional(&mut out, "tool_digest", tool_digest.as_ref())?;
        optional(&mut out, "arguments_digest", arguments_digest.as_ref())?;
        optional(&mut out, "arguments", arguments.as_ref())?;
        out.serialize_entry("bytes", bytes)?;
        optional(&mut out, "policy", policy.as_ref())?;
        out.end()
    }
}

fn way(direction: Direction) -> &'static str {
    match direction {
        Direction::ToServer => "to-server",
        Direction::ToAgent => "to-agent",
    }
}

fn optional<M: SerializeMap>(
    out: &mut M,
    key: &'static str,
    value: Option<impl Serialize>,
) -> Result<(), M::Error> {
    match value {
        Some(value) => out.serialize_entry(key, &value),
        None => Ok(()),
    }
}

fn clip(text: Option<&str>, most: usize) -> Option<Clip<'_>> {
    text.map(|text| Clip(text, most))
}

/// A string of which at most so many bytes are written.
struct Clip<'a>(&'a str, usize);

impl Serialize for Clip<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(text, most) = *self;
        if text.len() <= most {
            return serializer.serialize_str(text);
        }
        let shown = text
            .get(..text.floor_char_boundary(most))
            .unwrap_or_default();
        let more = text.len().saturating_sub(shown.len());
        serializer.collect_str(&format_args!("{shown}<{more} more>"))
    }
}

/// The first of `items`, each wrapped for writing; nothing where there are none.
fn list<'a, T, W>(items: &'a [T], wrap: fn(&'a T) -> W) -> Option<List<'a, T, W>> {
    (!items.is_empty()).then_some(List {
        items,
        wrap,
        most: LISTED,
    })
}

struct List<'a, T, W> {
    items: &'a [T],
    wrap: fn(&'a T) -> W,
    most: usize,
}

impl<T, W: Serialize> Serialize for List<'_, T, W> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for item in self.items.iter().take(self.most) {
            list.serialize_element(&(self.wrap)(item))?;
        }
        let more = self.items.len().saturating_sub(self.most);
        if more > 0 {
            list.serialize_element(&format_args!("<{more} more>"))?;
        }
        list.end()
    }
}

/// A user, an actor, a scope.
struct Name<'a>(&'a Arc<str>);

impl Serialize for Name<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Clip(self.0, 256).serialize(serializer)
    }
}

struct Rule<'a>(&'a RuleRef);

impl Serialize for Rule<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let RuleRef { id, file, line } = self.0;
        let mut rule = serializer.serialize_struct("rule", 3)?;
        rule.serialize_field("id", &Clip(id, 128))?;
        rule.serialize_field("file", &Clip(file, 1024))?;
        rule.serialize_field("line", line)?;
        rule.end()
    }
}

/// A rule with its mode.
struct Audited<'a>(&'a (RuleRef, Mode));

impl Serialize for Audited<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (RuleRef { id, file, line }, mode) = self.0;
        let mut rule = serializer.serialize_struct("rule", 4)?;
        rule.serialize_field("id", &Clip(id, 128))?;
        rule.serialize_field("file", &Clip(file, 256))?;
        rule.serialize_field("line", line)?;
        rule.serialize_field("mode", mode)?;
        rule.end()
    }
}

struct Found<'a>(&'a Finding);

impl Serialize for Found<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Finding { code, at, detail } = self.0;
        let mut found = serializer.serialize_struct("finding", 3)?;
        found.serialize_field("code", code)?;
        found.serialize_field("at", &Clip(at, 256))?;
        found.serialize_field("detail", &Clip(detail, 512))?;
        found.end()
    }
}
