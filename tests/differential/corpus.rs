//! The committed messages, accepted and refused.

use serde_json::Value;
use std::path::Path;

/// One message and what becomes of it.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
    /// `ok`, or the code of the refusal.
    pub(crate) expect: String,
}

/// All of `tests/cases/messages/*.jsonl`: one object a line, with `name`,
/// `expect`, and the message as `text`, or as `hex` where it is not UTF-8, or
/// as `repeat`: `[before, item, count, after]`.
pub(crate) fn all() -> Vec<Case> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/messages");
    let mut files: Vec<_> = std::fs::read_dir(&dir)
        .expect("is there")
        .map(|entry| entry.expect("can be read").path())
        .filter(|path| path.extension().is_some_and(|e| e == "jsonl"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no corpus in {}", dir.display());
    files
        .iter()
        .flat_map(|file| {
            let text = std::fs::read_to_string(file).expect("can be read");
            text.lines().map(case).collect::<Vec<_>>()
        })
        .collect()
}

fn case(line: &str) -> Case {
    let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    Case {
        name: text("name").expect("a name"),
        expect: text("expect").expect("an expectation"),
        bytes: text("text")
            .map(String::into_bytes)
            .or_else(|| text("hex").map(|hex| unhex(&hex)))
            .or_else(|| repeated(&value["repeat"]))
            .unwrap_or_else(|| panic!("no message: {line}")),
    }
}

fn unhex(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.map(|pair| byte(pair).expect("hexadecimal")).collect()
}

fn repeated(parts: &Value) -> Option<Vec<u8>> {
    let text = |at: usize| parts.get(at).and_then(Value::as_str);
    let count = usize::try_from(parts.get(2)?.as_u64()?).ok()?;
    Some(format!("{}{}{}", text(0)?, text(1)?.repeat(count), text(3)?).into_bytes())
}
