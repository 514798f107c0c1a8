use super::*;
use crate::engine::message::{Document, Limits};
use crate::engine::policy::pointer::Pointer;

const SCHEMA: &str = r##"{
  "type": "object",
  "$defs": { "Id": { "type": "integer" }, "Loop": { "$ref": "#/$defs/Loop" } },
  "properties": {
    "path": { "type": "string" },
    "paths": { "type": "array", "items": { "type": "string" } },
    "edits": { "type": "array", "items": { "type": "object", "properties": { "new": { "type": "string" } } } },
    "since": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
    "id": { "$ref": "#/$defs/Id" },
    "loop": { "$ref": "#/$defs/Loop" },
    "kind": { "enum": ["a", "b"] },
    "free": { "type": "object" },
    "map": { "type": "object", "properties": {}, "additionalProperties": { "type": "string" } },
    "any": {},
    "either": { "anyOf": [{ "type": "string" }, {}] },
    "yes": true
  }
}"##;

#[test]
fn declarations() {
    let document = Document::read(SCHEMA.as_bytes().to_vec(), &Limits::DEFAULT).unwrap();
    let one = |kind| Declared::Kinds(vec![kind]);
    for (pointer, expected) in [
        ("/path", one(Kind::String)),
        ("/nope", Declared::No),
        ("/path/x", Declared::No),
        ("/paths", one(Kind::Array)),
        ("/paths/*", one(Kind::String)),
        ("/paths/0", one(Kind::String)),
        ("/paths/x", Declared::Anything),
        ("/edits/*/new", one(Kind::String)),
        ("/edits/*/old", Declared::No),
        ("/since", Declared::Kinds(vec![Kind::Null, Kind::String])),
        ("/id", one(Kind::Number)),
        ("/loop", Declared::Anything),
        ("/kind", Declared::Kinds(vec![Kind::String])),
        ("/free/x", Declared::Anything),
        ("/map/x", Declared::Anything),
        ("/any", Declared::Anything),
        ("/any/deep", Declared::Anything),
        ("/either", Declared::Anything),
        ("/yes", Declared::Anything),
        ("", one(Kind::Object)),
    ] {
        let pointer_of = Pointer::parse(pointer).unwrap();
        assert_eq!(
            declared(document.root(), pointer_of.segments()),
            expected,
            "{pointer}"
        );
    }
}
