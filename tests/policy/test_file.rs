//! Test files: what they say, and their mistakes.

use super::{base, policy};
use lockgate::engine::policy::{Call, Expect, Policy, Subject, TestFile, UnixTime, render};

const POLICY: &str = r#"version = 1
[paths]
workspace = "/work/my \"place\""
[server.files]
[server.git]
[agent.me]
stdio = true
[agent.ci]
jwt = { issuer = "https://idp.example" }
[[rule]]
id = "read"
effect = "permit"
tools = ["read"]
[[rule]]
id = "never"
effect = "forbid"
tools = ["write"]
"#;

/// One agent, one server, no workspace.
const SMALL: &str = "version = 1
server.s.command = [\"s\"]
agent.a.stdio = true
";

fn mistakes(policy: &Policy, text: &str) -> String {
    let found = TestFile::parse(text, policy, &base()).expect_err(text);
    render("p.test.toml", text, &found, false)
}

fn calls(policy: &Policy, text: &str) -> Vec<Call> {
    let file = TestFile::parse(text, policy, &base())
        .unwrap_or_else(|found| panic!("{}", render("p.test.toml", text, &found, false)));
    file.tests.into_iter().flat_map(|test| test.calls).collect()
}

/// What is wrong in a test that is right otherwise, what is said, and what helps.
const MISTAKES: [(&str, &str, &str); 46] = [
    (
        "result = 1",
        "expected `result` to be a string or a table",
        "",
    ),
    (
        "result = \"x\"",
        "a call that is denied has no answer",
        "write `withhold`",
    ),
    (
        "result = \"x\"\nresult_bytes = 9",
        "both `result` and `result_bytes` are given",
        "",
    ),
    (
        "result_bytes = 1",
        "expected `result_bytes` to be from 2 to",
        "",
    ),
    (
        "expect = \"withhold\"",
        "nothing is answered that could be withheld",
        "write the answer as `result`",
    ),
    (
        "withhold = [{ result = \"x\" }]",
        "a test with a list of calls",
        "leave `expect` out",
    ),
    ("would = \"pass\"", "`pass` is no value of `would`", ""),
    (
        "before = {}",
        "expected `before` to be a list",
        "write a list of tables",
    ),
    (
        "before = [\"read\"]",
        "expected a call of `before` to be a table",
        "",
    ),
    (
        "before = [{ times = 0 }]",
        "expected `times` to be from 1 to 100000",
        "",
    ),
    (
        "before = [{ ago = \"soon\" }]",
        "expected `ago` to be a stretch of time",
        "up to `31d`",
    ),
    (
        "before = [{ rule = \"read\" }]",
        "unknown key `rule` in a call of `before`",
        "",
    ),
    (
        "before = [{ server = \"gitt\" }]",
        "the policy has no server `gitt`",
        "did you mean `git`?",
    ),
    (
        "asks = \"roots/list\"",
        "a call is about one thing",
        "`completion` or `asks`",
    ),
    (
        "tool = \"\"\nasks = \"root/list\"\nexpect = \"permit\"",
        "a call is about one thing",
        "",
    ),
    (
        "completion = { promt = \"p\" }",
        "unknown key `promt` in `completion`",
        "did you mean `prompt`?",
    ),
    ("name = 1", "expected `name` to be a string", ""),
    (
        "nam = \"x\"",
        "unknown key `nam` in `[[test]]`",
        "did you mean `name`?",
    ),
    ("user = 1", "expected `user` to be a string", ""),
    (
        "groups = \"dev\"",
        "expected `groups` to be a list of strings",
        "",
    ),
    (
        "agent = \"mee\"",
        "the policy has no agent `mee`",
        "did you mean `me`?",
    ),
    (
        "server = \"file\"",
        "the policy has no server `file`",
        "did you mean `files`?",
    ),
    (
        "prompt = \"p\"",
        "a call is about one thing",
        "write `tool`, `prompt`, `resource`, `completion` or `asks`",
    ),
    ("tool = \"\"", "this is no name", ""),
    ("args = 1", "expected `args` to be a table", ""),
    (
        "args = { a = [1, nan] }",
        "found no number (`nan`)",
        "a value that JSON has too",
    ),
    (
        "args = { a = { b = 2020-01-01 } }",
        "expected `b` to be a value that JSON has too",
        "",
    ),
    (
        "args_json = '[1]'",
        "arguments are an object, found an array",
        "",
    ),
    (
        "args_json = '{\"a\":1,\"a\":2}'",
        "these are no arguments",
        "write a JSON object",
    ),
    (
        "args = {}\nargs_json = '{}'",
        "both `args` and `args_json` are given",
        "",
    ),
    (
        "links = { \"a\" = \"/b\" }",
        "a link has an absolute path",
        "`${workspace}` or `~`",
    ),
    (
        "links = { \"/a/../c\" = \"/b\" }",
        "a link has an absolute path",
        "",
    ),
    ("links = { \"/a\" = 1 }", "expected `/a` to be a string", ""),
    (
        "expect = \"permitt\"",
        "`permitt` is no value of `expect`",
        "did you mean `permit`?",
    ),
    (
        "at = 2026-11-25",
        "expected `at` to be a date with a time and an offset",
        "write `at = ",
    ),
    (
        "at = 1969-12-31T23:59:59Z",
        "expected `at` to be a date with a time",
        "",
    ),
    (
        "rule = \"reed\"",
        "the policy has no rule `reed`",
        "did you mean `read`?",
    ),
    (
        "expect = \"permit\"\nrule = \"never\"",
        "`never` permits nothing",
        "name a permit rule",
    ),
    (
        "reason = \"forbiden\"",
        "`forbiden` is no reason",
        "did you mean `forbidden`?",
    ),
    (
        "expect = \"permit\"\nreason = \"forbidden\"",
        "a call that is permitted has no `reason`",
        "",
    ),
    (
        "permit = [\"read\"]",
        "a test with a list of calls expects something of its own",
        "",
    ),
    (
        "deny = [\"read\"]",
        "a test with a list of calls",
        "leave `expect` out",
    ),
    (
        "deny = []",
        "`deny` is an empty list",
        "write a list of calls",
    ),
    ("deny = \"read\"", "expected `deny` to be a list", ""),
    (
        "deny = [1]",
        "expected a call to be a table, or a tool's name",
        "",
    ),
    (
        "deny = [{ expect = \"deny\" }]",
        "unknown key `expect` in a call",
        "",
    ),
];

#[test]
fn every_mistake_is_told_in_its_place() {
    let policy = policy(POLICY);
    for (lines, message, help) in MISTAKES {
        let mut test =
            "agent = \"me\"\nserver = \"files\"\ntool = \"read\"\nexpect = \"deny\"".to_owned();
        for line in lines.lines() {
            let key = line.split(" = ").next().unwrap();
            let others = test
                .lines()
                .filter(|other| !other.starts_with(&format!("{key} = ")));
            test = format!("{}\n{line}", others.collect::<Vec<_>>().join("\n"));
        }
        let shown = mistakes(&policy, &format!("[[test]]\n{test}\n"));
        assert!(shown.contains(message), "{lines}: {shown}");
        assert!(shown.contains(help), "{lines}: {shown}");
        assert!(
            shown.contains("p.test.toml:") && shown.contains('^'),
            "{shown}"
        );
    }
}

#[test]
fn what_is_missing_is_told() {
    let policy = policy(POLICY);
    for (text, message) in [
        ("", "the file has no test"),
        ("[[test]]\n", "a test does not say what it expects"),
        ("[test]\nx = 1\n", "expected `test` to be a list of tables"),
        ("test = [1]\n", "expected a test to be a table"),
        (
            "tests = 1\n[[test]]\n",
            "unknown key `tests` in a test file",
        ),
        (
            "[[test]]\nexpect = \"deny\"\n",
            "a call has no `agent`, and the policy has 2",
        ),
        (
            "[[test]]\nexpect = \"deny\"\n",
            "a call has no `server`, and the policy has 2",
        ),
        (
            "[[test]]\nexpect = \"deny\"\n",
            "a call does not say what it calls",
        ),
        ("[[test]]\nexpect = deny\n", "not valid TOML"),
    ] {
        let shown = mistakes(&policy, text);
        assert!(shown.contains(message), "{text}: {shown}");
    }
    for (line, message) in [
        (
            "asks = \"root/list\"",
            "`root/list` is nothing that a server asks",
        ),
        (
            "asks = \"roots/list\"\nargs = {}",
            "what a server asks has no arguments",
        ),
        (
            "asks = \"roots/list\"\nresult = \"\"",
            "the answers of an agent are not judged",
        ),
        (
            "completion = {}",
            "a completion is of a prompt or of a resource",
        ),
        (
            "completion = { prompt = \"a\", resource = \"b\" }",
            "a completion is of a prompt or of a resource",
        ),
    ] {
        let text = format!("[[test]]\n{line}\nexpect = \"permit\"\n");
        let shown = mistakes(&super::policy(SMALL), &text);
        assert!(shown.contains(message), "{line}: {shown}");
    }
    let text = "[[test]]\ntool = \"t\"\nargs = { a = \"${workspace}\" }\nexpect = \"deny\"\n";
    let shown = mistakes(&super::policy(SMALL), text);
    assert!(
        shown.contains("does not say what `${workspace}` is"),
        "{shown}"
    );
    let big = "#".repeat(5 << 20);
    assert!(TestFile::parse(&big, &policy, &base()).is_err());
}

#[test]
fn a_mistake_shows_no_secret() {
    let text = "[[test]]\nexpect = \"deny\"\nargs = { token = \"hunter2\", x = 2020-01-01 }\n";
    let shown = mistakes(&policy(POLICY), text);
    assert!(
        shown.contains("*******") && !shown.contains("hunter2"),
        "{shown}"
    );
}

#[test]
fn the_only_agent_and_the_only_server_are_meant() {
    let all = calls(&policy(SMALL), "[[test]]\npermit = [\"t\", \"u\"]\n");
    let names: Vec<_> = all
        .iter()
        .map(|c| (c.agent.as_str(), c.server.as_str()))
        .collect();
    assert_eq!(names, [("a", "s"), ("a", "s")]);
    assert_eq!(all[1].subject, Subject::Tool("u".to_owned()));
}

#[test]
fn calls_take_from_their_test_what_they_do_not_say() {
    let text = r#"
[[test]]
agent = "me"
server = "files"
tool = "read"
args = { a = 1 }
reason = "forbidden"
links = { "~/l" = "/x" }
permit = [{}, { prompt = "p", args = {} }]
deny = [
  {},
  { agent = "ci", user = "alice", groups = ["dev"], scopes = [], server = "git" },
  { resource = "file://${workspace}/a", args = {}, reason = "not-permitted" },
]
"#;
    let text = text
        .replace("/a\", args = {},", "/a\",")
        .replace("args = { a = 1 }\n", "");
    let all = calls(&policy(POLICY), &text);
    assert_eq!(all.len(), 5);
    let read = Subject::Tool("read".to_owned());
    assert_eq!((&all[0].subject, all[0].expect), (&read, Expect::Permit));
    assert_eq!(all[1].subject, Subject::Prompt("p".to_owned()));
    assert_eq!(
        (&all[2].subject, all[2].expect),
        (&read, Expect::Deny(Some("forbidden")))
    );
    assert_eq!(all[2].links["/home/me/l"], "/x");
    let alice = all[3].principal.as_ref().unwrap();
    assert_eq!(
        (all[3].agent.as_str(), all[3].server.as_str()),
        ("ci", "git")
    );
    assert_eq!(alice.user.as_deref(), Some("alice"));
    assert!(
        alice
            .scopes
            .as_ref()
            .is_some_and(std::collections::BTreeSet::is_empty)
    );
    assert!(all[0].principal.is_none());
    assert_eq!(
        all[4].subject,
        Subject::Resource("file:///work/my \"place\"/a".to_owned())
    );
    assert_eq!(all[4].expect, Expect::Deny(Some("not-permitted")));
    let lines: Vec<_> = all.iter().map(|call| call.line).collect();
    assert_eq!(lines, [8, 8, 10, 11, 12]);
}

#[test]
fn arguments_are_the_json_that_is_meant() {
    for (args, expected) in [
        (
            r#"args = { n = +1_000, f = 1.50, b = true, s = "a\"b", l = [1, "x"], t = { k = 0x10 } }"#,
            r#"{"b":true,"f":1.50,"l":[1,"x"],"n":1000,"s":"a\"b","t":{"k":16}}"#,
        ),
        (
            r#"args = { p = "${workspace}/a" }"#,
            r#"{"p":"/work/my \"place\"/a"}"#,
        ),
        (
            r#"args_json = '{"p": ["${workspace}/a", null]}'"#,
            r#"{"p": ["/work/my \"place\"/a", null]}"#,
        ),
        ("", "{}"),
    ] {
        let text = format!(
            "[[test]]\nagent = \"me\"\nserver = \"git\"\ntool = \"t\"\nexpect = \"deny\"\n{args}\n"
        );
        assert_eq!(calls(&policy(POLICY), &text)[0].arguments, expected);
    }
}

/// The page names every key, and its examples are tests.
#[test]
fn the_page_is_right() {
    let page = super::file("docs/policy-tools.md");
    let policy = policy(&format!(
        "{SMALL}[[rule]]\nid = \"read\"\neffect = \"permit\"\ntools = [\"x\"]\n"
    ));
    for text in [
        "[[test]]\nqqqqqqqqqqqq = 1\n",
        "[[test]]\ndeny = [{ qqqqqqqqqqqq = 1 }]\n",
    ] {
        let found = TestFile::parse(text, &policy, &base()).unwrap_err();
        let unknown = found.iter().find(|d| d.message.contains("qqqqqqqqqqqq"));
        let help = unknown.and_then(|d| d.help.clone()).unwrap();
        for key in help.split('`').skip(1).step_by(2) {
            assert!(
                page.contains(&format!("`{key}`")),
                "docs/policy-tools.md does not tell of `{key}`"
            );
        }
    }
    let example = page
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let example = example
        .replace("claude-code", "a")
        .replace("\"files\"", "\"s\"");
    let with_workspace = format!(
        "{SMALL}paths.workspace = \".\"\n[[rule]]\nid = \"read\"\neffect = \"permit\"\ntools = [\"x\"]\n"
    );
    assert_eq!(calls(&super::policy(&with_workspace), &example).len(), 7);
}

#[test]
fn moments_are_counted_in_seconds() {
    for (at, expected) in [
        ("1970-01-01T00:00:00Z", 0),
        ("2000-02-29T12:00:01Z", 951_825_601),
        ("2026-11-25T09:30:00+02:00", 1_795_591_800),
        ("2024-12-31T23:59:59-00:30", 1_735_691_399),
        ("2100-03-01T00:00:00Z", 4_107_542_400),
    ] {
        let text = format!("[[test]]\nat = {at}\ndeny = [\"t\"]\n");
        let at = calls(&policy(SMALL), &text)[0].at;
        assert_eq!(at, Some(UnixTime(expected)), "{text}");
    }
}

#[test]
fn an_ask_is_a_denial_for_want_of_approval() {
    let policy = policy(SMALL);
    for (lines, expected) in [
        ("expect = \"ask\"", "approval-needed"),
        ("expect = \"ask\"\nreason = \"forbidden\"", "forbidden"),
    ] {
        let text = format!("[[test]]\ntool = \"t\"\n{lines}\n");
        assert_eq!(
            calls(&policy, &text)[0].expect,
            Expect::Deny(Some(expected))
        );
    }
}
