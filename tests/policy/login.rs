//! `oauth = { login = true }`.

use super::base;
use super::diagnostics::mistakes;
use lockgate::engine::policy::{ClientProof, Credential, LoginClient, OAuth, OAuthLogin, Policy};

fn whole(keys: &str) -> String {
    let keys = keys.replace("LOGIN", "login = true");
    format!(
        "version = 1\n[agent.me]\nstdio = true\n[server.s]\nurl = 'https://a.example/'\noauth = {{ {keys} }}\n"
    )
}

/// `LOGIN` stands for `login = true`.
const WRONG: &[(&str, &str)] = &[
    ("login = false", "`token_url` or an `issuer`"),
    ("login = 'yes'", "true or false"),
    (
        "LOGIN, token_url = 'https://i.example/t'",
        "`token_url` does not go with",
    ),
    ("LOGIN, audience = 'x'", "`audience` does not go with"),
    ("LOGIN, exchange = true", "`exchange` does not go with"),
    ("LOGIN, client_id = 'c'", "at one authorization server only"),
    (
        "LOGIN, client_id = '', issuer = 'https://i.example'",
        "visible ASCII",
    ),
    (
        "LOGIN, client_secret = { from = 'S' }",
        "needs the `client_id`",
    ),
    (
        "LOGIN, private_key = { file = 'k' }",
        "needs the `client_id`",
    ),
    (
        "LOGIN, client_id = 'c', client_secret = 'hunter2', issuer = 'https://i.example'",
        "not written in a policy",
    ),
    (
        "LOGIN, client_id = 'http://c.example/x.json'",
        "is `https` and has a path",
    ),
    (
        "LOGIN, client_id = 'https://c.example/'",
        "is `https` and has a path",
    ),
    (
        "LOGIN, client_id = 'https://c.example/x', client_secret = { from = 'S' }",
        "has no `client_secret`",
    ),
    ("LOGIN, scope = ''", "no list of scopes"),
    ("LOGIN, scope = 'a  b'", "no list of scopes"),
    ("LOGIN, scope = 'a\"b'", "no list of scopes"),
    ("LOGIN, issuer = 'http://i.example'", "without encryption"),
    ("LOGIN, issuer = 'https://i.example/?a=b'", "no query"),
    (
        "LOGIN, issuer = 'https://i.example', default_endpoints = true",
        "are the server's own",
    ),
    (
        "issuer = 'https://i.example', default_endpoints = true",
        "is about a login",
    ),
    ("LOGIN, redirect_port = 0", "a port from 1 to 65535"),
    ("LOGIN, redirect_port = 65536", "a port from 1 to 65535"),
    ("LOGIN, redirect_port = '80'", "a port from 1 to 65535"),
    ("LOGIN, addresses = ['everything']", "no part of a network"),
    ("LOGIN, logins = true", "unknown key `logins`"),
];

#[test]
fn what_does_not_go_together_is_told() {
    for (keys, told) in WRONG {
        let shown = mistakes(&whole(keys));
        assert!(shown.contains(told), "{keys}\n{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    insta::assert_snapshot!(mistakes(&whole("login = true, client_id = 'c', exchange = true")), @r#"
    error[LG0201]: a `client_id` is good at one authorization server only
     --> p.toml:6:37
      |
    6 | oauth = { login = true, client_id = 'c', exchange = true }
      |                                     ^^^
      |
      = help: say which, with `issuer`

    error[LG0201]: `exchange` does not go with `login = true`
     --> p.toml:6:53
      |
    6 | oauth = { login = true, client_id = 'c', exchange = true }
      |                                                     ^^^^
      |
      = help: remove one of the two: there is one login for all who reach the server
    "#);
}

#[test]
fn what_is_said_is_what_is_asked_for() {
    let login = |keys: &str| -> OAuthLogin {
        let policy = Policy::parse("p.toml", &whole(keys), &base()).unwrap();
        match &policy.servers.values().next().unwrap().oauth {
            Some(OAuth::Login(login)) => login.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(login("LOGIN"), OAuthLogin::default());
    assert!(login("LOGIN, default_endpoints = true").default_endpoints);
    let all = login(
        "LOGIN, issuer = 'https://i.example/t', client_id = 'c', client_secret = { file = 'f' }, \
         scope = 'a b', resource = '', redirect_port = 8000, addresses = ['private']",
    );
    assert_eq!(all.issuer.unwrap().whole(), "https://i.example/t");
    assert_eq!(all.scope.as_deref(), Some("a b"));
    assert_eq!(all.resource.as_deref(), Some(""));
    assert_eq!(all.redirect_port, Some(8000));
    assert_eq!(all.addresses.unwrap().len(), 1);
    let secret = Credential::File("/work/f".to_owned());
    let proof = Some(ClientProof::Secret(secret));
    let id = "c".to_owned();
    assert_eq!(all.client, Some(LoginClient::Registered { id, proof }));
    let has_key = |keys: &str| match login(keys).client {
        Some(LoginClient::Document { key, .. }) => key.is_some(),
        other => panic!("{other:?}"),
    };
    let document = "LOGIN, client_id = 'https://c.example/x.json'";
    assert!(!has_key(document));
    assert!(has_key(&format!(
        "{document}, private_key = {{ from = 'KEY' }}"
    )));
}
