//! Real servers on stdio behind `lockgate serve`, with every client over HTTP:
//! it sees what it sees on stdio, and the server receives the same. A client of
//! the modern era sees a legacy server through the bridge, which adds no more
//! than that era asks for.

use crate::client::Client;
use crate::remote::{Listening, comparable};
use crate::server::Server;
use crate::support::home::Home;
use crate::support::lockgate::{Run, permit_all};
use crate::wire::{self, Tap};
use serde_json::Value;
use similar::TextDiff;

/// How the two runs are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compared {
    Wholly,
    /// Without what differs between the eras.
    AcrossEras,
}

fn same_through_lockgate(server: Server, client: Client, compared: Compared) {
    let direct = Home::new();
    let scenario = server.prepare(&direct);
    let tapped = Tap::Server.before(&direct, server.command(&direct));
    let before = client.play(&direct, &scenario, &tapped);

    let gated = Home::new();
    let scenario = server.prepare(&gated);
    let tapped = Tap::Server.before(&gated, server.command(&gated));
    let run = Run::policy(&gated, &permit_all(server.name()));
    let behind = [vec!["--".to_owned()], tapped].concat();
    let gate = Listening::start(&gated, &run.serve(&behind));
    let after = client.play(&gated, &scenario, &[gate.url()]);
    drop(gate);

    let about = format!("{server:?} with {client:?}");
    let seen = |transcript: &str| match compared {
        Compared::Wholly => comparable(transcript),
        Compared::AcrossEras => without_era(transcript),
    };
    let saw = format!("{about}: what the client saw");
    assert_same(&saw, &seen(&before), &seen(&after));
    let got = format!("{about}: what the server received");
    assert_same(
        &got,
        &received(&direct, compared),
        &received(&gated, compared),
    );
}

/// A transcript without the members that only the modern era has, and without
/// the methods that it has not.
fn without_era(transcript: &str) -> String {
    let mut told: Value = serde_json::from_str(transcript).expect("is JSON");
    if let Some(about) = told["about"].as_object_mut() {
        for member in ["version", "protocolVersion", "_meta"] {
            about.remove(member);
        }
    }
    let steps = told["steps"].as_array_mut().expect("steps");
    steps.retain(|step| step["request"] != "ping");
    for step in steps {
        let result = &mut step["result"];
        let mut pages = match result {
            Value::Array(pages) => pages.iter_mut().collect(),
            one => vec![one],
        };
        for page in pages.iter_mut().filter_map(|page| page.as_object_mut()) {
            for member in ["resultType", "ttlMs", "cacheScope"] {
                page.remove(member);
            }
        }
    }
    format!("{told:#}")
}

fn assert_same(what: &str, direct: &str, gated: &str) {
    if direct != gated {
        let diff = TextDiff::from_lines(direct, gated);
        let diff = diff
            .unified_diff()
            .header("on stdio", "over HTTP")
            .to_string();
        panic!("{what} differs\n{diff}");
    }
}

/// What the server received of the client: all its messages, sorted, without
/// the names that a message has on one connection only.
fn received(home: &Home, compared: Compared) -> String {
    let recorded = Tap::Server.recorded(home);
    let lines = recorded.iter().flat_map(|record| &record.input);
    let plain = lines.filter_map(|line| plain(line, home, compared));
    let mut told: Vec<_> = plain.collect();
    told.sort();
    told.join("\n")
}

fn plain(line: &[u8], home: &Home, compared: Compared) -> Option<String> {
    let mut message = wire::message(line);
    let id = message.as_object_mut()?.remove("id");
    if id.is_some_and(|id| id.to_string().starts_with("\"lockgate-")) {
        return None;
    }
    let opens = [
        "initialize",
        "notifications/initialized",
        "server/discover",
        "ping",
    ];
    let method = message["method"].as_str().unwrap_or_default();
    if compared == Compared::AcrossEras && opens.contains(&method) {
        return None;
    }
    if let Some(params) = message.get_mut("params").and_then(Value::as_object_mut) {
        params.remove("requestId");
        if let Some(meta) = params.get_mut("_meta").and_then(Value::as_object_mut) {
            meta.remove("progressToken");
            let client = &meta.get("io.modelcontextprotocol/clientInfo");
            if client.is_some_and(|client| client["name"] == "lockgate") {
                return None;
            }
        }
        if compared == Compared::AcrossEras {
            params.remove("_meta");
        }
        if params.is_empty() {
            message.as_object_mut()?.remove("params");
        }
    }
    let root = home.root().display().to_string();
    Some(message.to_string().replace(&root, "$ROOT"))
}

macro_rules! matrix {
    ($($name:ident: $server:ident, $client:ident, $compared:ident;)*) => {$(
        #[test]
        fn $name() {
            same_through_lockgate(Server::$server, Client::$client, Compared::$compared);
        }
    )*};
}

// The first Python SDK ends its own session on stdio in the scenario of
// `Everything`: there is nothing to compare with.
matrix! {
    everything_typescript_1: Everything, TypeScript1, Wholly;
    everything_typescript_2: Everything, TypeScript2Legacy, Wholly;
    everything_python: Everything, PythonLegacy, Wholly;
    everything_rmcp: Everything, Rmcp, Wholly;
    filesystem_typescript_1: Filesystem, TypeScript1, Wholly;
    filesystem_python: Filesystem, Python, AcrossEras;
    filesystem_typescript_2: Filesystem, TypeScript2, AcrossEras;
    filesystem_rmcp_auto: Filesystem, RmcpAuto, AcrossEras;
    memory_typescript_1: Memory, TypeScript1, Wholly;
    memory_python_1: Memory, Python1, Wholly;
    memory_rmcp: Memory, Rmcp, Wholly;
    git_typescript_2: Git, TypeScript2, Wholly;
    git_python_1: Git, Python1, Wholly;
    git_python: Git, Python, Wholly;
    git_rmcp_auto: Git, RmcpAuto, Wholly;
    time_typescript_2: Time, TypeScript2, Wholly;
    time_python_1: Time, Python1, Wholly;
    time_python: Time, Python, Wholly;
    time_rmcp: Time, Rmcp, Wholly;
    pages_typescript_1: Pages, TypeScript1, Wholly;
    pages_python: Pages, Python, AcrossEras;
    dual_typescript_1: Dual, TypeScript1, Wholly;
    dual_rmcp: Dual, Rmcp, Wholly;
}
