//! `check` as CI uses it: codes and their pages, SARIF, older policies.

use super::user::{POLICY, User};
use std::process::Command;

/// A policy with one mistake behind a wide character, and one warning.
fn mistaken() -> String {
    let policy = POLICY.replace("stdio = true", "stdio = true # \u{1f600}");
    let dot = "args = { \"/city\" = { matches = 'a\u{1f600}|api.example.com', optional = true } }";
    format!("{policy}{dot}\n")
}

#[test]
fn a_code_has_a_page() {
    let user = User::new();
    user.plain(&["explain", "LG0101"], "")
        .is(0, &["## LG0101: ", "To mend it: ", "```toml"]);
    let list = user.plain(&["explain", "--list"], "");
    list.is(0, &["LG0101  error    ", "LG0909  note     "]);
    assert!(
        list.out.lines().all(|line| line.starts_with("LG")),
        "{}",
        list.out
    );
    user.plain(&["explain", "LG9999"], "")
        .is(2, &["no diagnostic `LG9999`", "explain --list"]);
    // What has not just this shape is a tool.
    user.plain(&["explain", "LG101"], "").says_no("diagnostic");
}

#[test]
fn codes_are_shown_to_people_and_programs() {
    let user = User::new();
    user.write("p.toml", &mistaken());
    user.plain(&["check", "p.toml"], "").is(
        0,
        &["warning[LG0905]: the `.` in `api.example.com`", "fine"],
    );
    user.plain(&["check", "--strict", "p.toml"], "")
        .is(4, &["mend the above"]);
    let json = user.plain(&["check", "--json", "p.toml"], "").json();
    let codes: Vec<_> = json["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| &d["code"])
        .collect();
    assert_eq!(codes, ["LG0701", "LG0905"]);
    let json = user.plain(&["check", "--json", "missing.toml"], "").json();
    assert_eq!(json["diagnostics"][0]["code"], "LG0004");
}

/// The structure that SARIF 2.1.0 requires, and that code scanning reads.
#[test]
fn a_sarif_log_is_one() {
    let user = User::new();
    user.write("p.toml", &mistaken());
    let done = user.plain(&["check", "--sarif", "p.toml"], "");
    assert_eq!(done.code, 0);
    let log = done.json();
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().contains("sarif-2.1.0"));
    let run = &log["runs"][0];
    assert_eq!(run["columnKind"], "utf16CodeUnits");
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "lockgate");
    let rules = driver["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 2);
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["shortDescription"]["text"].is_string());
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "p.toml");
        for key in ["startLine", "startColumn", "endLine", "endColumn"] {
            assert!(place["region"][key].as_u64().unwrap() >= 1, "{result}");
        }
    }
    let (line, text) = mistaken()
        .lines()
        .enumerate()
        .find(|(_, line)| line.contains("api.example"))
        .map(|(at, line)| (at + 1, line.to_owned()))
        .unwrap();
    let region = &results[1]["locations"][0]["physicalLocation"]["region"];
    let start = text.find("matches").unwrap();
    let end = text.find(", optional").unwrap();
    assert_eq!(region["startLine"], line);
    assert_eq!(region["startColumn"], start + 1);
    // Two UTF-16 units for four bytes.
    assert_eq!(region["endColumn"], end + 1 - 2);

    let absolute = user.path("p.toml").display().to_string();
    let log = user.plain(&["check", "--sarif", &absolute], "").json();
    let result = &log["runs"][0]["results"][0];
    let uri = &result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(uri, "p.toml");
    // A policy that cannot be used, and one that cannot be read.
    user.write("p.toml", "version = 1\nx = 1\n");
    for (file, code) in [("p.toml", "LG0101"), ("missing.toml", "LG0004")] {
        let done = user.plain(&["check", "--sarif", file], "");
        assert_eq!(done.code, 4);
        assert_eq!(done.json()["runs"][0]["results"][0]["ruleId"], code);
    }
}

#[test]
fn an_older_policy_is_compared() {
    let user = User::new();
    let wider = POLICY.replace("\"get_weather\"", "\"get_weather\", \"write_file\"");
    user.write("old.toml", POLICY);
    user.write("new.toml", &wider);
    user.plain(&["check", "--against", "old.toml", "new.toml"], "")
        .is(
            0,
            &["warning[LG1001]", "tool `write_file` of `demo`, for `me`"],
        );
    user.plain(
        &["check", "--strict", "--against", "old.toml", "new.toml"],
        "",
    )
    .is(4, &["LG1001"]);
    let back = user.plain(
        &["check", "--strict", "--against", "new.toml", "old.toml"],
        "",
    );
    back.is(0, &["note[LG1010]", "no longer: ", "write_file", "fine"]);
    let same = user.plain(&["check", "--against", "old.toml", "old.toml"], "");
    same.says_no("LG10");
    // What cannot be compared is no comparison.
    user.write("broken.toml", "version = 1\nx = 1\n");
    user.plain(&["check", "--against", "broken.toml", "new.toml"], "")
        .is(1, &["nothing can be compared", "unknown key `x`"]);
    user.plain(&["check", "--against", "missing.toml", "new.toml"], "")
        .is(4, &["cannot read the policy `missing.toml`"]);
}

fn git(user: &User, words: &[&str]) {
    let done = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@example.com"])
        .args(["-c", "init.defaultBranch=main"])
        .args(["-c", "commit.gpgsign=false"])
        .args(words)
        .current_dir(user.path(""))
        .env("HOME", user.path(""))
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .unwrap();
    assert!(done.status.success(), "{words:?}: {done:?}");
}

#[test]
fn an_older_policy_may_be_in_git() {
    let user = User::new();
    let git = |words: &[&str]| git(&user, words);
    std::fs::create_dir(user.path("ops")).unwrap();
    user.write("ops/p.toml", POLICY);
    git(&["init", "-q"]);
    git(&["add", "ops"]);
    git(&["commit", "-qm", "a"]);
    let wider = POLICY.replace("\"get_weather\"", "\"get_weather\", \"write_file\"");
    user.write("ops/p.toml", &wider);
    for older in ["git:HEAD", "git:main", "git:HEAD:ops/p.toml"] {
        user.plain(&["check", "--against", older, "ops/p.toml"], "")
            .is(0, &["warning[LG1001]"]);
    }
    for (older, part) in [
        ("git:nowhere", "git does not give it"),
        ("git:HEAD:ops/q.toml", "no such file in the revision"),
    ] {
        user.plain(&["check", "--against", older, "ops/p.toml"], "")
            .is(1, &[part]);
    }
    for older in ["git:--output=x", "git:HEAD@{1}", "git:HEAD:../p.toml"] {
        user.plain(&["check", "--against", older, "ops/p.toml"], "")
            .is(2, &["expected"]);
    }
}

/// Several files, a directory, and files above it: as they were in that revision.
#[test]
fn an_older_policy_of_several_files_may_be_in_git() {
    let user = User::new();
    for dir in ["ops", "ops/rules", "all"] {
        std::fs::create_dir(user.path(dir)).unwrap();
    }
    let (head, rules) = POLICY.split_at(POLICY.find("[[rule]]").unwrap());
    let include = "version = 1\ninclude = [\"../base.toml\", \"rules/*.toml\"]\n";
    let rules = format!("version = 1\n{rules}");
    user.write("base.toml", head);
    user.write("ops/p.toml", include);
    user.write("ops/rules/a.toml", &rules);
    user.write("ops/rules/b.test.toml", "no policy");
    user.write("all/head.toml", head);
    user.write("all/rules.toml", &rules);
    git(&user, &["init", "-q"]);
    git(&user, &["add", "base.toml", "ops", "all"]);
    git(&user, &["commit", "-qm", "a"]);
    let check = |older: &str, policy: &str| {
        user.plain(&["check", "--strict", "--against", older, policy], "")
    };
    check("git:HEAD", "ops/p.toml").says_no("wider");
    let wider = rules.replace("\"get_weather\"", "\"get_weather\", \"write_file\"");
    user.write("ops/rules/a.toml", &wider);
    user.write("all/rules.toml", &wider);
    for policy in ["ops/p.toml", "all"] {
        check("git:HEAD", policy).is(4, &["wider: tool `write_file` of `demo`"]);
    }
    // The same files in another place, and one file for a directory.
    check("git:HEAD:all", "ops/p.toml").is(4, &["wider: tool `write_file`"]);
    check("git:HEAD:all/rules.toml", "ops/p.toml").is(1, &["nothing can be compared"]);
    // One file less is a rule less, whatever lies on disk now.
    std::fs::remove_file(user.path("ops/rules/a.toml")).unwrap();
    user.write("ops/rules/c.toml", "version = 1\n");
    check("git:HEAD", "ops/p.toml").is(0, &["narrower: no longer: tool `add`"]);
    // What leads elsewhere is not followed.
    std::os::unix::fs::symlink("../../base.toml", user.path("ops/rules/l.toml")).unwrap();
    git(&user, &["add", "-A", "ops"]);
    git(&user, &["commit", "-qm", "b"]);
    std::fs::remove_file(user.path("ops/rules/l.toml")).unwrap();
    check("git:HEAD", "ops/p.toml").is(1, &["nothing can be compared"]);
    check("git:HEAD~1", "ops/p.toml").is(0, &["narrower"]);
}

#[test]
fn a_variable_that_is_not_set_is_a_note() {
    let user = User::new();
    let policy = POLICY.replace(
        "[server.demo]",
        "[server.demo]\nenv = { TOKEN = { from = \"ACME_TOKEN\" } }",
    );
    user.write("p.toml", &policy);
    let words = ["check", "--strict", "p.toml"];
    user.plain(&words, "")
        .is(0, &["note[LG0909]", "set `ACME_TOKEN`"]);
    user.with(&words, &[("ACME_TOKEN", "x")], "")
        .says_no("LG0909");
}

/// Files that a policy includes: where findings are, and what an older policy
/// said in them.
#[test]
fn a_policy_of_several_files() {
    let user = User::new();
    for (dir, tools) in [
        ("old", "\"get_weather\""),
        ("new", "\"get_weather\", \"write_file\""),
    ] {
        std::fs::create_dir_all(user.path(&format!("{dir}/more"))).unwrap();
        let main = POLICY.replace(
            "version = 1\n",
            "version = 1\ninclude = [\"more/*.toml\"]\n",
        );
        user.write(&format!("{dir}/p.toml"), &main);
        let rule = format!(
            "version = 1\n[[rule]]\nid = \"more\"\neffect = \"permit\"\n\
             server = \"demo\"\ntools = [{tools}, \"x\"]\nargs.\"/a\".matches = \"a.bc\"\n"
        );
        user.write(&format!("{dir}/more/rule.toml"), &rule);
    }
    let words = ["check", "--sarif", "--against", "old/p.toml", "new/p.toml"];
    let log = user.plain(&words, "").json();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let of = |code: &str| {
        let mut found = results.iter().filter(|r| r["ruleId"] == code);
        let place = &found.next().unwrap()["locations"][0]["physicalLocation"];
        assert_eq!(found.next(), None, "{code}");
        (
            &place["artifactLocation"]["uri"],
            &place["region"]["startLine"],
        )
    };
    assert_eq!(of("LG1001").0, "new/more/rule.toml");
    assert_eq!(of("LG0905").0, "new/more/rule.toml");
    // What relative paths are relative to is no difference.
    assert!(results.iter().all(|r| r["ruleId"] != "LG1005"), "{log}");
    let json = user.plain(&["check", "--json", "new/p.toml"], "").json();
    let dots = json["diagnostics"].as_array().unwrap();
    let dot = dots.iter().find(|d| d["code"] == "LG0905").unwrap();
    assert_eq!(dot["file"], "new/more/rule.toml");
}

/// What is permitted beyond an older policy is no reason not to be in force; its
/// tests are.
#[test]
fn a_strict_policy_is_compared_and_tested() {
    let user = User::new();
    let strict = POLICY.replace("version = 1\n", "version = 1\nstrict = true\n");
    let test = "[[test]]\nname = \"w\"\ntool = \"get_weather\"\nexpect = \"permit\"\n";
    user.write("old.toml", &strict.replace(", \"get_weather\"", ""));
    user.write("p.toml", &strict);
    user.write("p.test.toml", test);
    let words = ["check", "--against", "old.toml", "p.toml"];
    let told = user.plain(&words, "");
    told.is(0, &["warning[LG10", "get_weather", "fine"]);
    user.write("p.test.toml", &test.replace("permit", "deny"));
    user.plain(&words, "").is(4, &["one of its tests fails"]);
    let json = user.plain(&["check", "--json", "p.toml"], "");
    assert_eq!(json.code, 4);
    let json = json.json();
    assert_eq!(json["usable"], false);
    let is_told = |found: &serde_json::Value| {
        found
            .as_array()
            .unwrap()
            .iter()
            .any(|d| d["code"] == "LG1101")
    };
    assert!(is_told(&json["diagnostics"]), "{json}");
    let log = user.plain(&["check", "--sarif", "p.toml"], "").json();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let failed = results.iter().find(|r| r["ruleId"] == "LG1101").unwrap();
    let place = &failed["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "p.toml");
}
