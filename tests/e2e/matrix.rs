//! Every server with every client: the client sees the same through lockgate
//! as without it, and the bytes on both sides of lockgate are the same.

use crate::client::Client;
use crate::server::Server;
use crate::support::home::Home;
use crate::support::lockgate::{Run, permit_all};
use crate::wire::{self, Tap};
use similar::TextDiff;

/// Plays the server's scenario directly and through lockgate, and returns the
/// home of the second run.
fn same_through_lockgate(server: Server, client: Client) -> Home {
    let direct = Home::new();
    let scenario = server.prepare(&direct);
    let before = client.play(&direct, &scenario, &server.command(&direct));

    let gated = Home::new();
    let scenario = server.prepare(&gated);
    let run = Run::policy(&gated, &permit_all(server.name()));
    let behind = run.before(&Tap::Server.before(&gated, server.command(&gated)));
    let after = client.play(&gated, &scenario, &Tap::Client.before(&gated, behind));

    if before != after {
        let diff = TextDiff::from_lines(&before, &after);
        let diff = diff
            .unified_diff()
            .header("direct", "through lockgate")
            .to_string();
        panic!("{server:?} with {client:?}: the client saw something else\n{diff}");
    }
    wire::assert_unchanged(&gated);
    gated
}

/// The methods of the requests and notifications that the server received.
fn methods(home: &Home) -> Vec<String> {
    let lines = Tap::Server
        .recorded(home)
        .into_iter()
        .flat_map(|record| record.input);
    lines
        .filter_map(|line| Some(wire::message(&line).get("method")?.as_str()?.to_owned()))
        .collect()
}

macro_rules! matrix {
    ($($name:ident: $server:ident, $client:ident, $first:literal;)*) => {$(
        #[test]
        fn $name() {
            let home = same_through_lockgate(Server::$server, Client::$client);
            // Which era it was: the first message tells.
            assert_eq!(methods(&home).first().map(String::as_str), Some($first));
        }
    )*};
}

matrix! {
    everything_typescript_1: Everything, TypeScript1, "initialize";
    everything_typescript_2: Everything, TypeScript2, "server/discover";
    everything_python: Everything, Python, "server/discover";
    everything_rmcp: Everything, Rmcp, "initialize";
    filesystem_typescript_1: Filesystem, TypeScript1, "initialize";
    filesystem_python: Filesystem, Python, "server/discover";
    filesystem_rmcp: Filesystem, Rmcp, "initialize";
    memory_typescript_1: Memory, TypeScript1, "initialize";
    memory_python: Memory, Python, "server/discover";
    memory_rmcp: Memory, Rmcp, "initialize";
    git_typescript_1: Git, TypeScript1, "initialize";
    git_typescript_2: Git, TypeScript2, "server/discover";
    git_python: Git, Python, "server/discover";
    git_rmcp: Git, Rmcp, "initialize";
    git_rmcp_auto: Git, RmcpAuto, "server/discover";
    time_typescript_1: Time, TypeScript1, "initialize";
    time_typescript_2: Time, TypeScript2, "server/discover";
    time_python: Time, Python, "server/discover";
    time_rmcp: Time, Rmcp, "initialize";
    time_rmcp_auto: Time, RmcpAuto, "server/discover";
    pages_typescript_1: Pages, TypeScript1, "initialize";
    pages_python: Pages, Python, "server/discover";
    pages_rmcp: Pages, Rmcp, "initialize";
}

/// In the modern era there is no handshake: the servers that speak it must
/// have been spoken to in it, or the rows above show less than they say.
#[test]
fn modern_servers_are_spoken_to_without_a_handshake() {
    let home = same_through_lockgate(Server::Time, Client::Python);
    let methods = methods(&home);
    assert!(!methods.iter().any(|m| m == "initialize"), "{methods:?}");
    assert!(methods.iter().any(|m| m == "tools/call"), "{methods:?}");
}
