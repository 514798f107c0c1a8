//! A person logs in to a server with `lockgate login`; what it brings is kept,
//! shown to that server alone, refreshed, and given up.

use crate::authority::{SECRET, Spoiled, asked, authority, browse, form, query, server};
use crate::scripted::{Request, Scripted, Session};
use crate::support::home::Home;
use crate::support::lockgate::{Run, permit_all};
use crate::support::process::Process;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// A user whose policy has the server, and says this of its login.
struct User {
    home: Home,
    config: PathBuf,
}

impl User {
    fn of(server: &Scripted, oauth: &str) -> Self {
        let home = Home::new();
        let keys = format!(
            "[server.remote]\nurl = \"{}\"\noauth = {{ {oauth} }}\n",
            server.url()
        );
        let policy = permit_all("remote").replace("[server.remote]\n", &keys);
        let config = home.write("policy/lockgate.toml", policy);
        Self { home, config }
    }

    fn start(&self, verb: &str, words: &[&str]) -> Process {
        let mut argv = Run::new().before(&[]);
        argv.truncate(1);
        argv.push(verb.to_owned());
        argv.extend(["--config".to_owned(), self.config.display().to_string()]);
        argv.extend(words.iter().map(|&word| word.to_owned()));
        Process::start(&self.home, &argv)
    }

    /// Logs in, with a browser that follows whatever it is told.
    fn login(&self) -> Process {
        let mut process = self.start("login", &["--no-browser", "remote"]);
        if let Some(line) = process.line() {
            browse(String::from_utf8(line).expect("is text").trim());
        }
        process.finish();
        process
    }

    fn logged_in(&self) {
        let mut process = self.login();
        let status = process.finish();
        assert!(status.success(), "{}", process.stderr());
    }

    fn session(self) -> Session {
        let argv = Run::new().before(&[]);
        let config = self.config.display().to_string();
        let argv = [
            &argv[..1],
            &["run".to_owned(), "--config".to_owned(), config],
        ]
        .concat();
        Session::of(self.home, &argv)
    }
}

/// Everything below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten() {
        let path = entry.expect("can be read").path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push(path);
        }
    }
    all
}

fn logins(home: &Home) -> Vec<PathBuf> {
    let all = files(&home.root().join("state/lockgate/logins"));
    let is_login = |path: &PathBuf| path.extension().is_some_and(|e| e == "json");
    all.into_iter().filter(is_login).collect()
}

fn shown(server: &Scripted) -> Vec<String> {
    let of = |r: &Request| r.header("authorization").map(str::to_owned);
    server.seen().iter().filter_map(of).collect()
}

#[test]
fn a_login_is_shown_to_its_server_and_to_nobody_else() {
    let authority = authority(Spoiled {
        lasts: 3600,
        ..Spoiled::default()
    });
    let server = server(&authority, |_| None);
    let user = User::of(&server, "login = true");
    let process = user.login();
    let mut told = process.stderr();
    assert!(told.contains("logged in to `remote`"), "{told}");
    let mut session = user.session();
    for _ in 0..3 {
        let answer = session.ask("ping", &json!({}));
        assert!(answer.get("result").is_some(), "{answer}");
        told.push_str(&answer.to_string());
    }
    assert!(session.process.finish().success());
    told.push_str(&session.process.stderr());
    assert!(!told.contains(SECRET), "{told}");
    let token = format!("Bearer {SECRET}-a1");
    assert_eq!(shown(&server), vec![token; 3]);

    let kept = logins(&session.home);
    let mode = |path: &Path| {
        std::fs::metadata(path)
            .expect("is there")
            .permissions()
            .mode()
    };
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(mode(&kept[0]) & 0o777, 0o600);
    for file in files(session.home.root()) {
        let text = std::fs::read(&file).expect("can be read");
        let has = String::from_utf8_lossy(&text).contains(SECRET);
        assert_eq!(has, kept.contains(&file), "{}", file.display());
    }

    let seen = authority.seen();
    let of = |path: &str| {
        seen.iter()
            .find(|r| r.target.starts_with(path))
            .expect(path)
    };
    let registered = of("/register").json();
    assert_eq!(registered["application_type"], json!("native"));
    assert_eq!(registered["token_endpoint_auth_method"], json!("none"));
    let asked = query(of("/authorize?").target.split_once('?').expect("has one").1);
    assert_eq!(asked["resource"], server.url());
    assert_eq!(asked["scope"], "read");
    assert_eq!(registered["redirect_uris"], json!([asked["redirect_uri"]]));
    // It has got a secret, although it wanted none, and shows it.
    let basic = of("/token").header("authorization").unwrap_or_default();
    assert!(basic.starts_with("Basic "), "{basic}");
    assert_eq!(form(of("/token"))["resource"], server.url());
}

/// The file of a login is lockgate's own: no tool is told to open it.
#[test]
fn no_tool_reaches_a_login() {
    let authority = authority(Spoiled {
        lasts: 3600,
        ..Spoiled::default()
    });
    let server = server(&authority, |_| None);
    let user = User::of(&server, "login = true");
    user.logged_in();
    let login = logins(&user.home)[0].clone();
    let other = user.home.work().join("notes.txt");
    let mut session = user.session();
    session.initialize();
    for (path, stopped) in [(other, false), (login, true)] {
        let call = json!({ "name": "look", "arguments": { "path": path } });
        let answer = session.ask("tools/call", &call);
        assert_eq!(answer.get("error").is_some(), stopped, "{answer}");
    }
    assert_eq!(server.count("tools/call"), 1);
}

#[test]
fn without_a_login_nothing_is_sent() {
    let authority = authority(Spoiled::default());
    let server = server(&authority, |_| None);
    let mut session = User::of(&server, "login = true").session();
    let answer = session.ask("ping", &json!({}));
    assert_eq!(
        answer["error"]["data"]["reason"],
        json!("http-login"),
        "{answer}"
    );
    let told = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(
        told.contains("lockgate login --config") && told.ends_with(" remote`"),
        "{told}"
    );
    assert!(server.seen().is_empty());
}

/// Each request needs a new token here, and each refresh token is good once.
#[test]
fn processes_that_refresh_at_once_do_not_lose_the_login() {
    const PROCESSES: usize = 3;
    const REQUESTS: usize = 4;
    let authority = authority(Spoiled::default());
    let server = server(&authority, |_| None);
    let user = User::of(&server, "login = true");
    user.logged_in();
    let ping = |id| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" }).to_string();
    let pings = (1..=REQUESTS).map(ping).collect::<Vec<_>>().join("\n");
    let mut processes: Vec<_> = (0..PROCESSES).map(|_| user.start("run", &[])).collect();
    for process in &mut processes {
        process.say(&pings);
    }
    for process in &mut processes {
        for _ in 0..REQUESTS {
            let line = process.line().unwrap_or_else(|| process.fail("ended"));
            let answer: Value = serde_json::from_slice(&line).expect("is JSON");
            assert!(answer.get("result").is_some(), "{answer}");
        }
        assert!(process.finish().success());
    }
    let refreshed = asked(&authority, "refresh_token");
    assert!(refreshed >= REQUESTS, "{refreshed}");
    assert!(shown(&server).contains(&format!("Bearer {SECRET}-a{}", refreshed + 1)));
}

#[test]
fn a_refused_token_is_refreshed_once() {
    let authority = authority(Spoiled {
        lasts: 3600,
        ..Spoiled::default()
    });
    let refused: Arc<Mutex<Vec<String>>> = Arc::default();
    let listed = Arc::clone(&refused);
    let server = server(&authority, move |request| {
        let token = request.header("authorization")?;
        let bad = listed
            .lock()
            .expect("no panic")
            .iter()
            .any(|t| token.ends_with(t));
        bad.then(|| {
            let why = "WWW-Authenticate: Bearer error=\"invalid_token\"";
            ("401 Unauthorized", why.to_owned())
        })
    });
    let user = User::of(&server, "login = true");
    user.logged_in();
    let mut session = user.session();
    refused.lock().expect("no panic").push("-a1".to_owned());
    let answer = session.ask("ping", &json!({}));
    assert!(answer.get("result").is_some(), "{answer}");
    let tokens = ["a1", "a2"].map(|t| format!("Bearer {SECRET}-{t}"));
    assert_eq!(shown(&server), tokens);
    // One that is refused although it is new is not replaced, but told.
    refused
        .lock()
        .expect("no panic")
        .extend(["-a2".to_owned(), "-a3".to_owned()]);
    let answer = session.ask("ping", &json!({}));
    assert_eq!(
        answer["error"]["data"]["reason"],
        json!("http-login"),
        "{answer}"
    );
    assert_eq!(shown(&server).len(), 4);
    assert_eq!(asked(&authority, "refresh_token"), 2);
}

#[test]
fn scopes_that_are_missing_are_asked_for_at_the_next_login() {
    let authority = authority(Spoiled {
        lasts: 3600,
        ..Spoiled::default()
    });
    let server = server(&authority, |request| {
        let first = request.header("authorization")?.ends_with("-a1");
        first.then(|| {
            let why = "WWW-Authenticate: Bearer error=\"insufficient_scope\", scope=\"write\"";
            ("403 Forbidden", why.to_owned())
        })
    });
    let user = User::of(&server, "login = true");
    user.logged_in();
    let mut running = user.start("run", &[]);
    running.say(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
    let line = running.line().unwrap_or_else(|| running.fail("ended"));
    let answer = String::from_utf8(line).expect("is text");
    assert!(
        answer.contains("more scopes") && answer.contains("lockgate login"),
        "{answer}"
    );
    // What a server wants to have said is not said to the agent.
    assert!(!answer.contains("write"), "{answer}");
    user.logged_in();
    let seen = authority.seen();
    let asked: Vec<_> = seen
        .iter()
        .filter(|r| r.target.starts_with("/authorize?"))
        .collect();
    let asked = query(asked[1].target.split_once('?').expect("has one").1);
    assert_eq!(asked["scope"], "read write");
    // The registration is used again, and who runs uses the new login.
    assert_eq!(seen.iter().filter(|r| r.target == "/register").count(), 1);
    running.say(r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#);
    let line = running.line().unwrap_or_else(|| running.fail("ended"));
    assert!(
        String::from_utf8_lossy(&line).contains("result"),
        "{line:?}"
    );
    assert!(running.finish().success());
}

#[test]
fn who_logs_out_gives_the_tokens_up() {
    let authority = authority(Spoiled {
        lasts: 3600,
        ..Spoiled::default()
    });
    let server = server(&authority, |_| None);
    let user = User::of(&server, "login = true");
    user.logged_in();
    let mut pinned = user.start("pin", &["--server", "remote", "--yes"]);
    assert!(pinned.finish().success(), "{}", pinned.stderr());
    let mut out = user.start("logout", &["remote"]);
    assert!(out.finish().success(), "{}", out.stderr());
    assert!(logins(&user.home).is_empty());
    let seen = authority.seen();
    let given_up = seen
        .iter()
        .find(|r| r.target == "/revoke")
        .expect("was told");
    assert_eq!(form(given_up)["token"], format!("{SECRET}-r1"));
    let mut again = user.start("logout", &["remote"]);
    assert!(again.finish().success());
    assert!(
        again.stderr().contains("nobody was logged in"),
        "{}",
        again.stderr()
    );
    let mut pinned = user.start("pin", &["--server", "remote", "--check"]);
    assert_eq!(pinned.finish().code(), Some(1));
    assert!(
        pinned.stderr().contains("lockgate login"),
        "{}",
        pinned.stderr()
    );
}

#[test]
fn what_cannot_be_believed_ends_the_login() {
    let evil = || json!("https://evil.example");
    for (spoiled, keys, told) in [
        (
            Spoiled {
                metadata: vec![("issuer", evil())],
                ..Spoiled::default()
            },
            "",
            "another issuer",
        ),
        (
            Spoiled {
                metadata: vec![("code_challenge_methods_supported", json!(["plain"]))],
                ..Spoiled::default()
            },
            "",
            "PKCE",
        ),
        (
            Spoiled {
                metadata: vec![("token_endpoint", json!("http://evil.example/token"))],
                ..Spoiled::default()
            },
            "",
            "without encryption",
        ),
        (
            Spoiled {
                metadata: vec![("registration_endpoint", Value::Null)],
                ..Spoiled::default()
            },
            "",
            "register lockgate there by hand",
        ),
        (
            Spoiled {
                iss: Some("https://evil.example"),
                ..Spoiled::default()
            },
            "",
            "`iss`",
        ),
        (
            Spoiled::default(),
            ", issuer = \"https://idp.example\"",
            "another authorization server than the policy's",
        ),
    ] {
        let authority = authority(spoiled);
        let server = server(&authority, |_| None);
        let user = User::of(&server, &format!("login = true{keys}"));
        let mut process = user.login();
        assert_eq!(process.finish().code(), Some(1), "{told}");
        let said = process.stderr();
        assert!(
            said.contains(told) && !said.contains(SECRET),
            "{told}: {said}"
        );
        assert!(logins(&user.home).is_empty(), "{told}");
        assert_eq!(asked(&authority, "authorization_code"), 0, "{told}");
    }
}

/// Whoever knocks with another state neither logs in nor ends the login.
#[test]
fn a_strangers_answer_is_not_taken() {
    let authority = authority(Spoiled {
        lasts: 60,
        ..Spoiled::default()
    });
    let server = server(&authority, |_| None);
    let user = User::of(&server, "login = true");
    let mut process = user.start("login", &["--no-browser", "remote"]);
    let line = process.line().unwrap_or_else(|| process.fail("ended"));
    let url = String::from_utf8(line).expect("is text").trim().to_owned();
    let back = query(url.split_once('?').expect("has one").1)["redirect_uri"].clone();
    let answer = browse(&format!("{back}?code=stolen&state=guessed"));
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    browse(&url);
    assert!(process.finish().success(), "{}", process.stderr());
    let seen = authority.seen();
    let token = seen
        .iter()
        .find(|r| r.target == "/token")
        .expect("was asked");
    assert_eq!(form(token)["code"], format!("{SECRET}-code"));
}

#[test]
fn a_policy_has_to_say_that_there_is_a_login() {
    let authority = authority(Spoiled::default());
    let server = server(&authority, |_| None);
    let user = User::of(&server, "login = true");
    let policy = std::fs::read_to_string(&user.config).expect("is there");
    std::fs::write(&user.config, policy.replace("oauth = { login = true }", "")).expect("is ours");
    let mut process = user.login();
    assert_eq!(process.finish().code(), Some(2));
    assert!(
        process.stderr().contains("login = true"),
        "{}",
        process.stderr()
    );
    assert!(server.seen().is_empty());
}
