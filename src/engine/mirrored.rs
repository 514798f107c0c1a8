//! Which arguments of a tool a server wants to see again in headers.
//!
//! MCP 2026-07-28, Streamable HTTP, "Custom Headers from Tool Parameters": an
//! `x-mcp-header` in the tool's input schema names the header. A definition with
//! an annotation that breaks the rules is refused as a whole: a header that two
//! readers derive differently lets a gateway act on something else than the
//! server does.

use super::message::{Json, Kind};
use std::collections::BTreeSet;

/// Where a schema says that an argument goes into a header.
pub(crate) const ANNOTATION: &str = "x-mcp-header";
/// Longest name of such a header, in bytes.
const NAME: usize = 128;
/// Most arguments of one tool in headers.
const MOST: usize = 64;

/// One argument that goes into a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirrored {
    /// The header's name, after `Mcp-Param-`.
    pub name: String,
    /// Where the argument stands.
    pub path: Vec<String>,
}

/// What is wrong with an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMirror {
    /// It is no name of a header.
    #[error("an `x-mcp-header` is no name of a header")]
    Name,
    /// Two arguments would go into one header.
    #[error("two `x-mcp-header` name the same header")]
    Twice,
    /// What it stands at is no string, integer or boolean.
    #[error("an `x-mcp-header` stands at something else than a string, integer or boolean")]
    Type,
    /// It is not reached through `properties` alone.
    #[error("an `x-mcp-header` stands where no single argument is meant")]
    Place,
    /// There are more than any server needs.
    #[error("there are more than {MOST} `x-mcp-header`")]
    TooMany,
}

/// What a tool definition wants in headers.
///
/// # Errors
/// Where an annotation breaks the rules.
pub fn mirrored(definition: Json<'_>) -> Result<Vec<Mirrored>, InvalidMirror> {
    let mut found = Vec::new();
    let mut names = BTreeSet::new();
    // A schema, and where the argument stands that it alone is about.
    let mut waiting: Vec<(Json<'_>, Option<Vec<String>>)> = Vec::new();
    waiting.extend(definition.get("inputSchema").map(|s| (s, Some(Vec::new()))));
    while let Some((schema, path)) = waiting.pop() {
        if schema.kind() == Kind::Array {
            waiting.extend(schema.items().map(|item| (item, None)));
            continue;
        }
        if let Some(annotation) = schema.get(ANNOTATION) {
            let path = path.as_ref().filter(|path| !path.is_empty());
            let one = one(schema, annotation, path.ok_or(InvalidMirror::Place)?)?;
            if !names.insert(one.name.to_ascii_lowercase()) {
                return Err(InvalidMirror::Twice);
            }
            found.push(one);
            if found.len() > MOST {
                return Err(InvalidMirror::TooMany);
            }
        }
        for (key, value) in schema.members() {
            match &*key {
                // Values, not schemas.
                "const" | "enum" | "default" | "examples" => {}
                "properties" => {
                    for (step, below) in value.members() {
                        let step = step.into_owned();
                        let path = path
                            .as_ref()
                            .map(|path| [path.as_slice(), &[step]].concat());
                        waiting.push((below, path));
                    }
                }
                // Names of somebody's choice stand before the schemas.
                "patternProperties" | "$defs" | "definitions" | "dependentSchemas" => {
                    waiting.extend(value.members().map(|(_, below)| (below, None)));
                }
                _ => waiting.push((value, None)),
            }
        }
    }
    Ok(found)
}

fn one(schema: Json<'_>, name: Json<'_>, path: &[String]) -> Result<Mirrored, InvalidMirror> {
    let name = name.as_str().filter(|n| is_token(n) && n.len() <= NAME);
    let kind = schema.get("type").and_then(Json::as_str);
    if !matches!(kind.as_deref(), Some("string" | "integer" | "boolean")) {
        return Err(InvalidMirror::Type);
    }
    Ok(Mirrored {
        name: name.ok_or(InvalidMirror::Name)?.into_owned(),
        path: path.to_vec(),
    })
}

/// Whether `name` is a token: what a header's name is made of (RFC 9110, 5.6.2).
pub fn is_token(name: &str) -> bool {
    let special = |b: u8| b"!#$%&'*+-.^_`|~".contains(&b);
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || special(b))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::message::{Document, Limits};

    fn read(schema: &str) -> Result<Vec<Mirrored>, InvalidMirror> {
        let text = format!(r#"{{"name":"t","inputSchema":{schema}}}"#);
        let document = Document::read(text.into_bytes(), &Limits::DEFAULT).unwrap();
        mirrored(document.root())
    }

    #[test]
    fn annotations_are_found_where_they_may_stand() {
        let schema = r#"{"type":"object","properties":{
            "region":{"type":"string","x-mcp-header":"Region"},
            "deep":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}},
            "x-mcp-header":{"type":"string","description":"a property of that name"},
            "plain":{"type":"object","default":{"x-mcp-header":4},"enum":[{"x-mcp-header":4}]}
        }}"#;
        let mut found = read(&schema.replace('\n', " ")).unwrap();
        found.sort_by(|a, b| a.name.cmp(&b.name));
        let found: Vec<_> = found.iter().map(|m| (&*m.name, m.path.join("/"))).collect();
        let expected = [("N", "deep/n".to_owned()), ("Region", "region".to_owned())];
        assert_eq!(found, expected);
        assert_eq!(read("{}"), Ok(vec![]));
        assert_eq!(read("4"), Ok(vec![]));
    }

    #[test]
    fn annotations_that_break_a_rule_are_told() {
        let good = r#"{"type":"string","x-mcp-header":"A"}"#;
        let of = |one: &str| format!(r#"{{"properties":{{"a":{one}}}}}"#);
        let many: Vec<_> = (0..70)
            .map(|n| format!(r#""a{n}":{{"type":"string","x-mcp-header":"A{n}"}}"#))
            .collect();
        for (schema, why) in [
            (of(r#"{"type":"string","x-mcp-header":""}"#), InvalidMirror::Name),
            (of(r#"{"type":"string","x-mcp-header":"a b"}"#), InvalidMirror::Name),
            (of(r#"{"type":"string","x-mcp-header":"a\r\nb"}"#), InvalidMirror::Name),
            (of(r#"{"type":"string","x-mcp-header":"a:b"}"#), InvalidMirror::Name),
            (of(r#"{"type":"string","x-mcp-header":4}"#), InvalidMirror::Name),
            (of(r#"{"type":"string","x-mcp-header":null}"#), InvalidMirror::Name),
            (of(r#"{"type":"number","x-mcp-header":"A"}"#), InvalidMirror::Type),
            (of(r#"{"type":"object","x-mcp-header":"A"}"#), InvalidMirror::Type),
            (of(r#"{"type":["string","null"],"x-mcp-header":"A"}"#), InvalidMirror::Type),
            (of(r#"{"x-mcp-header":"A"}"#), InvalidMirror::Type),
            (good.to_owned(), InvalidMirror::Place),
            (of(&format!(r#"{{"type":"array","items":{good}}}"#)), InvalidMirror::Place),
            (of(&format!(r#"{{"items":{{"properties":{{"b":{good}}}}}}}"#)), InvalidMirror::Place),
            (format!(r#"{{"anyOf":[{}]}}"#, of(good)), InvalidMirror::Place),
            (format!(r#"{{"allOf":[[{}]]}}"#, of(good)), InvalidMirror::Place),
            (format!(r#"{{"not":{}}}"#, of(good)), InvalidMirror::Place),
            (format!(r#"{{"if":{},"then":{{}}}}"#, of(good)), InvalidMirror::Place),
            (format!(r##"{{"$ref":"#/$defs/d","$defs":{{"d":{}}}}}"##, of(good)), InvalidMirror::Place),
            (format!(r#"{{"patternProperties":{{"^a":{good}}}}}"#), InvalidMirror::Place),
            (format!(r#"{{"additionalProperties":{good}}}"#), InvalidMirror::Place),
            (
                r#"{"properties":{"a":{"type":"string","x-mcp-header":"Same"},"b":{"type":"string","x-mcp-header":"sAME"}}}"#.to_owned(),
                InvalidMirror::Twice,
            ),
            (format!(r#"{{"properties":{{{}}}}}"#, many.join(",")), InvalidMirror::TooMany),
        ] {
            assert_eq!(read(&schema), Err(why), "{schema}");
        }
    }
}
