use super::*;
use crate::engine::message::{Document, Limits};
use hyper::header::HeaderValue;

const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","arguments":{"region":"us","n":42},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"t","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"n":{"type":"integer","x-mcp-header":"N"},"b":{"type":"boolean","x-mcp-header":"B"}}}}]}}"#;

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn judged(body: &str, pairs: &[(&str, &str)]) -> Result<Era, Wrong> {
    let mut mirror = Mirror::default();
    mirror.learn(&Document::read(LIST.into(), &Limits::DEFAULT).unwrap());
    let document = Document::read(body.into(), &Limits::DEFAULT).unwrap();
    let message = Message::read(document.root()).unwrap();
    let headers = headers(pairs);
    let era = era(&headers, Some(&message))?;
    if era == Era::Modern {
        verify(&headers, &message, &mirror)?;
    }
    Ok(era)
}

const GOOD: [(&str, &str); 5] = [
    ("mcp-protocol-version", "2026-07-28"),
    ("mcp-method", "tools/call"),
    ("mcp-name", "t"),
    ("mcp-param-region", "us"),
    ("mcp-param-n", "42"),
];

/// The good headers, with one changed, left out (`None`) or added.
fn with(name: &'static str, value: Option<&'static str>) -> Vec<(&'static str, &'static str)> {
    let mut pairs: Vec<_> = GOOD.into_iter().filter(|(n, _)| *n != name).collect();
    pairs.extend(value.map(|v| (name, v)));
    pairs
}

#[test]
fn headers_that_say_what_the_body_says_pass() {
    for pairs in [
        GOOD.to_vec(),
        with("mcp-name", Some("=?base64?dA==?=")),
        with("mcp-param-region", Some("=?base64?dXM=?=")),
        with("mcp-param-n", Some("42.0")),
        with("mcp-param-unknown", Some("x")),
    ] {
        assert_eq!(judged(CALL, &pairs), Ok(Era::Modern), "{pairs:?}");
    }
}

#[test]
fn each_mirrored_header_is_compared_with_the_body() {
    for (name, value) in [
        ("mcp-protocol-version", None),
        ("mcp-protocol-version", Some("2025-11-25")),
        ("mcp-method", None),
        ("mcp-method", Some("tools/list")),
        ("mcp-method", Some("=?base64?dG9vbHMvY2FsbA==?=")),
        ("mcp-name", None),
        ("mcp-name", Some("u")),
        ("mcp-name", Some("T")),
        ("mcp-name", Some("=?base64?dQ==?=")),
        ("mcp-name", Some("=?base64?%?=")),
        ("mcp-param-region", None),
        ("mcp-param-region", Some("eu")),
        ("mcp-param-n", Some("43")),
        ("mcp-param-b", Some("true")),
    ] {
        let pairs = with(name, value);
        let judged = judged(CALL, &pairs);
        assert!(
            matches!(judged, Err(Wrong::Mismatch(_))),
            "{name} {value:?}: {judged:?}"
        );
    }
    let mut twice = GOOD.to_vec();
    twice.push(("mcp-name", "t"));
    assert!(matches!(judged(CALL, &twice), Err(Wrong::Mismatch(_))));
}

#[test]
fn the_era_is_what_header_and_body_say() {
    let body = |meta: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{"_meta":{{{meta}}}}}}}"#
        )
    };
    let says = |v: &str| format!(r#""io.modelcontextprotocol/protocolVersion":"{v}""#);
    let modern = says("2026-07-28");
    let legacy = body("");
    let version = "mcp-protocol-version";
    for (body, pairs, expected) in [
        (legacy.clone(), vec![], "Ok(Legacy)"),
        (legacy.clone(), vec![(version, "2025-11-25")], "Ok(Legacy)"),
        (legacy.clone(), vec![(version, "1999-01-01")], "Err(Version"),
        (legacy, vec![(version, "2026-07-28")], "Err(Params"),
        (body(&modern), vec![], "Err(Mismatch"),
        (
            body(&says("2030-01-01")),
            vec![(version, "2030-01-01")],
            "Err(Version",
        ),
        (
            body(&modern),
            vec![(version, "2026-07-28"), ("mcp-method", "tools/list")],
            "Err(Params",
        ),
        (
            body(&format!(
                r#"{modern},"io.modelcontextprotocol/clientCapabilities":{{}}"#
            )),
            vec![
                (version, "2026-07-28"),
                ("mcp-method", "tools/list"),
                ("mcp-name", "x"),
            ],
            "Err(Mismatch",
        ),
    ] {
        let judged = format!("{:?}", judged(&body, &pairs));
        assert!(judged.starts_with(expected), "{body} {pairs:?}: {judged}");
    }
}
