//! Tokens of an issuer on a live listener.

use crate::gate::{Gate, hello, modern, modern_call, said, until};
use crate::issuer::Issuer;
use crate::raw::Ask;
use crate::sign::{Key, hmac_token, signed};
use crate::support::home::Home;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) const OURS: &str = "https://gate.example";

fn gate(issuer: &Issuer) -> Gate {
    let policy = format!(
        "[serve]\nurl = \"{OURS}\"\n[agent.a]\njwt = {{ issuer = \"{}\" }}\n\
         [[rule]]\nid = \"some\"\neffect = \"permit\"\ntools = [\"echo\"]\n\
         [[rule]]\nid = \"more\"\neffect = \"permit\"\ntools = [\"secret\"]\nscopes = [\"files:write\"]\n",
        issuer.url
    );
    Gate::with(Home::new(), "modern", &policy)
}

/// Good claims, with these instead.
pub(crate) fn claims(issuer: &Issuer, changed: &Value) -> Value {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let mut claims = json!({
        "iss": issuer.url, "aud": OURS, "sub": "alice", "client_id": "c",
        "iat": now, "exp": now + 600, "scope": "files:read",
    });
    for (name, value) in changed.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
}

#[test]
fn forged_and_foreign_tokens_are_refused() {
    let (key, other) = (Key::rsa(), Key::p256());
    let issuer = Issuer::with(&[("k", &key)]);
    let gate = gate(&issuer);
    let good = claims(&issuer, &json!({}));
    let header = json!({ "alg": "RS256", "kid": "k" });
    let with = |changed: Value| key.token(&header, &claims(&issuer, &changed));
    let public = key.jwk("k").to_string();
    let none = format!("{}.", signed(r#"{"alg":"none"}"#, &good.to_string()));
    let es = json!({ "alg": "ES256", "kid": "k" });
    let hs = json!({ "alg": "HS256", "kid": "k" });
    let mut embedded = json!({ "alg": "ES256", "kid": "k" });
    embedded["jwk"] = other.jwk("k");
    for (token, code) in [
        (none, &["malformed-token", "algorithm"][..]),
        (hmac_token(&hs, &good, public.as_bytes()), &["algorithm"]),
        (
            other.token(&es, &good),
            &["bad-signature", "unknown-signer"],
        ),
        (
            other.token(&embedded, &good),
            &["bad-signature", "unknown-signer"],
        ),
        (
            key.token(&json!({ "alg": "RS256", "kid": "x" }), &good),
            &["unknown-signer"],
        ),
        (
            with(json!({ "aud": "https://other.example" })),
            &["wrong-audience"],
        ),
        (with(json!({ "aud": [] })), &["wrong-audience"]),
        (with(json!({ "exp": 1_700_000_000 })), &["expired"]),
        (
            with(json!({ "nbf": 33_000_000_000_u64 })),
            &["not-yet-valid"],
        ),
        (
            with(json!({ "iss": "https://evil.example" })),
            &["unknown-issuer"],
        ),
        (
            format!("{}A", with(json!({}))),
            &["bad-signature", "malformed-token"],
        ),
        ("a".repeat(20_000), &["token-too-large", "malformed-token"]),
    ] {
        let reply = hello().key(&token).at(gate.port);
        assert_eq!(reply.status, 401, "{reply:?}");
        assert!(
            code.contains(&reply.reason().as_str()),
            "{reply:?} {code:?}"
        );
        let challenge = reply.header("www-authenticate").unwrap();
        assert!(challenge.contains("invalid_token"), "{challenge}");
        assert!(!reply.text().contains(&token));
    }
    assert_eq!(gate.received(), []);
    let token = with(json!({}));
    gate.list(&token);
    assert!(!gate.process.stderr().contains(&token));
}

#[test]
fn who_has_no_token_is_told_where_to_get_one_and_who_has_too_little_what_for() {
    let key = Key::p256();
    let issuer = Issuer::with(&[("k", &key)]);
    let gate = gate(&issuer);
    let reply = hello().at(gate.port);
    let at = "/.well-known/oauth-protected-resource";
    let challenge = format!("Bearer resource_metadata=\"{OURS}{at}\"");
    assert_eq!(
        (reply.status, reply.header("www-authenticate")),
        (401, Some(challenge.as_str()))
    );
    for path in [
        at.to_owned(),
        format!("{at}/mcp"),
        format!("{at}/mcp/stage"),
    ] {
        let reply = Ask::new("GET", &path).at(gate.port);
        let told = reply.json();
        assert_eq!(
            told["authorization_servers"],
            json!([issuer.url]),
            "{path}: {reply:?}"
        );
        assert!(
            told["resource"].as_str().unwrap().starts_with(OURS),
            "{told}"
        );
    }
    let header = json!({ "alg": "ES256", "kid": "k" });
    let token = |scope: &str| key.token(&header, &claims(&issuer, &json!({ "scope": scope })));
    let (little, enough) = (token("files:read"), token("files:read files:write"));
    gate.list(&little);
    let ask = |token: &str| {
        let ask = modern_call(2, "secret", &json!({ "text": "deep" }));
        ask.key(token).at(gate.port)
    };
    let reply = ask(&little);
    assert_eq!(
        (reply.status, reply.reason()),
        (403, "insufficient-scope".into())
    );
    let challenge = reply.header("www-authenticate").unwrap();
    for part in [
        "error=\"insufficient_scope\"",
        "scope=\"files:write\"",
        "resource_metadata=",
    ] {
        assert!(challenge.contains(part), "{challenge}");
    }
    assert_eq!(gate.count("tools/call"), 0);
    assert_eq!(
        said(&ask(&enough)),
        "deep",
        "the same user with a better token"
    );
    assert_eq!(ask(&little).status, 403, "which the other does not borrow");
    let records = gate.records();
    let asked = records.iter().filter(|r| r["tool"] == "secret");
    assert!(
        asked.clone().count() >= 3 && asked.clone().all(|r| r["user"] == "alice"),
        "{records:?}"
    );
}

#[test]
fn keys_rotate_and_too_many_are_none() {
    let (old, new) = (Key::p256(), Key::p256());
    let issuer = Issuer::with(&[("old", &old)]);
    let gate = gate(&issuer);
    let token = |key: &Key, id: &str| {
        key.token(
            &json!({ "alg": "ES256", "kid": id }),
            &claims(&issuer, &json!({})),
        )
    };
    gate.list(&token(&old, "old"));
    issuer.publish(&[("new", &new)]);
    let list = |token: &str| {
        modern(1, "tools/list", &json!({}))
            .key(token)
            .at(gate.port)
            .status
    };
    let new = token(&new, "new");
    until("the new key", || (list(&new) == 200).then_some(()));
    assert_eq!(list(&token(&old, "old")), 401, "the old one is gone");
    let crowded = Issuer::with(&[]);
    let many: Vec<_> = (0..200).map(|n| old.jwk(&n.to_string())).collect();
    let padded = json!({ "keys": [old.jwk("old")], "x": "x".repeat(600_000) });
    for page in [json!({ "keys": many }), padded] {
        crowded.page("/keys", "200 OK", &page.to_string());
        let gate = self::gate(&crowded);
        let header = json!({ "alg": "ES256", "kid": "old" });
        let token = old.token(&header, &claims(&crowded, &json!({})));
        let reply = hello().key(&token).at(gate.port);
        assert_eq!(
            (reply.status, reply.reason()),
            (503, "issuer-unreachable".into())
        );
    }
}
