//! What a login believes, and what it asks for.

use super::super::settings::tests::settings;
use super::*;
use crate::state::login::Method;

fn url(text: &str) -> ServerUrl {
    ServerUrl::parse(text).unwrap()
}

/// Metadata of an authorization server, with these members in place of its own.
fn metadata(changes: &[(&str, serde_json::Value)]) -> Document {
    let mut metadata = serde_json::json!({
        "issuer": "https://i.example/t",
        "authorization_endpoint": "https://i.example/t/authorize",
        "token_endpoint": "https://i.example/t/token",
        "registration_endpoint": "https://i.example/t/register",
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["plain", "S256"],
    });
    for (key, value) in changes {
        metadata[*key] = value.clone();
    }
    Document::read(metadata.to_string().into_bytes(), &Limits::DEFAULT).unwrap()
}

fn authority(changes: &[(&str, serde_json::Value)]) -> Result<Authority, String> {
    let settings = settings("https://mcp.example/mcp");
    authority::read(&settings, &url("https://i.example/t"), &metadata(changes))
}

#[test]
fn an_authorization_server_speaks_for_itself_and_protects_codes() {
    use serde_json::{Value, json};
    assert!(authority(&[]).is_ok());
    for (key, value, told) in [
        ("issuer", json!("https://i.example/t/"), "another issuer"),
        ("issuer", json!("https://I.example/t"), "another issuer"),
        ("issuer", json!("https://evil.example"), "another issuer"),
        ("issuer", Value::Null, "another issuer"),
        ("code_challenge_methods_supported", json!(["plain"]), "PKCE"),
        ("code_challenge_methods_supported", json!([]), "PKCE"),
        ("code_challenge_methods_supported", json!("S256"), "PKCE"),
        ("code_challenge_methods_supported", Value::Null, "PKCE"),
        ("response_types_supported", json!(["token"]), "by code"),
        (
            "authorization_endpoint",
            Value::Null,
            "no `authorization_endpoint`",
        ),
        ("token_endpoint", Value::Null, "no `token_endpoint`"),
        (
            "token_endpoint",
            json!("http://i.example/t"),
            "without encryption",
        ),
        (
            "token_endpoint",
            json!("http://127.0.0.1/t"),
            "without encryption",
        ),
        (
            "authorization_endpoint",
            json!("http://i.example/a"),
            "without encryption",
        ),
        (
            "authorization_endpoint",
            json!("javascript:alert(1)"),
            "bad `auth",
        ),
        (
            "authorization_endpoint",
            json!("file:///etc/passwd"),
            "bad `auth",
        ),
        (
            "authorization_endpoint",
            json!("https://i.example/#x"),
            "bad `auth",
        ),
        (
            "registration_endpoint",
            json!("http://i.example/r"),
            "without encryption",
        ),
        (
            "revocation_endpoint",
            json!("http://i.example/r"),
            "without encryption",
        ),
        (
            "token_endpoint",
            json!("https://169.254.169.254/"),
            "bad `token",
        ),
    ] {
        let read = authority(&[(key, value.clone())]).map(|_| ());
        let why = read.expect_err(&format!("{key} {value}"));
        assert!(why.contains(told), "{key} {value}: {why}");
    }
}

#[test]
fn clients_prove_themselves_as_it_is_offered() {
    use serde_json::json;
    const METHODS: &str = "token_endpoint_auth_methods_supported";
    for (methods, registered, with_secret) in [
        (json!(null), Some(Method::None), Some(Method::Basic)),
        (json!(["none"]), Some(Method::None), None),
        (
            json!(["client_secret_post", "none"]),
            Some(Method::None),
            Some(Method::Post),
        ),
        (
            json!(["client_secret_post", "client_secret_basic"]),
            Some(Method::Basic),
            Some(Method::Basic),
        ),
        (
            json!(["client_secret_post"]),
            Some(Method::Post),
            Some(Method::Post),
        ),
        (json!(["private_key_jwt"]), None, None),
    ] {
        let keys = methods.is_null() || methods.to_string().contains("private_key_jwt");
        let authority = authority(&[(METHODS, methods.clone())]).unwrap();
        // `null` is no list.
        assert_eq!(authority.preferred(), registered, "{methods}");
        assert_eq!(authority.by_secret(), with_secret, "{methods}");
        assert_eq!(authority.takes_keys(), keys, "{methods}");
    }
}

#[test]
fn codes_are_protected_as_rfc_7636_says() {
    let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    assert_eq!(
        s256(&verifier),
        "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    );
    let (one, other) = (random().unwrap(), random().unwrap());
    assert_eq!(one.expose().len(), 43);
    assert_ne!(one, other);
}

fn login(scope: Option<&str>, wanted: Option<&str>) -> Login {
    let client = Client {
        id: "a b".to_owned(),
        secret: None,
        secret_ends: None,
        method: Method::None,
        registered: true,
        redirect: "http://127.0.0.1:9/callback".to_owned(),
    };
    let server = url("https://mcp.example/mcp");
    let mut login = Login::new(&server, "https://i.example/t", "https://i.example", client);
    login.scope = scope.map(str::to_owned);
    login.wanted = wanted.map(str::to_owned);
    login
}

/// The policy's scopes, the challenge's, those of the server's metadata, those
/// of the last login, those that were wanted since, whether tokens can be
/// refreshed; and what is asked for.
type Scopes<'a> = (
    Option<&'a str>,
    Option<&'a str>,
    Option<&'a str>,
    Option<(Option<&'a str>, Option<&'a str>)>,
    bool,
    Option<&'a str>,
);

const SCOPES: &[Scopes<'_>] = &[
    (None, None, None, None, false, None),
    (None, None, None, None, true, None),
    (None, Some("a"), Some("b c"), None, false, Some("a")),
    (None, None, Some("b c"), None, false, Some("b c")),
    (None, None, Some("b"), None, true, Some("b offline_access")),
    (
        None,
        Some("a"),
        None,
        Some((Some("b a"), Some("c"))),
        false,
        Some("b a c"),
    ),
    (None, None, None, Some((None, Some("c"))), false, Some("c")),
    (
        Some("x"),
        Some("a"),
        Some("b"),
        Some((Some("c"), Some("d"))),
        true,
        Some("x"),
    ),
];

#[test]
fn scopes_are_asked_for_as_mcp_says() {
    for (policy, asked, supported, before, offline, expected) in SCOPES {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let mut settings = settings("https://mcp.example/mcp");
        settings.scope = own(*policy);
        let challenge = Challenge {
            scope: own(*asked),
            ..Challenge::default()
        };
        let resource = Resource {
            is_told: true,
            id: String::new(),
            issuers: Vec::new(),
            scopes: own(*supported),
        };
        let mut authority = authority(&[]).unwrap();
        authority.offline = *offline;
        let before = before.map(|(had, wanted)| login(had, wanted));
        let scope = scope(
            &settings,
            &challenge,
            &resource,
            &authority,
            before.as_ref(),
        );
        assert_eq!(scope.as_deref(), *expected);
    }
}

#[test]
fn a_person_is_asked_for_just_that() {
    use serde_json::json;
    let mut login = login(Some("a offline_access"), None);
    login.resource = Some("https://mcp.example/mcp".to_owned());
    let authority = authority(&[(
        "authorization_endpoint",
        json!("https://i.example/authorize?tenant=1"),
    )]);
    let verifier = Secret::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    let url = ask(&login, &authority.unwrap(), &Secret::new("s&t"), &verifier);
    assert_eq!(
        url,
        "https://i.example/authorize?tenant=1&response_type=code&client_id=a+b\
         &redirect_uri=http%3A%2F%2F127.0.0.1%3A9%2Fcallback&state=s%26t\
         &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
         &code_challenge_method=S256&scope=a+offline_access\
         &resource=https%3A%2F%2Fmcp.example%2Fmcp&prompt=consent"
    );
}
