//! `lockgate test`: everything that a rule can decide can be stated, and counts
//! as covered; each statement fails where it is not so.

use super::user::User;

const POLICY: &str = r#"version = 1
[agent.me]
stdio = true
[agent.web]
stdio = true
[paths]
workspace = "."
[server.s]
ask_agent = ["roots/list"]
[[rule]]
id = "issues"
effect = "permit"
tools = ["issue"]
results = { max_bytes = 400, secrets = "deny", urls = { hosts = ["github.com"] } }
[[rule]]
id = "searches"
effect = "permit"
tools = ["search_*"]
limit = { calls = 3, per = "1m" }
[[rule]]
id = "slow"
effect = "permit"
tools = ["slow"]
limit = { in_flight = 2 }
[[rule]]
id = "each"
effect = "permit"
tools = ["each_*"]
limit = { calls = 1, per = "1h", by = "tool" }
[[rule]]
id = "words"
effect = "permit"
completions = ["review", "docs://*"]
[[rule]]
id = "samples"
effect = "permit"
agents = ["web"]
asks = ["sampling/createMessage"]
[[rule]]
id = "no-pages"
effect = "forbid"
asks = ["elicitation/create#url"]
[[rule]]
id = "day"
effect = "permit"
prompts = ["deploy"]
resources = ["docs://*"]
when = { from = "09:00", to = "18:00", zone = "UTC" }
[[rule]]
id = "soon-no-more"
effect = "forbid"
mode = "audit"
tools = ["issue"]
args = { "/old" = { equals = true } }
[[rule]]
id = "soon"
effect = "permit"
mode = "audit"
tools = ["later"]
users = ["alice"]
"#;

/// What a test says, whether it holds, and what the report has then.
const STATED: [(&str, bool, &str); 40] = [
    // Answers.
    (
        "tool = \"issue\"\nresult = \"see https://github.com/a\"\nexpect = \"permit\"\nrule = \"issues\"",
        true,
        "",
    ),
    (
        "tool = \"issue\"\nresult = \"see https://evil.example/a\"\nexpect = \"permit\"",
        false,
        "found:   withheld [result-refused]",
    ),
    (
        "tool = \"issue\"\nresult = \"see https://evil.example/a\"\nexpect = \"withhold\"\nrule = \"issues\"",
        true,
        "",
    ),
    (
        "tool = \"issue\"\nresult = \"all is well\"\nexpect = \"withhold\"",
        false,
        "wanted:  permitted, and the answer withheld\n",
    ),
    (
        "tool = \"nothing\"\nresult = \"x\"\nexpect = \"withhold\"",
        false,
        "found:   denied [not-permitted]",
    ),
    (
        "tool = \"issue\"\nresult = { structuredContent = { link = \"postgres://admin:k3v9Qz7Lw2Xp@db.internal/x\" } }\nexpect = \"withhold\"\nreason = \"result-refused\"",
        true,
        "",
    ),
    (
        "tool = \"issue\"\nresult_bytes = 400\nexpect = \"permit\"",
        true,
        "",
    ),
    (
        "tool = \"issue\"\nresult_bytes = 401\nexpect = \"withhold\"",
        true,
        "",
    ),
    (
        "tool = \"issue\"\nresult_bytes = 400\nexpect = \"withhold\"",
        false,
        "found:   permitted",
    ),
    (
        "tool = \"issue\"\npermit = [{ result = \"x\" }]\nwithhold = [{ result_bytes = 999 }]\ndeny = [\"other\"]",
        true,
        "",
    ),
    (
        "tool = \"issue\"\nresult = { inputRequests = { a = { method = \"sampling/createMessage\" } } }\nexpect = \"withhold\"\nreason = \"not-permitted\"",
        true,
        "",
    ),
    // Limits.
    (
        "tool = \"search_a\"\nbefore = [{ times = 2 }]\nexpect = \"permit\"\nrule = \"searches\"",
        true,
        "",
    ),
    (
        "tool = \"search_a\"\nbefore = [{ times = 3 }]\nexpect = \"deny\"\nreason = \"limit\"\nrule = \"searches\"",
        true,
        "",
    ),
    (
        "tool = \"search_a\"\nbefore = [{ times = 3 }]\nexpect = \"permit\"",
        false,
        "found:   denied [limit]",
    ),
    (
        "tool = \"search_a\"\nbefore = [{ times = 4 }]\nexpect = \"deny\"",
        false,
        "call 1 of `before` denied [limit], the 4. time",
    ),
    (
        "tool = \"search_a\"\nbefore = [{ times = 3, ago = \"70s\" }]\nexpect = \"permit\"",
        true,
        "",
    ),
    (
        "tool = \"search_a\"\nbefore = [{ times = 2, ago = \"30s\" }, { tool = \"search_b\" }]\nexpect = \"deny\"\nreason = \"limit\"",
        true,
        "",
    ),
    (
        "tool = \"search_a\"\nbefore = [{ times = 3, user = \"bob\" }]\nexpect = \"permit\"",
        true,
        "",
    ),
    (
        "tool = \"slow\"\nbefore = [{ times = 9 }]\nexpect = \"permit\"",
        true,
        "",
    ),
    (
        "tool = \"slow\"\nbefore = [{ times = 2, answered = false }]\nexpect = \"deny\"\nreason = \"limit\"",
        true,
        "",
    ),
    (
        "tool = \"slow\"\nbefore = [{ answered = false }]\nexpect = \"permit\"",
        true,
        "",
    ),
    (
        "tool = \"each_a\"\nbefore = [{ tool = \"each_b\" }]\nexpect = \"permit\"",
        true,
        "",
    ),
    (
        "tool = \"each_a\"\nbefore = [{}]\nexpect = \"deny\"\nreason = \"limit\"\nrule = \"each\"",
        true,
        "",
    ),
    // Completions.
    (
        "completion = { prompt = \"review\" }\nexpect = \"permit\"\nrule = \"words\"",
        true,
        "",
    ),
    (
        "completion = { prompt = \"other\" }\nexpect = \"deny\"",
        true,
        "",
    ),
    (
        "completion = { resource = \"docs://{page}\", argument = \"page\", value = \"a\" }\nexpect = \"permit\"\nrule = \"words\"",
        true,
        "",
    ),
    (
        "completion = { prompt = \"review\", value = \"~/.ssh/id_rsa\" }\nexpect = \"permit\"",
        false,
        "found:   denied [secret-place]",
    ),
    // What a server asks.
    ("asks = \"roots/list\"\nexpect = \"permit\"", true, ""),
    (
        "asks = \"sampling/createMessage\"\nexpect = \"permit\"",
        false,
        "`sampling/createMessage` by `s`, asking `me`",
    ),
    (
        "asks = \"sampling/createMessage\"\nagent = \"web\"\nexpect = \"permit\"\nrule = \"samples\"",
        true,
        "",
    ),
    (
        "asks = \"elicitation/create\"\nexpect = \"deny\"\nreason = \"not-permitted\"",
        true,
        "",
    ),
    (
        "asks = \"elicitation/create#url\"\nexpect = \"deny\"\nrule = \"no-pages\"\nreason = \"forbidden\"",
        true,
        "",
    ),
    // A stated clock.
    (
        "prompt = \"deploy\"\nat = 2026-11-25T09:00:00Z\nexpect = \"permit\"\nrule = \"day\"",
        true,
        "",
    ),
    (
        "resource = \"docs://a\"\nat = 2026-11-25T18:00:00Z\nexpect = \"deny\"\nrule = \"day\"",
        true,
        "",
    ),
    // Audit mode.
    (
        "tool = \"issue\"\nargs = { old = true }\nexpect = \"permit\"\nwould = \"deny\"\nrule = \"soon-no-more\"",
        true,
        "",
    ),
    (
        "tool = \"issue\"\nargs = { old = false }\nexpect = \"permit\"\nwould = \"deny\"",
        false,
        "wanted:  permitted, and denied without audit mode",
    ),
    (
        "tool = \"issue\"\nargs = { old = false }\nexpect = \"permit\"\nwould = \"permit\"",
        true,
        "",
    ),
    (
        "tool = \"later\"\nuser = \"alice\"\nexpect = \"deny\"\nwould = \"permit\"\nrule = \"soon\"",
        true,
        "",
    ),
    (
        "tool = \"later\"\nuser = \"bob\"\nexpect = \"deny\"\nwould = \"permit\"",
        false,
        "audit mode",
    ),
    (
        "tool = \"issue\"\nresult = \"https://evil.example\"\nexpect = \"withhold\"\nwould = \"withhold\"",
        true,
        "",
    ),
];

fn ran(tests: &str) -> super::user::Done {
    let user = User::new();
    user.write("lockgate.toml", POLICY);
    user.write("lockgate.test.toml", tests);
    user.plain(&["test", "--config", "lockgate.toml", "--coverage"], "")
}

fn whole(test: &str) -> String {
    let agent = if test.contains("agent = ") {
        ""
    } else {
        "agent = \"me\"\n"
    };
    format!("[[test]]\n{agent}{test}\n")
}

#[test]
fn each_statement_holds_or_fails() {
    for (test, holds, says) in STATED {
        let done = ran(&whole(test));
        let told = format!("{test}\n{}{}", done.out, done.err);
        assert_eq!(done.code, i32::from(!holds), "{told}");
        assert!(done.out.contains(says), "{told}");
    }
}

#[test]
fn what_is_stated_is_covered() {
    let holding = STATED.iter().filter(|(_, holds, _)| *holds);
    let tests: String = holding.map(|(test, ..)| whole(test)).collect();
    let done = ran(&tests);
    done.is(
        0,
        &[
            "all as expected; 10 of 10 rules covered (100 %)",
            "issues        permit  11          5 ",
            "samples       permit  1           0 ",
            "no-pages      forbid  1 ",
            "soon-no-more  forbid  1 ",
        ],
    );
}

/// A question, and what is in the answer.
const TOLD: [(&[&str], &[&str]); 11] = [
    (
        &["who-can", "issue"],
        &[
            "me     yes  `issues` (lockgate.toml:10), if the answer has at most 400 bytes and no secret value and every URL",
            "only audited: would be forbidden by `soon-no-more` (lockgate.toml:49): `/old`: `true`",
        ],
    ),
    (
        &["who-can", "later"],
        &[
            "me     no   nothing permits it",
            "only audited: would permit by `soon` (lockgate.toml:55): for user `alice`",
        ],
    ),
    (
        &["who-can", "search_a"],
        &["if   `searches` (lockgate.toml:15): at most 3 calls in 1m"],
    ),
    (
        &["who-can", "slow"],
        &["`slow` (lockgate.toml:20): at most 2 in flight"],
    ),
    (
        &["who-can", "--prompt", "deploy"],
        &["`day` (lockgate.toml:43): 09:00-18:00 UTC"],
    ),
    (
        &["who-can", "--completion", "review"],
        &["completion `review`", "me     yes  `words`"],
    ),
    (
        &["who-can", "--completion", "docs://{x}"],
        &["me     yes  `words`"],
    ),
    (
        &["who-can", "--asks", "sampling/createMessage"],
        &["me     no   nothing permits it", "web    yes  `samples`"],
    ),
    (
        &["who-can", "--asks", "roots/list"],
        &["me     yes  `server.s.ask_agent` (lockgate.toml:9)"],
    ),
    (
        &["who-can", "--asks", "elicitation/create#url"],
        &["me     no   forbidden by `no-pages`"],
    ),
    (
        &["what-can", "me"],
        &[
            "tools issue                  yes  `issues` (lockgate.toml:10), if the answer has at most",
            "completions docs://*         yes  `words`",
            "asks sampling/createMessage  no   nothing permits it",
            "asks roots/list              yes  `server.s.ask_agent`",
            "only audited: would be forbidden by `soon-no-more`",
        ],
    ),
];

/// `who-can` and `what-can` tell all of it.
#[test]
fn the_table_of_permissions_tells_the_truth() {
    let user = User::new();
    user.write("lockgate.toml", POLICY);
    let ask = |words: &[&str]| user.plain(&[words, &["--config", "lockgate.toml"]].concat(), "");
    for (words, lines) in TOLD {
        let done = ask(words);
        for line in lines {
            assert!(
                done.out.contains(line),
                "{words:?} {line}\n{}{}",
                done.out,
                done.err
            );
        }
    }
    ask(&["who-can", "--asks", "roots/lists"]).is(2, &["roots/list"]);
    let json = ask(&["who-can", "issue", "--json"]).json();
    let me = &json["servers"][0]["agents"][0];
    let results = me["permits"][0]["results"].as_str().unwrap();
    assert!(results.starts_with("at most 400 bytes"), "{results}");
    assert_eq!(me["audited"][0]["rule"]["id"], "soon-no-more");
    let json = ask(&["who-can", "search_a", "--json"]).json();
    let permit = &json["servers"][0]["agents"][0]["permits"][0];
    assert_eq!(permit["limit"], "3 calls in 1m");
}
