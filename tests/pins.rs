//! Pins end to end: definitions to pins, pins to `lockgate.lock` and back,
//! and what a server's later list is compared to.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "helpers of tests are outside of `#[test]` functions"
)]

use lockgate::engine::message::{Document, Json, Limits};
use lockgate::engine::pin::{
    Approval, Identity, Launch, Lockfile, Package, Registry, Review, ServerPins, Standing,
    Transport, field_digests, pin, plan, whole_digest,
};
use lockgate::engine::types::{Digest, ServerName};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

fn cases(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/cases/pin")
        .join(below)
}

fn document(text: &str) -> Document {
    Document::read(text.as_bytes().to_vec(), &Limits::DEFAULT).expect("strict JSON")
}

fn documents(texts: &[String]) -> Vec<Document> {
    texts.iter().map(|text| document(text)).collect()
}

fn roots(documents: &[Document]) -> Vec<Json<'_>> {
    documents.iter().map(Document::root).collect()
}

fn pins_of(definitions: &[Document]) -> ServerPins {
    let mut pins = ServerPins::default();
    for definition in definitions {
        let (name, pin) = pin(definition.root(), Review::Approved).expect("a definition");
        pins.tools.insert(name, pin);
    }
    pins
}

/// The definitions of every captured server, file by file.
fn real_servers() -> Vec<(String, Vec<Value>)> {
    let entries = std::fs::read_dir(cases("real")).expect("the directory of real servers");
    let mut servers: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|e| e == "json"))
        .map(|path| {
            let text = std::fs::read(&path).expect("a captured list");
            let list: Value = serde_json::from_slice(&text).expect("JSON");
            let tools = list["tools"].as_array().expect("tools").clone();
            let name = path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            (name, tools)
        })
        .collect();
    servers.sort_by(|a, b| a.0.cmp(&b.0));
    assert!(servers.len() >= 8);
    servers
}

/// Every value that differs from `value` in one place, with a description.
fn mutations(value: &Value) -> Vec<(String, Value)> {
    let here = match value {
        Value::Null => vec![json!(false)],
        Value::Bool(b) => vec![json!(!b), Value::Null],
        Value::Number(n) => {
            let one = n.as_f64().expect("a double");
            let other = if one.abs() < 1e9 {
                one + 1.0
            } else {
                one / 2.0
            };
            vec![json!(other), json!(n.to_string())]
        }
        Value::String(s) => {
            let mut letters: Vec<char> = s.chars().collect();
            let middle = letters.len() / 2;
            match letters.get_mut(middle) {
                Some(c) => *c = if *c == 'x' { 'y' } else { 'x' },
                None => letters.push('x'),
            }
            vec![
                json!(letters.iter().collect::<String>()),
                json!(format!("{s} ")),
                json!(format!("{s}\u{200b}")),
            ]
        }
        Value::Array(items) => vec![json!([items.as_slice(), &[Value::Null]].concat())],
        Value::Object(map) => {
            let mut more = map.clone();
            more.insert("x-unknown".to_owned(), Value::Null);
            vec![Value::Object(more)]
        }
    };
    let here = here.into_iter().map(|new| (String::new(), new));
    let mut all: Vec<_> = here.collect();
    match value {
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                for (path, new) in mutations(item) {
                    let mut items = items.clone();
                    items[at] = new;
                    all.push((format!("/{at}{path}"), Value::Array(items)));
                }
            }
        }
        Value::Object(map) => {
            for (key, member) in map {
                let mut without = map.clone();
                without.remove(key);
                let mut renamed = without.clone();
                renamed.insert(format!("{key}s"), member.clone());
                all.push((format!("/{key} gone"), Value::Object(without)));
                all.push((format!("/{key} renamed"), Value::Object(renamed)));
                for (path, new) in mutations(member) {
                    let mut map = map.clone();
                    map.insert(key.clone(), new);
                    all.push((format!("/{key}{path}"), Value::Object(map)));
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    all
}

#[test]
fn one_change_anywhere_in_a_real_definition_drifts() {
    let mut tried = 0;
    for (server, tools) in real_servers() {
        for tool in tools {
            let original = document(&tool.to_string());
            let pins = pins_of(std::slice::from_ref(&original));
            assert_eq!(
                pins.standing(original.root()),
                Standing::Pinned(Review::Approved)
            );
            for (path, changed) in mutations(&tool) {
                tried += 1;
                let text = changed.to_string();
                let changed = document(&text);
                assert_ne!(
                    whole_digest(changed.root()),
                    whole_digest(original.root()),
                    "{server} {path}"
                );
                match pins.standing(changed.root()) {
                    Standing::Drifted(fields) => {
                        assert_eq!(
                            fields.len(),
                            if path.ends_with(" renamed") && path.matches('/').count() == 1 {
                                2
                            } else {
                                1
                            },
                            "{server} {path}: {fields:?}"
                        );
                    }
                    Standing::New(_) | Standing::Unusable(_) => {
                        assert!(path.starts_with("/name"), "{server} {path}");
                    }
                    Standing::Pinned(_) => panic!("{server} {path}: not seen in {text}"),
                }
            }
        }
    }
    assert!(tried > 10_000, "only {tried} changes were tried");
}

/// Writes JSON with members in another order, other white space and other
/// number spellings: `choices` decides.
fn respell(value: &Value, choices: &mut impl FnMut(usize) -> usize, out: &mut String) {
    let mut space = |out: &mut String| out.push_str(["", " ", "\n", "\t ", "\r\n"][choices(5)]);
    space(out);
    match value {
        Value::Null | Value::Bool(_) => out.push_str(&value.to_string()),
        Value::String(s) => {
            out.push('"');
            for c in s.chars() {
                if choices(4) == 0 || c < ' ' || c == '"' || c == '\\' {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        out.extend([format!("\\u{unit:04X}")]);
                    }
                } else {
                    out.push(c);
                }
            }
            out.push('"');
        }
        Value::Number(n) => match (n.as_i64(), choices(4)) {
            (Some(i), 0) => out.extend([format!("{i}.0")]),
            (Some(i), 1) => out.extend([format!("{i}e0")]),
            (Some(i), 2) if i != 0 => out.extend([format!("{i}00E-2")]),
            _ => out.push_str(&n.to_string()),
        },
        Value::Array(items) => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                respell(item, choices, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            out.push('{');
            let count = members.len();
            for at in 0..count {
                let (key, member) = members.swap_remove(choices(members.len()));
                out.push_str(if at > 0 { "," } else { "" });
                respell(&Value::String(key.clone()), choices, out);
                out.push(':');
                respell(member, choices, out);
            }
            out.push('}');
        }
    }
    out.push_str(["", " ", "\n"][choices(3)]);
}

#[test]
fn another_spelling_of_a_real_definition_never_alarms() {
    // A fixed sequence: the same spellings in every run.
    let mut state = 1u64;
    let mut choices = |most: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(state >> 33).expect("31 bits") % most.max(1)
    };
    for (server, tools) in real_servers() {
        for tool in tools {
            let pins = pins_of(&[document(&tool.to_string())]);
            for _ in 0..10 {
                let mut text = String::new();
                respell(&tool, &mut choices, &mut text);
                let standing = pins.standing(document(&text).root());
                assert_eq!(
                    standing,
                    Standing::Pinned(Review::Approved),
                    "{server}: {text}"
                );
            }
        }
    }
}

#[test]
fn real_servers_survive_the_lockfile() {
    let mut lockfile = Lockfile::default();
    for (server, tools) in real_servers() {
        let texts: Vec<String> = tools.iter().map(Value::to_string).collect();
        let name = ServerName::new(server).expect("a server name");
        lockfile.servers.insert(name, pins_of(&documents(&texts)));
    }
    let text = lockfile.to_string();
    let read = Lockfile::parse(&text).expect("what was written is read");
    assert_eq!(read, lockfile);
    assert_eq!(read.to_string(), text);
    for (server, tools) in real_servers() {
        let pins = &read.servers[&ServerName::new(server).expect("a name")];
        let texts: Vec<String> = tools.iter().map(Value::to_string).collect();
        let documents = documents(&texts);
        assert!(plan(pins, &roots(&documents)).is_empty());
        for definition in &documents {
            let name = definition.root().get("name").expect("a name");
            let pin = &pins.tools[&*name.as_str().expect("a string")];
            let kept = document(&pin.definition);
            assert_eq!(whole_digest(kept.root()), whole_digest(definition.root()));
            assert_eq!(field_digests(kept.root()), field_digests(definition.root()));
        }
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "['\"\\\\\n\r\t a-z]{0,12}",
        "[\u{0}-\u{9f}\u{200b}\u{202e}\u{e0041}\u{fe0f}é😀]{0,8}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("finite", |f| f.is_finite())
            .prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map("[0-9a-z'\"é\u{200b}😀-]{0,4}", inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn definition() -> impl Strategy<Value = Value> {
    let members = prop::collection::btree_map("[a-z'\u{200b} ]{1,4}", value(), 0..4);
    ("[a-z'\" \u{200b}é.]{1,6}", text(), value(), members).prop_map(
        |(name, description, schema, members)| {
            let mut map: serde_json::Map<_, _> = members.into_iter().collect();
            map.insert("name".to_owned(), name.into());
            map.insert("description".to_owned(), description.into());
            map.insert("inputSchema".to_owned(), schema);
            Value::Object(map)
        },
    )
}

fn launch() -> impl Strategy<Value = Launch> {
    let package =
        (any::<bool>(), text(), prop::option::of(text())).prop_map(|(npm, name, version)| {
            Package {
                registry: if npm { Registry::Npm } else { Registry::PyPi },
                name,
                version,
            }
        });
    (
        any::<bool>(),
        prop::collection::vec(text(), 0..4),
        prop::option::of(text()),
        prop::option::of(any::<[u8; 32]>().prop_map(Digest)),
        prop::option::of(package),
    )
        .prop_map(
            |(stdio, command, executable, executable_digest, package)| Launch {
                transport: if stdio {
                    Transport::Stdio
                } else {
                    Transport::Http
                },
                command,
                url: executable.clone(),
                executable,
                executable_digest,
                package,
            },
        )
}

fn identity() -> impl Strategy<Value = Identity> {
    let text = || prop::option::of(text());
    (text(), text(), text(), text(), text()).prop_map(
        |(name, title, version, protocol, instructions)| Identity {
            name,
            title,
            version,
            protocol,
            instructions,
        },
    )
}

fn server() -> impl Strategy<Value = ServerPins> {
    (
        prop::option::of(launch()),
        prop::option::of(identity()),
        prop::collection::vec(
            (definition(), any::<bool>(), prop::option::of(text())),
            0..4,
        ),
        prop::collection::vec(definition(), 0..3),
    )
        .prop_map(|(launch, identity, tools, removed)| {
            let mut pins = ServerPins {
                launch,
                identity,
                ..ServerPins::default()
            };
            let approval = |by| Approval {
                by,
                at: "2026-11-24T09:30:00.5+01:00".parse().ok(),
                lockgate: Some("0.1.0".to_owned()),
            };
            for definition in removed {
                let document = document(&definition.to_string());
                let name = pins
                    .approve(document.root(), approval(None))
                    .expect("named");
                pins.bury(&name, approval(None).at);
            }
            for (definition, approved, by) in tools {
                let document = document(&definition.to_string());
                if approved {
                    pins.approve(document.root(), approval(by)).expect("named");
                } else {
                    // Refused where the inspection has findings.
                    let _pinned = pins.first_use(document.root(), approval(by));
                }
            }
            pins
        })
}

proptest! {
    #[test]
    fn a_lockfile_is_read_as_it_was_written(
        servers in prop::collection::btree_map("[a-z0-9][a-z0-9._-]{0,6}", server(), 0..3)
    ) {
        let servers = servers
            .into_iter()
            .map(|(name, pins)| (ServerName::new(name).expect("a server name"), pins))
            .collect();
        let lockfile = Lockfile { servers };
        let text = lockfile.to_string();
        let read = Lockfile::parse(&text);
        prop_assert_eq!(read.as_ref(), Ok(&lockfile), "{}", text);
        prop_assert_eq!(lockfile.to_string(), text);
        let odd = lockfile.to_string().chars().find(|c| *c != '\n' && c.is_control());
        prop_assert_eq!(odd, None);
    }

    #[test]
    fn one_change_anywhere_drifts(definition in definition(), at in any::<prop::sample::Index>()) {
        let original = document(&definition.to_string());
        let all = mutations(&definition);
        let (path, changed) = &all[at.index(all.len())];
        let changed = document(&changed.to_string());
        prop_assert_ne!(whole_digest(original.root()), whole_digest(changed.root()), "{}", path);
        prop_assert_ne!(field_digests(original.root()), field_digests(changed.root()), "{}", path);
    }

    #[test]
    fn another_spelling_never_alarms(
        definition in definition(),
        seed in prop::collection::vec(any::<prop::sample::Index>(), 64),
    ) {
        let mut at = 0;
        let mut choices = |most: usize| {
            at += 1;
            seed[at % seed.len()].index(most.max(1))
        };
        let mut text = String::new();
        respell(&definition, &mut choices, &mut text);
        let (one, other) = (document(&definition.to_string()), document(&text));
        prop_assert_eq!(whole_digest(one.root()), whole_digest(other.root()), "{}", text);
        prop_assert_eq!(field_digests(one.root()), field_digests(other.root()));
    }
}
