//! Requests that two parties could take for different ones.

use crate::gate::Gate;
use crate::raw::Wire;

const MARK: &str = "/metrics";

/// What comes back for these bytes: the status of each response.
fn statuses(gate: &Gate, bytes: &[u8]) -> Vec<u16> {
    let mut wire = Wire::to(gate.port);
    wire.send(bytes);
    let mut all = Vec::new();
    while let Some(reply) = wire.reply() {
        assert!(
            !reply.text().contains("lockgate_sessions"),
            "a second request came through"
        );
        let refused = reply.status >= 400;
        all.push(reply.status);
        if refused && reply.header("connection") == Some("close") {
            break;
        }
    }
    all
}

#[test]
fn requests_with_two_meanings_have_none() {
    let gate = Gate::open("legacy");
    let head = "POST /mcp HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\naccept: */*\r\nconnection: close\r\n";
    let hidden = format!("GET {MARK} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n");
    let size = hidden.len();
    for shape in [
        format!("content-length: {size}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n{hidden}"),
        format!("content-length: 0\r\ncontent-length: {size}\r\n\r\n{hidden}"),
        format!("content-length: +{size}\r\n\r\n{hidden}"),
        format!("content-length: 0x5\r\n\r\n{hidden}"),
        format!("content-length: 5, 5\r\n\r\n12345{hidden}"),
        format!("content-length: -1\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding: xchunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding : chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked\r\n\r\nzz\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked\r\n\r\n-1\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\n{hidden}"),
        format!("transfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n{hidden}"),
        format!("x: a\r\n b\r\ncontent-length: 0\r\n\r\n{hidden}"),
        format!("x: a\0b\r\ncontent-length: 0\r\n\r\n{hidden}"),
        format!("x y: a\r\ncontent-length: 0\r\n\r\n{hidden}"),
    ] {
        let seen = statuses(&gate, format!("{head}{shape}").as_bytes());
        let refused = seen.iter().all(|status| (400..500).contains(status));
        assert!(refused && seen.len() <= 1, "{shape}: {seen:?}");
    }
    assert_eq!(gate.received(), []);
    gate.assert_well();
}

#[test]
fn heads_are_bounded() {
    let gate = Gate::open("legacy");
    let get = |headers: &str| {
        let text = format!(
            "GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n{headers}\r\n"
        );
        statuses(&gate, text.as_bytes())
    };
    assert_eq!(get(&format!("x: {}\r\n", "a".repeat(8000))), [200]);
    assert!(
        get(&format!("x: {}\r\n", "a".repeat(200_000)))
            .iter()
            .all(|s| *s == 431)
    );
    assert!(get(&"x: a\r\n".repeat(1000)).iter().all(|s| *s == 431));
    assert!(get(&"a: b\r\n".repeat(2_000_000)).iter().all(|s| *s == 431));
    let target = format!(
        "GET /{} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n",
        "a".repeat(100_000)
    );
    assert!(
        statuses(&gate, target.as_bytes())
            .iter()
            .all(|s| (400..500).contains(s))
    );
    for odd in [
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\x16\x03\x01\x02\x00",
        "GET\r\n\r\n",
        "GET /healthz HTTP/9.9\r\n\r\n",
    ] {
        assert!(
            statuses(&gate, odd.as_bytes()).iter().all(|s| *s >= 400),
            "{odd}"
        );
    }
    let connect =
        "CONNECT 169.254.169.254:80 HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n";
    assert!(
        statuses(&gate, connect.as_bytes())
            .iter()
            .all(|s| *s >= 400)
    );
    gate.assert_well();
}

#[test]
fn paths_are_what_they_are() {
    let gate = Gate::open("legacy");
    for path in [
        "/mcp/",
        "/mcp/../mcp",
        "/mcp/%73tage",
        "/mcp/stage/",
        "/mcp/other",
        "/mcp%2fstage",
        "/MCP",
        "//mcp",
        "/sse",
        "/sse/stage",
        "/",
        "*",
        "/.well-known/oauth-protected-resource",
    ] {
        let reply = crate::raw::Ask::new("GET", path).at(gate.port);
        assert!([400, 403, 404].contains(&reply.status), "{path}: {reply:?}");
    }
    assert_eq!(gate.received(), []);
}
