//! The headers that say again what a message's body says.
//!
//! MCP 2026-07-28, Streamable HTTP, "Request Metadata". They are made from the
//! bytes that are really sent, never taken over from a client, so that header
//! and body cannot disagree. Which arguments a server wants to see in headers
//! its tool definitions say (`x-mcp-header`); those are remembered as the
//! server lists them, up to a bound.
//!
//! Deliberately absent: telling the agent about a definition whose annotations
//! are invalid. They make no header here.

use super::headers::{encode, is_token};
use crate::engine::message::{Document, Json, Kind};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// A header: its name and its value, both fit to be sent.
pub type Header = (String, String);

/// Where the stateless revision says which revision a message is of.
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// Where a schema says that an argument goes into a header.
const ANNOTATION: &str = "x-mcp-header";
/// Longest name of such a header, in bytes.
const NAME: usize = 128;

/// What the tool definitions seen so far want in headers.
#[derive(Debug, Default)]
pub struct Mirror {
    /// By tool; tools without annotations are left out.
    tools: BTreeMap<String, Vec<Wanted>>,
}

/// One argument that goes into a header.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wanted {
    /// The header's name, after `Mcp-Param-`.
    name: String,
    /// Where the argument stands.
    path: Vec<String>,
}

/// A message cannot be sent: what it says does not go into a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its `{0}` does not fit into a header")]
pub struct Unfit(&'static str);

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
    /// Most arguments of one tool in headers, and most steps to one.
    const WANTED: usize = 64;

    /// Remembers what the tools of a `tools/list` answer want.
    pub fn learn(&mut self, answer: &Document) {
        let result = answer.root().get("result");
        let tools = result.and_then(|r| r.get("tools"));
        for tool in tools.into_iter().flat_map(Json::items) {
            let Some(name) = tool.get("name").and_then(Json::as_str) else {
                continue;
            };
            let wanted = tool.get("inputSchema").and_then(wanted);
            match wanted {
                Some(wanted) if !wanted.is_empty() => {
                    if self.tools.len() < Self::TOOLS {
                        self.tools.insert(name.into_owned(), wanted);
                    }
                }
                Some(_) => drop(self.tools.remove(&*name)),
                None => {
                    self.tools.remove(&*name);
                    tracing::warn!(
                        "a tool's `x-mcp-header` annotations are invalid and are not followed"
                    );
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
                return Err(Unfit(what));
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
        let header = |wanted: &Wanted| {
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

/// What an input schema wants in headers; `None` if an annotation is invalid.
fn wanted(schema: Json<'_>) -> Option<Vec<Wanted>> {
    let mut found = Vec::new();
    let mut waiting = vec![(schema, Vec::new())];
    while let Some((schema, path)) = waiting.pop() {
        if let Some(name) = schema.get(ANNOTATION) {
            let name = name.as_str().filter(|n| is_token(n) && n.len() <= NAME)?;
            let kind = schema.get("type").and_then(Json::as_str);
            let primitive = matches!(kind.as_deref(), Some("string" | "integer" | "boolean"));
            if path.is_empty() || !primitive || found.len() >= Mirror::WANTED {
                return None;
            }
            found.push(Wanted {
                name: name.into_owned(),
                path: path.clone(),
            });
        }
        if path.len() >= Mirror::WANTED {
            continue;
        }
        let properties = schema.get("properties");
        for (step, below) in properties.into_iter().flat_map(Json::members) {
            let mut path = path.clone();
            path.push(step.into_owned());
            waiting.push((below, path));
        }
    }
    let mut names = BTreeSet::new();
    let unique = found
        .iter()
        .all(|w| names.insert(w.name.to_ascii_lowercase()));
    unique.then_some(found)
}

#[cfg(test)]
mod tests;
