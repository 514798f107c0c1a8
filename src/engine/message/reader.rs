//! The strict reader: one pass over hostile bytes.
//!
//! RFC 8259, and beyond it everything that two honest parsers could read
//! differently is refused (invariant 3): invalid UTF-8, a byte-order mark,
//! duplicate keys, keys that differ only in case (Go's `encoding/json` matches
//! keys without case, U+017F and U+212A included: CVE-2026-27896), lone
//! surrogates, numbers no double can hold, and whatever exceeds [`Limits`].

use super::json::{Document, Kind, Node};
use super::limits::Limits;
use super::problem::{Problem, ReadError};
use super::text::{fold_case, unescape};
use crate::engine::mask::key_told;
use std::collections::BTreeSet;

pub(super) fn read(bytes: Vec<u8>, limits: &Limits) -> Result<Document, (ReadError, Vec<u8>)> {
    // The index has 32-bit offsets.
    let most = limits.bytes.min(u32::MAX as usize);
    if bytes.len() > most {
        let found = format!("{} bytes", bytes.len());
        let expected = format!("at most {most} bytes");
        return Err((error(Problem::TooLarge, most, expected, found), bytes));
    }
    if bytes.starts_with(b"\xEF\xBB\xBF") {
        let refusal = error(Problem::ByteOrderMark, 0, "a JSON value", "U+FEFF");
        return Err((refusal, bytes));
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        let offset = e.utf8_error().valid_up_to();
        let byte = e.as_bytes().get(offset).copied().unwrap_or_default();
        let found = format!("byte 0x{byte:02x}");
        let refusal = error(Problem::InvalidUtf8, offset, "UTF-8", found);
        (refusal, e.into_bytes())
    })?;
    match index(&text, limits) {
        Ok(nodes) => Ok(Document { text, nodes }),
        Err(refusal) => Err((refusal, text.into_bytes())),
    }
}

fn index(text: &str, limits: &Limits) -> Read<Vec<Node>> {
    let mut reader = Reader {
        bytes: text.as_bytes(),
        at: 0,
        nodes: Vec::with_capacity((text.len() / 12).clamp(16, 4096)),
        limits,
    };
    reader.space();
    reader.value(0)?;
    reader.space();
    if reader.at < reader.bytes.len() {
        return Err(reader.unexpected("the end of the message"));
    }
    Ok(reader.nodes)
}

fn error(
    problem: Problem,
    offset: usize,
    expected: impl Into<String>,
    found: impl Into<String>,
) -> ReadError {
    ReadError {
        problem,
        offset,
        expected: expected.into(),
        found: found.into(),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    limits: &'a Limits,
}

type Read<T = ()> = Result<T, ReadError>;

impl Reader<'_> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    fn advance(&mut self, by: usize) {
        self.at = self.at.saturating_add(by);
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.advance(1);
        }
    }

    fn take(&mut self, wanted: u8) -> bool {
        let there = self.peek() == Some(wanted);
        if there {
            self.advance(1);
        }
        there
    }

    fn fail<T>(
        &self,
        problem: Problem,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Read<T> {
        Err(error(problem, self.at, expected, found))
    }

    /// Names one character of the message; control characters by number.
    fn unexpected(&self, expected: &str) -> ReadError {
        let found = std::str::from_utf8(
            self.rest()
                .get(..4.min(self.rest().len()))
                .unwrap_or_default(),
        )
        .map_or_else(
            |e| std::str::from_utf8(self.rest().get(..e.valid_up_to()).unwrap_or_default()).ok(),
            Some,
        )
        .and_then(|s| s.chars().next());
        let found = match found {
            None => "the end of the message".to_owned(),
            Some(c) if c.is_control() => format!("U+{:04X}", u32::from(c)),
            Some(c) => format!("`{c}`"),
        };
        error(Problem::Syntax, self.at, expected, found)
    }

    /// Adds a node whose end is not known yet; `close` completes it.
    fn open(&mut self, kind: Kind, start: usize) -> Read<usize> {
        if self.nodes.len() >= self.limits.values {
            return self.fail(
                Problem::TooMany,
                format!("at most {} values", self.limits.values),
                "more",
            );
        }
        self.nodes.push(Node {
            start: to_u32(start),
            end: 0,
            next: 0,
            kind,
            escaped: false,
        });
        Ok(self.nodes.len().saturating_sub(1))
    }

    fn close(&mut self, index: usize, escaped: bool) {
        let (end, next) = (to_u32(self.at), to_u32(self.nodes.len()));
        if let Some(node) = self.nodes.get_mut(index) {
            node.end = end;
            node.next = next;
            node.escaped = escaped;
        }
    }

    fn value(&mut self, depth: usize) -> Read {
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(drop),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word(b"true", Kind::Bool),
            Some(b'f') => self.word(b"false", Kind::Bool),
            Some(b'n') => self.word(b"null", Kind::Null),
            _ => Err(self.unexpected("a JSON value")),
        }
    }

    fn word(&mut self, word: &'static [u8], kind: Kind) -> Read {
        if !self.rest().starts_with(word) {
            return Err(self.unexpected("a JSON value"));
        }
        let node = self.open(kind, self.at)?;
        self.advance(word.len());
        self.close(node, false);
        Ok(())
    }

    fn deeper(&self, depth: usize) -> Read<usize> {
        if depth >= self.limits.depth {
            return self.fail(
                Problem::TooDeep,
                format!("at most {} levels", self.limits.depth),
                "one more",
            );
        }
        Ok(depth.saturating_add(1))
    }

    fn counted(&self, count: usize) -> Read<usize> {
        if count >= self.limits.members {
            return self.fail(
                Problem::TooMany,
                format!("at most {} members", self.limits.members),
                "more",
            );
        }
        Ok(count.saturating_add(1))
    }

    fn array(&mut self, depth: usize) -> Read {
        let depth = self.deeper(depth)?;
        let node = self.open(Kind::Array, self.at)?;
        self.advance(1);
        self.space();
        let mut count = 0;
        if !self.take(b']') {
            loop {
                count = self.counted(count)?;
                self.value(depth)?;
                self.space();
                if self.take(b']') {
                    break;
                }
                if !self.take(b',') {
                    return Err(self.unexpected("`,` or `]`"));
                }
                self.space();
            }
        }
        self.close(node, false);
        Ok(())
    }

    fn object(&mut self, depth: usize) -> Read {
        let depth = self.deeper(depth)?;
        let node = self.open(Kind::Object, self.at)?;
        self.advance(1);
        self.space();
        let mut count = 0;
        if !self.take(b'}') {
            loop {
                count = self.counted(count)?;
                if self.peek() != Some(b'"') {
                    return Err(self.unexpected("a key in quotes"));
                }
                self.string()?;
                self.space();
                if !self.take(b':') {
                    return Err(self.unexpected("`:`"));
                }
                self.space();
                self.value(depth)?;
                self.space();
                if self.take(b'}') {
                    break;
                }
                if !self.take(b',') {
                    return Err(self.unexpected("`,` or `}`"));
                }
                self.space();
            }
        }
        self.close(node, false);
        self.distinct_keys(node, count)
    }

    fn string(&mut self) -> Read {
        let node = self.open(Kind::String, self.at)?;
        self.advance(1);
        let mut escaped = false;
        loop {
            let rest = self.rest();
            let Some(length) = memchr::memchr2(b'"', b'\\', rest) else {
                self.at = self.bytes.len();
                return Err(self.unexpected("a closing quote"));
            };
            let plain = rest.get(..length).unwrap_or_default();
            // A fold rather than `any`: no early exit, so it becomes vector code.
            if plain
                .iter()
                .map(|b| u8::from(*b < 0x20))
                .fold(0, |a, b| a | b)
                != 0
            {
                self.advance(plain.iter().position(|b| *b < 0x20).unwrap_or_default());
                return Err(self.unexpected("an escaped control character"));
            }
            self.advance(length);
            if self.take(b'"') {
                break;
            }
            escaped = true;
            self.escape()?;
        }
        self.close(node, escaped);
        Ok(())
    }

    fn escape(&mut self) -> Read {
        self.advance(1);
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.advance(1);
                Ok(())
            }
            Some(b'u') => {
                let start = self.at.saturating_sub(1);
                let first = self.unit()?;
                match first {
                    0xD800..=0xDBFF => {
                        let low = self.rest().starts_with(b"\\u") && {
                            self.advance(1);
                            matches!(self.unit()?, 0xDC00..=0xDFFF)
                        };
                        if low {
                            return Ok(());
                        }
                        self.at = start;
                        self.fail(
                            Problem::LoneSurrogate,
                            "a surrogate pair",
                            format!("\\u{first:04x}"),
                        )
                    }
                    0xDC00..=0xDFFF => {
                        self.at = start;
                        self.fail(
                            Problem::LoneSurrogate,
                            "a surrogate pair",
                            format!("\\u{first:04x}"),
                        )
                    }
                    _ => Ok(()),
                }
            }
            _ => Err(self.unexpected("an escape that JSON defines")),
        }
    }

    /// Reads `uXXXX` after a backslash.
    fn unit(&mut self) -> Read<u16> {
        self.advance(1);
        let mut unit = 0u16;
        for _ in 0..4 {
            let digit = self.peek().and_then(|b| char::from(b).to_digit(16));
            let Some(digit) = digit.and_then(|d| u16::try_from(d).ok()) else {
                return Err(self.unexpected("four hexadecimal digits"));
            };
            unit = unit << 4 | digit;
            self.advance(1);
        }
        Ok(unit)
    }

    fn digits(&mut self) -> Read {
        let length = self
            .rest()
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count();
        if length == 0 {
            return Err(self.unexpected("a digit"));
        }
        self.advance(length);
        Ok(())
    }

    fn number(&mut self) -> Read {
        let start = self.at;
        let node = self.open(Kind::Number, start)?;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        let exponent = self.take(b'e') || self.take(b'E');
        if exponent {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let length = self.at.saturating_sub(start);
        if length > self.limits.number {
            self.at = start;
            return self.fail(
                Problem::TooMany,
                format!("a number of at most {} bytes", self.limits.number),
                format!("{length} bytes"),
            );
        }
        // Only then can a number leave the range of a double.
        if exponent || length > 300 {
            let text = std::str::from_utf8(self.bytes.get(start..self.at).unwrap_or_default());
            if !text.is_ok_and(|t| t.parse::<f64>().is_ok_and(f64::is_finite)) {
                self.at = start;
                return self.fail(
                    Problem::NumberRange,
                    "a number that a double can hold",
                    "a larger one",
                );
            }
        }
        self.close(node, false);
        Ok(())
    }

    /// Refuses an object two of whose keys some parser takes for the same.
    fn distinct_keys(&self, object: usize, count: usize) -> Read {
        const FEW: usize = 16;
        let keys = || {
            let mut at = object.saturating_add(1);
            std::iter::from_fn(move || {
                let key = self.nodes.get(at)?;
                let value = self.nodes.get(key.next as usize)?;
                at = value.next as usize;
                Some(key)
            })
            .take(count)
        };
        if count < 2 {
            return Ok(());
        }
        if count <= FEW && keys().all(|k| self.simple(k)) {
            let mut names: [&[u8]; FEW] = [&[]; FEW];
            for (n, key) in keys().enumerate() {
                let name = self.inner(key);
                let same = |other: &&&[u8]| other.eq_ignore_ascii_case(name);
                if let Some(other) = names.iter().take(n).find(same) {
                    return Err(self.collision(key, *other == name));
                }
                if let Some(place) = names.get_mut(n) {
                    *place = name;
                }
            }
            return Ok(());
        }
        let mut exact = BTreeSet::new();
        let mut folded = BTreeSet::new();
        for key in keys() {
            let inner = std::str::from_utf8(self.inner(key)).unwrap_or_default();
            let name = if key.escaped {
                unescape(inner)
            } else {
                inner.to_owned()
            };
            let fold = fold_case(&name);
            if !exact.insert(name) {
                return Err(self.collision(key, true));
            }
            if !folded.insert(fold) {
                return Err(self.collision(key, false));
            }
        }
        Ok(())
    }

    fn inner(&self, key: &Node) -> &[u8] {
        let inside = (key.start as usize).saturating_add(1)..(key.end as usize).saturating_sub(1);
        self.bytes.get(inside).unwrap_or_default()
    }

    fn simple(&self, key: &Node) -> bool {
        !key.escaped && self.inner(key).is_ascii()
    }

    fn collision(&self, key: &Node, exact: bool) -> ReadError {
        let name = std::str::from_utf8(self.inner(key)).unwrap_or_default();
        let (problem, expected) = if exact {
            (Problem::DuplicateKey, "each key once")
        } else {
            (Problem::CollidingKeys, "keys that differ in more than case")
        };
        error(
            problem,
            key.start as usize,
            expected,
            format!("{} again", key_told(name)),
        )
    }
}

fn to_u32(n: usize) -> u32 {
    // `read` refuses longer messages, and there are fewer values than bytes.
    u32::try_from(n).unwrap_or(u32::MAX)
}
