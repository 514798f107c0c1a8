use super::*;
use crate::engine::message::{Document, Limits};
use proptest::prelude::*;
use serde_json::json;

fn read(text: impl Into<Vec<u8>>) -> Document {
    Document::read(text.into(), &Limits::DEFAULT).unwrap()
}

fn compile(schema: &Value) -> Result<Schema, Unusable> {
    Schema::compile(read(schema.to_string()).root())
}

fn nested(depth: usize, inner: &str, open: &str) -> Document {
    let close = "}".repeat(depth * open.matches('{').count());
    read(format!("{}{inner}{close}", open.repeat(depth)))
}

/// Definitions `a0` to `a{n}`, each made of references to the next one.
fn chain(n: usize, link: &dyn Fn(Value) -> Value) -> Value {
    let mut defs = Map::new();
    for k in 0..n {
        let next = json!({ "$ref": format!("#/$defs/a{}", k + 1) });
        defs.insert(format!("a{k}"), link(next));
    }
    defs.insert(format!("a{n}"), json!({"type": "string"}));
    json!({"type": "object", "properties": {"x": {"$ref": "#/$defs/a0"}}, "$defs": defs})
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

/// Neither side can make the other's size count twice (were it not so, this
/// would take minutes).
#[test]
fn large_schemas_are_looked_at_once() {
    let named = |key: &str, n: usize| -> Map<String, Value> {
        (0..n).map(|k| (format!("{key}{k}"), json!({}))).collect()
    };
    let mut item = named("junk", 8_000);
    item.insert("properties".to_owned(), json!(named("k", 5_000)));
    let schema = read(json!({"properties": {"x": {"items": item}}}).to_string());
    let mut rows = vec![json!({}); 50_000];
    rows.extend(vec![json!(named("k", 5_000)); 20]);
    let value = |rows: &[Value]| read(json!({ "x": rows }).to_string());
    assert_eq!(undeclared(schema.root(), value(&rows).root()), None);
    rows.push(json!({"k1": 1, "k5000": 1}));
    let found = undeclared(schema.root(), value(&rows).root());
    assert_eq!(found.as_deref(), Some("/x/50020/k5000"));
}

#[test]
fn a_remote_reference_is_never_fetched() {
    let schema = json!({"properties": {"a": {"$ref": "http://127.0.0.1:9/x.json"}}});
    assert!(compile(&schema).is_err());
}

#[test]
fn what_doubles_at_each_step_is_refused_before_it_is_compiled() {
    let doubling: [(&str, Value); 8] = [
        ("allOf", chain(40, &|r| json!({"allOf": [r, r]}))),
        ("anyOf", chain(40, &|r| json!({"anyOf": [r, r]}))),
        ("if", chain(40, &|r| json!({"if": r, "then": r}))),
        ("not", chain(40, &|r| json!({"not": r, "oneOf": [r]}))),
        (
            "dependent",
            chain(40, &|r| json!({"dependentSchemas": {"a": r, "b": r}})),
        ),
        (
            "old",
            chain(
                40,
                &|r| json!({"dependencies": {"a": r, "b": ["c"]}, "not": r}),
            ),
        ),
        (
            "siblings",
            chain(
                40,
                &|r| json!({"$ref": r["$ref"], "$dynamicRef": r["$ref"]}),
            ),
        ),
        (
            "asking",
            chain(
                8,
                &|r| json!({"unevaluatedProperties": false, "allOf": [r, r]}),
            ),
        ),
    ];
    for (name, schema) in doubling {
        let text = schema.to_string();
        assert!(compile(&schema).is_err(), "{name}");
        assert!(overload(read(text).root()).is_some(), "{name}");
    }
    // Without any reference.
    let mut asking = json!({"properties": {"x": {}}});
    for _ in 0..30 {
        asking = json!({"unevaluatedProperties": false, "allOf": [asking]});
    }
    assert!(compile(&asking).is_err());
}

#[test]
fn nothing_is_made_of_a_schema_that_is_too_large() {
    let schema = read(format!(r#"{{"allOf":[{}{{}}]}}"#, "{},".repeat(100_000)));
    let why = overload(schema.root()).unwrap();
    assert!(why.contains("larger"), "{why}");
    assert!(Schema::compile(schema.root()).is_err());
}

#[test]
fn what_never_goes_into_the_value_is_refused() {
    let (endless, long) = (
        json!({"properties": {"x": {"$ref": "#/properties/x"}}}),
        chain(5_000, &|r| r),
    );
    let (through, anchored) = (
        json!({"anyOf": [{"type": "object"}, {"not": {"$ref": "#"}}]}),
        json!({"$dynamicAnchor": "r", "allOf": [{"$dynamicRef": "#r"}]}),
    );
    for schema in [endless, long, through, anchored] {
        assert!(compile(&schema).is_err());
        assert!(overload(read(schema.to_string()).root()).is_some());
    }
}

#[test]
fn a_reference_that_cannot_be_followed_here_is_refused() {
    for schema in [
        json!({"$ref": "#/$defs/none"}),
        json!({"$ref": "other.json"}),
        json!({"$ref": "#a", "$defs": {"x": {"$anchor": "a"}, "y": {"$anchor": "a"}}}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"$id": "b", "$ref": "#/$defs/a"}}}),
        json!({"$schema": "http://json-schema.org/draft-04/schema#",
            "$ref": "#/definitions/a", "definitions": {"a": {"id": "b"}}}),
    ] {
        assert!(compile(&schema).is_err(), "{schema}");
    }
}

#[test]
fn honest_schemas_that_refer_to_themselves_are_usable() {
    let tree = json!({"type": "object", "properties": {"root": {"$ref": "#/$defs/node"}}, "$defs": {
        "node": {"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string"},
            "left": {"$ref": "#/$defs/node"},
            "right": {"anyOf": [{"type": "null"}, {"$ref": "#/$defs/node"}]},
            "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}}});
    let filter = json!({"type": "object", "properties": {"filter": {"$ref": "#/definitions/f"}},
        "definitions": {"f": {"oneOf": [
            {"type": "object", "properties": {"and": {"type": "array", "items": {"$ref": "#/definitions/f"}}},
             "required": ["and"], "additionalProperties": false},
            {"type": "object", "properties": {"not": {"$ref": "#/definitions/f"}},
             "required": ["not"], "additionalProperties": false},
            {"type": "object", "properties": {"field": {"type": "string"}},
             "required": ["field"], "additionalProperties": false}]}}});
    let named = json!({"$id": "https://a.example/s.json", "properties": {
        "a": {"$ref": "#/$defs/with%20space"}, "b": {"$ref": "#here"},
        "$id": {"type": "string"}, "c": {"$ref": "#/$defs/t~0~1/anyOf/0"}},
        "$defs": {"with space": {"type": "string"}, "x": {"$anchor": "here", "type": "number"},
            "t~/": {"anyOf": [{"type": "boolean"}]}}});
    for (schema, good, bad) in [
        (
            &tree,
            json!({"root": {"name": "a", "left": {"name": "b", "right": {"name": "c"}},
                "children": [{"name": "d", "right": null}]}}),
            json!({"root": {"name": "a", "left": {"name": "b", "right": {"name": 1}}}}),
        ),
        (
            &filter,
            json!({"filter": {"and": [{"not": {"and": [{"field": "a"}]}}, {"field": "b"}]}}),
            json!({"filter": {"and": [{"not": {"and": [{"feld": "a"}]}}, {"field": "b"}]}}),
        ),
        (
            &named,
            json!({"a": "1", "b": 2, "c": true}),
            json!({"c": 1}),
        ),
    ] {
        let compiled = compile(schema).unwrap();
        let judge = |value: &Value| compiled.check(Some(read(value.to_string()).root()));
        assert_eq!(judge(&good), None);
        assert!(judge(&bad).is_some());
    }
}

#[test]
fn what_doubles_at_each_level_of_the_value_is_not_judged() {
    let twice = json!({"$ref": "#/$defs/a"});
    let schema = json!({"properties": {"x": twice}, "$defs": {"a": {
        "anyOf": [{"properties": {"x": twice}}, {"properties": {"x": twice}}]}}});
    let schema = compile(&schema).unwrap();
    for (depth, judged) in [(5, true), (60, false)] {
        let value = nested(depth, "1", r#"{"x":"#);
        let seen = schema.check(Some(value.root()));
        assert_eq!(seen.is_none(), judged, "depth {depth}: {seen:?}");
    }
}

#[test]
fn large_honest_values_are_judged() {
    let schema = json!({"properties": {
        "text": {"type": "string", "pattern": "^[^#]*$"},
        "rows": {"items": {"type": "object", "required": ["id"], "properties": {
            "id": {"type": "integer"}, "kind": {"enum": ["a", "b"]}}, "additionalProperties": false}},
        "numbers": {"items": {"type": "number"}, "uniqueItems": true}}});
    let schema = compile(&schema).unwrap();
    let rows: Vec<Value> = (0..100_000)
        .map(|id| json!({"id": id, "kind": "a"}))
        .collect();
    let numbers: Vec<usize> = (0..300_000).collect();
    let value = json!({"text": "word ".repeat(500_000), "rows": rows, "numbers": numbers});
    assert_eq!(schema.check(Some(read(value.to_string()).root())), None);
}

#[test]
fn patterns_have_a_budget() {
    let patterns = |n: usize, pattern: &str| {
        let all = (0..n).map(|k| (format!("^{pattern}{k}$"), json!({})));
        json!({"patternProperties": all.collect::<Map<String, Value>>()})
    };
    assert!(compile(&patterns(100, "[a-zA-Z0-9_-]{1,64}")).is_ok());
    assert!(compile(&patterns(1_500, "(a|b|c){1,200}")).is_err());
    let nested = json!({"pattern": "((a{1,100}){1,100}){1,100}"});
    assert!(compile(&nested).is_err());
    // A large automaton and a long text are not brought together.
    let schema =
        compile(&json!({"properties": {"x": {"pattern": "(a|b)*a(a|b){5000}$"}}})).unwrap();
    let value = json!({"x": "ab".repeat(500_000)});
    assert!(schema.check(Some(read(value.to_string()).root())).is_some());
}

#[test]
fn look_around_reads_a_text_again_and_again_and_is_bounded_so() {
    let judge = |pattern: &str, text: String| {
        let schema = compile(&json!({"properties": {"x": {"pattern": pattern}}})).unwrap();
        let value = read(json!({"x": text}).to_string());
        schema.check(Some(value.root())).map(|v| v.keyword)
    };
    let blank = "^(?!\\s*$).+";
    let password = "^(?=.*[A-Z])(?=.*\\d)(?!.*\\s).{8,64}$";
    assert_eq!(judge(blank, "words ".repeat(50_000)), None);
    assert_eq!(judge(blank, " ".repeat(50)).as_deref(), Some("pattern"));
    assert_eq!(judge(password, "Abcdefg1".to_owned()), None);
    assert_eq!(
        judge(password, "abcdefg1".to_owned()).as_deref(),
        Some("pattern")
    );
    let long = judge("(?=(a|d)*b)a", "ad".repeat(2_000_000));
    assert_eq!(long.as_deref(), Some("(too many steps)"));
}

/// The deepest that may be: parts of parts at each level of a deep value.
#[test]
fn nothing_that_is_judged_is_too_deep_to_be_judged() {
    let mut inner = json!({"properties": {"x": {"$ref": "#"}}});
    for _ in 0..30 {
        inner = json!({"allOf": [inner]});
    }
    let schema = compile(&inner).unwrap();
    let value = nested(90, "1", r#"{"x":"#);
    assert_eq!(schema.check(Some(value.root())), None);
}

fn link() -> impl Strategy<Value = Vec<(u8, usize)>> {
    prop::collection::vec((0_u8..8, 0_usize..24), 0..4)
}

/// Definitions that refer to each other in every way.
fn tangled(links: &[Vec<(u8, usize)>]) -> Value {
    let mut defs = Map::new();
    for (k, links) in links.iter().enumerate() {
        let mut def = Map::new();
        for (keyword, to) in links {
            let to = json!({ "$ref": format!("#/$defs/a{}", to % 24) });
            let (key, part) = match keyword {
                0 => ("allOf", json!([to, to])),
                1 => ("anyOf", json!([{"not": to}, to])),
                2 => ("properties", json!({"a": to, "b": to})),
                3 => ("items", to),
                4 => ("additionalProperties", to),
                5 => ("unevaluatedProperties", to),
                6 => ("if", to),
                _ => ("$ref", to["$ref"].clone()),
            };
            def.insert(key.to_owned(), part);
        }
        defs.insert(format!("a{k}"), Value::Object(def));
    }
    json!({"properties": {"a": {"$ref": "#/$defs/a0"}, "b": {"$ref": "#/$defs/a1"}}, "$defs": defs})
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the references are like, both compiling and judging end (were it
    /// not so, this would not), and a schema is never both usable and overloaded.
    #[test]
    fn judging_ends(links in prop::collection::vec(link(), 24), depth in 1_usize..30) {
        let schema = read(tangled(&links).to_string());
        let compiled = Schema::compile(schema.root());
        prop_assert!(!(compiled.is_ok() && overload(schema.root()).is_some()));
        if let Ok(compiled) = compiled {
            for open in [r#"{"a":"#, r#"{"b":"#, r#"{"a":{"z":"#] {
                let value = nested(depth, "1", open);
                let _seen = compiled.check(Some(value.root()));
            }
        }
    }
}
