//! One line, read back.

use super::super::line::{Event, FORMAT, MOST_LINE_BYTES, genesis, split};
use super::{Fault, Link};
use crate::engine::message::{Document, Json, Limits};
use crate::engine::types::Digest;
use std::borrow::Cow;

/// Far above what a record holds, far below what a hostile file could ask for.
const LIMITS: Limits = Limits {
    bytes: MOST_LINE_BYTES,
    depth: 32,
    members: 4096,
    values: 65_536,
    number: 32,
};

/// A line that holds.
#[derive(Debug)]
pub struct Line<'a> {
    /// Its number, from 0.
    pub seq: u64,
    /// When it was written.
    pub time: Cow<'a, str>,
    pub(in crate::audit) event: Event,
    pub(in crate::audit) hash: Digest,
    /// Its JSON object.
    pub json: Json<'a>,
}

/// Reads the JSON of a line. A line whose hash is wrong may be no JSON any
/// more: then the hash is what is wrong with it.
pub(super) fn read(bytes: &[u8]) -> Result<Document, Fault> {
    let Some((covered, hash)) = split(bytes) else {
        let found = "expected it to end with its hash";
        return Err(Fault::Unreadable(found.to_owned()));
    };
    if Digest::of(&[covered]) != hash {
        return Err(Fault::Hash);
    }
    let json = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    Document::read(json.to_vec(), &LIMITS).map_err(|e| Fault::Unreadable(e.to_string()))
}

impl<'a> Line<'a> {
    /// Checks that a line follows the `seq` lines before it, the last of which
    /// has the hash `prev`.
    pub(super) fn check(
        bytes: &[u8],
        document: &'a Document,
        seq: u64,
        prev: Digest,
    ) -> Result<Self, Fault> {
        let json = document.root();
        let hash = split(bytes).map(|(_, hash)| hash).ok_or(Fault::Hash)?;
        let line = Self {
            seq: member(json, "seq", |v| v.as_number()?.parse().ok())?,
            time: member(json, "time", Json::as_str)?,
            event: member(json, "event", event)?,
            hash,
            json,
        };
        if line.seq != seq {
            let found = line.seq;
            let expected = seq;
            return Err(Fault::Sequence { expected, found });
        }
        if member(json, "prev", |v| Digest::parse(&v.as_str()?))? != prev {
            return Err(if prev == genesis() {
                Fault::Header("its `prev` is not that of this format")
            } else {
                Fault::Link
            });
        }
        line.in_place()
    }

    /// A header first, and only there.
    fn in_place(self) -> Result<Self, Fault> {
        match (self.seq, self.event) {
            (0, Event::Open) if self.text("format").as_deref() == Some(FORMAT) => Ok(self),
            (0, Event::Open) => Err(Fault::Header("its `format` is not known")),
            (0, Event::Decision | Event::Refusal | Event::Reload | Event::Close) => {
                Err(Fault::Header("found another line"))
            }
            (_, Event::Open) => Err(Fault::SecondHeader),
            (_, Event::Decision | Event::Refusal | Event::Reload | Event::Close) => Ok(self),
        }
    }

    /// A member that is a string.
    pub fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.json.get(key)?.as_str()
    }

    /// Whether the line is about a decision.
    pub fn is_decision(&self) -> bool {
        self.event == Event::Decision
    }

    /// Whether it is about what was refused before it was judged.
    pub fn is_refusal(&self) -> bool {
        self.event == Event::Refusal
    }

    pub(super) fn continues(&self) -> Option<Link> {
        let link = self.json.get("continues")?;
        Some(Link {
            file: link.get("file")?.as_str()?.into_owned(),
            hash: Digest::parse(&link.get("hash")?.as_str()?)?,
        })
    }
}

fn event(value: Json<'_>) -> Option<Event> {
    match value.as_str()?.as_ref() {
        "open" => Some(Event::Open),
        "decision" => Some(Event::Decision),
        "refusal" => Some(Event::Refusal),
        "policy-reload" => Some(Event::Reload),
        "close" => Some(Event::Close),
        _ => None,
    }
}

fn member<'a, T>(
    json: Json<'a>,
    key: &str,
    read: impl FnOnce(Json<'a>) -> Option<T>,
) -> Result<T, Fault> {
    let missing = || Fault::Unreadable(format!("expected a valid `{key}`"));
    json.get(key).and_then(read).ok_or_else(missing)
}
