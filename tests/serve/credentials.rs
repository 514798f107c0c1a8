//! API keys, and what each agent may.

use crate::gate::{Gate, call, hello, modern, modern_call, said};
use crate::support::home::Home;
use lockgate::identity::NewKey;
use serde_json::json;

const MARK: &str = "must-not-arrive";

#[test]
fn only_a_key_of_the_policy_opens() {
    let (gate, a, b) = Gate::agents("legacy");
    let stranger = NewKey::make().unwrap();
    let (id, secret) = (a.rsplit_once('_').unwrap().0, b.rsplit_once('_').unwrap().1);
    let mixed = format!("{id}_{secret}");
    let bearer = |token: &str| format!("Bearer {token}");
    for (authorization, status) in [
        (vec![], 401),
        (vec![bearer(stranger.reveal())], 401),
        (vec![bearer(&mixed)], 401),
        (vec![bearer(a.strip_suffix(|_| true).unwrap())], 401),
        (vec![bearer(&format!("{a}A"))], 401),
        (vec![bearer(&a), bearer(&a)], 400),
        (vec![bearer(&a), bearer(stranger.reveal())], 400),
        (vec![format!("Basic {a}")], 401),
        (vec![a.clone()], 401),
        (vec![format!("Bearer  {a}")], 400),
        (vec![format!("Bearer {a},{b}")], 400),
        (vec!["Bearer".to_owned()], 400),
    ] {
        let mut ask = hello();
        for value in &authorization {
            ask = ask.with("authorization", value);
        }
        let reply = ask.at(gate.port);
        assert_eq!(reply.status, status, "{authorization:?}: {reply:?}");
        let challenge = reply.header("www-authenticate").unwrap_or_default();
        assert!(challenge.starts_with("Bearer"), "{reply:?}");
        assert!(!reply.text().contains(secret), "{reply:?}");
    }
    // Nor from anywhere else.
    for ask in [
        hello().with("cookie", format!("authorization=Bearer {a}")),
        hello().with("x-api-key", &a),
        hello().with("proxy-authorization", bearer(&a)),
    ] {
        assert_eq!(ask.at(gate.port).status, 401);
    }
    assert_eq!(gate.received(), []);
    let told = gate.process.stderr();
    for key in [&a, &b, &stranger.reveal().to_owned()] {
        assert!(!told.contains(key.rsplit_once('_').unwrap().1), "{told}");
    }
    gate.session(&a);
    gate.assert_well();
}

#[test]
fn two_agents_see_and_may_different_things() {
    let (a, b) = (NewKey::make().unwrap(), NewKey::make().unwrap());
    let policy = format!(
        "[agent.a]\nkey = \"{}\"\n[agent.b]\nkey = \"{}\"\n\
         [[rule]]\nid = \"all\"\neffect = \"permit\"\nagents = [\"a\"]\ntools = [\"*\"]\n\
         [[rule]]\nid = \"some\"\neffect = \"permit\"\nagents = [\"b\"]\ntools = [\"echo\"]\n",
        a.hash(),
        b.hash()
    );
    for era in ["legacy", "modern"] {
        let gate = Gate::with(Home::new(), era, &policy);
        let tools = |key: &NewKey| {
            let list = gate.list(key.reveal()).json();
            let tools = list["result"]["tools"].as_array().unwrap().iter();
            tools
                .map(|t| t["name"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert!(tools(&a).contains(&"secret".to_owned()));
        assert_eq!(tools(&b), ["echo"]);
        let ask = |key: &NewKey, tool: &str, text: &str| {
            let ask = modern_call(3, tool, &json!({ "text": text }));
            ask.key(key.reveal()).at(gate.port)
        };
        assert_eq!(said(&ask(&a, "secret", "for a")), "for a");
        assert_eq!(said(&ask(&b, "echo", "for b")), "for b");
        let refused = ask(&b, "secret", MARK).json();
        assert_eq!(refused["error"]["data"]["by"], "lockgate", "{refused}");
        if era == "legacy" {
            let session = gate.session(b.reveal());
            let ask = call(&session, 4, "secret", &json!({ "text": MARK }));
            let refused = ask.key(b.reveal()).at(gate.port).json();
            assert_eq!(refused["error"]["data"]["by"], "lockgate", "{refused}");
        }
        assert!(!format!("{:?}", gate.received()).contains(MARK));
        let records = gate.records();
        let of = |agent: &str, verdict: &str| {
            let mine = |r: &&serde_json::Value| r["agent"] == agent && r["tool"] == "secret";
            records.iter().filter(mine).any(|r| r["verdict"] == verdict)
        };
        assert!(of("a", "forward") || of("a", "rewrite"), "{records:?}");
        assert!(of("b", "deny") && !of("a", "deny"), "{records:?}");
    }
}

#[test]
fn a_state_is_good_once_for_its_principal_and_its_call() {
    let (gate, a, b) = Gate::agents("modern");
    gate.list(&a);
    gate.list(&b);
    let first = |key: &str| {
        let reply = modern_call(2, "state", &json!({})).key(key).at(gate.port);
        let json = reply.json();
        assert_eq!(json["result"]["resultType"], "input_required", "{reply:?}");
        json["result"]["requestState"].as_str().unwrap().to_owned()
    };
    let again = |key: &str, tool: &str, state: &str| {
        let params = json!({
            "name": tool, "arguments": {}, "requestState": state,
            "inputResponses": { "sure": { "action": "accept", "content": {} } },
        });
        modern(3, "tools/call", &params).key(key).at(gate.port)
    };
    let state = first(&a);
    assert!(state.starts_with("lg1."), "{state}");
    let mut changed = state.clone();
    let last = changed.pop().unwrap();
    changed.push(if last == 'A' { 'B' } else { 'A' });
    for (key, tool, state) in [
        (&b, "state", state.as_str()),
        (&a, "echo", &state),
        (&a, "state", &changed),
        (&a, "state", "the-state"),
        (&a, "state", "lg1.9999999999.AAAA.the-state"),
    ] {
        assert_eq!(
            again(key, tool, state).reason(),
            "request-state",
            "{tool} {state}"
        );
    }
    assert_eq!(
        said(&again(&a, "state", &state)),
        "the-state",
        "the server's own"
    );
    assert_eq!(again(&a, "state", &state).reason(), "request-state", "once");
    let calls = gate.received();
    let resumed = calls
        .iter()
        .filter(|(_, m)| m["params"].get("requestState").is_some());
    assert_eq!(resumed.count(), 1, "{calls:?}");
}

/// Over all sessions of an agent, and nobody else's.
#[test]
fn limits_are_an_agents_own() {
    let (a, b) = (NewKey::make().unwrap(), NewKey::make().unwrap());
    let policy = format!(
        "[agent.a]\nkey = \"{}\"\n[agent.b]\nkey = \"{}\"\n\
         [[rule]]\nid = \"some\"\neffect = \"permit\"\ntools = [\"echo\"]\n\
         limit = {{ calls = 3, per = \"1h\" }}\n",
        a.hash(),
        b.hash()
    );
    let gate = Gate::with(Home::new(), "legacy", &policy);
    let (one, two) = (gate.session(a.reveal()), gate.session(a.reveal()));
    let ask = |session: &str, key: &NewKey, id: u32| {
        let ask = call(session, id, "echo", &json!({ "text": "x" }));
        ask.key(key.reveal()).at(gate.port)
    };
    for (session, id) in [(&one, 11), (&two, 12), (&one, 13)] {
        assert_eq!(said(&ask(session, &a, id)), "x");
    }
    for (session, id) in [(&one, 14), (&two, 15)] {
        let refused = ask(session, &a, id).json();
        assert_eq!(refused["error"]["data"]["reason"], "limit", "{refused}");
    }
    let third = gate.session(a.reveal());
    let refused = ask(&third, &a, 16).json();
    assert_eq!(refused["error"]["data"]["reason"], "limit", "{refused}");
    let other = gate.session(b.reveal());
    assert_eq!(said(&ask(&other, &b, 11)), "x");
    gate.assert_well();
}
