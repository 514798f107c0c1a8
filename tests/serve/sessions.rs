//! Sessions of somebody else.

use crate::gate::{Gate, call, legacy, request, said, until};
use crate::raw::Ask;
use serde_json::json;

const MARK: &str = "must-not-arrive";

fn get(session: &str) -> Ask {
    Ask::new("GET", "/mcp").with("mcp-session-id", session)
}

/// All that can be done with the name of a session.
fn uses(session: &str) -> Vec<Ask> {
    let note = json!({ "jsonrpc": "2.0", "method": "notifications/roots/list_changed" });
    let answer = json!({ "jsonrpc": "2.0", "id": 1, "result": { "roots": [] } });
    let hello = request(5, "initialize", &json!({ "protocolVersion": "2025-11-25" }));
    vec![
        call(session, 7, "echo", &json!({ "text": MARK })),
        legacy(&note).with("mcp-session-id", session),
        legacy(&answer).with("mcp-session-id", session),
        legacy(&hello).with("mcp-session-id", session),
        get(session),
        get(session).with("last-event-id", "1-0"),
        Ask::new("DELETE", "/mcp").with("mcp-session-id", session),
    ]
}

#[test]
fn a_session_of_somebody_else_does_not_exist() {
    let (gate, a, b) = Gate::agents("legacy");
    let session = gate.session(&a);
    let before = gate.received().len();
    let guess = "0".repeat(session.len());
    let guesses = [
        guess.as_str(),
        session.strip_prefix(|_| true).unwrap(),
        &session.to_uppercase(),
        "..",
        "%00",
    ];
    for (n, ask) in uses(&session).into_iter().enumerate() {
        let foreign = ask.key(&b).at(gate.port);
        let unknown = uses(&guess)[n].clone().key(&b).at(gate.port);
        assert_eq!(
            (foreign.status, foreign.reason()),
            (404, "unknown-session".into())
        );
        assert_eq!(foreign.body, unknown.body, "nobody learns that it exists");
        assert_eq!(foreign.status, unknown.status);
    }
    for guess in guesses {
        if guess == session {
            continue;
        }
        for ask in uses(guess) {
            assert_eq!(ask.key(&a).at(gate.port).status, 404, "{guess}");
        }
    }
    // Nor with two names, one of them good.
    let two = call(&session, 8, "echo", &json!({ "text": MARK })).with("mcp-session-id", &guess);
    assert_eq!(two.key(&a).at(gate.port).status, 400);
    assert_eq!(
        gate.received().len(),
        before,
        "the server has received none of it"
    );
    let reply = call(&session, 9, "echo", &json!({ "text": "mine" }))
        .key(&a)
        .at(gate.port);
    assert_eq!(said(&reply), "mine", "and its owner has it still");
    let records = gate.records();
    assert!(records.iter().all(|r| r["agent"] == "a"), "{records:?}");
    let said = gate.process.stderr();
    assert!(!said.contains(&session), "the name is a secret: {said}");
}

#[test]
fn a_deleted_session_is_gone_and_its_server_too() {
    let (gate, a, _) = Gate::agents("legacy");
    let session = gate.session(&a);
    let server = gate.received()[0].0;
    let delete = Ask::new("DELETE", "/mcp")
        .with("mcp-session-id", &session)
        .key(&a);
    assert_eq!(delete.at(gate.port).status, 204);
    for ask in uses(&session) {
        assert_eq!(ask.key(&a).at(gate.port).status, 404);
    }
    let process = format!("/proc/{server}");
    until("the end of the server", || {
        (!std::path::Path::new(&process).exists()).then_some(())
    });
}

#[test]
fn a_stream_of_its_own_is_one_and_is_resumed_without_other_streams() {
    let gate = Gate::open("legacy");
    let session = gate.session("");
    let (mut stream, _) = get(&session).stream(gate.port);
    let second = get(&session).at(gate.port);
    assert_eq!(
        (second.status, second.reason()),
        (409, "stream-exists".into())
    );
    let ask = |id: u64| {
        let reply = call(&session, id, "echo", &json!({ "text": "and then" })).at(gate.port);
        assert_eq!(said(&reply), "and then");
    };
    ask(2);
    let (first, told) = stream.event().unwrap();
    assert!(told.contains("list_changed"), "{told}");
    drop(stream);
    // Until the listener has seen that it is cut, it is there: it resumes all the same.
    ask(3);
    let resume = |at: &str| get(&session).with("last-event-id", at);
    let (mut stream, _) = resume(&first).stream(gate.port);
    let (next, told) = stream.event().unwrap();
    assert!(
        told.contains("list_changed") && next != first,
        "{next} {told}"
    );
    let progress =
        json!({ "name": "wait", "arguments": { "name": "go" }, "_meta": { "progressToken": 5 } });
    let waiting = legacy(&request("w", "tools/call", &progress)).with("mcp-session-id", &session);
    let (mut answers, _) = waiting.stream(gate.port);
    let (primed, nothing) = answers.event().unwrap();
    assert_eq!(nothing, "");
    let (at, told) = answers.event().unwrap();
    assert!(told.contains("notifications/progress"), "{told}");
    drop(answers);
    gate.release("go");
    let (mut answers, _) = resume(&at).stream(gate.port);
    let (_, told) = answers.event().unwrap();
    assert!(
        told.contains(r#""id":"w""#) || told.contains(r#""id": "w""#),
        "{told}"
    );
    assert!(answers.event().is_none(), "the answer is the end");
    for odd in [
        "999-0",
        "x",
        "-1",
        "1",
        "18446744073709551616-0",
        &format!("{primed}x"),
    ] {
        let reply = resume(odd).at(gate.port);
        assert_eq!(
            (reply.status, reply.reason()),
            (404, "unknown-event".into()),
            "{odd}"
        );
    }
    assert_eq!(gate.count("tools/call"), 3, "nothing was called twice");
}
