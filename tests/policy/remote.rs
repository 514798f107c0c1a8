//! The keys of a remote server.

use super::base;
use super::diagnostics::mistakes;
use lockgate::engine::policy::{Credential, OAuth, Policy};

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
        "URL\noauth = { AT, private_key = 'x', CLIENT }",
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
    assert_eq!(server.headers["a"], Credential::File("/work/f".to_owned()));
}
