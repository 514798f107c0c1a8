//! Headers that say one thing and a body that says another.

use crate::gate::{Gate, modern_call, said};
use serde_json::json;

const MARK: &str = "must-not-arrive";

#[test]
fn headers_that_differ_from_the_body_stop_a_message() {
    let gate = Gate::open("modern");
    gate.list("");
    let good =
        || modern_call(2, "where", &json!({ "region": MARK })).with("mcp-param-region", MARK);
    let version = "mcp-protocol-version";
    for (ask, code) in [
        (good().without(version), -32020),
        (good().set(version, "2025-11-25"), -32020),
        (good().set(version, "2030-01-01"), -32020),
        (good().with(version, "2026-07-28"), -32020),
        (good().without("mcp-method"), -32020),
        (good().set("mcp-method", "tools/list"), -32020),
        (good().with("mcp-method", "tools/call"), -32020),
        (good().without("mcp-name"), -32020),
        (good().set("mcp-name", "echo"), -32020),
        (good().set("mcp-name", "=?base64?ZWNobw==?="), -32020),
        (good().with("mcp-name", "where"), -32020),
        (good().without("mcp-param-region"), -32020),
        (good().set("mcp-param-region", "eu"), -32020),
        (good().with("mcp-param-region", MARK), -32020),
    ] {
        let reply = ask.at(gate.port);
        let error = &reply.json()["error"];
        assert_eq!(
            (reply.status, &error["code"]),
            (400, &json!(code)),
            "{ask:?}"
        );
        assert_eq!(reply.reason(), "header-mismatch", "{ask:?}");
    }
    let calls = gate.received();
    assert!(
        calls.iter().all(|(_, m)| !m.to_string().contains(MARK)),
        "{calls:?}"
    );
    assert_eq!(said(&good().at(gate.port)), MARK);
    let encoded = good().set("mcp-name", "=?base64?d2hlcmU=?=").at(gate.port);
    assert_eq!(said(&encoded), MARK);
}

#[test]
fn a_batch_is_no_way_around_it() {
    let gate = Gate::open("modern");
    gate.list("");
    let batch =
        json!([{ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": MARK } }]);
    for ask in [
        crate::raw::Ask::post(&batch),
        crate::gate::legacy(&batch),
        crate::raw::Ask::post(&batch)
            .with("mcp-protocol-version", "2026-07-28")
            .with("mcp-method", "tools/call")
            .with("mcp-name", MARK),
    ] {
        let reply = ask.at(gate.port);
        assert_eq!(reply.status, 400, "{reply:?}");
    }
    assert!(!format!("{:?}", gate.received()).contains(MARK));
}
