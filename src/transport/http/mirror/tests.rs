use super::*;
use crate::engine::message::Limits;
use crate::transport::http::headers::decode;
use proptest::prelude::*;
use serde_json::{Value, json};

fn document(value: &Value) -> Document {
    Document::read(value.to_string().into_bytes(), &Limits::DEFAULT).unwrap()
}

fn learnt(schema: &Value) -> Mirror {
    let tools = json!([{ "name": "t", "inputSchema": schema }]);
    let mut mirror = Mirror::default();
    mirror.learn(&document(
        &json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": tools } }),
    ));
    mirror
}

fn headers(mirror: &Mirror, method: &str, params: &Value) -> Vec<String> {
    let document = document(params);
    let headers = mirror.headers("2026-07-28", method, Some(document.root()));
    let headers = headers.unwrap().into_iter();
    headers
        .skip(2)
        .map(|(name, value)| format!("{name}: {value}"))
        .collect()
}

#[test]
fn names_stand_in_headers_where_the_specification_says_so() {
    let mirror = Mirror::default();
    for (method, params, expected) in [
        (
            "tools/call",
            json!({ "name": "get_weather" }),
            vec!["Mcp-Name: get_weather"],
        ),
        (
            "prompts/get",
            json!({ "name": "p\u{e4}" }),
            vec!["Mcp-Name: =?base64?cMOk?="],
        ),
        (
            "resources/read",
            json!({ "uri": "file:///a b", "name": "x" }),
            vec!["Mcp-Name: file:///a b"],
        ),
        ("tools/list", json!({ "name": "x" }), vec![]),
        ("tools/call", json!({}), vec![]),
        (
            "tools/call",
            json!({ "name": "a\r\nX: y" }),
            vec!["Mcp-Name: =?base64?YQ0KWDogeQ==?="],
        ),
    ] {
        assert_eq!(
            headers(&mirror, method, &params),
            expected,
            "{method} {params}"
        );
    }
    let all = mirror.headers("2026-07-28", "ping", None).unwrap();
    let all: Vec<_> = all.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert_eq!(
        all,
        [
            ("MCP-Protocol-Version", "2026-07-28"),
            ("Mcp-Method", "ping")
        ]
    );
    for (version, method) in [
        ("2026\r\nX: y", "ping"),
        ("2026-07-28", "a\nb"),
        ("", "\u{e4}"),
    ] {
        assert!(
            mirror.headers(version, method, None).is_err(),
            "{version:?} {method:?}"
        );
    }
}

#[test]
fn arguments_stand_in_headers_where_the_definition_says_so() {
    let mirror = learnt(&json!({ "type": "object", "properties": {
        "region": { "type": "string", "x-mcp-header": "Region" },
        "count": { "type": "integer", "x-mcp-header": "Count" },
        "deep": { "type": "object", "properties": {
            "flag": { "type": "boolean", "x-mcp-header": "Flag" } } },
        "query": { "type": "string" },
    } }));
    let call = |arguments: Value| {
        let mut told = headers(
            &mirror,
            "tools/call",
            &json!({ "name": "t", "arguments": arguments }),
        );
        told.remove(0);
        told.sort();
        told
    };
    assert_eq!(
        call(
            json!({ "region": "us-west1", "query": "SELECT 1", "count": 42, "deep": { "flag": true } })
        ),
        [
            "Mcp-Param-Count: 42",
            "Mcp-Param-Flag: true",
            "Mcp-Param-Region: us-west1"
        ]
    );
    assert_eq!(
        call(json!({ "region": null, "count": -7.0 })),
        ["Mcp-Param-Count: -7"]
    );
    assert_eq!(
        call(json!({ "region": "a\nb", "count": 1.5, "deep": 4 })),
        ["Mcp-Param-Region: =?base64?YQpi?="]
    );
    assert_eq!(
        call(json!({ "count": 1e3, "region": ["x"] })),
        ["Mcp-Param-Count: 1000"]
    );
    assert!(
        headers(
            &mirror,
            "tools/call",
            &json!({ "name": "other", "arguments": { "region": "x" } })
        )
        .len()
            == 1
    );
}

#[test]
fn a_tool_with_invalid_annotations_is_not_called_until_they_are_mended() {
    let one = |annotation: Value| json!({ "properties": { "a": annotation } });
    let params = json!({ "name": "t", "arguments": { "a": "x", "b": "y" } });
    let mut mirror = learnt(&one(json!({ "type": "string", "x-mcp-header": "A" })));
    assert_eq!(headers(&mirror, "tools/call", &params).len(), 2);
    let listed =
        |schema: Value| json!({ "result": { "tools": [{ "name": "t", "inputSchema": schema }] } });
    let bad = one(json!({ "type": "number", "x-mcp-header": "A" }));
    mirror.learn(&document(&listed(bad)));
    let call = document(&params);
    let told = mirror.headers("2026-07-28", "tools/call", Some(call.root()));
    assert_eq!(told, Err(Unfit::Annotations));
    assert_eq!(headers(&mirror, "prompts/get", &params).len(), 1);
    mirror.learn(&document(&listed(json!({}))));
    assert_eq!(headers(&mirror, "tools/call", &params).len(), 1);
}

#[test]
fn the_era_is_told_by_the_version_in_meta() {
    for (params, version) in [
        (
            json!({ "_meta": { VERSION: "2026-07-28" } }),
            Some("2026-07-28"),
        ),
        (json!({ "_meta": { VERSION: 4 } }), Some("")),
        (json!({ "_meta": { "progressToken": 1 } }), None),
        (json!({ "protocolVersion": "2026-07-28" }), None),
    ] {
        let document = document(&params);
        assert_eq!(
            modern_version(Some(document.root())).as_deref(),
            version,
            "{params}"
        );
    }
    assert_eq!(modern_version(None), None);
}

proptest! {
    /// Header and body say the same, whatever they say.
    #[test]
    fn headers_agree_with_the_body(name in any::<String>(), region in any::<String>(), count in any::<i32>()) {
        let mut mirror = learnt(&json!({ "properties": {
            "region": { "type": "string", "x-mcp-header": "Region" },
            "count": { "type": "integer", "x-mcp-header": "Count" },
        } }));
        let wanted = mirror.tools.remove("t").unwrap();
        mirror.tools.insert(name.clone(), wanted);
        let body = document(&json!({ "name": name, "arguments": { "region": region, "count": count } }));
        let told: BTreeMap<_, _> = mirror
            .headers("2026-07-28", "tools/call", Some(body.root()))
            .unwrap()
            .into_iter()
            .collect();
        for (header, value) in [("Mcp-Name", name), ("Mcp-Param-Region", region), ("Mcp-Param-Count", count.to_string())] {
            let decoded = decode(&told[header]).map(Cow::into_owned);
            prop_assert_eq!(decoded, Some(value), "{}", header);
        }
    }
}
