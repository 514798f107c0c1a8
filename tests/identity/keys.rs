//! API keys, certificates, and the rules about one credential.

use super::{NOW, OURS, admit, at, bearer, gate, headers};
use lockgate::engine::types::Digest;
use lockgate::identity::{ClientCertificate, Gate, NewKey, Presented, Refused};
use std::sync::Arc;

fn certificate(subject: &str, spiffe: Option<&str>) -> ClientCertificate {
    ClientCertificate {
        subject: subject.to_owned(),
        spiffe: spiffe.map(str::to_owned),
        thumbprint: Digest::of(&[subject.as_bytes()]),
    }
}

#[tokio::test]
async fn a_key_is_good_for_its_agent_and_nothing_near_it_is() {
    let (one, two, other) = (
        NewKey::make().unwrap(),
        NewKey::make().unwrap(),
        NewKey::make().unwrap(),
    );
    let gate = gate(&format!(
        "[agent.ci]\nkey = [\"{}\", \"{}\"]\n[agent.dev]\nkey = \"{}\"\n",
        one.hash(),
        two.hash(),
        other.hash()
    ));
    assert!(gate.demands());
    assert_eq!(gate.metadata(OURS), None);
    for (key, agent) in [(&one, "ci"), (&two, "ci"), (&other, "dev")] {
        let principal = bearer(&gate, key.reveal()).await.unwrap();
        assert_eq!(principal.agent.as_str(), agent);
        assert_eq!(&*principal.key, agent);
        assert_eq!((&principal.user, &principal.scopes), (&None, &None));
    }
    let (id, secret) = one
        .reveal()
        .trim_start_matches("lg_")
        .split_once('_')
        .unwrap();
    let (other_id, _) = other
        .reveal()
        .trim_start_matches("lg_")
        .split_once('_')
        .unwrap();
    for wrong in [
        format!("lg_{other_id}_{secret}"),
        format!("lg_{id}_{}", "A".repeat(43)),
        format!("lg_{id}_{}", secret.get(..42).unwrap()),
        format!("lg_{id}_{secret}A"),
        format!("lg_{id}"),
        format!("lg_{}_{secret}", "0".repeat(12)),
        "lg_".to_owned(),
        one.hash()
            .to_string()
            .replace(':', "_")
            .replace("sha256", "lg"),
    ] {
        assert_eq!(bearer(&gate, &wrong).await, Err("unknown-key"), "{wrong}");
    }
}

/// The listener asks from tasks of its own.
#[tokio::test]
async fn a_gate_is_shared_by_tasks() {
    let key = NewKey::make().unwrap();
    let gate = Arc::new(gate(&format!("[agent.ci]\nkey = \"{}\"\n", key.hash())));
    let asking = tokio::spawn(async move {
        let headers = headers(&[&format!("Bearer {}", key.reveal())]);
        let presented = Presented {
            headers: &headers,
            certificate: None,
        };
        gate.admit(&presented, at(NOW)).await.is_ok()
    });
    assert!(asking.await.unwrap());
}

#[tokio::test]
async fn exactly_one_credential() {
    let key = NewKey::make().unwrap();
    let gate = gate(&format!(
        "[agent.ci]\nkey = \"{}\"\n[agent.svc]\nmtls = {{ subject = \"CN=svc\" }}\n",
        key.hash()
    ));
    let good = format!("Bearer {}", key.reveal());
    let lower = good.replace("Bearer", "bearer");
    let known = certificate("CN=svc", None);
    let foreign = certificate("CN=mesh", None);
    let twice: [&str; 2] = [&good, &good];
    for (authorization, certificate, expected) in [
        (&[&*good][..], None, Ok("ci")),
        (&[&*lower], None, Ok("ci")),
        (&[], Some(&known), Ok("svc")),
        // What the network asks of everybody names no agent.
        (&[&*good], Some(&foreign), Ok("ci")),
        (&[], Some(&foreign), Err("unknown-agent")),
        (&[], None, Err("no-credential")),
        (&twice, None, Err("two-credentials")),
        (&[&*good], Some(&known), Err("two-credentials")),
        (&["Basic YTpi"], None, Err("unknown-scheme")),
        (&["DPoP abc"], None, Err("unknown-scheme")),
        (&[""], None, Err("unknown-scheme")),
        (&["Bearer"], None, Err("malformed-credential")),
        (&["Bearer "], None, Err("malformed-credential")),
        (&["Bearer  a"], None, Err("malformed-credential")),
        (&["Bearer a b"], None, Err("malformed-credential")),
        (&["Bearer a, Bearer b"], None, Err("malformed-credential")),
        (&["Bearer =a"], None, Err("malformed-credential")),
        (&["Bearer a"], None, Err("malformed-token")),
    ] {
        let found = admit(&gate, authorization, certificate, at(NOW)).await;
        let found = found.map(|p| p.agent.to_string());
        assert_eq!(
            found.as_deref(),
            expected.as_ref().copied(),
            "{authorization:?}"
        );
    }
    let mut odd = headers(&[]);
    odd.insert(
        "authorization",
        hyper::header::HeaderValue::from_bytes(b"Bearer \xff").unwrap(),
    );
    let presented = Presented {
        headers: &odd,
        certificate: None,
    };
    let refused = gate.admit(&presented, at(NOW)).await.unwrap_err();
    assert_eq!(refused.code(), "malformed-credential");
}

#[tokio::test]
async fn a_certificate_is_one_agents() {
    let gate = gate(
        "[agent.a]\nmtls = { spiffe = \"spiffe://acme.example/ns/*/sa/a\" }\n\
         [agent.b]\nmtls = { spiffe = \"spiffe://acme.example/ns/prod/sa/*\" }\n\
         [agent.c]\nmtls = { subject = \"CN=build,O=Acme\" }\n",
    );
    for (subject, spiffe, expected) in [
        ("", Some("spiffe://acme.example/ns/dev/sa/a"), Ok("a")),
        ("", Some("spiffe://acme.example/ns/prod/sa/z"), Ok("b")),
        (
            "",
            Some("spiffe://acme.example/ns/prod/sa/a"),
            Err("ambiguous-agent"),
        ),
        (
            "",
            Some("spiffe://evil.example/ns/dev/sa/a"),
            Err("unknown-agent"),
        ),
        (
            "",
            Some("spiffe://acme.example/ns/dev/x/sa/a"),
            Err("unknown-agent"),
        ),
        ("CN=build,O=Acme", None, Ok("c")),
        ("CN=build", None, Err("unknown-agent")),
        ("cn=build,O=Acme", None, Err("unknown-agent")),
        (
            "CN=build,O=Acme",
            Some("spiffe://acme.example/ns/dev/sa/a"),
            Err("ambiguous-agent"),
        ),
    ] {
        let certificate = certificate(subject, spiffe);
        let found = admit(&gate, &[], Some(&certificate), at(NOW)).await;
        let found = found.map(|p| (p.agent.to_string(), p.key.to_string()));
        match (found, expected) {
            (Ok((agent, key)), Ok(wanted)) => {
                assert_eq!(agent, wanted);
                assert_ne!(
                    key, agent,
                    "two certificates of one agent are two principals"
                );
            }
            (found, expected) => {
                assert_eq!(found.map(drop), expected.map(drop), "{subject} {spiffe:?}");
            }
        }
    }
}

#[test]
fn a_challenge_says_what_would_help() {
    let metadata = Some("https://gate.example.com/.well-known/oauth-protected-resource");
    let told = |refused: &Refused, url| {
        let challenge = refused.challenge(url);
        challenge.map(|c| c.to_str().unwrap().to_owned())
    };
    let refused = Refused::insufficient_scope(vec!["files:read".into(), "files:write".into()]);
    assert_eq!(
        (refused.status().as_u16(), refused.code()),
        (403, "insufficient-scope")
    );
    assert_eq!(
        told(&refused, metadata).unwrap(),
        "Bearer error=\"insufficient_scope\", \
         error_description=\"a token with more scopes is needed\", \
         scope=\"files:read files:write\", \
         resource_metadata=\"https://gate.example.com/.well-known/oauth-protected-resource\""
    );
    // A header is no place for what could end a quoted string.
    let odd = told(&refused, Some("https://x/\", realm=\"evil\r\nx: y")).unwrap();
    assert!(!odd.contains("evil"), "{odd}");
}

#[tokio::test]
async fn without_a_credential_nothing_is_an_error_yet() {
    let key = NewKey::make().unwrap();
    let gate = gate(&format!("[agent.ci]\nkey = \"{}\"\n", key.hash()));
    let presented = Presented {
        headers: &headers(&[]),
        certificate: None,
    };
    let refused = gate.admit(&presented, at(NOW)).await.unwrap_err();
    assert_eq!(refused.status().as_u16(), 401);
    // RFC 6750, section 3.1: no error code for whoever did not try.
    assert_eq!(refused.challenge(None).unwrap(), "Bearer");
    let with = refused.challenge(Some("https://x/m")).unwrap();
    assert_eq!(with, "Bearer resource_metadata=\"https://x/m\"");
}

#[test]
fn a_gate_needs_an_audience() {
    let policy = super::policy("[agent.a]\njwt = { issuer = \"http://127.0.0.1:1\" }\n");
    assert!(Gate::new(&policy, None).is_err());
    let gate = Gate::new(&policy, Some(OURS)).unwrap();
    let metadata: serde_json::Value = serde_json::from_str(&gate.metadata(OURS).unwrap()).unwrap();
    assert_eq!(metadata["resource"], OURS);
    assert_eq!(metadata["authorization_servers"][0], "http://127.0.0.1:1");
    assert_eq!(metadata["bearer_methods_supported"][0], "header");
    assert!(
        !Gate::new(&super::policy("[agent.a]\nstdio = true\n"), None)
            .unwrap()
            .demands()
    );
}
