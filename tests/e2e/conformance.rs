//! The official conformance suite, directly and through lockgate: every check
//! that passes directly passes through lockgate as well, or is listed below.
//!
//! Deliberately absent: the extensions that no reference here has.

use crate::remote::{Listening, listening};
use crate::server::Server;
use crate::support::home::Home;
use crate::support::lockgate::{Run, example, permit_all};
use crate::support::need::script;
use crate::support::peers::peers;
use crate::support::process::Process;
use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;
use std::sync::LazyLock;

/// What does not hold through lockgate: the ways, the revision, the check as
/// `scenario:check`, and why. One that holds again has to leave the list.
const KNOWN: &[(&[&str], &str, &str, &str)] = &[
    (
        &["run", "serve"],
        "2026-07-28",
        "http-custom-headers:sep-2243-client-omit-null",
        "the scenario sends `null` where the tool's own schema wants a boolean, \
         and lockgate holds calls to the pinned schema",
    ),
    (
        &["http", "stdio", "everything"],
        "2025-11-25",
        "server-sse-multiple-streams:server-sse-streams-functional",
        "an answer with nothing before it comes as JSON, as the server may choose",
    ),
    (
        &["http", "stdio"],
        "2026-07-28",
        "server-sse-multiple-streams:server-sse-streams-functional",
        "as above",
    ),
    (
        &["http", "stdio", "everything"],
        "2025-11-25",
        "server-sse-polling:server-sse-priming-event",
        "as above",
    ),
    (
        &["http", "stdio"],
        "2025-11-25",
        "server-sse-polling:server-sse-retry-field",
        "as above",
    ),
    (
        &["everything"],
        "2025-11-25",
        "tools-call-error:tools-call-error",
        "the server has no such tool and answers with a result that says so; \
         lockgate, with an error",
    ),
    (
        &["everything"],
        "2025-11-25",
        "tools-call-simple-text:tools-call-simple-text",
        "as above",
    ),
];

/// The client's scenarios, without logins and extensions.
const CLIENT: &[(&str, &[&str])] = &[
    (
        "2025-11-25",
        &[
            "initialize",
            "tools_call",
            "elicitation-sep1034-client-defaults",
            "sse-retry",
            "json-schema-2020-12-preservation",
        ],
    ),
    (
        "2026-07-28",
        &[
            "tools_call",
            "request-metadata",
            "sep-2322-client-request-state",
            "http-standard-headers",
            "http-custom-headers",
            "http-invalid-tool-headers",
            "json-schema-ref-no-deref",
            "json-schema-2020-12-preservation",
        ],
    ),
];

/// Per scenario and check, whether it passed, or what the suite says instead.
pub(crate) type Verdicts = BTreeMap<String, BTreeMap<String, Result<(), String>>>;

/// Runs the suite with these words, and reads what it has written down.
fn suite(home: &Home, words: &[&str]) -> Verdicts {
    let out = home.root().join("results");
    let out = out.display().to_string();
    let rest = ["--timeout", "20000", "--output-dir", &out];
    let words = [words, &rest].concat();
    let words = words.into_iter().map(str::to_owned).collect();
    let mut process = Process::start(home, &[peers().conformance(), words].concat());
    let said = process.rest();
    // It fails when a check does; which one is told below.
    process.finish();
    let verdicts = results(Path::new(&out));
    if verdicts.is_empty() {
        process.fail(&format!(
            "has no results\n{}",
            String::from_utf8_lossy(&said)
        ));
    }
    verdicts
}

/// Each scenario leaves a folder with the time in its name, those about logins
/// in a folder of their own.
fn results(out: &Path) -> Verdicts {
    let name = Regex::new(r"^(?:server-)?(.+)-\d{4}-\d\d-\d\dT[-\d]+Z$").expect("is one");
    let mut verdicts = Verdicts::new();
    for entry in std::fs::read_dir(out).into_iter().flatten() {
        let entry = entry.expect("can be read");
        let folder = entry.file_name().into_string().expect("is text");
        if folder == "auth" {
            let inner = results(&entry.path()).into_iter();
            verdicts.extend(inner.map(|(name, checks)| (format!("auth/{name}"), checks)));
            continue;
        }
        let scenario = name.captures(&folder).expect("the name of a scenario")[1].to_owned();
        let checks = std::fs::read(entry.path().join("checks.json")).expect("is there");
        let checks: Vec<Value> = serde_json::from_slice(&checks).expect("is JSON");
        let verdict = verdicts.entry(scenario).or_default();
        for check in checks {
            let id = check["id"].as_str().expect("an id").to_owned();
            match check["status"].as_str() {
                // One that failed once has failed.
                Some("SUCCESS") => _ = verdict.entry(id).or_insert(Ok(())),
                Some("FAILURE" | "WARNING") => {
                    let why = format!("{} {}", check["description"], check["errorMessage"]);
                    verdict.insert(id, Err(why));
                }
                _ => {}
            }
        }
    }
    verdicts
}

/// Fails unless what passed directly passes through lockgate, but for what is
/// known not to.
fn assert_kept(way: &str, revision: &str, direct: &Verdicts, gated: &Verdicts) {
    let mut told = String::new();
    let mut lost = BTreeSet::new();
    for (scenario, checks) in direct {
        let passed = checks.iter().filter(|(_, verdict)| verdict.is_ok());
        let nothing = BTreeMap::new();
        let through = gated.get(scenario).unwrap_or(&nothing);
        let mut kept = 0;
        for (check, _) in passed.clone() {
            let why = match through.get(check) {
                Some(Ok(())) => {
                    kept += 1;
                    continue;
                }
                Some(Err(why)) => why,
                None => "was not reached",
            };
            lost.insert(format!("{scenario}:{check}"));
            let _infallible = writeln!(told, "  {scenario}:{check}: {why}");
        }
        println!("{way} {revision} {scenario}: {kept} of {}", passed.count());
    }
    let known = KNOWN
        .iter()
        .filter(|k| k.0.contains(&way) && k.1 == revision);
    let known: BTreeSet<_> = known.map(|k| k.2.to_owned()).collect();
    let again: Vec<_> = known.difference(&lost).collect();
    assert!(again.is_empty(), "known to fail, but holds: {again:?}");
    let new: Vec<_> = lost.difference(&known).collect();
    assert!(
        new.is_empty(),
        "{way}, {revision}: what passes directly and not through lockgate: {new:?}\n{told}"
    );
}

fn policy() -> String {
    permit_all("reference")
}

/// All client scenarios of a revision by one way.
fn client(revision: &str, scenarios: &[&str], way: &str) -> Verdicts {
    let all = scenarios
        .iter()
        .map(|scenario| one_client(revision, scenario, way, &policy()));
    all.flatten().collect()
}

/// One of them, under this policy.
pub(crate) fn one_client(revision: &str, scenario: &str, way: &str, policy: &str) -> Verdicts {
    // Each scenario has a server of its own, and no pins but its own.
    let home = Home::new();
    let run = Run::policy(&home, policy);
    let between = match way {
        "run" => [vec!["--".to_owned()], run.remote("")].concat(),
        "serve" => [vec!["--serve".to_owned()], run.serve(&["--url".to_owned()])].concat(),
        _ => Vec::new(),
    };
    // The suite appends the address.
    let between = between.into_iter().filter(|word| !word.is_empty());
    let client = [peers().new_node(), script("conform.mjs"), peers().js()];
    let client: Vec<_> = client.into_iter().chain(between).collect();
    let client = client.join(" ");
    let words = ["client", "--command", &client, "--scenario", scenario];
    let version = ["--spec-version", revision];
    let version = if revision.is_empty() {
        &[][..]
    } else {
        &version
    };
    suite(&home, &[&words[..], version].concat())
}

/// The TypeScript client meets the suite's servers, directly and through.
fn clients_through(way: &str) {
    /// Once for all ways.
    static DIRECT: LazyLock<Vec<Verdicts>> =
        LazyLock::new(|| CLIENT.iter().map(|(r, s)| client(r, s, "direct")).collect());
    for ((revision, scenarios), direct) in CLIENT.iter().zip(&*DIRECT) {
        assert_eq!(failing(direct), "", "directly, {revision}");
        assert_eq!(direct.len(), scenarios.len());
        let gated = client(revision, scenarios, way);
        assert_kept(way, revision, direct, &gated);
    }
}

pub(crate) fn failing(verdicts: &Verdicts) -> String {
    let mut told = String::new();
    for (scenario, checks) in verdicts {
        for (check, verdict) in checks {
            if let Err(why) = verdict {
                let _infallible = writeln!(told, "{scenario}:{check}: {why}");
            }
        }
    }
    told
}

/// The server scenarios of a revision that are met at `url`.
fn server(home: &Home, url: &str, revision: &str) -> Verdicts {
    let words = ["server", "--url", url, "--suite", "all"];
    suite(home, &[&words[..], &["--spec-version", revision]].concat())
}

/// The reference server.
fn reference(over: &str) -> Vec<String> {
    vec![example("conformance_server"), over.to_owned()]
}

/// How many scenarios of each revision the reference server passes: all that
/// there are, without extensions.
const SERVER: &[(&str, usize)] = &[("2025-11-25", 33), ("2026-07-28", 40)];

/// The suite's client meets the reference server, directly and behind
/// `lockgate serve`, which reaches it over HTTP or on stdio.
fn server_through(way: &str) {
    for (revision, count) in SERVER {
        let home = Home::new();
        let remote = Listening::start(&home, &reference("http"));
        let direct = server(&home, &remote.url(), revision);
        assert_eq!(failing(&direct), "", "directly, {revision}");
        assert_eq!(direct.len(), *count);

        let home = Home::new();
        let behind = match way {
            "http" => vec!["--url".to_owned(), remote.url()],
            _ => [vec!["--".to_owned()], reference("stdio")].concat(),
        };
        let gate = Listening::start(&home, &Run::policy(&home, &policy()).serve(&behind));
        let gated = server(&home, &gate.url(), revision);
        assert_kept(way, revision, &direct, &gated);
    }
}

#[test]
fn server_scenarios_of_a_remote_server() {
    server_through("http");
}

#[test]
fn server_scenarios_of_a_server_on_stdio() {
    server_through("stdio");
}

/// The official example server: what it passes on its own, it passes behind.
#[test]
fn server_scenarios_of_server_everything() {
    let home = Home::new();
    let remote = listening(Server::Everything, &home, false);
    let direct = server(&home, &remote.url(), "2025-11-25");
    let passes = |checks: &BTreeMap<_, Result<(), String>>| checks.values().all(Result::is_ok);
    let passing = direct.values().filter(|checks| passes(checks)).count();
    assert!(passing >= 8, "directly {passing} scenarios pass");
    let home = Home::new();
    let behind = ["--url".to_owned(), remote.url()];
    let gate = Listening::start(&home, &Run::policy(&home, &policy()).serve(&behind));
    let gated = server(&home, &gate.url(), "2025-11-25");
    assert_kept("everything", "2025-11-25", &direct, &gated);
}

#[test]
fn client_scenarios_through_serve() {
    clients_through("serve");
}

#[test]
fn client_scenarios_through_run() {
    clients_through("run");
}
