//! Arguments against the *pinned* input schema of a tool.
//!
//! A rug pull cannot smuggle a parameter, and a turned agent cannot use one
//! that nobody reviewed: what the schema does not declare is reported, even
//! where JSON Schema itself would let it pass. Remote references are never
//! fetched (the `jsonschema` crate is built without its resolvers, so they
//! fail, and a schema that fails denies).

use super::message::{Json, Kind};
use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Number, Value};

/// A compiled input schema.
#[derive(Debug, Clone)]
pub struct Schema {
    validator: jsonschema::Validator,
}

/// A schema that cannot judge anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the pinned input schema cannot be used: {0}")]
pub struct Unusable(String);

/// What is wrong with some arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON Pointer into the arguments.
    pub at: String,
    /// The schema's keyword that rejects.
    pub keyword: String,
    /// The member that is missing, where `keyword` is `required`.
    pub missing: Option<String>,
}

impl Schema {
    /// Steps that one backtracking pattern of a schema may take.
    const BACKTRACKS: usize = 10_000;
    /// Largest schema in bytes.
    const LARGEST: usize = 256 * 1024;

    /// Compiles an input schema.
    pub fn compile(schema: Json<'_>) -> Result<Self, Unusable> {
        if schema.raw().len() > Self::LARGEST {
            return Err(Unusable(format!("larger than {} bytes", Self::LARGEST)));
        }
        let value = to_value(schema);
        let linear = jsonschema::PatternOptions::regex();
        let bounded = jsonschema::PatternOptions::fancy_regex().backtrack_limit(Self::BACKTRACKS);
        // Linear-time patterns first; look-ahead needs the bounded engine.
        jsonschema::options()
            .with_pattern_options(linear)
            .build(&value)
            .or_else(|_| {
                jsonschema::options()
                    .with_pattern_options(bounded)
                    .build(&value)
            })
            .map(|validator| Self { validator })
            .map_err(|e| Unusable(first_line(&e.to_string())))
    }

    /// The first thing that is wrong with `arguments` by this schema.
    pub fn check(&self, arguments: Option<Json<'_>>) -> Option<Violation> {
        let value = arguments.map_or_else(|| Value::Object(Map::new()), to_value);
        if self.validator.is_valid(&value) {
            return None;
        }
        let error = self.validator.iter_errors(&value).next();
        Some(error.map_or_else(
            || Violation {
                at: String::new(),
                keyword: "unknown".to_owned(),
                missing: None,
            },
            |e| Violation {
                at: e.instance_path().to_string(),
                keyword: last_segment(&e.schema_path().to_string()),
                missing: match e.kind() {
                    ValidationErrorKind::Required { property } => {
                        property.as_str().map(str::to_owned)
                    }
                    _ => None,
                },
            },
        ))
    }
}

/// The first argument that `schema` does not declare.
///
/// A member is declared by `properties`, by an explicit `additionalProperties`
/// or `patternProperties`, or, where the schema is built from others (`$ref`,
/// `allOf` and the like), by the validator alone.
pub fn undeclared(schema: Json<'_>, value: Json<'_>) -> Option<String> {
    undeclared_at(schema, value, "", 0)
}

fn undeclared_at(schema: Json<'_>, value: Json<'_>, at: &str, depth: usize) -> Option<String> {
    const DEEPEST: usize = 32;
    const OPEN: [&str; 9] = [
        "$ref",
        "$dynamicRef",
        "allOf",
        "anyOf",
        "oneOf",
        "if",
        "patternProperties",
        "unevaluatedProperties",
        "dependentSchemas",
    ];
    // What is too deep to be told is not declared.
    if depth > DEEPEST {
        return Some(at.to_owned());
    }
    if schema.kind() != Kind::Object {
        return None;
    }
    if value.kind() == Kind::Array {
        let items = schema.get("items")?;
        return value.items().enumerate().find_map(|(i, item)| {
            undeclared_at(items, item, &format!("{at}/{i}"), depth.saturating_add(1))
        });
    }
    let properties = schema.get("properties");
    let additional = schema.get("additionalProperties");
    let open = OPEN.iter().any(|k| schema.get(k).is_some());
    // Below the top, an object without `properties` is free-form by design.
    let free = depth > 0 && properties.is_none();
    for (name, member) in value.members() {
        let below = || format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        match properties.and_then(|p| p.get(&name)) {
            Some(declared) => {
                let found = undeclared_at(declared, member, &below(), depth.saturating_add(1));
                if found.is_some() {
                    return found;
                }
            }
            None if additional.is_none() && !open && !free => return Some(below()),
            None => {}
        }
    }
    None
}

/// A strictly read value as the validator's own type.
pub fn to_value(json: Json<'_>) -> Value {
    match json.kind() {
        Kind::Null => Value::Null,
        Kind::Bool => Value::Bool(json.as_bool().unwrap_or_default()),
        Kind::Number => number(json.raw()),
        Kind::String => Value::String(json.as_str().unwrap_or_default().into_owned()),
        Kind::Array => Value::Array(json.items().map(to_value).collect()),
        Kind::Object => Value::Object(
            json.members()
                .map(|(name, value)| (name.into_owned(), to_value(value)))
                .collect(),
        ),
    }
}

fn number(token: &str) -> Value {
    if let Ok(n) = token.parse::<i64>() {
        return Value::Number(n.into());
    }
    if let Ok(n) = token.parse::<u64>() {
        return Value::Number(n.into());
    }
    let double = token.parse::<f64>().ok().and_then(Number::from_f64);
    double.map_or(Value::Null, Value::Number)
}

fn first_line(text: &str) -> String {
    text.lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect()
}

fn last_segment(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::message::{Document, Limits};

    fn nested(depth: usize, inner: &str, open: &str) -> Document {
        let text = format!(
            "{}{inner}{}",
            open.repeat(depth),
            "}".repeat(depth * open.matches('{').count())
        );
        Document::read(text.into_bytes(), &Limits::DEFAULT).unwrap()
    }

    #[test]
    fn what_is_too_deep_to_be_told_is_not_declared() {
        for (depth, declared) in [(5, true), (40, false)] {
            let schema = nested(depth, "{}", r#"{"properties":{"a":"#);
            let value = nested(depth, "1", r#"{"a":"#);
            let found = undeclared(schema.root(), value.root());
            assert_eq!(found.is_none(), declared, "depth {depth}: {found:?}");
        }
    }

    #[test]
    fn a_remote_reference_is_never_fetched() {
        let schema = r#"{"type":"object","properties":{"a":{"$ref":"http://127.0.0.1:9/x.json"}}}"#;
        let schema = Document::read(schema.as_bytes().to_vec(), &Limits::DEFAULT).unwrap();
        assert!(Schema::compile(schema.root()).is_err());
    }
}
