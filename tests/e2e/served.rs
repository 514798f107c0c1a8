//! Real servers on stdio behind `lockgate serve`, with every client over HTTP:
//! it sees what it sees on stdio, and the server receives the same.

use crate::client::Client;
use crate::remote::{Listening, comparable};
use crate::server::Server;
use crate::support::home::Home;
use crate::support::lockgate::{Run, permit_all};
use crate::wire::{self, Tap};
use serde_json::Value;
use similar::TextDiff;

fn same_through_lockgate(server: Server, client: Client) {
    let direct = Home::new();
    let scenario = server.prepare(&direct);
    let tapped = Tap::Server.before(&direct, server.command(&direct));
    let before = client.play(&direct, &scenario, &tapped);

    let gated = Home::new();
    let scenario = server.prepare(&gated);
    let tapped = Tap::Server.before(&gated, server.command(&gated));
    let run = Run::policy(&gated, &permit_all(server.name()));
    let gate = Listening::start(
        &gated,
        &run.serve(&[vec!["--".to_owned()], tapped].concat()),
    );
    let after = client.play(&gated, &scenario, &[gate.url()]);
    drop(gate);

    let about = format!("{server:?} with {client:?}");
    assert_same(
        &format!("{about}: what the client saw"),
        &comparable(&before),
        &comparable(&after),
    );
    assert_same(
        &format!("{about}: what the server received"),
        &received(&direct),
        &received(&gated),
    );
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
fn received(home: &Home) -> String {
    let recorded = Tap::Server.recorded(home);
    let lines = recorded.iter().flat_map(|record| &record.input);
    let mut told: Vec<_> = lines.filter_map(|line| plain(line, home)).collect();
    told.sort();
    told.join("\n")
}

fn plain(line: &[u8], home: &Home) -> Option<String> {
    let mut message = wire::message(line);
    let id = message.as_object_mut()?.remove("id");
    if id.is_some_and(|id| id.to_string().starts_with("\"lockgate-")) {
        return None;
    }
    if let Some(params) = message.get_mut("params").and_then(Value::as_object_mut) {
        params.remove("requestId");
        if let Some(meta) = params.get_mut("_meta").and_then(Value::as_object_mut) {
            meta.remove("progressToken");
        }
    }
    let root = home.root().display().to_string();
    Some(message.to_string().replace(&root, "$ROOT"))
}

macro_rules! matrix {
    ($($name:ident: $server:ident, $client:ident;)*) => {$(
        #[test]
        fn $name() {
            same_through_lockgate(Server::$server, Client::$client);
        }
    )*};
}

matrix! {
    everything_typescript_1: Everything, TypeScript1;
    everything_typescript_2: Everything, TypeScript2;
    everything_python: Everything, Python;
    everything_rmcp: Everything, Rmcp;
    filesystem_typescript_1: Filesystem, TypeScript1;
    filesystem_python: Filesystem, Python;
    memory_typescript_1: Memory, TypeScript1;
    memory_rmcp: Memory, Rmcp;
    git_typescript_2: Git, TypeScript2;
    git_python: Git, Python;
    git_rmcp_auto: Git, RmcpAuto;
    time_typescript_2: Time, TypeScript2;
    time_python: Time, Python;
    time_rmcp: Time, Rmcp;
    pages_typescript_1: Pages, TypeScript1;
    pages_python: Pages, Python;
    dual_typescript_1: Dual, TypeScript1;
    dual_rmcp: Dual, Rmcp;
}
