//! Mistakes as a person sees them.

use super::documents::lockfile;
use super::{PRINCIPALS, base, file, policy};
use lockgate::engine::pin::Lockfile;
use lockgate::engine::policy::{Diagnostic, Policy, Severity, Sources, render};
use serde::Deserialize;

pub(super) fn mistakes(text: &str) -> String {
    let diagnostics = Policy::parse("p.toml", text, &base()).expect_err("no mistakes");
    render("p.toml", text, &diagnostics, false)
}

fn errors(text: &str) -> Vec<Diagnostic> {
    let mut diagnostics = Policy::parse("p.toml", text, &base()).expect_err(text);
    diagnostics.retain(|d| d.severity == Severity::Error);
    diagnostics
}

const WRONG: &str = r#"version = 1
[server.files]
comand = ["npx"]
env = { TOKEN = "hunter2", PORT = 8080 }
[agent.me]
stdio = true
[[rule]]
id = "read"
effect = "permitt"
server = "file"
tools = ["read_*"]
args = { "path" = { path = "raed" }, "/n" = { min = 5, max = 1 }, "/q" = { matches = "(" } }
limit = { calls = 60, per = "1min" }
"#;

#[test]
fn all_mistakes_are_told_at_once() {
    insta::assert_snapshot!(mistakes(WRONG), @r##"
    error[LG0101]: unknown key `comand` in `[server.NAME]`
     --> p.toml:3:1
      |
    3 | comand = ["***"]
      | ^^^^^^
      |
      = help: did you mean `command`?

    error[LG0201]: this is no value of an environment variable
     --> p.toml:4:35
      |
    4 | env = { TOKEN = "*******", PORT = **** }
      |                                   ^^^^
      |
      = help: write a string, or `{ from = "NAME" }` to take a variable of lockgate

    error[LG0104]: `permitt` is no value of `effect`
     --> p.toml:9:10
      |
    9 | effect = "permitt"
      |          ^^^^^^^^^
      |
      = help: did you mean `permit`?

    error[LG0107]: the policy has no server `file`
      --> p.toml:10:10
       |
    10 | server = "file"
       |          ^^^^^^
       |
       = help: did you mean `files`?

    error[LG0503]: `path` is no JSON Pointer
      --> p.toml:12:10
       |
    12 | args = { "path" = { path = "raed" }, "/n" = { min = 5, max = 1 }, "/q" = { matches = "(" } }
       |          ^^^^^^
       |
       = help: a JSON Pointer starts with `/`: write `/path`

    error[LG0104]: `raed` is no value of `path`
      --> p.toml:12:28
       |
    12 | args = { "path" = { path = "raed" }, "/n" = { min = 5, max = 1 }, "/q" = { matches = "(" } }
       |                            ^^^^^^
       |
       = help: did you mean `read`?

    error[LG0506]: no value satisfies these bounds
      --> p.toml:12:47
       |
    12 | args = { "path" = { path = "raed" }, "/n" = { min = 5, max = 1 }, "/q" = { matches = "(" } }
       |                                               ^^^^^^^
       |
       = help: the lower bound is above the upper one

    error[LG0504]: not a regular expression: unclosed group
      --> p.toml:12:76
       |
    12 | args = { "path" = { path = "raed" }, "/n" = { min = 5, max = 1 }, "/q" = { matches = "(" } }
       |                                                                            ^^^^^^^^^^^^^
       |
       = help: see https://docs.rs/regex for what is understood

    error[LG0501]: `1min` is no stretch of time
      --> p.toml:13:29
       |
    13 | limit = { calls = 60, per = "1min" }
       |                             ^^^^^^
       |
       = help: write a number and `s`, `m`, `h` or `d`, from `1s` to `31d`
    "##);
}

#[test]
fn syntax() {
    insta::assert_snapshot!(mistakes("version = 1\n[server.a\ncommand = [\"x\"]\n"), @r##"
    error[LG0001]: not valid TOML: unclosed table, expected `]`
     --> p.toml:2:10
      |
    2 | [server.a
      |          ^
      |
      = help: see https://toml.io; text stands in quotes: `key = 'text'`
    "##);
}

#[test]
fn an_expression_without_quotes_is_one_mistake() {
    let text =
        format!("{PRINCIPALS}[[rule]]\nid = \"r\"\nargs = {{ \"/x\" = {{ matches = [a-z]+ }} }}\n");
    let found = errors(&text);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].help.as_deref(), Some("write `matches = '[a-z]+'`"));
}

#[test]
fn mistakes_hide_nothing_that_the_pins_say() {
    let text = r#"version = 1
[agent.me]
stdio = true
[server.files]
[[rule]]
id = "broken"
effect = "permitt"
tools = ["never_checked"]
[[rule]]
id = "read"
effect = "permit"
tools = ["reed_file"]
"#;
    let pins = lockfile("files", TOOLS);
    let sources = Sources::one("p.toml", "/work", text);
    let found = Policy::parse_beside("p.toml", &sources, &base(), &pins).expect_err("a mistake");
    let messages: Vec<_> = found.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "`permitt` is no value of `effect`",
            "no pinned tool is called `reed_file`"
        ]
    );
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mistakes {
    case: Vec<Mistake>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Mistake {
    policy: String,
    message: String,
    help: String,
}

#[test]
fn each_mistake_has_its_message() {
    let all: Mistakes = toml::from_str(&file("tests/cases/policy/mistakes.toml")).unwrap();
    for case in all.case {
        let found = errors(&format!("{PRINCIPALS}{}", case.policy));
        let found: Vec<_> = found
            .iter()
            .map(|d| (d.message.as_str(), d.help.as_deref().unwrap_or_default()))
            .collect();
        assert_eq!(
            found,
            [(case.message.as_str(), case.help.as_str())],
            "{}",
            case.policy
        );
    }
}

#[test]
fn what_is_odd_about_agents_is_told() {
    let text = r#"version = 1
[server.s]
command = ["s"]
[agent.app]
jwt = { issuer = "https://idp.example", subject = "repo:acme/*" }
[agent.ci]
jwt = { issuer = "https://idp.example", subject = "repo:acme/web" }
[agent.far]
jwt = { issuer = "https://other.example" }
[agent.nobody]
stdio = false
[agent.one]
mtls = { spiffe = "spiffe://acme.example/*" }
[agent.two]
mtls = { spiffe = "spiffe://acme.example/x" }
[[rule]]
id = "everyone"
effect = "permit"
tools = ["t"]
users = ["alice"]
[[rule]]
id = "one-issuer"
effect = "permit"
agents = ["app", "ci"]
tools = ["t"]
groups = ["dev"]
[[rule]]
id = "no-user"
effect = "forbid"
agents = ["one"]
tools = ["t"]
groups = ["dev"]
"#;
    let found = policy(text).check_against(&Lockfile::default());
    let odd: Vec<_> = found
        .iter()
        .filter(|d| d.severity == Severity::Warning)
        .map(|d| format!("{}: {}", text.get(d.span.clone()).unwrap(), d.message))
        .collect();
    insta::assert_snapshot!(odd.join("\n"), @r#"
    ci: a token can be both `app` and `ci`
    nobody: nobody can be the agent `nobody`
    two: a certificate can be both `one` and `two`
    "alice": users and groups of two issuers are compared by name alone
    "dev": no agent of this rule comes with a token, so that it has neither users nor groups
    "#);
}

/// What was typed in the place of a hash may be the key itself.
#[test]
fn a_key_in_the_clear_is_not_shown() {
    let text = "version = 1\n[agent.a]\nkey = \"lg_9c1f04b7a2de_aVerySecretThing\"\n";
    insta::assert_snapshot!(mistakes(text), @r#"
    error[LG0302]: expected `key` to be the hash of a key, and no key in the clear
     --> p.toml:3:7
      |
    3 | key = "**_************_****************"
      |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: `lockgate key new --agent a` makes a key and prints the line that belongs here; a key that stood here is known to whoever read this file
    "#);
}

#[test]
fn the_version_is_required() {
    assert_eq!(errors("").len(), 1);
    assert_eq!(errors("version = 2").len(), 1);
    assert_eq!(errors("version = \"1\"").len(), 1);
}

const TOOLS: &str = r#"[
  { "name": "read_file", "inputSchema": { "type": "object", "properties": {
      "path": { "type": "string" }, "paths": { "type": "array", "items": { "type": "string" } },
      "head": { "type": "integer" } } } },
  { "name": "list", "inputSchema": { "type": "object", "properties": {} } },
  { "name": "drop_all", "inputSchema": { "type": "object" } }
]"#;

#[test]
fn a_policy_is_compared_with_the_pins() {
    let text = r#"version = 1
[paths]
secret = ["x"]
[agent.me]
stdio = true
[server.files]
command = ["files"]
[server.other]
[[rule]]
id = "read"
effect = "permit"
server = "files"
tools = ["read_file", "list", "reed_file", "write_*"]
args = { "/path" = { path = "read" } }
[[rule]]
id = "types"
effect = "permit"
server = "files"
tools = ["read_file"]
args = { "/paths" = { path = "read" }, "/head" = { max_len = 3, optional = true }, "/tail" = { max = 3, optional = true } }
[[rule]]
id = "wide"
effect = "permit"
server = "files"
tools = ["*"]
args = { "/head" = { max = 3 }, "/paths/*" = { path = "read", optional = true }, "/x" = { absent = true } }
[[rule]]
id = "wide-forbid"
effect = "forbid"
server = "files"
tools = ["*"]
args = { "/head" = { max = 0 } }
[[rule]]
id = "elsewhere"
effect = "forbid"
tools = ["never_checked"]
"#;
    let found = policy(text).check_against(&lockfile("files", TOOLS));
    insta::assert_snapshot!(render("p.toml", text, &found, false), @r##"
    warning[LG0402]: the built-in catalogue of secret places is turned off
     --> p.toml:3:10
      |
    3 | secret = ["x"]
      |          ^^^^^
      |
      = help: add `"+defaults"` to `secret` to keep it

    note[LG0701]: server `other` has no pins: its rules were not checked
     --> p.toml:8:9
      |
    8 | [server.other]
      |         ^^^^^
      |
      = help: pin its tools: lockgate pin --config p.toml --server other

    error[LG0702]: no pinned tool is called `reed_file`
      --> p.toml:13:31
       |
    13 | tools = ["read_file", "list", "reed_file", "write_*"]
       |                               ^^^^^^^^^^^
       |
       = help: did you mean `read_file`?

    warning[LG0703]: no pinned tool fits `write_*`
      --> p.toml:13:44
       |
    13 | tools = ["read_file", "list", "reed_file", "write_*"]
       |                                            ^^^^^^^^^
       |
       = help: pinned are `drop_all`, `list`, `read_file`

    error[LG0704]: `/path` is no argument of `list`
      --> p.toml:14:10
       |
    14 | args = { "/path" = { path = "read" } }
       |          ^^^^^^^
       |
       = help: this rule never permits them: put them into one of their own

    error[LG0705]: `path` is about a string, but `/paths` of `read_file` is an array
      --> p.toml:20:23
       |
    20 | args = { "/paths" = { path = "read" }, "/head" = { max_len = 3, optional = true }, "/tail" = { max = 3, optional = true } }
       |                       ^^^^^^^^^^^^^
       |
       = help: for each of its items, write "/paths/*"

    error[LG0705]: `max_len` is about a string, but `/head` of `read_file` is a number
      --> p.toml:20:52
       |
    20 | args = { "/paths" = { path = "read" }, "/head" = { max_len = 3, optional = true }, "/tail" = { max = 3, optional = true } }
       |                                                    ^^^^^^^^^^^
       |
       = help: use a constraint of that type

    error[LG0704]: `/tail` is no argument of `read_file`
      --> p.toml:20:84
       |
    20 | args = { "/paths" = { path = "read" }, "/head" = { max_len = 3, optional = true }, "/tail" = { max = 3, optional = true } }
       |                                                                                    ^^^^^^^
       |
       = help: declared are `/head`, `/path`, `/paths`, `/paths/*`

    warning[LG0704]: `/head` is no argument of `drop_all`, `list`
      --> p.toml:26:10
       |
    26 | args = { "/head" = { max = 3 }, "/paths/*" = { path = "read", optional = true }, "/x" = { absent = true } }
       |          ^^^^^^^
       |
       = help: this rule never permits them: put them into one of their own

    warning[LG0704]: `/x` is no argument of `drop_all`, `list`, `read_file`
      --> p.toml:26:82
       |
    26 | args = { "/head" = { max = 3 }, "/paths/*" = { path = "read", optional = true }, "/x" = { absent = true } }
       |                                                                                  ^^^^
       |
       = help: declared are `/head`, `/path`, `/paths`, `/paths/*`
    "##);
}

/// Constraints in constraints are compared with the pins, too, and what runs
/// anything is told.
#[test]
fn constraints_in_constraints_are_compared_with_the_pins() {
    let text = r#"version = 1
[agent.me]
stdio = true
[server.files]
command = ["files"]
[[rule]]
id = "read"
effect = "permit"
tools = ["read_file"]
[rule.args]
"/paths" = { max_items = 3, each = { min = 3 } }
"/head" = { each = { max = 3 } }
"/path" = { command = { programs = ["git", "/usr/bin/env"] }, any_of = [{ min = 3 }, { sql = { tables = [], dialect = "sqlite" } }] }
"#;
    let found = policy(text).check_against(&lockfile("files", TOOLS));
    let told: Vec<_> = found
        .iter()
        .filter(|d| d.severity != Severity::Note)
        .map(|d| format!("{}: {}", text.get(d.span.clone()).unwrap(), d.message))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    min = 3: `min` is about a number, but `/paths/*` of `read_file` is a string
    each = { max = 3 }: `each` is about an array or an object, but `/head` of `read_file` is a number
    "/usr/bin/env": `/usr/bin/env` runs whatever its arguments say
    "#);
}

#[test]
fn constraints_are_shown_with_their_place() {
    let text = format!(
        "{PRINCIPALS}[[rule]]\nid = \"r\"\neffect = \"permit\"\ntools = [\"t\"]\nargs = {{ \"/x\" = {{ each = {{ host = [\"a.example\", \"https://b.example\"] }}, not = {{ secrets = \"deny\" }} }} }}\n"
    );
    insta::assert_snapshot!(mistakes(&text), @r#"
    error[LG0507]: expected a host, found `https://b.example`
      --> p.toml:10:49
       |
    10 | args = { "/x" = { each = { host = ["a.example", "https://b.example"] }, not = { secrets = "deny" } } }
       |                                                 ^^^^^^^^^^^^^^^^^^^
       |
       = help: write a bare host, such as `api.example.com`, `*.example.com` (one label) or `**.example.com` (any number)

    error[LG0507]: `secrets` has no meaning but in a permit, and under `not` in a forbid
      --> p.toml:10:81
       |
    10 | args = { "/x" = { each = { host = ["a.example", "https://b.example"] }, not = { secrets = "deny" } } }
       |                                                                                 ^^^^^^^^^^^^^^^^
       |
       = help: a permit denies them; in a forbid, write `not = { secrets = "deny" }`
    "#);
}

#[test]
fn a_policy_for_nobody_is_told() {
    let found = policy("version = 1").check_against(&Lockfile::default());
    let messages: Vec<_> = found.iter().map(|d| d.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "the policy has no agent: it permits nothing",
            "the policy has no server: it permits nothing"
        ]
    );
}

#[test]
fn what_denies_or_permits_more_than_it_seems_is_told() {
    let text = format!(
        "{PRINCIPALS}[defaults]\nmode = \"audit\"\n[set.unused]\nvalues = [1]\n[[rule]]\nid = \"r\"\neffect = \"ask\"\ntools = [\"t\"]\n"
    );
    let found = policy(&text).check_against(&Lockfile::default());
    let said: Vec<_> = found
        .iter()
        .map(|d| (d.severity, d.message.as_str()))
        .collect();
    for expected in [
        (
            Severity::Warning,
            "the policy only audits: what no rule permits passes, and is recorded",
        ),
        (Severity::Warning, "nothing uses the set `unused`"),
        (
            Severity::Note,
            "approvals do not exist yet: until they do, this rule denies",
        ),
    ] {
        assert!(said.contains(&expected), "{said:?}");
    }
}
