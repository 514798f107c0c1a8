//! `lockgate audit verify | show | tail`: evidence for people and programs.
//!
//! What is printed comes from a file that may be hostile, and goes to a
//! terminal: whatever is not plain text is escaped.

use crate::audit::{Line, Report, State, VerifyError, audit_files, verify_dir, verify_file, walk};
use crate::engine::message::Json;
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// Everything holds.
const FINE: u8 = 0;
/// Something could not be read or printed.
const FAILED: u8 = 1;
/// Some evidence is not what was written.
const TAMPERED: u8 = 6;

/// Verifies files, and directories of files, and prints one line for each.
/// Returns the exit code: 0, 1 or 6.
pub(super) fn verify(paths: &[PathBuf], json: bool, out: &mut dyn Write) -> u8 {
    let mut worst = FINE;
    for path in paths {
        let (code, lines) = match reports(path) {
            Ok(reports) if reports.is_empty() => {
                (FAILED, vec![failure(path, "no audit files here", json)])
            }
            Ok(reports) if !path.is_dir() && reports.iter().any(is_foreign) => {
                (FAILED, vec![failure(path, FOREIGN, json)])
            }
            Ok(reports) => {
                let code = reports.iter().map(code).max().unwrap_or(FAILED);
                (code, reports.iter().map(|r| told(r, json)).collect())
            }
            Err(e) => (FAILED, vec![failure(&e.path, &e.source.to_string(), json)]),
        };
        worst = worst.max(code);
        if lines.iter().try_for_each(|l| writeln!(out, "{l}")).is_err() {
            worst = worst.max(FAILED);
        }
    }
    worst.max(if paths.is_empty() { FAILED } else { FINE })
}

/// Whether nothing has been recorded in a directory: it is not there, or holds
/// no audit file.
pub(super) fn is_empty(dir: &Path) -> bool {
    match audit_files(dir) {
        Ok(files) => files.is_empty(),
        Err(e) => e.source.kind() == io::ErrorKind::NotFound,
    }
}

/// Some other file that was named by mistake: the first line is no header, and
/// nothing says that it was one. What lies in a directory of audit files is
/// judged by its place and not by its word.
fn is_foreign(report: &Report) -> bool {
    let begins = || {
        let mut start = Vec::new();
        let file = std::fs::File::open(&report.file)?;
        file.take(4096).read_to_end(&mut start)?;
        io::Result::Ok(memchr::memmem::find(&start, b"lockgate-audit").is_some())
    };
    let named = report.file.extension().is_some_and(|e| e == "jsonl");
    report.lines == 0 && report.is_tampered() && !named && !begins().unwrap_or(true)
}

const FOREIGN: &str = "not an audit file";

fn code(report: &Report) -> u8 {
    match report.state {
        State::Tampered { .. } => TAMPERED,
        State::Unreadable { .. } => FAILED,
        State::Sealed { .. } | State::Writing | State::Unsealed | State::TruncatedTail { .. } => {
            FINE
        }
    }
}

fn reports(path: &Path) -> Result<Vec<Report>, VerifyError> {
    if path.is_dir() {
        verify_dir(path)
    } else {
        verify_file(path).map(|report| vec![report])
    }
}

fn failure(path: &Path, why: &str, json: bool) -> String {
    let file = path.display().to_string();
    if json {
        serde_json::json!({ "file": file, "state": "unreadable", "error": why }).to_string()
    } else {
        format!("{}: cannot be verified: {}", plain(&file), plain(why))
    }
}

fn told(report: &Report, json: bool) -> String {
    if json {
        // A path that is not UTF-8 is the one thing that has no JSON form.
        return serde_json::to_string(report)
            .unwrap_or_else(|e| failure(&report.file, &e.to_string(), json));
    }
    let Report {
        decisions, head, ..
    } = report;
    let file = plain(&report.file.display().to_string());
    let holds = format!("decisions {decisions}, head {head}");
    match &report.state {
        State::Sealed { reason } => format!("{file}: sealed ({}); {holds}", plain(reason)),
        State::Writing => format!("{file}: still being written; {holds}"),
        State::Unsealed => format!("{file}: not sealed (its writer did not close it); {holds}"),
        State::TruncatedTail { bytes } => {
            let line = report.lines.saturating_add(1);
            format!("{file}: line {line} is torn after {bytes} bytes (a crash); before it {holds}")
        }
        State::Unreadable { error } => failure(&report.file, error, json),
        State::Tampered { line, fault } => {
            let why = plain(&fault.to_string());
            format!("{file}: TAMPERED at line {line}: {why}; before it {holds}")
        }
    }
}

/// Prints the lines that hold, oldest first; of all of them the last `last`.
/// `json` passes them through as they are. Returns the exit code; what does not
/// hold is told on stderr.
pub(super) fn show(paths: &[PathBuf], last: Option<usize>, json: bool, out: &mut dyn Write) -> u8 {
    let mut worst = if paths.is_empty() { FAILED } else { FINE };
    let mut screen = Screen {
        out,
        last,
        kept: VecDeque::new(),
    };
    for path in paths {
        worst = worst.max(show_path(path, json, &mut screen));
    }
    worst.max(screen.finish().map_or(FAILED, |()| FINE))
}

fn show_path(path: &Path, json: bool, screen: &mut Screen<'_>) -> u8 {
    let files = if path.is_dir() {
        audit_files(path)
    } else {
        Ok(vec![path.to_owned()])
    };
    let files = match files {
        Ok(files) => files,
        Err(e) => return complain(&e.to_string(), FAILED),
    };
    let mut worst = FINE;
    for file in files {
        let shown = walk(&file, &mut |line| {
            screen.line(if json {
                line.json.raw().to_owned()
            } else {
                readable(line)
            })
        });
        worst = worst.max(match shown {
            Ok(report) if !path.is_dir() && is_foreign(&report) => {
                complain(&failure(&file, FOREIGN, false), FAILED)
            }
            Ok(report) if report.is_tampered() => complain(&told(&report, false), TAMPERED),
            Ok(_) => FINE,
            Err(e) => complain(&e.to_string(), FAILED),
        });
    }
    worst
}

fn complain(what: &str, code: u8) -> u8 {
    tracing::error!("{what}");
    code
}

/// Prints at once, or keeps the last lines for the end.
struct Screen<'a> {
    out: &'a mut dyn Write,
    last: Option<usize>,
    kept: VecDeque<String>,
}

impl Screen<'_> {
    fn line(&mut self, text: String) -> io::Result<()> {
        let Some(last) = self.last else {
            return writeln!(self.out, "{text}");
        };
        self.kept.push_back(text);
        if self.kept.len() > last {
            self.kept.pop_front();
        }
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        let Self { out, kept, .. } = self;
        kept.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        out.flush()
    }
}

/// One line for people.
fn readable(line: &Line<'_>) -> String {
    let text = |key| line.text(key).map(|t| plain(&t)).unwrap_or_default();
    let mut out = plain(&line.time);
    if line.is_refusal() {
        append(&mut out, "refuse ");
        for key in ["from", "agent", "server", "reason", "detail"] {
            let part = text(key);
            if !part.is_empty() {
                append(&mut out, &part);
            }
        }
        let count = line.json.get("count").and_then(Json::as_number);
        if let Some(count) = count.filter(|count| *count != "1") {
            append(&mut out, &format!("({count} times)"));
        }
        return out;
    }
    if !line.is_decision() {
        let what = ["event", "outcome", "reason", "lockgate", "policy", "detail"].map(text);
        what.iter()
            .filter(|t| !t.is_empty())
            .for_each(|t| append(&mut out, t));
        return out;
    }
    append(&mut out, &format!("{:7}", text("verdict")));
    let arrow = if text("direction") == "to-agent" {
        "<-"
    } else {
        "->"
    };
    for part in [&text("agent"), arrow, &text("server"), &text("kind")] {
        append(&mut out, part);
    }
    for key in ["method", "tool", "prompt", "resource", "reason", "detail"] {
        let part = text(key);
        if !part.is_empty() {
            append(&mut out, &part);
        }
    }
    for rule in line.json.get("rules").into_iter().flat_map(Json::items) {
        let member = |key| rule.get(key).and_then(Json::as_str).map(|t| plain(&t));
        let number = rule.get("line").and_then(Json::as_number);
        if let (Some(id), Some(file), Some(number)) = (member("id"), member("file"), number) {
            append(&mut out, &format!("[{id} {file}:{number}]"));
        }
    }
    let policy = text("policy");
    if !policy.is_empty() {
        append(&mut out, &format!("(policy {policy})"));
    }
    out
}

fn append(out: &mut String, part: &str) {
    out.push(' ');
    out.push_str(part);
}

/// Text that a terminal prints and does not act on.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ' {
            out.push(c);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "{}", c.escape_unicode());
        }
    }
    out
}
