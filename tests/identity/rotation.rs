//! Keys of an issuer that change, go away, come late or never.

use super::issuer::Issuer;
use super::sign::Key;
use super::{NOW, OURS, admit, at, gate};
use lockgate::identity::Gate;
use serde_json::json;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

fn trusting(issuer: &Issuer) -> Gate {
    gate(&format!(
        "[agent.a]\njwt = {{ issuer = \"{}\" }}\n",
        issuer.url
    ))
}

fn token(issuer: &Issuer, key: &Key, id: &str) -> String {
    let claims = json!({ "iss": issuer.url, "aud": OURS, "sub": "s", "exp": NOW + 100_000 });
    let token = key.token(&json!({ "alg": "ES256", "kid": id }), &claims);
    format!("Bearer {token}")
}

async fn at_time(gate: &Gate, token: &str, seconds: u64) -> Result<(), &'static str> {
    let admitted = admit(gate, &[token], None, at(NOW + seconds)).await;
    admitted.map(drop)
}

#[tokio::test]
async fn a_rotated_key_is_fetched_and_a_withdrawn_one_forgotten() {
    let (old, new) = (Key::p256(), Key::p256());
    let issuer = Issuer::with(&[("old", &old)]);
    let gate = trusting(&issuer);
    let (by_old, by_new) = (token(&issuer, &old, "old"), token(&issuer, &new, "new"));
    assert_eq!(at_time(&gate, &by_old, 0).await, Ok(()));
    assert_eq!(at_time(&gate, &by_old, 299).await, Ok(()));
    assert_eq!(issuer.asked(), 1);
    issuer.publish(&[("new", &new)]);
    assert_eq!(at_time(&gate, &by_new, 299).await, Ok(()));
    assert_eq!(issuer.asked(), 2);
    assert_eq!(at_time(&gate, &by_old, 299).await, Err("unknown-signer"));
    // Old keys are fetched again, whoever asks.
    assert_eq!(at_time(&gate, &by_new, 600).await, Ok(()));
    assert_eq!(issuer.asked(), 3);
}

#[tokio::test]
async fn a_flood_of_made_up_keys_is_one_fetch() {
    let (known, made_up) = (Key::p256(), Key::p256());
    let issuer = Issuer::with(&[("known", &known)]);
    let gate = trusting(&issuer);
    let good = token(&issuer, &known, "known");
    let tokens: Vec<_> = (0..50)
        .map(|n| token(&issuer, &made_up, &format!("k{n}")))
        .chain([good.clone()])
        .collect();
    let all: Vec<_> = tokens.iter().map(|t| at_time(&gate, t, 0)).collect();
    let mut found = together(all).await;
    assert_eq!(found.pop(), Some(Ok(())));
    assert!(
        found.iter().all(|f| *f == Err("unknown-signer")),
        "{found:?}"
    );
    assert_eq!(issuer.asked(), 1);
    for token in &tokens {
        let _ = at_time(&gate, token, 14).await;
    }
    assert_eq!(issuer.asked(), 1, "too early for another one");
    for token in &tokens {
        let _ = at_time(&gate, token, 15).await;
    }
    assert_eq!(issuer.asked(), 2);
}

/// Polls all of them at once.
async fn together<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut waiting: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = waiting.iter().map(|_| None).collect();
    poll_fn(move |context| {
        for (future, slot) in waiting.iter_mut().zip(&mut done) {
            if slot.is_none()
                && let Poll::Ready(output) = future.as_mut().poll(context)
            {
                *slot = Some(output);
            }
        }
        if done.iter().any(Option::is_none) {
            return Poll::Pending;
        }
        Poll::Ready(std::mem::take(&mut done).into_iter().flatten().collect())
    })
    .await
}

#[tokio::test]
async fn an_issuer_that_fails_is_borne_for_a_while() {
    let key = Key::p256();
    let issuer = Issuer::with(&[("1", &key)]);
    let gate = trusting(&issuer);
    let token = token(&issuer, &key, "1");
    assert_eq!(at_time(&gate, &token, 0).await, Ok(()));
    issuer.page("/keys", "500 Internal Server Error", "");
    assert_eq!(at_time(&gate, &token, 400).await, Ok(()));
    assert_eq!(issuer.asked(), 2);
    assert_eq!(at_time(&gate, &token, 3599).await, Ok(()));
    assert_eq!(
        at_time(&gate, &token, 3601).await,
        Err("issuer-unreachable")
    );
    issuer.publish(&[("1", &key)]);
    assert_eq!(
        at_time(&gate, &token, 3613).await,
        Err("issuer-unreachable"),
        "a pause"
    );
    assert_eq!(at_time(&gate, &token, 3700).await, Ok(()));
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_no_fetch() {
    let key = Key::p256();
    let issuer = Issuer::with(&[("1", &key)]);
    let gate = trusting(&issuer);
    let token = token(&issuer, &key, "1");
    {
        let mut gone = Box::pin(at_time(&gate, &token, 0));
        let first = poll_fn(|context| Poll::Ready(gone.as_mut().poll(context))).await;
        assert!(first.is_pending());
    }
    // The pause has not passed: these are the keys of that fetch.
    assert_eq!(at_time(&gate, &token, 1).await, Ok(()));
    assert_eq!(issuer.asked(), 1);
}

#[tokio::test]
async fn what_an_issuer_may_not_answer() {
    let key = Key::p256();
    for (name, head, body, expected) in answers(&key) {
        let issuer = Issuer::with(&[]);
        issuer.page("/keys", head, &body);
        let gate = trusting(&issuer);
        let token = token(&issuer, &key, "1");
        assert_eq!(at_time(&gate, &token, 0).await, expected, "{name}");
    }
}

type Answer = (&'static str, &'static str, String, Result<(), &'static str>);

/// What it says for its keys, and what comes of it.
fn answers(key: &Key) -> Vec<Answer> {
    const NONE: Result<(), &str> = Err("issuer-unreachable");
    let jwk = key.jwk("1");
    let changed = |member: &str, value: &str| {
        let mut jwk = jwk.clone();
        jwk[member] = json!(value);
        json!({ "keys": [jwk] }).to_string()
    };
    let many: Vec<_> = (0..101).map(|n| key.jwk(&n.to_string())).collect();
    let large = format!("{{\"keys\":[{jwk}],\"x\":\"{}\"}}", "x".repeat(512 * 1024));
    let two = json!({ "keys": [jwk, Key::p256().jwk("1")] }).to_string();
    let good = json!({ "keys": [jwk] }).to_string();
    let twice = good.replacen('{', "{\"keys\":[],", 1);
    let ok = "200 OK";
    vec![
        ("good", ok, good.clone(), Ok(())),
        ("oversized", ok, large, NONE),
        ("too many", ok, json!({ "keys": many }).to_string(), NONE),
        ("empty", ok, json!({ "keys": [] }).to_string(), NONE),
        ("no list", ok, json!({ "keys": {} }).to_string(), NONE),
        ("no JSON", ok, "<html>".to_owned(), NONE),
        ("twice", ok, twice, NONE),
        ("error", "503 Service Unavailable", good.clone(), NONE),
        ("created", "201 Created", good, NONE),
        ("for encryption", ok, changed("use", "enc"), NONE),
        ("for another algorithm", ok, changed("alg", "ECDH-ES"), NONE),
        ("short", ok, changed("x", "AA"), NONE),
        ("another curve", ok, changed("crv", "P-521"), NONE),
        ("one id, two keys", ok, two, Err("unknown-signer")),
    ]
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let key = Key::p256();
    let (issuer, other) = (Issuer::with(&[]), Issuer::with(&[("1", &key)]));
    let head = format!("302 Found\r\nlocation: {}/keys", other.url);
    issuer.page("/keys", &head, "");
    let token = token(&issuer, &key, "1");
    assert_eq!(
        at_time(&trusting(&issuer), &token, 0).await,
        Err("issuer-unreachable")
    );
    assert_eq!(other.asked_at_all(), 0);
}

#[tokio::test]
async fn where_the_keys_are_may_be_written_down() {
    let key = Key::p256();
    let issuer = Issuer::new();
    issuer.publish(&[("1", &key)]);
    let url = &issuer.url;
    let gate = gate(&format!(
        "[agent.a]\njwt = {{ issuer = \"{url}\", jwks_url = \"{url}/keys\" }}\n"
    ));
    let token = token(&issuer, &key, "1");
    assert_eq!(at_time(&gate, &token, 0).await, Ok(()));
    assert_eq!(issuer.asked_at_all(), 1);
}
