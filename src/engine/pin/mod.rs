//! Pins: digests of what the model sees, and what drifted.
//!
//! A definition that a person approved is kept in `lockgate.lock` with its
//! digests; whatever a server sends later is compared with it, whole object,
//! unknown members included. Answers tool poisoning after approval (rug
//! pulls), renames, silent additions and reuse of removed names. Nothing here
//! asks a server or writes a file: lists come in as values.

mod approval;
mod canonical;
mod diff;
mod digest;
mod drift;
mod launch;
mod lockfile;
mod number;
mod plan;
mod pretty;
mod server;
mod toml_text;
mod visible;

pub use approval::{Approval, InvalidTimestamp, Review, Timestamp};
pub use canonical::canonical;
pub use diff::render_diff;
pub use digest::{ToolDigest, field_digests, whole_digest};
pub use drift::{Change, Drift, Entry, Likeness, Resemblance, compare};
pub use launch::{Identity, Launch, Package, Registry, Transport, runs_another};
pub use lockfile::{LockfileError, VERSION};
pub use plan::{Observed, Plan, plan, plan_server};
pub use pretty::pretty;
pub use server::{ServerChange, Weight};
pub use visible::visible;

use crate::engine::guard::definition::inspect;
use crate::engine::message::{Json, Kind};
use crate::engine::types::{Digest, Finding, ServerName};
use digest::changed_fields;
use std::collections::BTreeMap;

/// The pin of one tool. Only [`pin`], [`ServerPins::approve`] and
/// [`Lockfile::parse`] make one: digest and definition always agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolPin {
    /// Its digests.
    pub digest: ToolDigest,
    /// The definition itself, as [`pretty`] writes it.
    pub definition: String,
    /// Whether a person has looked.
    pub review: Review,
    approval: Approval,
}

impl ToolPin {
    /// Who stands for it.
    pub fn approval(&self) -> &Approval {
        &self.approval
    }
}

/// What is left of a tool that a server no longer has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tombstone {
    /// Digest of the last pinned definition.
    pub whole: Digest,
    /// Digest of its `description`.
    pub description: Option<Digest>,
    /// Digest of its `inputSchema`.
    pub schema: Option<Digest>,
    /// When it was removed.
    pub removed_at: Option<Timestamp>,
}

/// Pins of one server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerPins {
    /// How it was started when it was pinned.
    pub launch: Option<Launch>,
    /// Who it said it was.
    pub identity: Option<Identity>,
    /// By tool name.
    pub tools: BTreeMap<String, ToolPin>,
    /// Tools that are gone, by name.
    pub removed: BTreeMap<String, Tombstone>,
}

/// The whole lockfile.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lockfile {
    /// By server name.
    pub servers: BTreeMap<ServerName, ServerPins>,
}

/// How one received definition stands to its pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// As pinned.
    Pinned(Review),
    /// No pin of that name; what the inspection says of it.
    New(Vec<Finding>),
    /// Differs from its pin, in these top-level members.
    Drifted(Vec<String>),
    /// Cannot be digested (no name, not an object).
    Unusable(String),
}

impl ServerPins {
    /// Compares a received definition with its pin. One definition alone
    /// cannot show a name that stands twice in a list: [`compare`] does.
    pub fn standing(&self, definition: Json<'_>) -> Standing {
        let name = match tool_name(definition) {
            Ok(name) => name,
            Err(reason) => return Standing::Unusable(reason),
        };
        let Some(pin) = self.tools.get(name.as_ref()) else {
            let mut findings = inspect(definition);
            if self.removed.contains_key(name.as_ref()) {
                findings.push(Finding {
                    code: "removed-name",
                    at: "/name".to_owned(),
                    detail: "a tool of this name was removed before".to_owned(),
                });
            }
            return Standing::New(findings);
        };
        if whole_digest(definition) == Some(pin.digest.whole) {
            return Standing::Pinned(pin.review);
        }
        Standing::Drifted(changed_fields(
            &pin.digest.fields,
            &field_digests(definition),
        ))
    }

    /// Pins a definition as approved, in place of any pin or tombstone of its
    /// name. Returns the name; the error says why it cannot be pinned.
    pub fn approve(&mut self, definition: Json<'_>, approval: Approval) -> Result<String, String> {
        self.put(definition, Review::Approved, approval)
    }

    /// Pins a definition on first use: nobody has looked. Only for a
    /// definition that is [`Standing::New`] without findings.
    pub fn first_use(
        &mut self,
        definition: Json<'_>,
        approval: Approval,
    ) -> Result<String, String> {
        match self.standing(definition) {
            Standing::New(findings) if findings.is_empty() => {
                self.put(definition, Review::Unreviewed, approval)
            }
            Standing::New(_) => {
                Err("the inspection has findings; approve the definition".to_owned())
            }
            Standing::Pinned(_) | Standing::Drifted(_) => {
                Err("the name is pinned; approve the definition".to_owned())
            }
            Standing::Unusable(reason) => Err(reason),
        }
    }

    fn put(
        &mut self,
        definition: Json<'_>,
        review: Review,
        approval: Approval,
    ) -> Result<String, String> {
        let (name, mut pin) = pinned(definition, review)?;
        pin.approval = approval;
        self.removed.remove(&name);
        self.tools.insert(name.clone(), pin);
        Ok(name)
    }

    /// Turns the pin of a removed tool into a tombstone; nothing for a name
    /// that has no pin.
    pub fn bury(&mut self, name: &str, at: Option<Timestamp>) {
        if let Some(pin) = self.tools.remove(name) {
            let field = |field: &str| pin.digest.fields.get(field).copied();
            let tombstone = Tombstone {
                whole: pin.digest.whole,
                description: field("description"),
                schema: field("inputSchema"),
                removed_at: at,
            };
            self.removed.insert(name.to_owned(), tombstone);
        }
    }
}

/// Makes a pin of a received definition; `None` where it cannot be digested.
pub fn pin(definition: Json<'_>, review: Review) -> Option<(String, ToolPin)> {
    pinned(definition, review).ok()
}

fn pinned(definition: Json<'_>, review: Review) -> Result<(String, ToolPin), String> {
    let name = tool_name(definition)?.into_owned();
    let digest = ToolDigest::of(definition).ok_or_else(|| not_object(definition))?;
    let pin = ToolPin {
        digest,
        definition: pretty(definition),
        review,
        approval: Approval::default(),
    };
    Ok((name, pin))
}

/// The name of a definition; the error says why it has none.
fn tool_name(definition: Json<'_>) -> Result<std::borrow::Cow<'_, str>, String> {
    if definition.kind() != Kind::Object {
        return Err(not_object(definition));
    }
    let Some(value) = definition.get("name") else {
        return Err("expected `name` in the definition".to_owned());
    };
    let Some(name) = value.as_str() else {
        let found = value.kind().name();
        return Err(format!("expected `name` to be a string, found {found}"));
    };
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err("expected `name` not to be empty and to have no control characters".to_owned());
    }
    Ok(name)
}

fn not_object(definition: Json<'_>) -> String {
    format!(
        "expected the definition to be an object, found {}",
        definition.kind().name()
    )
}
