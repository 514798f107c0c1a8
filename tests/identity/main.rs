//! Who is admitted, and who is not: through the public face of `identity`, with
//! tokens that are made here and an issuer that answers on loopback.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod issuer;
mod keys;
mod rotation;
mod sign;

mod tls;
mod tokens;

use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderValue};
use lockgate::engine::policy::{Policy, PolicyBase, render};
use lockgate::engine::principal::Principal;
use lockgate::identity::{ClientCertificate, Gate, Presented};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Where lockgate is reached.
const OURS: &str = "https://gate.example.com/mcp";

/// The time in these tests: 2026-01-01.
const NOW: u64 = 1_767_225_600;

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn policy(agents: &str) -> Policy {
    let text = format!("version = 1\n[server.s]\ncommand = [\"s\"]\n{agents}");
    let base = PolicyBase {
        dir: "/work".to_owned(),
        home: "/home/me".to_owned(),
    };
    Policy::parse("p.toml", &text, &base)
        .unwrap_or_else(|mistakes| panic!("{}", render("p.toml", &text, &mistakes, false)))
}

fn gate(agents: &str) -> Gate {
    Gate::new(&policy(agents), Some(OURS)).unwrap()
}

/// Headers with each of these as `Authorization`.
fn headers(authorization: &[&str]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for value in authorization {
        headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
    }
    headers
}

/// The principal, or the code of the refusal.
async fn admit(
    gate: &Gate,
    authorization: &[&str],
    certificate: Option<&ClientCertificate>,
    now: SystemTime,
) -> Result<Arc<Principal>, &'static str> {
    let presented = Presented {
        headers: &headers(authorization),
        certificate,
    };
    let admitted = gate.admit(&presented, now).await;
    admitted.map_err(|refused| {
        let challenge = refused.challenge(Some("https://gate.example.com/.well-known/x"));
        let told = format!("{refused} {refused:?} {challenge:?}");
        for value in authorization {
            let secret = value.split_once(' ').map_or(*value, |(_, secret)| secret);
            assert!(secret.len() < 8 || !told.contains(secret), "{told}");
        }
        refused.code()
    })
}

async fn bearer(gate: &Gate, token: &str) -> Result<Arc<Principal>, &'static str> {
    admit(gate, &[&format!("Bearer {token}")], None, at(NOW)).await
}
