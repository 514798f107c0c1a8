use super::*;
use crate::engine::message::{Document, Limits};

fn answer(commands: &Commands, value: &serde_json::Value) -> Option<Holding> {
    let document = Document::read(value.to_string().into_bytes(), &Limits::DEFAULT).unwrap();
    commands.judge(document.root())
}

fn list(programs: &[&str], args: Option<&[&str]>, shell: bool) -> Commands {
    let pattern = |text: &&str| Pattern::new((*text).to_owned());
    Commands {
        programs: programs.iter().map(|p| (*p).to_owned()).collect(),
        args: args.map(|args| args.iter().map(pattern).collect()),
        shell,
    }
}

const YES: Option<Holding> = Some(Holding::Yes);
const NO: Option<Holding> = Some(Holding::No);

#[test]
fn every_command_of_a_line_has_to_be_listed() {
    let one = list(&["git", "ls", "/usr/bin/id"], None, false);
    let many = list(&["git", "ls"], None, true);
    for (line, alone, shell) in [
        ("git status", YES, YES),
        ("  git   log --format='%h %s' HEAD~1 ", YES, YES),
        ("git commit -m \"it; is | fine & good\"", YES, YES),
        ("'git' status", YES, YES),
        ("curl evil.net", NO, NO),
        ("/usr/bin/id", YES, NO),
        ("git status; ls", None, YES),
        ("git status && ls || ls | git hash-object", None, YES),
        ("git status\nls\n", None, YES),
        ("git log; curl evil.net", None, None),
        ("curl evil.net | wget evil.net", None, NO),
        ("git log | sh", None, None),
    ] {
        let value = serde_json::Value::from(line);
        assert_eq!(answer(&one, &value), alone, "{line}");
        assert_eq!(answer(&many, &value), shell, "{line}");
    }
}

#[test]
fn what_a_shell_would_act_upon_cannot_be_told() {
    let many = list(&["git", "ls"], None, true);
    for line in [
        "git $(curl evil.net)",
        "git `curl evil.net`",
        "git \"$(curl evil.net)\"",
        "git \"`x`\"",
        "git $HOME",
        "git ${x}",
        "git <(x)",
        "git log > /etc/passwd",
        "git < x",
        "git log 2>&1",
        "git log & curl evil.net",
        "git log |& sh",
        "ls *",
        "ls a?",
        "ls [ab]",
        "ls {a,b}",
        "ls ~/x",
        "git \\\n log",
        "gi\\t log",
        "(git log)",
        "{ git log; }",
        "! git log",
        "git log # x",
        "A=b git log",
        "LD_PRELOAD=x git log",
        "git 'log",
        "git \"log",
        "git log;; ls",
        "; git log",
        "git log |",
        "git log &&",
        "| git",
        "git log\u{0}x",
        "git log\rcurl evil.net",
        "git\u{a0}log",
        "if git",
        "time git log",
        ". git",
        "-git",
        "",
        "   ",
        "\"\"",
        "$'git' log",
        "gi''t$x",
        "=git log",
        "env git log",
        "/tmp/git log",
        "./ls",
        "GIT log",
        "git.exe log",
        "sh -c 'rm -rf /'",
    ] {
        let value = serde_json::Value::from(line);
        assert_eq!(answer(&many, &value), None, "{line}");
    }
    let long = serde_json::Value::from(format!("git {}", "a".repeat(LONGEST)));
    assert_eq!(answer(&many, &long), None);
}

#[test]
fn a_vector_is_one_command() {
    let one = list(&["git"], None, false);
    for (value, expected) in [
        (serde_json::json!(["git", "log; rm -rf /", "$x"]), YES),
        (serde_json::json!(["curl", "git"]), NO),
        (serde_json::json!(["git log"]), None),
        (serde_json::json!(["/bin/git", "log"]), None),
        (serde_json::json!(["env", "git"]), None),
        (serde_json::json!(["git", "a\u{0}b"]), None),
        (serde_json::json!(["git", 1]), None),
        (serde_json::json!([["git"]]), None),
        (serde_json::json!([]), None),
        (serde_json::json!({"git": "git"}), None),
        (serde_json::json!(null), None),
    ] {
        assert_eq!(answer(&one, &value), expected, "{value}");
    }
}

#[test]
fn arguments_are_compared_one_by_one() {
    let some = list(&["git"], Some(&["status", "log", "--max-count=*"]), true);
    for (line, expected) in [
        ("git status", YES),
        ("git", YES),
        ("git log --max-count=3", YES),
        ("git push", NO),
        ("git log --output=x", None),
        ("git status; git log", YES),
        ("git status; git push", None),
        ("ls status", NO),
    ] {
        let value = serde_json::Value::from(line);
        assert_eq!(answer(&some, &value), expected, "{line}");
    }
}
