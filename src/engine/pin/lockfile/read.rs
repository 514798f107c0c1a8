//! Reading a lockfile: the file as it stands, then checked pins.
//!
//! The raw structs mirror the file and refuse unknown keys. The checks list
//! every mistake with its line. A digest that does not agree with its
//! definition means that one of them was changed by hand, or by someone who
//! hopes that only one of them is read.

use super::{LockfileError, VERSION};
use crate::engine::message::{Document, Limits};
use crate::engine::pin::{
    Approval, Identity, Launch, Lockfile, Package, Registry, Review, ServerPins, Timestamp,
    Tombstone, ToolDigest, ToolPin, Transport, pretty, tool_name, visible,
};
use crate::engine::types::{Digest, ServerName};
use serde::Deserialize;
use std::collections::BTreeMap;
use toml::Spanned;
use toml::value::Datetime;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    version: Spanned<i64>,
    #[serde(default)]
    server: BTreeMap<String, Spanned<RawServer>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawServer {
    launch: Option<RawLaunch>,
    identity: Option<RawIdentity>,
    #[serde(default)]
    tool: BTreeMap<String, RawTool>,
    #[serde(default)]
    removed: BTreeMap<String, RawTombstone>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLaunch {
    transport: Spanned<String>,
    #[serde(default)]
    command: Vec<String>,
    url: Option<String>,
    executable: Option<String>,
    executable_digest: Option<Spanned<String>>,
    package: Option<RawPackage>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPackage {
    registry: Spanned<String>,
    name: String,
    version: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawIdentity {
    name: Option<String>,
    title: Option<String>,
    version: Option<String>,
    protocol: Option<String>,
    instructions: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTool {
    review: Spanned<String>,
    approved_by: Option<String>,
    approved_at: Option<Spanned<Datetime>>,
    lockgate: Option<String>,
    digest: Spanned<String>,
    definition: Spanned<String>,
    fields: Spanned<BTreeMap<String, Spanned<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTombstone {
    digest: Spanned<String>,
    description: Option<Spanned<String>>,
    schema: Option<Spanned<String>>,
    removed_at: Option<Spanned<Datetime>>,
}

pub(super) fn read(text: &str) -> Result<Lockfile, Vec<LockfileError>> {
    let mut check = Check {
        text,
        errors: Vec::new(),
    };
    let raw: Raw = match toml::from_str(text) {
        Ok(raw) => raw,
        Err(error) => {
            let start = error.span().map_or(0, |span| span.start);
            check.refuse(start, visible(error.message()));
            return Err(check.errors);
        }
    };
    if *raw.version.get_ref() != VERSION {
        let found = raw.version.get_ref();
        check.refuse(
            raw.version.span().start,
            format!(
                "expected version {VERSION}, found {found}; use the lockgate that wrote this file"
            ),
        );
        return Err(check.errors);
    }
    let mut servers = BTreeMap::new();
    for (name, server) in raw.server {
        let start = server.span().start;
        let pins = check.server(server.into_inner());
        match ServerName::new(name.as_str()) {
            Ok(name) => {
                servers.insert(name, pins);
            }
            Err(error) => check.refuse(start, format!("server `{}`: {error}", visible(&name))),
        }
    }
    check.errors.sort_by_key(|error| error.line);
    if check.errors.is_empty() {
        Ok(Lockfile { servers })
    } else {
        Err(check.errors)
    }
}

struct Check<'a> {
    text: &'a str,
    errors: Vec<LockfileError>,
}

impl Check<'_> {
    fn refuse(&mut self, at: usize, message: impl Into<String>) {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        self.errors.push(LockfileError {
            line: memchr::memchr_iter(b'\n', before).count().saturating_add(1),
            message: message.into(),
        });
    }

    fn server(&mut self, raw: RawServer) -> ServerPins {
        let mut pins = ServerPins {
            launch: raw.launch.and_then(|launch| self.launch(launch)),
            identity: raw.identity.map(identity),
            ..ServerPins::default()
        };
        for (name, tool) in raw.tool {
            if let Some(pin) = self.tool(&name, tool) {
                pins.tools.insert(name, pin);
            }
        }
        for (name, stone) in raw.removed {
            if pins.tools.contains_key(&name) {
                let name = visible(&name);
                self.refuse(
                    stone.digest.span().start,
                    format!("`{name}` is both pinned and removed; delete one of the two"),
                );
            }
            if let Some(stone) = self.tombstone(&stone) {
                pins.removed.insert(name, stone);
            }
        }
        pins
    }

    fn launch(&mut self, raw: RawLaunch) -> Option<Launch> {
        let transport = self.word(&raw.transport, Transport::parse, "`stdio` or `http`");
        let executable_digest = self.optional_digest(raw.executable_digest.as_ref());
        let package = raw.package.map(|raw| {
            let registry = self.word(&raw.registry, Registry::parse, "`npm` or `pypi`")?;
            Some(Package {
                registry,
                name: raw.name,
                version: raw.version,
            })
        });
        Some(Launch {
            transport: transport?,
            command: raw.command,
            url: raw.url,
            executable: raw.executable,
            executable_digest,
            package: package.flatten(),
        })
    }

    fn tool(&mut self, name: &str, raw: RawTool) -> Option<ToolPin> {
        let review = self.word(&raw.review, Review::parse, "`approved` or `unreviewed`");
        let approval = Approval {
            by: raw.approved_by,
            at: self.time(raw.approved_at.as_ref()),
            lockgate: raw.lockgate,
        };
        let (digest, definition) = self.definition(name, &raw.definition)?;
        let whole = self.digest(&raw.digest);
        if whole.is_some_and(|whole| whole != digest.whole) {
            self.refuse(
                raw.digest.span().start,
                disagrees(&format!("the digest of `{}`", visible(name))),
            );
        }
        self.fields(name, &raw.fields, &digest);
        Some(ToolPin {
            digest,
            definition,
            review: review?,
            approval,
        })
    }

    /// Reads a definition strictly and computes its digests.
    fn definition(&mut self, name: &str, raw: &Spanned<String>) -> Option<(ToolDigest, String)> {
        let start = raw.span().start;
        let shown = visible(name);
        let bytes = raw.get_ref().as_bytes().to_vec();
        let document = match Document::read(bytes, &Limits::DEFAULT) {
            Ok(document) => document,
            Err(error) => {
                let error = visible(&error.to_string());
                self.refuse(start, format!("the definition of `{shown}`: {error}"));
                return None;
            }
        };
        let root = document.root();
        match tool_name(root) {
            Ok(own) if own == name => {}
            Ok(own) => {
                let own = visible(&own);
                self.refuse(
                    start,
                    format!("the definition of `{shown}` names `{own}`; restore the file, or delete it and pin again"),
                );
            }
            Err(error) => self.refuse(start, format!("the definition of `{shown}`: {error}")),
        }
        Some((ToolDigest::of(root)?, pretty(root)))
    }

    fn fields(
        &mut self,
        name: &str,
        raw: &Spanned<BTreeMap<String, Spanned<String>>>,
        digest: &ToolDigest,
    ) {
        let shown = visible(name);
        for (field, value) in raw.get_ref() {
            let start = value.span().start;
            let field_shown = visible(field);
            let Some(written) = self.digest(value) else {
                continue;
            };
            match digest.fields.get(field) {
                Some(computed) if *computed == written => {}
                Some(_) => self.refuse(
                    start,
                    disagrees(&format!("the digest of `{field_shown}` of `{shown}`")),
                ),
                None => self.refuse(
                    start,
                    format!(
                        "the definition of `{shown}` has no `{field_shown}`; restore the file, or delete it and pin again"
                    ),
                ),
            }
        }
        for field in digest.fields.keys() {
            if !raw.get_ref().contains_key(field) {
                let field = visible(field);
                self.refuse(
                    raw.span().start,
                    format!("expected a digest of `{field}` of `{shown}`; restore the file, or delete it and pin again"),
                );
            }
        }
    }

    fn tombstone(&mut self, raw: &RawTombstone) -> Option<Tombstone> {
        let whole = self.digest(&raw.digest);
        let description = self.optional_digest(raw.description.as_ref());
        let schema = self.optional_digest(raw.schema.as_ref());
        let removed_at = self.time(raw.removed_at.as_ref());
        Some(Tombstone {
            whole: whole?,
            description,
            schema,
            removed_at,
        })
    }

    fn word<T>(
        &mut self,
        raw: &Spanned<String>,
        parse: impl Fn(&str) -> Option<T>,
        expected: &str,
    ) -> Option<T> {
        let value = parse(raw.get_ref());
        if value.is_none() {
            let found = visible(raw.get_ref());
            self.refuse(
                raw.span().start,
                format!("expected {expected}, found `{found}`"),
            );
        }
        value
    }

    fn digest(&mut self, raw: &Spanned<String>) -> Option<Digest> {
        let expected = "`sha256:` and 64 lower-case hexadecimal digits";
        self.word(raw, Digest::parse, expected)
    }

    fn optional_digest(&mut self, raw: Option<&Spanned<String>>) -> Option<Digest> {
        raw.and_then(|raw| self.digest(raw))
    }

    fn time(&mut self, raw: Option<&Spanned<Datetime>>) -> Option<Timestamp> {
        let raw = raw?;
        match Timestamp::of(*raw.get_ref()) {
            Ok(time) => Some(time),
            Err(error) => {
                self.refuse(raw.span().start, error.to_string());
                None
            }
        }
    }
}

fn identity(raw: RawIdentity) -> Identity {
    Identity {
        name: raw.name,
        title: raw.title,
        version: raw.version,
        protocol: raw.protocol,
        instructions: raw.instructions,
    }
}

fn disagrees(what: &str) -> String {
    format!(
        "{what} does not agree with the definition: one of them was edited; \
         restore the file, or delete it and pin again"
    )
}
