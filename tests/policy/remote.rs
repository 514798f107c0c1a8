//! The keys of a remote server.

use super::base;
use super::diagnostics::mistakes;
use lockgate::engine::policy::{Algorithm, ClientKey, ClientProof, Credential, OAuth, Policy};

#[test]
fn a_server_is_started_or_dialled() {
    for (server, told) in [
        (
            "command = [\"x\"]\nurl = \"https://a.example/\"",
            "not both",
        ),
        (
            "url = \"https://a.example/\"\ncwd = \"/tmp\"",
            "with a `command`",
        ),
        (
            "url = \"https://a.example/\"\nenv = { A = \"b\" }",
            "with a `command`",
        ),
        ("command = [\"x\"]\nheaders = { A = \"b\" }", "with a `url`"),
        ("command = [\"x\"]\nheaders = {}", "with a `url`"),
        (
            "env = { A = \"b\" }\noauth = { login = true }",
            "with a `url`",
        ),
        ("cwd = \"/tmp\"\naddresses = [\"private\"]", "with a `url`"),
        (
            "url = \"https://u:hunter2@a.example/\"",
            "no URL of a server",
        ),
        ("url = \"http://0x7f.1/\"", "no URL of a server"),
        (
            "url = [\"https://a.example/\"]",
            "expected `url` to be a string",
        ),
        ("headers = { Host = \"b\" }", "sets `Host` itself"),
        ("headers = { Mcp-Session-Id = \"b\" }", "itself"),
        ("headers = { \"a b\" = \"c\" }", "no name of a header"),
        ("headers = { A = 4 }", "no value of a header"),
        (
            "headers = { A = { from = \"B C\" } }",
            "no name of an environment variable",
        ),
    ] {
        let text = format!("version = 1\n[agent.me]\nstdio = true\n[server.s]\n{server}\n");
        let shown = mistakes(&text);
        assert!(shown.contains(told), "{server}\n{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let fine = "version = 1\n[agent.me]\nstdio = true\n[server.s]\nurl = \"https://a.example/mcp\"\nheaders = { Authorization = { from = \"TOKEN\" } }\n";
    let policy = Policy::parse("p.toml", fine, &base()).unwrap();
    let server = policy.servers.values().next().unwrap();
    assert_eq!(
        server.url.as_ref().unwrap().whole(),
        "https://a.example/mcp"
    );
    assert!(server.headers.contains_key("authorization"));
}

#[test]
fn what_the_other_kind_of_server_has_is_told_where_it_stands() {
    // Which kind it is, the command line says.
    for left_open in [
        "env = { A = \"b\" }\ncwd = \"/tmp\"",
        "oauth = { login = true }",
    ] {
        let text = format!("version = 1\n[agent.me]\nstdio = true\n[server.s]\n{left_open}\n");
        Policy::parse("p.toml", &text, &base()).unwrap();
    }
    let text = "version = 1\n[agent.me]\nstdio = true\n[server.s]\nurl = 'https://a.example/'\nenv = { A = 'b' }\ncwd = '/tmp'\n";
    insta::assert_snapshot!(mistakes(text), @r#"
    error[LG0202]: `env` is for servers with a `command`, and this one is dialled
     --> p.toml:6:1
      |
    6 | env = { A = '*' }
      | ^^^
      |
      = help: remove it; a remote server gets `headers`

    error[LG0202]: `cwd` is for servers with a `command`, and this one is dialled
     --> p.toml:7:1
      |
    7 | cwd = '/tmp'
      | ^^^
      |
      = help: remove it; a remote server gets `headers`
    "#);
}

/// `URL` stands for a good `url`, `CLIENT` for a good client, `AT` for where it
/// asks.
const REACHED: &[(&str, &str)] = &[
    (
        "command = ['x']\naddresses = ['private']",
        "`addresses` is for servers with a `url`",
    ),
    (
        "command = ['x']\noauth = { AT, CLIENT }",
        "`oauth` is for servers with a `url`",
    ),
    (
        "url = 'http://10.0.0.1/'\naddresses = ['private']",
        "says itself which address",
    ),
    (
        "URL\naddresses = ['everything']",
        "`everything` is no part of a network",
    ),
    (
        "URL\naddresses = ['10.0.0.1/8']",
        "bits set behind its prefix",
    ),
    (
        "URL\naddresses = ['169.254.169.254/32']",
        "nothing in this network is ever dialled",
    ),
    ("URL\naddresses = []", "empty list"),
    ("url = 'http://169.254.169.254/'", "no URL of a server"),
    (
        "URL\nheaders = { A = { file = 'x', from = 'Y' } }",
        "not both",
    ),
    (
        "command = ['x']\nenv = { A = { file = 'x' } }",
        "unknown key `file`",
    ),
    ("URL\noauth = { CLIENT }", "`token_url` or an `issuer`"),
    (
        "URL\noauth = { AT, issuer = 'https://i.example/', CLIENT }",
        "`token_url` or an `issuer`",
    ),
    (
        "URL\noauth = { token_url = 'http://i.example/', CLIENT }",
        "without encryption",
    ),
    (
        "URL\noauth = { issuer = 'https://i.example/?a=b', CLIENT }",
        "no query",
    ),
    (
        "URL\noauth = { AT, client_id = 'c', client_secret = 'hunter2' }",
        "not written in a policy",
    ),
    ("URL\noauth = { AT }", "needs a `client_id`"),
    (
        "URL\noauth = { AT, client_id = 'c' }",
        "needs a `client_secret`",
    ),
    (
        "URL\noauth = { AT, client_id = 'c', private_key = 'hunter2' }",
        "not written in a policy",
    ),
    (
        "URL\noauth = { AT, private_key = { file = 'k' }, CLIENT }",
        "or a `private_key`, not both",
    ),
    (
        "URL\noauth = { AT, KEY, algorithm = 'HS256' }",
        "signs with no `HS256`",
    ),
    ("URL\noauth = { AT, KEY, key_id = '' }", "is not empty"),
    ("URL\noauth = { AT, CLIENT, key_id = 'k' }", "there is none"),
    (
        "URL\noauth = { AT, CLIENT, algorithm = 'ES256' }",
        "there is none",
    ),
    (
        "URL\noauth = { AT, CLIENT, grant = 'x' }",
        "not enforced by this version",
    ),
    (
        "URL\noauth = { AT, CLIENT, redirect_port = 8000 }",
        "where a browser comes back to",
    ),
    (
        "URL\noauth = { token_url = 'https://i.example/?x=hunter2', scopes = 'a', CLIENT }",
        "unknown key `scopes`",
    ),
    (
        "URL\noauth = { AT, CLIENT }\nheaders = { authorization = 'hunter2' }",
        "sets the header `Authorization` itself",
    ),
];

#[test]
fn how_a_remote_server_is_reached_is_checked() {
    let whole = |keys: &str| {
        let keys = keys.replace("URL", "url = 'https://a.example/'");
        let keys = keys.replace("AT,", "token_url = 'https://i.example/',");
        let keys = keys.replace("AT }", "token_url = 'https://i.example/' }");
        let keys = keys.replace("KEY", "client_id = 'c', private_key = { file = 'k' }");
        let keys = keys.replace("CLIENT", "client_id = 'c', client_secret = { from = 'S' }");
        format!("version = 1\n[agent.me]\nstdio = true\n[server.s]\n{keys}\n")
    };
    for (keys, told) in REACHED {
        let shown = mistakes(&whole(keys));
        assert!(shown.contains(told), "{keys}\n{shown}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
    let fine = whole(
        "URL\naddresses = ['private', 'fd12::/16']\noauth = { AT, CLIENT, exchange = true }\nheaders = { A = { file = 'f' } }",
    );
    let policy = Policy::parse("p.toml", &fine, &base()).unwrap();
    let server = policy.servers.values().next().unwrap();
    assert_eq!(server.addresses.as_ref().unwrap().len(), 2);
    let Some(OAuth::Client(client)) = &server.oauth else {
        panic!("{server:?}");
    };
    assert!(client.exchange);
    assert!(matches!(client.proof, ClientProof::Secret(_)));
    let key = whole("URL\noauth = { AT, KEY, algorithm = 'PS256', key_id = 'k1' }");
    let policy = Policy::parse("p.toml", &key, &base()).unwrap();
    let with_key = policy.servers.values().next().unwrap();
    let Some(OAuth::Client(with_key)) = &with_key.oauth else {
        panic!("{with_key:?}");
    };
    let key = ClientKey {
        key: Credential::File("/work/k".to_owned()),
        id: Some("k1".to_owned()),
        algorithm: Some(Algorithm::Ps256),
    };
    assert_eq!(with_key.proof, ClientProof::Key(key));
    assert_eq!(server.headers["a"], Credential::File("/work/f".to_owned()));
}
