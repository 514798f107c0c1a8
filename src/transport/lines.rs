//! Newline framing with a bound: bytes in, lines out.

use crate::engine::message::TopLevel;

/// One line of a peer.
#[derive(Debug)]
pub enum Line {
    /// A whole line, without its line end.
    Whole(Vec<u8>),
    /// A line longer than the bound: only what the scan found is kept.
    TooLarge(TopLevel),
}

/// Splits a stream into lines and holds at most one line's bound of bytes.
#[derive(Debug)]
pub struct Lines {
    buffer: Vec<u8>,
    /// Bytes at the front of `buffer` that have been given out.
    start: usize,
    /// Bytes of `buffer` that are given out or known to hold no line end.
    searched: usize,
    bound: usize,
    /// The line that is too long, while it lasts.
    over: Option<TopLevel>,
}

impl Lines {
    /// Reads are at least this large, in bytes.
    const CHUNK: usize = 64 * 1024;
    /// And this large once a line is long.
    const LARGE: usize = 1024 * 1024;

    /// `bound`: longest line that is kept, in bytes.
    pub fn new(bound: usize) -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            bound,
            over: None,
        }
    }

    /// The buffer to read into; it has room at its end.
    pub fn room(&mut self) -> &mut Vec<u8> {
        // Once a read, not once a line.
        self.buffer.drain(..self.start.min(self.buffer.len()));
        self.searched = self.searched.saturating_sub(self.start);
        self.start = 0;
        let want = if self.buffer.len() < Self::CHUNK {
            Self::CHUNK
        } else {
            Self::LARGE
        };
        if self.buffer.capacity().saturating_sub(self.buffer.len()) < want / 2 {
            self.buffer.reserve(want);
        }
        &mut self.buffer
    }

    /// The next complete line, if there is one.
    pub fn next_line(&mut self) -> Option<Line> {
        loop {
            let fresh = self.buffer.get(self.searched..).unwrap_or_default();
            let Some(found) = memchr::memchr(b'\n', fresh) else {
                self.searched = self.buffer.len();
                self.shed();
                return None;
            };
            let end = self.searched.saturating_add(found);
            let line = self.split(end);
            if let Some(mut scan) = self.over.take() {
                scan.feed(&line);
                return Some(Line::TooLarge(scan));
            }
            if line.len() > self.bound {
                return Some(Line::TooLarge(TopLevel::of(&line)));
            }
            // A blank line is no message.
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Some(Line::Whole(line));
            }
        }
    }

    /// What is left when the stream has ended: a line without a line end.
    pub fn last_line(&mut self) -> Option<Line> {
        self.room();
        let rest = std::mem::take(&mut self.buffer);
        self.searched = 0;
        if let Some(mut scan) = self.over.take() {
            scan.feed(&rest);
            return Some(Line::TooLarge(scan));
        }
        let blank = rest.iter().all(u8::is_ascii_whitespace);
        (!blank).then_some(Line::Whole(rest))
    }

    /// Takes the bytes before `end` and drops the line end at `end`.
    fn split(&mut self, end: usize) -> Vec<u8> {
        let after = end.saturating_add(1);
        if self.start > 0 || end < Self::CHUNK {
            let line = self
                .buffer
                .get(self.start..end)
                .unwrap_or_default()
                .to_vec();
            self.start = after;
            self.searched = after;
            return line;
        }
        // A long line takes the buffer with it instead of being copied.
        self.searched = 0;
        let rest = self.buffer.split_off(after.min(self.buffer.len()));
        let mut line = std::mem::replace(&mut self.buffer, rest);
        line.truncate(end);
        line
    }

    /// Keeps a line that is too long from taking more memory.
    fn shed(&mut self) {
        let line = self.buffer.get(self.start..).unwrap_or_default();
        if line.len() <= self.bound && self.over.is_none() {
            return;
        }
        self.over.get_or_insert_with(TopLevel::default).feed(line);
        self.buffer.clear();
        self.buffer.shrink_to(Self::LARGE);
        self.start = 0;
        self.searched = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lines: &mut Lines) -> Vec<Option<String>> {
        std::iter::from_fn(|| lines.next_line())
            .map(|line| match line {
                Line::Whole(bytes) => Some(String::from_utf8(bytes).unwrap()),
                Line::TooLarge(_) => None,
            })
            .collect()
    }

    #[test]
    fn lines_come_out_whole_however_they_come_in() {
        let text = "one\n\n two \r\nthree and more\nfour";
        for step in 1..text.len() {
            let mut lines = Lines::new(12);
            let mut seen = Vec::new();
            for chunk in text.as_bytes().chunks(step) {
                lines.room().extend_from_slice(chunk);
                seen.extend(all(&mut lines));
            }
            let expected = [Some("one"), Some(" two \r"), None].map(|l| l.map(String::from));
            assert_eq!(seen, expected, "step {step}");
            assert!(matches!(lines.last_line(), Some(Line::Whole(l)) if l == b"four"));
        }
    }

    #[test]
    fn a_long_line_takes_no_memory_and_its_id_is_found() {
        let mut lines = Lines::new(1000);
        lines.room().extend_from_slice(br#"{"result":{"x":""#);
        for _ in 0..1000 {
            lines.room().extend_from_slice(&[b'a'; 5000]);
            assert!(lines.next_line().is_none());
            assert!(lines.buffer.capacity() < 4 * Lines::LARGE);
        }
        lines.room().extend_from_slice(b"\"},\"id\":42}\n{}\n");
        let Some(Line::TooLarge(scan)) = lines.next_line() else {
            panic!("expected a line that is too large");
        };
        assert_eq!(scan.id().map(ToString::to_string).as_deref(), Some("42"));
        assert!(scan.length() > 5_000_000);
        assert_eq!(all(&mut lines), [Some("{}".to_owned())]);
    }
}
