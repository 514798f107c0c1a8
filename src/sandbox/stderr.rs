//! The server's stderr, made fit for the user's terminal: each line with the
//! server's name before it, bounded, and without anything that a terminal obeys.
//!
//! Pure and incremental: bytes in, bytes out, in pieces as they come. Nothing
//! here judges the text; it goes to people, never to the agent.
//!
//! Answers the server (A1) that writes escape sequences to its log: to recolour
//! or overwrite what lockgate says, to set the clipboard (OSC 52), or to pass off
//! a line of its own as lockgate's (CWE-150).

#[cfg(test)]
mod tests;

use crate::engine::types::ServerName;
use std::fmt::Write as _;

/// The longest line that is shown, in bytes before escaping. The rest of a
/// longer line is counted and not kept.
pub const MAX_LINE: usize = 8 * 1024;

/// The state between two pieces.
#[derive(Debug, Clone)]
pub struct LinePrefix {
    prefix: String,
    /// The line so far.
    // INVARIANT: no newline in it, and at most MAX_LINE bytes.
    line: Vec<u8>,
    /// How many bytes of the line did not fit.
    cut: u64,
}

impl LinePrefix {
    /// Prefixes lines with `[server] `.
    pub fn new(server: &ServerName) -> Self {
        Self {
            prefix: format!("[{server}]"),
            line: Vec::new(),
            cut: 0,
        }
    }

    /// What is left at the end of the stream, if its last line has no newline.
    pub fn finish(&mut self) -> Vec<u8> {
        let mut out = String::new();
        if !self.line.is_empty() {
            self.end_line(&mut out);
        }
        out.into_bytes()
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = MAX_LINE - self.line.len();
        let (kept, cut) = bytes.split_at_checked(room).unwrap_or((bytes, &[]));
        self.line.extend_from_slice(kept);
        self.cut += cut.len() as u64;
    }

    fn end_line(&mut self, out: &mut String) {
        // Windows line ends are no news.
        let whole = self.cut == 0;
        let line = match self.line.strip_suffix(b"\r") {
            Some(line) if whole => line,
            _ => &self.line,
        };
        out.push_str(&self.prefix);
        if !line.is_empty() {
            out.push(' ');
        }
        escape_into(out, line);
        if !whole {
            // Writing to a string does not fail.
            let _ = write!(out, " [lockgate: {} bytes more]", self.cut);
        }
        out.push('\n');
        self.line.clear();
        self.cut = 0;
    }
}

/// Takes the next piece of the stream and gives the lines that it completes.
///
/// The result is UTF-8, and its only control characters are tab and newline.
pub fn prefix_lines(state: &mut LinePrefix, bytes: &[u8]) -> Vec<u8> {
    let mut out = String::new();
    for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
        match piece.strip_suffix(b"\n") {
            Some(end) => {
                state.push(end);
                state.end_line(&mut out);
            }
            None => state.push(piece),
        }
    }
    out.into_bytes()
}

/// Appends `line` with everything that a terminal obeys, or that hides or
/// reorders text, written out.
fn escape_into(out: &mut String, line: &[u8]) {
    for chunk in line.utf8_chunks() {
        for c in chunk.valid().chars() {
            if is_plain(c) {
                out.push(c);
            } else {
                out.extend(c.escape_default());
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
}

/// Whether a terminal only shows `c`. Not plain: control characters (C1 ones
/// begin escape sequences without ESC), line and paragraph separators, marks and
/// overrides of the writing direction (UAX 9), and invisible characters.
fn is_plain(c: char) -> bool {
    match c {
        '\t' => true,
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e0fff}' => false,
        c => !c.is_control(),
    }
}
