//! Tokens: each way in which one is not good, and what a good one says.

use super::issuer::Issuer;
use super::sign::{Key, b64, hmac_token, signed};
use super::{NOW, OURS, admit, at, bearer, gate};
use lockgate::engine::principal::Groups;
use lockgate::engine::types::Digest;
use lockgate::identity::{ClientCertificate, Gate};
use regex::{Captures, Regex};
use serde::Deserialize;
use serde_json::{Value, json};

/// Claims of a good token, with some of them changed; `null` takes one away.
fn claims(issuer: &Issuer, changes: &Value) -> Value {
    let mut claims = json!({
        "iss": issuer.url, "aud": OURS, "sub": "alice", "client_id": "editor",
        "iat": NOW - 10, "nbf": NOW - 10, "exp": NOW + 300, "scope": "tools files:read",
    });
    merge(&mut claims, changes);
    claims
}

fn merge(into: &mut Value, changes: &Value) {
    let into = into.as_object_mut().unwrap();
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(into.remove(key)),
            value => drop(into.insert(key.clone(), value.clone())),
        }
    }
}

fn trusting(issuer: &Issuer) -> Gate {
    gate(&format!(
        "[agent.a]\njwt = {{ issuer = \"{}\" }}\n",
        issuer.url
    ))
}

#[tokio::test]
async fn every_algorithm_that_is_taken() {
    let (p256, p384) = (Key::p256(), Key::p384());
    let (ed, rsa) = (Key::ed25519(), Key::rsa());
    let issuer = Issuer::with(&[("1", &p256), ("2", &p384), ("3", &ed), ("4", &rsa)]);
    let gate = trusting(&issuer);
    for (key, id, alg) in [
        (&p256, "1", "ES256"),
        (&p384, "2", "ES384"),
        (&ed, "3", "EdDSA"),
        (&ed, "3", "Ed25519"),
        (&rsa, "4", "RS256"),
        (&rsa, "4", "PS256"),
    ] {
        let header = json!({ "alg": alg, "kid": id, "typ": "at+jwt" });
        let token = key.token(&header, &claims(&issuer, &json!({})));
        let principal = bearer(&gate, &token)
            .await
            .unwrap_or_else(|e| panic!("{alg}: {e}"));
        assert_eq!(principal.user.as_deref(), Some("alice"));
        // One letter of the signature.
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let other = if signature.starts_with('A') { "B" } else { "A" };
        let wrong = format!("{signed}.{other}{}", signature.get(1..).unwrap());
        assert_eq!(bearer(&gate, &wrong).await, Err("bad-signature"), "{alg}");
        // One key under another's name.
        let header = json!({ "alg": alg, "kid": "nobody" });
        let token = key.token(&header, &claims(&issuer, &json!({})));
        assert_eq!(bearer(&gate, &token).await, Err("unknown-signer"), "{alg}");
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    header: String,
    claims: String,
    refused: Option<String>,
}

#[tokio::test]
async fn what_a_token_may_not_say() {
    let key = Key::p256();
    let issuer = Issuer::with(&[("1", &key)]);
    let gate = trusting(&issuer);
    let all: Cases = toml::from_str(include_str!("../cases/identity/tokens.toml")).unwrap();
    let now = Regex::new(r#""now([+-]\d+)""#).unwrap();
    for case in all.cases {
        let changes = case
            .claims
            .replace("$OURS", OURS)
            .replace("$ISSUER", &issuer.url);
        let changes = now.replace_all(&changes, |found: &Captures<'_>| {
            let by: i64 = found[1].parse().unwrap();
            NOW.checked_add_signed(by).unwrap().to_string()
        });
        let mut header = json!({ "alg": "ES256", "kid": "1" });
        merge(&mut header, &serde_json::from_str(&case.header).unwrap());
        let changes = serde_json::from_str(&changes).unwrap();
        let found = bearer(&gate, &key.token(&header, &claims(&issuer, &changes))).await;
        let found = found.err().map(str::to_owned);
        assert_eq!(found, case.refused, "{} {}", case.header, case.claims);
    }
}

#[tokio::test]
async fn a_public_key_is_no_secret() {
    let rsa = Key::rsa();
    let issuer = Issuer::with(&[("1", &rsa)]);
    let gate = trusting(&issuer);
    let claims = claims(&issuer, &json!({}));
    let jwk = rsa.jwk("1");
    for alg in ["HS256", "RS256", "ES256"] {
        let header = json!({ "alg": alg, "kid": "1" });
        let token = hmac_token(&header, &claims, jwk.to_string().as_bytes());
        let found = bearer(&gate, &token).await.map(drop);
        assert!(found.is_err(), "{alg}");
        let token = hmac_token(&header, &claims, jwk["n"].as_str().unwrap().as_bytes());
        assert!(bearer(&gate, &token).await.is_err(), "{alg}");
    }
    // The attacker's own key in the header is not looked at.
    let own = Key::p256();
    let header = json!({ "alg": "ES256", "jwk": own.jwk("1"), "jku": "http://127.0.0.1:1/k" });
    let token = own.token(&header, &claims);
    assert_eq!(bearer(&gate, &token).await, Err("unknown-signer"));
    // The issuer's own secret, published by mistake, is no key of ours.
    let mut set = json!({ "keys": [{ "kty": "oct", "k": b64(b"secret"), "kid": "1" }] });
    set["keys"].as_array_mut().unwrap().push(jwk);
    issuer.page("/keys", "200 OK", &set.to_string());
    let gate = trusting(&issuer);
    let token = hmac_token(&json!({ "alg": "HS256", "kid": "1" }), &claims, b"secret");
    assert_eq!(bearer(&gate, &token).await, Err("algorithm"));
}

#[tokio::test]
async fn what_is_no_token_asks_nobody() {
    let key = Key::p256();
    let issuer = Issuer::with(&[("1", &key)]);
    let gate = trusting(&issuer);
    let head = r#"{"alg":"ES256","kid":"1"}"#;
    let body = claims(&issuer, &json!({})).to_string();
    let twice = body.replacen('{', r#"{"sub":"root","#, 1);
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(40), "]".repeat(40));
    let whole = signed(head, &body);
    for (token, expected) in [
        ("a.b.c".to_owned(), "malformed-token"),
        (whole.clone(), "malformed-token"),
        (format!("{whole}.a.b"), "malformed-token"),
        (
            format!("{}.", signed(r#"{"alg":"none"}"#, &body)),
            "algorithm",
        ),
        (format!("{}.AA", signed(head, &twice)), "malformed-token"),
        (format!("{}.AA", signed(head, &deep)), "malformed-token"),
        (format!("{}.AA", signed("[]", &body)), "malformed-token"),
        (format!("{}.AA", signed(head, "[]")), "malformed-token"),
        (format!("{whole}.AA="), "malformed-token"),
        (
            format!("{}.{}", whole, "A".repeat(16 * 1024)),
            "token-too-large",
        ),
        (
            format!("{}.AA", signed(head, r#"{"iss":"https://x.example"}"#)),
            "unknown-issuer",
        ),
    ] {
        assert_eq!(bearer(&gate, &token).await, Err(expected), "{token}");
    }
    assert_eq!(issuer.asked_at_all(), 0);
}

#[tokio::test]
async fn a_good_token_says_who_acts_for_whom() {
    let key = Key::ed25519();
    let issuer = Issuer::with(&[("1", &key)]);
    let gate = trusting(&issuer);
    let header = json!({ "alg": "EdDSA", "kid": "1" });
    let say = async |changes: Value| {
        let token = key.token(&header, &claims(&issuer, &changes));
        bearer(&gate, &token).await.unwrap()
    };
    let plain = say(json!({})).await;
    assert_eq!(plain.agent.as_str(), "a");
    assert_eq!(
        plain.groups,
        Groups::Unknown,
        "nothing was said about groups"
    );
    let scopes: Vec<_> = plain.scopes.iter().flatten().map(AsRef::as_ref).collect();
    assert_eq!(scopes, ["files:read", "tools"]);
    let grouped =
        say(json!({ "groups": ["dev", "ops"], "scope": null, "scp": ["x", "y z"] })).await;
    assert!(matches!(&grouped.groups, Groups::Known(groups) if groups.len() == 2));
    assert_eq!(grouped.scopes.as_ref().unwrap().len(), 3);
    assert_eq!(say(json!({ "groups": 7 })).await.groups, Groups::Unknown);
    let acted = say(json!({ "act": { "sub": "bot", "act": { "client_id": "hub" } } })).await;
    let actors: Vec<_> = acted.actors.iter().map(AsRef::as_ref).collect();
    assert_eq!(actors, ["bot", "hub"]);
    // A client's own token is nobody's else.
    assert_eq!(say(json!({ "sub": "editor" })).await.user, None);
    // A token of the same user is the same principal, with whatever scopes.
    assert_eq!(plain.key, grouped.key);
    for other in [
        json!({ "sub": "bob" }),
        json!({ "client_id": "shell" }),
        json!({ "act": { "sub": "bot" } }),
    ] {
        assert_ne!(say(other.clone()).await.key, plain.key, "{other}");
    }
}

#[tokio::test]
async fn agents_are_told_apart_by_subject_and_client() {
    let key = Key::p256();
    let issuer = Issuer::with(&[("1", &key)]);
    let url = &issuer.url;
    let gate = gate(&format!(
        "[agent.ci]\njwt = {{ issuer = \"{url}\", audience = \"ci\", subject = \"repo:acme/*\" }}\n\
         [agent.web]\njwt = {{ issuer = \"{url}\", audience = \"ci\", subject = \"*web*\", algorithms = [\"ES256\"] }}\n\
         [agent.ed]\njwt = {{ issuer = \"{url}\", audience = \"ed\", algorithms = [\"EdDSA\"] }}\n\
         [agent.app]\njwt = {{ issuer = \"{url}\", client = \"app-*\", groups = \"roles\", skew = 0 }}\n",
    ));
    let header = json!({ "alg": "ES256", "kid": "1" });
    for (changes, expected) in [
        (json!({ "aud": "ci", "sub": "repo:acme/x" }), Ok("ci")),
        (json!({ "aud": "ci", "sub": "repo:evil/web" }), Ok("web")),
        (
            json!({ "aud": "ci", "sub": "repo:acme/web" }),
            Err("ambiguous-agent"),
        ),
        (
            json!({ "aud": "ci", "sub": "repo:evil/x" }),
            Err("unknown-agent"),
        ),
        (json!({ "client_id": "app-1" }), Ok("app")),
        (json!({ "client_id": null, "azp": "app-1" }), Ok("app")),
        (json!({ "client_id": "evil-app-1" }), Err("unknown-agent")),
        (json!({ "client_id": null }), Err("unknown-agent")),
        (json!({ "client_id": "app-1", "exp": NOW }), Err("expired")),
        // Signed in a way that this agent does not take.
        (json!({ "aud": "ed", "sub": "x" }), Err("wrong-audience")),
    ] {
        let token = key.token(&header, &claims(&issuer, &changes));
        let found = bearer(&gate, &token).await.map(|p| p.agent.to_string());
        assert_eq!(found.as_deref(), expected.as_ref().copied(), "{changes}");
    }
}

#[tokio::test]
async fn a_bound_token_comes_with_its_certificate() {
    let key = Key::p256();
    let issuer = Issuer::with(&[("1", &key)]);
    let gate = trusting(&issuer);
    let mine = ClientCertificate {
        subject: "CN=mine".to_owned(),
        spiffe: None,
        thumbprint: Digest::of(&[b"mine"]),
    };
    let bound = json!({ "cnf": { "x5t#S256": b64(&mine.thumbprint.0) } });
    let header = json!({ "alg": "ES256", "kid": "1" });
    let token = format!("Bearer {}", key.token(&header, &claims(&issuer, &bound)));
    let stolen = ClientCertificate {
        thumbprint: Digest::of(&[b"another"]),
        ..mine.clone()
    };
    for (certificate, expected) in [
        (Some(&mine), Ok(())),
        (Some(&stolen), Err("bound-token")),
        (None, Err("bound-token")),
    ] {
        let found = admit(&gate, &[&token], certificate, at(NOW)).await;
        assert_eq!(found.map(drop), expected);
    }
}
