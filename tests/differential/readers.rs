//! The other readers: one process each for the whole test.

use crate::digest::{self, Reading};
use crate::need::{need, script};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

/// All of them.
pub(crate) struct Readers {
    processes: Vec<(&'static str, Reader)>,
}

impl Readers {
    /// Starts them; fails with the package to install where one is missing.
    pub(crate) fn start() -> Self {
        let node = require("node", &["--version"], "nodejs");
        let python = require("python3", &["--version"], "python3");
        Self {
            processes: vec![
                ("node", Reader::start(&[node, &script("read.mjs")])),
                ("python", Reader::start(&[python, &script("read.py")])),
                ("go", Reader::start(&[go()])),
            ],
        }
    }

    /// What each of them reads, and `serde_json`.
    pub(crate) fn read(&mut self, message: &[u8]) -> Vec<(&'static str, Reading)> {
        for (_, reader) in &mut self.processes {
            reader.send(message);
        }
        let mut readings = vec![("serde_json", digest::serde(message))];
        for (name, reader) in &mut self.processes {
            // Go answers twice: from structs, and from maps.
            for digest in reader.answer().split('\t') {
                readings.push((name, Reading::parse(digest)));
            }
        }
        readings
    }
}

/// The pairs of characters that Go matches without regard to case.
pub(crate) fn go_folds() -> Vec<(char, char)> {
    let output = Command::new(go())
        .arg("folds")
        .output()
        .expect("can be started");
    let text = String::from_utf8(output.stdout).expect("hexadecimal");
    let character = |hex: &str| char::from_u32(u32::from_str_radix(hex, 16).ok()?);
    text.lines()
        .map(|line| {
            let (a, b) = line.split_once(' ').expect("a pair");
            (
                character(a).expect("a character"),
                character(b).expect("a character"),
            )
        })
        .collect()
}

fn require(program: &'static str, args: &[&str], package: &str) -> &'static str {
    need(program, args, package).unwrap_or_else(|why| panic!("{why}"));
    program
}

/// The Go reader, compiled on first use.
fn go() -> &'static str {
    static PROGRAM: OnceLock<String> = OnceLock::new();
    PROGRAM.get_or_init(compile)
}

fn compile() -> String {
    require("go", &["version"], "golang-go");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let program = target.join("read-go").display().to_string();
    let output = Command::new("go")
        .args(["build", "-o", &program, &script("read.go")])
        // Nothing but the standard library, and nothing outside `target`.
        .env("GOPROXY", "off")
        .env("GOFLAGS", "")
        .env("GO111MODULE", "off")
        .env("GOCACHE", target.join("go-cache"))
        .output()
        .expect("go can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "go build failed:\n{said}");
    program
}

struct Reader {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Reader {
    fn start(argv: &[&str]) -> Self {
        let (program, rest) = argv.split_first().expect("argv names a program");
        let child = Command::new(program)
            .args(rest)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut child = child.unwrap_or_else(|e| panic!("cannot start {argv:?}: {e}"));
        Self {
            stdin: child.stdin.take().expect("piped"),
            stdout: BufReader::new(child.stdout.take().expect("piped")),
            child,
        }
    }

    fn send(&mut self, message: &[u8]) {
        let length = u32::try_from(message.len()).expect("a small message");
        let framed = [&length.to_be_bytes(), message].concat();
        self.stdin.write_all(&framed).expect("the reader reads");
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.stdout
            .read_line(&mut line)
            .expect("the reader answers");
        line.strip_suffix('\n')
            .expect("the reader is still there")
            .to_owned()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
