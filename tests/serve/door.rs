//! DNS rebinding and requests of web pages.

use crate::gate::{Gate, hello, until};
use crate::raw::{Ask, Wire};

#[test]
fn a_name_that_is_not_the_listeners_is_refused() {
    let gate = Gate::open("legacy");
    for host in [
        "evil.example",
        "evil.example:8400",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1@evil.example",
        "169.254.169.254",
        "0.0.0.0",
        "[::ffff:1.2.3.4]",
        "",
    ] {
        for path in ["/mcp", "/healthz", "/metrics"] {
            let ask = if path == "/mcp" {
                hello()
            } else {
                Ask::new("GET", path)
            };
            let reply = ask.set("host", host).at(gate.port);
            assert_eq!(
                (reply.status, reply.reason()),
                (403, "foreign-host".into()),
                "{host}"
            );
        }
    }
    let twice = hello().with("host", "127.0.0.1").at(gate.port);
    assert!([400, 403].contains(&twice.status), "{twice:?}");
    let none = hello().without("host").at(gate.port);
    assert!([400, 403].contains(&none.status), "{none:?}");
    assert_eq!(gate.received(), [], "nothing of it reaches a server");
    for host in ["127.0.0.1", "localhost:1", "LOCALHOST", "[::1]:8400"] {
        let reply = hello().set("host", host).at(gate.port);
        assert_eq!(reply.status, 200, "{host}: {reply:?}");
    }
    until("the server", || {
        (gate.count("initialize") == 4).then_some(())
    });
}

#[test]
fn a_page_of_another_origin_is_refused() {
    let gate = Gate::open("legacy");
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example:8400",
        "file://",
        "chrome-extension://abc",
        "",
    ] {
        let reply = hello().with("origin", origin).at(gate.port);
        assert_eq!(
            (reply.status, reply.reason()),
            (403, "foreign-origin".into()),
            "{origin}"
        );
        assert_eq!(reply.header("access-control-allow-origin"), None);
    }
    let two = hello()
        .with("origin", "http://localhost")
        .with("origin", "https://evil.example");
    assert_eq!(two.at(gate.port).reason(), "foreign-origin");
    // What a page may send without asking first.
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ] {
        let reply = hello().set("content-type", kind).at(gate.port);
        assert_eq!(reply.status, 415, "{kind}: {reply:?}");
    }
    let asks_first = Ask::new("OPTIONS", "/mcp").with("access-control-request-method", "POST");
    let reply = asks_first.at(gate.port);
    assert_eq!(
        (reply.status, reply.header("access-control-allow-origin")),
        (405, None)
    );
    assert_eq!(gate.received(), []);
}

#[test]
fn a_target_with_a_name_of_its_own_counts() {
    let gate = Gate::open("legacy");
    let at = |target: &str, host: &str| {
        let mut wire = Wire::to(gate.port);
        wire.send(format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n"));
        wire.reply().map(|reply| reply.status)
    };
    assert_eq!(at("http://evil.example/healthz", "127.0.0.1"), Some(403));
    assert_eq!(at("http://127.0.0.1/healthz", "evil.example"), Some(403));
    assert_eq!(at("http://127.0.0.1/healthz", "127.0.0.1"), Some(200));
    gate.assert_well();
}
