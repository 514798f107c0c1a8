//! The headers that say again what a message's body says.
//!
//! MCP 2026-07-28, Streamable HTTP, "Request Metadata". They are made from the
//! bytes that are really sent, never taken over from a client, so that header
//! and body cannot disagree. Which arguments a server wants to see in headers
//! its tool definitions say (`x-mcp-header`); those are remembered as the
//! server lists them, up to a bound. A tool whose annotations are invalid cannot
//! be called here; the engine does not list it either.

use super::headers::encode;
use crate::engine::message::{Document, Json, Kind};
use crate::engine::mirrored::{ANNOTATION, Mirrored, mirrored};
use crate::engine::pin::visible;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// A header: its name and its value, both fit to be sent.
pub type Header = (String, String);

/// Where the stateless revision says which revision a message is of.
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";

/// What the tool definitions seen so far want in headers.
#[derive(Debug, Default)]
pub struct Mirror {
    /// By tool; tools without annotations are left out.
    tools: BTreeMap<String, Vec<Mirrored>>,
    /// Those whose annotations are invalid.
    invalid: BTreeSet<String>,
}

/// A message cannot be sent: what it says does not go into a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// One of the protocol's own.
    #[error("its `{0}` does not fit into a header")]
    Value(&'static str),
    /// The tool's definition breaks the rules about headers.
    #[error("the tool's `x-mcp-header` annotations are invalid")]
    Annotations,
}

/// The revision that a message of the stateless era names in its `_meta`;
/// `None` for a message of the legacy era.
pub fn modern_version(params: Option<Json<'_>>) -> Option<String> {
    let version = params?.get("_meta")?.get(VERSION)?;
    // Whatever it is, its being there makes the message a modern one.
    Some(version.as_str().unwrap_or_default().into_owned())
}

impl Mirror {
    /// Most tools whose annotations are remembered.
    const TOOLS: usize = 10_000;
    /// Whether a message may change what is remembered: so that not each is read
    /// again to find that it does not.
    pub fn may_learn(&self, message: &[u8]) -> bool {
        let has = |text: &str| memchr::memmem::find(message, text.as_bytes()).is_some();
        // An escape may spell anything.
        let annotated = || has(ANNOTATION) || has("\\u");
        (has("\"tools\"") || has("\\u")) && (!self.tools.is_empty() || annotated())
    }

    /// Remembers what the tools of a `tools/list` answer want.
    pub fn learn(&mut self, answer: &Document) {
        let result = answer.root().get("result");
        let tools = result.and_then(|r| r.get("tools"));
        for tool in tools.into_iter().flat_map(Json::items) {
            let Some(name) = tool.get("name").and_then(Json::as_str) else {
                continue;
            };
            self.tools.remove(&*name);
            self.invalid.remove(&*name);
            match mirrored(tool) {
                Ok(wanted) if wanted.is_empty() || self.tools.len() >= Self::TOOLS => {}
                Ok(wanted) => drop(self.tools.insert(name.into_owned(), wanted)),
                Err(why) => {
                    tracing::warn!("the tool `{}` is refused: {why}", shown(&name));
                    if self.invalid.len() < Self::TOOLS {
                        self.invalid.insert(name.into_owned());
                    }
                }
            }
        }
    }

    /// The headers of a modern message.
    pub fn headers(
        &self,
        version: &str,
        method: &str,
        params: Option<Json<'_>>,
    ) -> Result<Vec<Header>, Unfit> {
        let mut headers = Vec::new();
        for (header, value, what) in [
            ("MCP-Protocol-Version", version, "protocolVersion"),
            ("Mcp-Method", method, "method"),
        ] {
            // The specification has no encoding for these two.
            if encode(value) != value {
                return Err(Unfit::Value(what));
            }
            headers.push((header.to_owned(), value.to_owned()));
        }
        let key = match method {
            "tools/call" | "prompts/get" => "name",
            "resources/read" => "uri",
            _ => return Ok(headers),
        };
        let subject = params.and_then(|p| p.get(key)).and_then(Json::as_str);
        if let Some(subject) = subject {
            headers.push(("Mcp-Name".to_owned(), encode(&subject).into_owned()));
            if method == "tools/call" {
                if self.invalid.contains(&*subject) {
                    return Err(Unfit::Annotations);
                }
                let arguments = params.and_then(|p| p.get("arguments"));
                headers.extend(self.arguments(&subject, arguments));
            }
        }
        Ok(headers)
    }

    /// Whether a tool wants an argument in this header, named without its prefix.
    pub fn wants(&self, tool: &str, header: &str) -> bool {
        let wanted = self.tools.get(tool).map(Vec::as_slice).unwrap_or_default();
        wanted.iter().any(|w| w.name.eq_ignore_ascii_case(header))
    }

    fn arguments(&self, tool: &str, arguments: Option<Json<'_>>) -> Vec<Header> {
        let wanted = self.tools.get(tool).map(Vec::as_slice).unwrap_or_default();
        let header = |wanted: &Mirrored| {
            let mut path = wanted.path.iter();
            let value = path.try_fold(arguments?, |value, step| value.get(step))?;
            Some((
                format!("Mcp-Param-{}", wanted.name),
                encode(&text(value)?).into_owned(),
            ))
        };
        wanted.iter().filter_map(header).collect()
    }
}

/// A name of the server's, for people.
fn shown(name: &str) -> String {
    visible(&name.chars().take(64).collect::<String>())
}

/// A value as a header says it; `None` for what has no header.
fn text(value: Json<'_>) -> Option<Cow<'_, str>> {
    match value.kind() {
        Kind::String => value.as_str(),
        Kind::Bool => Some(Cow::Borrowed(value.raw())),
        Kind::Number => integer(value.raw()),
        Kind::Null | Kind::Array | Kind::Object => None,
    }
}

/// A whole number in decimal, however it was spelled (`4.0`, `1e3`).
#[expect(
    clippy::cast_possible_truncation,
    reason = "it is whole and within the range that a double holds exactly"
)]
fn integer(spelled: &str) -> Option<Cow<'_, str>> {
    const MOST: f64 = 9_007_199_254_740_991.0;
    if spelled
        .parse::<i64>()
        .is_ok_and(|n| n.to_string() == spelled)
    {
        return Some(Cow::Borrowed(spelled));
    }
    let number: f64 = spelled.parse().ok()?;
    (number.fract() == 0.0 && number.abs() <= MOST).then(|| Cow::Owned((number as i64).to_string()))
}

#[cfg(test)]
mod tests;
