//! The `auth/` scenarios of the official conformance suite: a person logs in with
//! `lockgate login`, and the TypeScript client reaches the server through
//! lockgate. Every check passes, but for those that are listed.

use crate::conformance::{failing, one_client};
use crate::support::lockgate::permit_all;

/// What the operator writes into `oauth`, where a login is not all.
const OAUTH: &[(&str, &str)] = &[
    (
        "auth/2025-03-26-oauth-endpoint-fallback",
        "login = true, default_endpoints = true",
    ),
    (
        "auth/basic-cimd",
        r#"login = true, client_id = "https://conformance-test.local/client-metadata.json""#,
    ),
    (
        "auth/pre-registration",
        r#"login = true, issuer = "ISSUER", client_id = "CLIENT_ID", client_secret = { from = "CLIENT_SECRET" }"#,
    ),
    (
        "auth/client-credentials-jwt",
        r#"issuer = "ISSUER", client_id = "CLIENT_ID", private_key = { from = "PRIVATE_KEY" }"#,
    ),
    (
        "auth/client-credentials-basic",
        r#"issuer = "ISSUER", client_id = "CLIENT_ID", client_secret = { from = "CLIENT_SECRET" }"#,
    ),
];

/// All that there are, by the oldest revision that has them, and by the newest.
const SCENARIOS: &[(&str, &[&str])] = &[
    (
        "2025-03-26",
        &[
            "2025-03-26-oauth-metadata-backcompat",
            "2025-03-26-oauth-endpoint-fallback",
        ],
    ),
    (
        "2025-11-25",
        &[
            "metadata-default",
            "metadata-var1",
            "metadata-var2",
            "metadata-var3",
            "basic-cimd",
            "scope-from-www-authenticate",
            "scope-from-scopes-supported",
            "scope-omitted-when-undefined",
            "scope-step-up",
            "scope-retry-limit",
            "token-endpoint-auth-basic",
            "token-endpoint-auth-post",
            "token-endpoint-auth-none",
            "pre-registration",
        ],
    ),
    (
        "2026-07-28",
        &[
            "metadata-default",
            "metadata-var1",
            "metadata-var2",
            "metadata-var3",
            "basic-cimd",
            "scope-from-www-authenticate",
            "scope-from-scopes-supported",
            "scope-omitted-when-undefined",
            "scope-step-up",
            "scope-retry-limit",
            "token-endpoint-auth-basic",
            "token-endpoint-auth-post",
            "token-endpoint-auth-none",
            "pre-registration",
            "resource-mismatch",
            "offline-access-scope",
            "offline-access-not-supported",
            "authorization-server-migration",
            "iss-supported",
            "iss-not-advertised",
            "iss-supported-missing",
            "iss-wrong-issuer",
            "iss-unexpected",
            "iss-normalized",
            "metadata-issuer-mismatch",
        ],
    ),
    // Extensions have none.
    ("", &["client-credentials-basic", "client-credentials-jwt"]),
];

/// What does not pass, and why. A scenario that passes has to leave the list.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "",
        "enterprise-managed-authorization",
        "an extension: it begins with a person's ID token, and what agents show to lockgate are \
         access tokens, which no identity provider takes in its place",
    ),
    (
        "",
        "dpop",
        "an extension: lockgate's tokens are bearer tokens",
    ),
    ("", "dpop-nonce", "as above"),
    (
        "",
        "wif-jwt-bearer",
        "an extension, and a grant of its own: `oauth` has no token of lockgate's workload",
    ),
];

fn verdicts(way: &str, revision: &str, scenario: &str) -> String {
    let scenario = format!("auth/{scenario}");
    let keys = OAUTH.iter().find(|(name, _)| *name == scenario);
    let keys = keys.map_or("login = true", |(_, keys)| keys);
    let head = "[server.reference]\n";
    let policy = permit_all("reference");
    let policy = policy.replace(head, &format!("{head}oauth = {{ {keys} }}\n"));
    let verdicts = one_client(revision, &scenario, way, &policy);
    failing(&verdicts)
}

/// All of these revisions.
fn logged_in(way: &str, revisions: &[&str]) {
    let mut told = String::new();
    for (revision, scenarios) in SCENARIOS {
        if !revisions.contains(revision) {
            continue;
        }
        for scenario in *scenarios {
            let failing = verdicts(way, revision, scenario);
            println!("{way} {revision} {scenario}: {failing}");
            told.push_str(&failing);
        }
    }
    assert_eq!(told, "");
}

#[test]
fn a_person_logs_in_and_the_client_runs_lockgate() {
    logged_in("run", &["2025-03-26", "2025-11-25", "2026-07-28", ""]);
}

/// Without the word of the operator nobody goes on where nobody says that codes
/// are protected.
#[test]
fn a_server_without_metadata_takes_the_operators_word() {
    let scenario = "auth/2025-03-26-oauth-endpoint-fallback";
    let head = "[server.reference]\n";
    let policy = permit_all("reference");
    let policy = policy.replace(head, &format!("{head}oauth = {{ login = true }}\n"));
    let verdicts = one_client("2025-03-26", scenario, "run", &policy);
    assert_ne!(failing(&verdicts), "");
}

#[test]
fn a_person_logs_in_and_lockgate_serves() {
    logged_in("serve", &["2026-07-28"]);
}

#[test]
fn what_is_known_not_to_pass_does_not() {
    for (revision, scenario, why) in KNOWN {
        let failing = verdicts("run", revision, scenario);
        assert_ne!(failing, "", "{scenario} passes: {why}");
    }
}
