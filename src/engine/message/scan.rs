//! Finds out who a message belongs to when it cannot be read.
//!
//! A line that is too large or that the reader refuses may still be the
//! answer somebody waits for, or a request that wants a reply. This scanner
//! looks only at the outermost members, in constant memory, over as many
//! bytes as come. What it says is used to address an error, never to permit.

use super::envelope::Id;
use super::json::Document;
use super::limits::Limits;

/// What could be told of the outermost object of an unreadable message.
#[derive(Debug, Clone, Default)]
pub struct TopLevel {
    depth: usize,
    place: Place,
    /// The next string of the outermost object is a key.
    key_next: bool,
    key: Vec<u8>,
    value: Vec<u8>,
    /// Bytes seen, line end not included.
    length: usize,
    ids: usize,
    id: Option<Id>,
    method: bool,
}

/// Where in the text the scan stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Place {
    #[default]
    Between,
    InString,
    /// After a backslash.
    InEscape,
}

impl TopLevel {
    /// Longest key or id that is kept.
    const KEPT: usize = 256;

    /// Looks at a whole message.
    pub fn of(bytes: &[u8]) -> Self {
        let mut scan = Self::default();
        scan.feed(bytes);
        scan
    }

    /// Looks at the next bytes of a message.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len());
        let mut rest = bytes;
        while let Some((byte, more)) = rest.split_first() {
            rest = more;
            self.step(*byte);
            // Most of a large message is text that nothing of is kept.
            if self.place == Place::InString && self.depth != 1 {
                let text = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                rest = rest.get(text..).unwrap_or_default();
            }
        }
    }

    /// The id, if there was exactly one that could be read.
    pub fn id(&self) -> Option<&Id> {
        self.id.as_ref().filter(|_| self.ids == 1)
    }

    /// Whether the message calls a method (rather than answers one).
    pub fn is_call(&self) -> bool {
        self.method
    }

    /// Bytes seen.
    pub fn length(&self) -> usize {
        self.length
    }

    fn step(&mut self, byte: u8) {
        if self.place != Place::Between {
            self.keep(byte);
            self.place = match (self.place, byte) {
                (Place::InString, b'\\') => Place::InEscape,
                (Place::InString, b'"') => Place::Between,
                _ => Place::InString,
            };
            if self.place == Place::Between && self.depth == 1 && self.key_next {
                self.method |= self.key == b"\"method\"";
            }
            return;
        }
        match byte {
            b'"' => {
                self.place = Place::InString;
                if self.depth == 1 && self.key_next {
                    self.key.clear();
                }
                self.keep(byte);
            }
            b'{' | b'[' => {
                self.depth = self.depth.saturating_add(1);
                self.key_next = self.depth == 1 && byte == b'{';
                self.value.clear();
            }
            b'}' | b']' => {
                self.member_ends();
                self.depth = self.depth.saturating_sub(1);
            }
            b',' => {
                self.member_ends();
                self.key_next = self.depth == 1;
            }
            b':' if self.depth == 1 => {
                self.key_next = false;
                self.value.clear();
            }
            b' ' | b'\t' | b'\r' | b'\n' => {}
            other => self.keep(other),
        }
    }

    fn keep(&mut self, byte: u8) {
        if self.depth != 1 {
            return;
        }
        let kept = if self.key_next {
            &mut self.key
        } else {
            &mut self.value
        };
        if kept.len() < Self::KEPT {
            kept.push(byte);
        }
    }

    fn member_ends(&mut self) {
        if self.depth != 1 || self.key != b"\"id\"" || self.value.is_empty() {
            return;
        }
        self.ids = self.ids.saturating_add(1);
        let read = Document::read(std::mem::take(&mut self.value), &Limits::DEFAULT);
        self.id = read.ok().and_then(|d| Id::of(d.root()));
        self.key.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_id_wherever_it_stands() {
        for (text, id, call) in [
            (
                r#"{"jsonrpc":"2.0","id":7,"result":{"id":1}}"#,
                Some(Id::Number(7)),
                false,
            ),
            (
                r#"{"result":{"a":["id",{"id":2}]},"id":"x\"y"}"#,
                Some(Id::Text("x\"y".into())),
                false,
            ),
            (
                r#"{"id":3,"method":"tools/call","params":{"#,
                Some(Id::Number(3)),
                true,
            ),
            (
                r#"{"params":{"a":1,"a":1},"method":"m","id":4}"#,
                Some(Id::Number(4)),
                true,
            ),
            (r#"{"id":1,"id":2,"result":{}}"#, None, false),
            (r#"{"id":null,"method":"m"}"#, None, true),
            (r#"[{"id":1}]"#, None, false),
            (r#""id":5"#, None, false),
        ] {
            let scan = TopLevel::of(text.as_bytes());
            assert_eq!(scan.id(), id.as_ref(), "{text}");
            assert_eq!(scan.is_call(), call, "{text}");
        }
    }
}
