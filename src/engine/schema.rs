//! Arguments against the *pinned* input schema of a tool.
//!
//! A rug pull cannot smuggle a parameter, and a turned agent cannot use one
//! that nobody reviewed: what the schema does not declare is reported, even
//! where JSON Schema itself would let it pass. Remote references are never
//! fetched (the `jsonschema` crate is built without its resolvers, so they
//! fail, and a schema that fails denies). What a schema may cost is bounded
//! before it is compiled ([`overload`]), and again for each value.

mod budget;
mod declared;
mod graph;
mod pattern;

pub use declared::undeclared;

use super::message::{Json, Kind};
use jsonschema::PatternOptions;
use jsonschema::error::ValidationErrorKind;
use serde_json::{Map, Number, Value};

/// A compiled input schema.
#[derive(Debug, Clone)]
pub struct Schema {
    graph: graph::Graph,
    engine: Engine,
    validator: jsonschema::Validator,
}

/// What runs the patterns of a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Engine {
    /// Takes time linear in the text.
    Linear,
    /// Needed for look-around; goes over the text again and again.
    Backtracking,
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
    /// How often one backtracking pattern of a schema may begin again. Each
    /// time it may read the whole text.
    const BACKTRACKS: usize = 2_000;
    /// Largest schema in bytes.
    const LARGEST: usize = 256 * 1024;

    /// Compiles an input schema.
    pub fn compile(schema: Json<'_>) -> Result<Self, Unusable> {
        fits(schema).map_err(Unusable)?;
        let graph = graph::Graph::of(schema).map_err(Unusable)?;
        budget::check(&graph).map_err(Unusable)?;
        let value = to_value(schema);
        let build = |engine| {
            let options = jsonschema::options();
            let options = match engine {
                Engine::Linear => options.with_pattern_options(PatternOptions::regex()),
                Engine::Backtracking => options.with_pattern_options(
                    PatternOptions::fancy_regex().backtrack_limit(Self::BACKTRACKS),
                ),
            };
            options.build(&value).map(|validator| (engine, validator))
        };
        let (engine, validator) = build(Engine::Linear)
            .or_else(|_| build(Engine::Backtracking))
            .map_err(|e| Unusable(first_line(&e.to_string())))?;
        Ok(Self {
            graph,
            engine,
            validator,
        })
    }

    /// The first thing that is wrong with `arguments` by this schema.
    pub fn check(&self, arguments: Option<Json<'_>>) -> Option<Violation> {
        let value = arguments.map_or_else(|| Value::Object(Map::new()), to_value);
        if !budget::affords(&self.graph, self.engine, &value) {
            return Some(Violation {
                at: String::new(),
                keyword: "(too many steps)".to_owned(),
                missing: None,
            });
        }
        if self.validator.is_valid(&value) {
            return None;
        }
        let error = self.validator.validate(&value).err();
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

/// Why judging by `schema` would cost too much, whatever the arguments.
/// Nothing for a schema that cannot be used for another reason.
pub fn overload(schema: Json<'_>) -> Option<String> {
    // Before anything is made of it.
    if let Err(why) = fits(schema) {
        return Some(why);
    }
    let graph = graph::Graph::of(schema).ok()?;
    budget::check(&graph).err()
}

fn fits(schema: Json<'_>) -> Result<(), String> {
    if schema.raw().len() > Schema::LARGEST {
        return Err(format!("larger than {} bytes", Schema::LARGEST));
    }
    Ok(())
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
mod tests;
