//! What peers would send: a call of a test, and the answer to it.

use crate::engine::message::Direction;
use crate::engine::policy::{Call, Completed, Subject, TestResult};

/// One line: a newline would end the message.
fn line(text: &str) -> Vec<u8> {
    text.replace(['\n', '\r'], " ").into_bytes()
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Which way a call travels.
pub(super) fn way(call: &Call) -> Direction {
    match call.subject {
        Subject::Asks(_) => Direction::ToAgent,
        Subject::Tool(_) | Subject::Prompt(_) | Subject::Resource(_) | Subject::Completion(_) => {
            Direction::ToServer
        }
    }
}

/// A call as an agent, or a server that asks, sends it.
pub(super) fn request(call: &Call, id: u64) -> Vec<u8> {
    let with_arguments = |name: &str| {
        let (name, arguments) = (quoted(name), &call.arguments);
        format!(r#""name":{name},"arguments":{arguments}"#)
    };
    let (method, params) = match &call.subject {
        Subject::Tool(name) => ("tools/call", with_arguments(name)),
        Subject::Prompt(name) => ("prompts/get", with_arguments(name)),
        Subject::Resource(uri) => ("resources/read", format!(r#""uri":{}"#, quoted(uri))),
        Subject::Completion(completion) => {
            let of = match &completion.of {
                Completed::Prompt(name) => {
                    format!(r#"{{"type":"ref/prompt","name":{}}}"#, quoted(name))
                }
                Completed::Resource(uri) => {
                    format!(r#"{{"type":"ref/resource","uri":{}}}"#, quoted(uri))
                }
            };
            let (name, value) = (quoted(&completion.argument), quoted(&completion.value));
            let params = format!(
                r#""ref":{of},"argument":{{"name":{name},"value":{value}}},"context":{{"arguments":{}}}"#,
                call.arguments
            );
            ("completion/complete", params)
        }
        Subject::Asks("elicitation/create#url") => {
            ("elicitation/create", r#""mode":"url""#.to_owned())
        }
        Subject::Asks(method) => (*method, String::new()),
    };
    line(&format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{{params}}}}}"#
    ))
}

/// What the server answers.
pub(super) fn answer(call: &Call, answer: &TestResult, id: u64) -> Vec<u8> {
    let result = match answer {
        TestResult::Json(json) => json.clone(),
        TestResult::Text(text) => with_text(call, text),
        TestResult::Bytes(bytes) => {
            let bytes = usize::try_from(*bytes).unwrap_or(usize::MAX);
            let empty = with_text(call, "").len();
            match bytes.checked_sub(empty) {
                Some(text) => with_text(call, &"x".repeat(text)),
                // So few have no room for a text.
                None => format!("{{{}}}", " ".repeat(bytes.saturating_sub(2))),
            }
        }
    };
    line(&format!(
        r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#
    ))
}

/// A result of the method's shape, with one text.
fn with_text(call: &Call, text: &str) -> String {
    let text = quoted(text);
    match &call.subject {
        Subject::Tool(_) | Subject::Asks(_) => {
            format!(r#"{{"content":[{{"type":"text","text":{text}}}]}}"#)
        }
        Subject::Prompt(_) => format!(
            r#"{{"messages":[{{"role":"user","content":{{"type":"text","text":{text}}}}}]}}"#
        ),
        Subject::Resource(uri) => {
            format!(
                r#"{{"contents":[{{"uri":{},"text":{text}}}]}}"#,
                quoted(uri)
            )
        }
        Subject::Completion(_) => format!(r#"{{"completion":{{"values":[{text}]}}}}"#),
    }
}
