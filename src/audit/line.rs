//! The format of one line, written and read in one place.
//!
//! `{"seq":…,"time":…,"event":…,…,"prev":"sha256:…","hash":"sha256:…"}` and a
//! line end. The hash is SHA-256 over the line's exact bytes up to
//! `,"hash":`, the previous hash included: to verify needs no canonical form,
//! only `sha256sum`.

use super::error::AuditError;
use crate::engine::types::{Digest, DigestText};
use serde::Serialize;
use std::io::Write as _;

/// Names the format in the header, and separates its hashes from any other's.
pub const FORMAT: &str = "lockgate-audit-v1";

/// Longest line in bytes, with its line end. Records are clipped far below.
pub const MOST_LINE_BYTES: usize = 1024 * 1024;

const PREV_KEY: &[u8] = b",\"prev\":\"";
const HASH_KEY: &[u8] = b",\"hash\":\"";
const END: &[u8] = b"\"}\n";
/// What follows the hashed bytes, with the line end.
pub(super) const TAIL: usize = HASH_KEY.len() + DigestText::LENGTH + END.len();

/// What a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// The header, first.
    Open,
    /// One decision.
    Decision,
    /// Refused before it was judged.
    Refusal,
    /// The policy has changed on disk.
    Reload,
    /// The seal, last.
    Close,
}

impl Event {
    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Decision => "decision",
            Self::Refusal => "refusal",
            Self::Reload => "policy-reload",
            Self::Close => "close",
        }
    }
}

/// The `prev` of a header: `SHA-256("lockgate-audit-v1" NUL)`.
pub(super) fn genesis() -> Digest {
    Digest::of(&[FORMAT.as_bytes(), b"\0"])
}

/// How every line up to the time begins.
pub(super) fn opening(seq: u64) -> String {
    format!("{{\"seq\":{seq},\"time\":\"")
}

/// Where a line stands: its number, its time, and what came before.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position<'a> {
    pub(super) seq: u64,
    pub(super) time: &'a str,
    pub(super) prev: Digest,
}

/// Appends one line to `out` and tells its hash. After an error, `out` is as
/// it was.
pub(super) fn render<T: Serialize>(
    out: &mut Vec<u8>,
    at: Position<'_>,
    event: Event,
    body: &T,
) -> Result<Digest, AuditError> {
    let start = out.len();
    let hash = try_render(out, at, event, body);
    if hash.is_err() {
        out.truncate(start);
    }
    hash
}

fn try_render<T: Serialize>(
    out: &mut Vec<u8>,
    Position { seq, time, prev }: Position<'_>,
    event: Event,
    body: &T,
) -> Result<Digest, AuditError> {
    let start = out.len();
    write!(
        out,
        "{}{time}\",\"event\":\"{}\"",
        opening(seq),
        event.name()
    )
    .map_err(|e| AuditError::Encode(serde_json::Error::io(e)))?;
    members(out, body)?;
    out.extend_from_slice(PREV_KEY);
    out.extend_from_slice(prev.text().as_str().as_bytes());
    out.push(b'"');
    let hash = Digest::of(&[out.get(start..).unwrap_or_default()]);
    out.extend_from_slice(HASH_KEY);
    out.extend_from_slice(hash.text().as_str().as_bytes());
    out.extend_from_slice(END);
    let found = out.len().saturating_sub(start);
    if found > MOST_LINE_BYTES {
        return Err(AuditError::TooLong {
            most: MOST_LINE_BYTES,
            found,
        });
    }
    Ok(hash)
}

/// Continues an object with the members of another, `body`: serde's `flatten`
/// does the same at several times the cost.
fn members<T: Serialize>(out: &mut Vec<u8>, body: &T) -> Result<(), AuditError> {
    let start = out.len();
    serde_json::to_writer(&mut *out, body).map_err(AuditError::Encode)?;
    match out.get_mut(start..) {
        Some([b'{', b'}']) => out.truncate(start),
        Some([first @ b'{', .., b'}']) => {
            *first = b',';
            out.pop();
        }
        _ => {
            let error = serde::ser::Error::custom("expected an object as a record");
            return Err(AuditError::Encode(error));
        }
    }
    Ok(())
}

/// Splits a line (with its line end) into the hashed bytes and the hash it
/// claims.
pub(super) fn split(line: &[u8]) -> Option<(&[u8], Digest)> {
    let (covered, tail) = line.split_at_checked(line.len().checked_sub(TAIL)?)?;
    let digest = tail.strip_prefix(HASH_KEY)?.strip_suffix(END)?;
    let digest = Digest::parse(std::str::from_utf8(digest).ok()?)?;
    Some((covered, digest))
}

/// Whether `bytes` can be what a crash left of line `seq`: the beginning of
/// such a line, and not a whole line with something behind it. File systems
/// may leave zeros where blocks did not reach the disk.
pub(super) fn is_torn(bytes: &[u8], seq: u64) -> bool {
    let written = bytes
        .iter()
        .rposition(|b| *b != 0)
        .map_or(0, |last| last.saturating_add(1));
    let written = bytes.get(..written).unwrap_or_default();
    let opening = opening(seq);
    let common = written.len().min(opening.len());
    let begins = written.get(..common) == opening.as_bytes().get(..common);
    let key = [HASH_KEY, b"sha256:"].concat();
    let Some(at) = memchr::memmem::find(written, &key) else {
        return begins;
    };
    // A line that lacks nothing but its end is torn; the same with a zero in
    // the place of its end is not, or one changed byte could unseal a file.
    let whole = at.saturating_add(TAIL);
    begins && (bytes.len() < whole || written.len().saturating_add(1) < whole)
}

#[cfg(test)]
mod tests;
