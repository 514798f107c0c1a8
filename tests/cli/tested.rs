//! `lockgate test`, and what strict policies hold themselves to.

use super::packs::packs;
use super::user::{POLICY, User};
use lockgate::engine::message::{Document, Limits};
use lockgate::engine::pin::{Lockfile, Review, ServerPins, pin};
use lockgate::engine::types::ServerName;

const TESTS: &str = r#"[[test]]
name = "reads within the project"
tool = "read_file"
args = { path = "${workspace}/a" }
expect = "permit"
rule = "read"

[[test]]
name = "and nowhere else"
tool = "read_file"
links = { "${workspace}/out" = "/etc" }
permit = [{ args = { path = "b" } }]
deny = [
  { args = { path = "/etc/passwd" }, rule = "read" },
  { args = { path = "out/x" }, reason = "not-permitted" },
  { args = { path = "~/.ssh/id_rsa" }, reason = "secret-place" },
  { args = { path = "lockgate.toml" }, reason = "self-protection" },
]

[[test]]
name = "adds"
tool = "add"
args = { a = 1, b = 2 }
expect = "permit"
"#;

fn user(tests: &str) -> User {
    let user = User::new();
    user.write("lockgate.test.toml", tests);
    user
}

const TEST: [&str; 3] = ["test", "--config", "lockgate.toml"];

#[test]
fn tests_that_hold() {
    let user = user(TESTS);
    let done = user.plain(&TEST, "");
    done.is(
        0,
        &[
            "ok      reads within the project\n",
            "ok      and nowhere else (5 calls)",
            "7 calls in 3 tests: all as expected; 2 of 2 rules covered (100 %)",
            "`demo` has no pins: its rules and the guard judged alone",
            "lockgate pin --config lockgate.toml --server demo",
        ],
    );
    done.says_no("not covered");
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    let done = user.plain(&TEST, "");
    done.is(0, &["all as expected"]);
    done.says_no("no pins");
    // The files of this machine do not matter.
    std::os::unix::fs::symlink("/etc", user.path("a")).unwrap();
    user.plain(&TEST, "").is(0, &["all as expected"]);
}

#[test]
fn tests_that_fail_say_where_what_and_why() {
    for (test, parts) in [
        (
            "tool = \"read_file\"\nargs = { path = \"/etc/passwd\" }\nexpect = \"permit\"",
            &[
                "FAILED  here",
                "lockgate.test.toml:1: tools/call `read_file` by `me` on `demo`",
                "wanted:  permitted",
                "found:   denied [not-permitted]",
                "why:     rule `read`: `/path`: expected a path",
                "rule:    `read` (lockgate.toml:12)",
            ][..],
        ),
        (
            "tool = \"read_file\"\nargs = { path = \"a\" }\nexpect = \"deny\"",
            &[
                "wanted:  denied\n",
                "found:   permitted",
                "`read` (lockgate.toml:12)",
            ],
        ),
        (
            "tool = \"add\"\nargs = { a = 1, b = 2 }\nexpect = \"permit\"\nrule = \"read\"",
            &["wanted:  permitted by `read`", "rule:    `sums`"],
        ),
        (
            "tool = \"write_file\"\nexpect = \"deny\"\nreason = \"forbidden\"",
            &[
                "wanted:  denied [forbidden]",
                "found:   denied [not-permitted]",
            ],
        ),
        // Denied, and not by anything that the policy says.
        (
            "tool = \"add\"\nargs = { a = 1, b = 2, c = 3 }\nexpect = \"deny\"",
            &[
                "found:   denied [undeclared-argument]",
                "write `reason = \"undeclared-argument\"`",
            ],
        ),
        (
            "permit = [{ tool = \"add\", args = { a = 1, b = 2 } }]\ndeny = [\n\"write_file\",\n{ tool = \"add\", args = { a = 1, b = 2 } }]",
            &[
                "FAILED  here (3 calls)",
                "lockgate.test.toml:6: tools/call `add`",
                "3 calls in 1 test: 1 FAILED",
            ],
        ),
    ] {
        let user = user(&format!("[[test]]\nname = \"here\"\n{test}\n"));
        user.lockgate(&["pin", "--yes"]).is(0, &[]);
        user.plain(&TEST, "").is(1, parts);
    }
    let meant = "[[test]]\ntool = \"add\"\nargs = { c = 3 }\nexpect = \"deny\"\nreason = \"undeclared-argument\"\n";
    let user = user(meant);
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    user.plain(&TEST, "").is(0, &["all as expected"]);
}

#[test]
fn coverage_is_of_calls_that_came_out_as_expected() {
    let user = user(&TESTS.replace("expect = \"permit\"\n\n", "expect = \"deny\"\n\n"));
    let some = &TESTS[..TESTS.find("[[test]]\nname = \"adds\"").unwrap()];
    user.write("lockgate.test.toml", some);
    user.plain(&TEST, "").is(
        0,
        &[
            "1 of 2 rules covered (50 %)",
            "not covered: `sums` (lockgate.toml:19)",
        ],
    );
    let with = |more: &[&str]| user.plain(&[&TEST, more].concat(), "");
    with(&["--min-coverage", "50"]).is(0, &[]);
    with(&["--min-coverage", "51"]).is(1, &["FAILED  expected at least 51 % of the rules"]);
    with(&["--min-coverage", "101"]).is(2, &["--min-coverage"]);
    with(&["--coverage"]).is(
        0,
        &[
            "RULE  EFFECT  DETERMINED  REFUSED  WHERE",
            "read  permit  2           2        lockgate.toml:12",
            "sums  permit  0           0        lockgate.toml:19",
        ],
    );
    // What fails proves nothing.
    user.write(
        "lockgate.test.toml",
        "[[test]]\ntool = \"add\"\nexpect = \"deny\"\n",
    );
    with(&[]).is(1, &["0 of 2 rules covered"]);
}

#[test]
fn a_program_reads_it_all() {
    let user = user(TESTS);
    let done = user.plain(&[&TEST[..], &["--json"]].concat(), "");
    let json = done.json();
    assert_eq!((done.code, &json["fine"]), (0, &true.into()), "{json}");
    let policy = &json["policies"][0];
    assert_eq!(policy["tests"][1]["calls"][1]["reason"], "not-permitted");
    assert_eq!(policy["tests"][0]["calls"][0]["rules"][0]["id"], "read");
    assert_eq!(policy["coverage"]["percent"], 100);
    assert_eq!(policy["coverage"]["rules"][0]["refused"], 2);
    user.write(
        "lockgate.test.toml",
        "[[test]]\ntool = \"add\"\nexpect = \"deny\"\n",
    );
    let done = user.plain(&[&TEST[..], &["--json"]].concat(), "");
    let json = done.json();
    assert_eq!((done.code, &json["fine"]), (1, &false.into()), "{json}");
    assert_eq!(
        json["policies"][0]["tests"][0]["calls"][0]["expected"],
        "denied"
    );
    user.write("lockgate.test.toml", "[[test]]\n");
    let done = user.plain(&[&TEST[..], &["--json"]].concat(), "");
    let json = done.json();
    assert_eq!(
        (done.code, &json["policies"][0]["unusable"][0]["mistakes"]),
        (4, &1.into())
    );
}

#[test]
fn which_tests_are_meant() {
    let user = user(TESTS);
    std::fs::create_dir(user.path("sub")).unwrap();
    std::fs::create_dir(user.path("bare")).unwrap();
    user.write("sub/a.toml", POLICY);
    user.write("sub/b.toml", &POLICY.replace("\"sums\"", "\"b-sums\""));
    user.write(
        "sub/a.test.toml",
        "[[test]]\ntool = \"add\"\nexpect = \"permit\"\nrule = \"sums\"\n",
    );
    user.write(
        "sub/b.test.toml",
        "[[test]]\ntool = \"add\"\nexpect = \"permit\"\nrule = \"b-sums\"\n",
    );
    user.write(
        "bare/x.test.toml",
        "[[test]]\ntool = \"add\"\nexpect = \"permit\"\n",
    );
    let test = |words: &[&str]| user.plain(&[&["test"], words].concat(), "");
    test(&["sub"]).is(0, &["sub/a.toml: 1 call", "sub/b.toml: 1 call"]);
    test(&["sub/a.toml"]).is(0, &["sub/a.toml: 1 call"]);
    let one = test(&["sub/b.test.toml"]);
    one.is(0, &["sub/b.toml: 1 call"]);
    one.says_no("sub/a");
    test(&["--config", "lockgate.toml", "bare", "sub/a.test.toml"])
        .is(0, &["lockgate.toml: 2 calls"]);
    test(&["bare"]).is(2, &["`bare/x.test.toml` lies beside no policy", "--config"]);
    test(&["--config", "lockgate.toml", "sub/a.toml"]).is(2, &["is no test file"]);
    test(&[]).is(
        2,
        &["no policy is in force", "`lockgate.toml` in this directory"],
    );
    test(&["none.test.toml"]).is(1, &["cannot read the tests `none.test.toml`"]);
    test(&["none.toml"]).is(4, &["cannot read the policy `none.toml`"]);
    std::fs::remove_file(user.path("sub/b.test.toml")).unwrap();
    test(&["sub/b.toml"]).is(2, &["`sub/b.toml` has no tests: write `sub/b.test.toml`"]);
    std::fs::remove_file(user.path("sub/a.test.toml")).unwrap();
    test(&["sub"]).is(2, &["`sub` has no `*.test.toml`"]);
    let env = [("LOCKGATE_CONFIG", "lockgate.toml")];
    user.with(&["test"], &env, "").is(0, &["all as expected"]);
}

#[test]
fn mistakes_of_a_test_file_are_shown_in_their_place() {
    let user = user(
        &TESTS
            .replace("rule = \"read\"\n\n", "rule = \"reed\"\n\n")
            .replace("tool = \"add\"", "tol = \"add\""),
    );
    user.plain(&TEST, "").is(
        4,
        &[
            "error[LG1101]: the policy has no rule `reed`",
            "lockgate.test.toml:6:8",
            "did you mean `read`?",
            "unknown key `tol`",
            "^^^",
            "FAILED  3 mistakes, told above: none of its tests ran",
        ],
    );
    user.write("lockgate.toml", &POLICY.replace("permit", "permitt"));
    user.plain(&TEST, "")
        .is(4, &["`permitt` is no value of `effect`"]);
}

/// What each subcommand makes of a strict policy: the words, and whether it
/// refuses.
#[test]
fn a_strict_policy_is_in_force_only_while_its_tests_hold() {
    let strict = POLICY.replace("version = 1\n", "version = 1\nstrict = true\n");
    let user = user(TESTS);
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    user.write("lockgate.toml", &strict);
    let run = [
        "run",
        "--config",
        "lockgate.toml",
        "--server",
        "demo",
        "--",
        "true",
    ];
    let mut serve = run;
    serve[0] = "serve";
    let serve = [&["serve", "--listen", "127.0.0.1:0"], &serve[1..]].concat();
    let check = ["check", "--config", "lockgate.toml"];
    user.plain(&run, "").is(0, &[]);
    user.plain(&check, "").is(0, &["fine"]);
    let failing = TESTS.replace("path = \"b\"", "path = \"/b\"");
    let unreadable = TESTS.replace("expect", "expct");
    for (tests, policy, told) in [
        (
            Some(&failing),
            &strict,
            "strict, and one of its tests fails: see `lockgate test lockgate.toml`",
        ),
        (
            Some(&unreadable),
            &strict,
            "strict, and the tests of `lockgate.test.toml` cannot be read",
        ),
        (
            None,
            &strict,
            "strict, and has no tests: write `lockgate.test.toml`",
        ),
        (
            Some(&TESTS.to_owned()),
            &strict.replace("\"get_weather\"]", "\"get_weather\", \"gone_*\"]"),
            "no pinned tool fits `gone_*`",
        ),
    ] {
        user.write("lockgate.toml", policy);
        match tests {
            Some(tests) => user.write("lockgate.test.toml", tests),
            None => std::fs::remove_file(user.path("lockgate.test.toml")).unwrap(),
        }
        user.plain(&run, "").is(4, &["is strict", told]);
        user.plain(&serve, "").is(4, &["is strict", told]);
        user.plain(&check, "").is(4, &["is strict", told]);
        let json = user.plain(&["check", "--json", "lockgate.toml"], "").json();
        assert_eq!(
            (&json["usable"], &json["fine"]),
            (&false.into(), &false.into()),
            "{json}"
        );
        // Whoever mends it can ask.
        user.lockgate(&["explain", "add", r#"{"a":1,"b":2}"#])
            .is(0, &[]);
        // Without the word nothing of this counts.
        user.write("lockgate.toml", &policy.replace("strict = true\n", ""));
        user.plain(&run, "").is(0, &[]);
    }
}

/// The tests of the packs hold beside the published tools, and cover every rule.
#[test]
fn the_packs_keep_what_they_promise() {
    for pack in packs() {
        let user = User::new();
        let file = format!("{}.toml", pack.name);
        user.write(&file, &pack.policy);
        user.write(&format!("{}.test.toml", pack.name), &pack.tests);
        let words = ["test", "--config", &file, "--min-coverage", "100"];
        user.plain(&words, "")
            .is(0, &["all as expected", "has no pins"]);
        user.plain(&["fmt", "--check", &file], "").is(0, &[]);
        let definitions = Document::read(pack.tools.into_bytes(), &Limits::DEFAULT).unwrap();
        let mut pins = ServerPins::default();
        for definition in definitions.root().items() {
            let (tool, pin) = pin(definition, Review::Approved).unwrap();
            pins.tools.insert(tool, pin);
        }
        let server = ServerName::new(pack.server).unwrap();
        let lockfile = Lockfile {
            servers: [(server, pins)].into(),
        };
        user.write("lockgate.lock", &lockfile.to_string());
        let done = user.plain(&words, "");
        done.says_no("has no pins");
        done.is(0, &["all as expected"]);
    }
}

/// Rules that ask, that only audit, that hold at times.
#[test]
fn every_kind_of_rule_can_be_tested() {
    let rules = r#"
[[rule]]
id = "asks"
effect = "ask"
tools = ["write_file"]
[[rule]]
id = "watched"
effect = "forbid"
mode = "audit"
tools = ["add"]
[[rule]]
id = "by-day"
effect = "permit"
tools = ["search_files"]
when = { days = ["mon-fri"], from = "08:00", to = "18:00", zone = "UTC" }
"#;
    let tests = r#"
[[test]]
tool = "write_file"
expect = "ask"
rule = "asks"
[[test]]
tool = "add"
expect = "permit"
[[test]]
tool = "search_files"
expect = "permit"
at = 2026-11-25T09:30:00Z
[[test]]
tool = "search_files"
deny = [{ at = 2026-11-28T09:30:00Z, rule = "by-day" }, { rule = "by-day" }]
[[test]]
tool = "read_file"
permit = [{ args = { path = "a" } }]
"#;
    let user = user(tests);
    user.write("lockgate.toml", &format!("{POLICY}{rules}"));
    user.plain(&TEST, "")
        .is(0, &["all as expected; 5 of 5 rules covered"]);
    let ask = |words: &[&str]| user.plain(&[words, &["--config", "lockgate.toml"]].concat(), "");
    ask(&["who-can", "write_file"]).is(0, &["me     no   needs approval by `asks`"]);
    ask(&["who-can", "add"]).is(0, &["me     yes  `sums`"]);
    ask(&["who-can", "search_files"]).is(0, &["me     if   `by-day` (lockgate.toml:", "08:00"]);
    let audits = format!("{POLICY}{rules}[defaults]\nmode = \"audit\"\n");
    user.write("lockgate.toml", &audits);
    ask(&["what-can", "me"]).is(0, &["the policy only audits"]);
}

/// A policy of several files, and one that is a directory.
#[test]
fn a_policy_of_several_files_has_its_tests_beside_it() {
    let user = user(TESTS);
    let (head, rules) = POLICY.split_at(POLICY.find("[[rule]]").unwrap());
    let include = head.replace(
        "version = 1\n",
        "version = 1\ninclude = [\"more/rules.toml\"]\n",
    );
    std::fs::create_dir(user.path("more")).unwrap();
    user.write("lockgate.toml", &include);
    user.write("more/rules.toml", &format!("version = 1\n{rules}"));
    user.plain(&TEST, "").is(0, &["all as expected"]);
    let denied = [
        "explain",
        "--config",
        "lockgate.toml",
        "read_file",
        r#"{"path":"/etc/x"}"#,
    ];
    user.lockgate(&["pin", "--yes"]).is(0, &[]);
    user.plain(&denied, "")
        .is(3, &["or add its directory there (more/rules.toml:"]);
    // The whole directory is lockgate's own.
    user.write("more/lockgate.toml", &head.replace("\".\"", "\"..\""));
    let tests = TESTS.replace("\"lockgate.toml\"", "\"more/rules.toml\"");
    user.write("more/lockgate.test.toml", &tests);
    user.plain(&["test", "--config", "more"], "")
        .is(0, &["more: 7 calls in 3 tests: all as expected"]);
}
