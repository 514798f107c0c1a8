//! Properties of the guard, and the parts that case files do not reach.

use super::*;
use crate::engine::message::{Document, Limits};
use proptest::prelude::*;

fn guard(rules: PathRules) -> PathGuard {
    let host = HostFacts {
        home: "/home/u".to_owned(),
        cwd: "/home/u/project".to_owned(),
        own: vec!["/srv/gate".to_owned()],
        ..HostFacts::default()
    };
    PathGuard::new(host, rules)
}

fn defaults() -> PathGuard {
    guard(PathRules {
        defaults: true,
        ..PathRules::default()
    })
}

fn inspected(guard: &PathGuard, candidates: &[Candidate]) -> Vec<&'static str> {
    let facts = PathFacts::without_links(&guard.questions(candidates));
    guard
        .inspect(candidates, &facts)
        .into_iter()
        .map(|f| f.code)
        .collect()
}

fn path_codes(path: &str) -> Vec<&'static str> {
    let guard = defaults();
    inspected(&guard, &[guard.candidate_of_path("/path", path)])
}

fn call_codes(tool: &str, arguments: &str) -> Vec<&'static str> {
    let guard = defaults();
    let document = Document::read(arguments.as_bytes().to_vec(), &Limits::DEFAULT).unwrap();
    inspected(&guard, &guard.candidates(tool, document.root(), None))
}

#[test]
fn a_link_to_a_secret_is_a_secret() {
    let guard = defaults();
    let candidate = guard.candidate_of_path("/path", "notes/today.md");
    let lead = |to: PathFact| PathFacts([("/home/u/project/notes/today.md".to_owned(), to)].into());
    let codes = |facts: &PathFacts| -> Vec<&str> {
        guard
            .inspect(std::slice::from_ref(&candidate), facts)
            .iter()
            .map(|f| f.code)
            .collect()
    };
    assert_eq!(
        codes(&lead(PathFact::Resolved("/home/u/.ssh/id_rsa".to_owned()))),
        ["secret-place"]
    );
    assert_eq!(
        codes(&lead(PathFact::Resolved("/srv/gate/audit".to_owned()))),
        ["self-protection"]
    );
    assert_eq!(
        codes(&lead(PathFact::Unknown("a loop".to_owned()))),
        ["unresolvable-path"]
    );
    assert!(
        codes(&lead(PathFact::Resolved(
            "/home/u/project/notes/a.md".to_owned()
        )))
        .is_empty()
    );
    assert_eq!(
        codes(&PathFacts::default()),
        ["unresolvable-path"],
        "no answer is no permission"
    );
}

#[test]
fn parent_steps_are_asked_as_they_are_written() {
    let guard = defaults();
    let questions = guard.questions(&[guard.candidate_of_path("/path", "link/../x")]);
    assert!(
        questions.contains("/home/u/project/link/../x"),
        "{questions:?}"
    );
    assert!(questions.contains("/home/u/project/x"), "{questions:?}");
}

#[test]
fn a_finding_says_where_and_shows_no_control_character() {
    let guard = defaults();
    let document = Document::read(
        br#"{"a":[{"b/c":"/etc/shadow"}]}"#.to_vec(),
        &Limits::DEFAULT,
    )
    .unwrap();
    let candidates = guard.candidates("x", document.root(), None);
    let facts = PathFacts::without_links(&guard.questions(&candidates));
    let findings = guard.inspect(&candidates, &facts);
    assert_eq!(findings.first().unwrap().at, "/a/0/b~1c");
    let shown = judge::shown("/a\u{1b}[31m/b");
    assert!(!shown.contains('\u{1b}'), "{shown}");
}

#[test]
fn a_policy_without_defaults_still_protects_itself() {
    let guard = guard(PathRules {
        secret: vec!["/data/Private/**".to_owned(), "*.secret".to_owned()],
        ..PathRules::default()
    });
    let codes = |path: &str| inspected(&guard, &[guard.candidate_of_path("", path)]);
    assert!(codes("/home/u/.ssh/id_rsa").is_empty());
    assert_eq!(codes("/srv/gate/policy.toml"), ["self-protection"]);
    assert_eq!(codes("/home/u/.cursor/mcp.json"), ["self-protection"]);
    assert_eq!(codes("/data/private/x"), ["secret-place"]);
    assert_eq!(codes("a.secret"), ["secret-place"]);
    assert_eq!(codes("/data/p*/x"), ["secret-place"]);
    assert!(codes("/data/public/x").is_empty());
}

#[test]
fn within_needs_every_reading_inside() {
    let guard = guard(PathRules {
        read: vec!["/home/u/project".to_owned()],
        write: vec!["/home/u/project/out".to_owned()],
        defaults: true,
        ..PathRules::default()
    });
    let facts = |value: &str| {
        PathFacts::without_links(&guard.questions(&[guard.candidate_of_path("", value)]))
    };
    let within = |value: &str, access| guard.within(value, access, &facts(value));
    for inside in [
        "src/a.rs",
        "/home/u/project",
        "/home/u/project/src/../a",
        "$HOME/project/a",
        "~/project/a",
        "50%20off.txt",
    ] {
        assert_eq!(within(inside, Access::Read), Ok(()), "{inside}");
    }
    for outside in [
        "",
        " ",
        "/",
        "/home/u",
        "/home/u/project2/a",
        "../x",
        "a/../../x",
        "%2e%2e/x",
        "~/x",
        "/home/u/project/../x",
        "a\0b",
        "\u{ff0e}\u{ff0e}/x",
        "..\\x",
        "C:\\x",
        ".env",
        "src/id_rsa",
        "/home/u/Project/a",
        "file:///etc/hosts",
    ] {
        assert!(within(outside, Access::Read).is_err(), "{outside}");
    }
    assert_eq!(within("out/a", Access::Write), Ok(()));
    assert!(within("src/a.rs", Access::Write).is_err());
    assert!(
        guard
            .within("src/a.rs", Access::Read, &PathFacts::default())
            .is_err(),
        "no answer is no permission"
    );
    let mut linked = facts("src/a.rs");
    linked.0.insert(
        "/home/u/project/src/a.rs".to_owned(),
        PathFact::Resolved("/etc/hosts".to_owned()),
    );
    assert!(guard.within("src/a.rs", Access::Read, &linked).is_err());
    let mut moved = facts("src/a.rs");
    moved.0.insert(
        "/home/u/project".to_owned(),
        PathFact::Resolved("/mnt/p".to_owned()),
    );
    moved.0.insert(
        "/home/u/project/src/a.rs".to_owned(),
        PathFact::Resolved("/mnt/p/src/a.rs".to_owned()),
    );
    assert_eq!(
        guard.within("src/a.rs", Access::Read, &moved),
        Ok(()),
        "a root may be a link itself"
    );
}

#[test]
fn a_drive_is_a_name_on_this_machine() {
    let guard = defaults();
    // A directory `C:` may be there, and a link in it.
    for path in ["C:/link/a", "./C:/link/a", "C:\\link\\a"] {
        let candidate = guard.candidate_of_path("/path", path);
        assert!(
            guard
                .questions(std::slice::from_ref(&candidate))
                .contains("/home/u/project/C:/link/a"),
            "{path}: {candidate:?}"
        );
    }
    // What folds the path before it opens it never looks for `C:`.
    for path in [
        "/C:/../home/u/project/link/a",
        "C:/../link/a",
        "c:/../link/a",
    ] {
        let candidate = guard.candidate_of_path("/path", path);
        assert!(
            guard
                .questions(std::slice::from_ref(&candidate))
                .contains("/home/u/project/link/a"),
            "{path}: {candidate:?}"
        );
    }
    // `..` takes back whatever name stands before it.
    for path in [
        "C:/../../../../srv/gate/lockgate.toml",
        "/C:/../srv/gate/lockgate.toml",
        "/srv/a:/../gate/lockgate.toml",
        "//?/C:/srv/gate/lockgate.toml",
    ] {
        assert_eq!(path_codes(path), ["self-protection"], "{path}");
    }
    assert_eq!(path_codes("C:/../../.ssh/id_rsa"), ["secret-place"]);
}

#[test]
fn what_cannot_be_judged_is_refused() {
    let long = format!(r#"{{"path":"{}"}}"#, "a".repeat(70_000));
    assert_eq!(call_codes("read_file", &long), ["unresolvable-path"]);
    let deep = format!(r#"{{"command":"{}"}}"#, "$(".repeat(20));
    assert_eq!(call_codes("exec", &deep), ["unresolvable-path"]);
    let huge = format!(r#"{{"command":"{}"}}"#, "a ".repeat(600_000));
    assert_eq!(call_codes("exec", &huge), ["unresolvable-path"]);
    let globs = format!(r#"{{"path":"{}"}}"#, "*/".repeat(100));
    assert_eq!(call_codes("read_file", &globs), ["unresolvable-path"]);
    let many: Vec<String> = (0..1200).map(|n| format!("\"a{n}*\"")).collect();
    assert_eq!(
        call_codes("x", &format!(r#"{{"paths":[{}]}}"#, many.join(","))),
        ["unresolvable-path"]
    );
    let braces = format!(r#"{{"path":"{}"}}"#, "{a,b}".repeat(12));
    assert_eq!(call_codes("read_file", &braces), ["unresolvable-path"]);
}

#[test]
fn padding_hides_nothing() {
    let padded = format!(r#"{{"q":"/{}home/u/.ssh/id_rsa"}}"#, "./".repeat(40_000));
    assert_eq!(call_codes("lookup", &padded), ["secret-place"]);
    let many: Vec<String> = (0..100).map(|n| format!(r#""/data/{n}""#)).collect();
    let many = format!(
        r#"{{"paths":[{}],"base":"/home/u/.config","file":"gh/hosts.yml"}}"#,
        many.join(",")
    );
    assert_eq!(call_codes("read", &many), ["secret-place"]);
}

const SECRETS: [&str; 8] = [
    "/home/u/.ssh/id_rsa",
    "/etc/shadow",
    "/home/u/.aws/credentials",
    "/home/u/project/.env",
    "/home/u/.config/gh/hosts.yml",
    "/proc/self/environ",
    "/home/u/.cursor/mcp.json",
    "/srv/gate/policy.toml",
];

/// One detour that leads to the same file.
fn detour(path: &str, way: usize, at: usize) -> String {
    let slashes: Vec<usize> = path.match_indices('/').map(|(n, _)| n).collect();
    let slash = slashes[at % slashes.len()];
    let (before, after) = path.split_at(slash);
    match way {
        0 => format!("{before}/.{after}"),
        1 => format!("{before}/{after}"),
        2 => format!("{before}/x/..{after}"),
        3 => {
            let chars: Vec<char> = path.chars().collect();
            let pick = at % chars.len();
            let encode = |(n, c): (usize, &char)| {
                if n == pick {
                    // An escape stands for a byte, not for a character.
                    let mut bytes = [0; 4];
                    let bytes = c.encode_utf8(&mut bytes).bytes();
                    bytes.fold(String::new(), |text, byte| format!("{text}%{byte:02x}"))
                } else {
                    c.to_string()
                }
            };
            chars.iter().enumerate().map(encode).collect()
        }
        4 => format!("{before}%2f{}", after.trim_start_matches('/')),
        5 => format!("file://{path}"),
        6 => path.to_uppercase(),
        7 => format!("{before}\\{}", after.trim_start_matches('/')),
        _ => format!("{before}/\u{200b}{}", after.trim_start_matches('/')),
    }
}

proptest! {
    #[test]
    fn detours_never_help(secret in 0..SECRETS.len(), ways in proptest::collection::vec((0_usize..9, 0_usize..40), 0..4)) {
        let mut path = SECRETS[secret].to_owned();
        for (way, at) in ways {
            // A scheme in front and percent signs make later offsets meaningless.
            if !path.contains(['%', ':', '\\']) {
                path = detour(&path, way, at);
            }
        }
        prop_assert!(!path_codes(&path).is_empty(), "{path}");
    }

    #[test]
    fn folding_is_idempotent(path in "[a./~% ]{0,40}") {
        let once = lexical::folded(&path);
        prop_assert_eq!(lexical::folded(&once), once);
    }

    #[test]
    fn spellings_are_normal(value in ".{0,60}") {
        let guard = defaults();
        for path in guard.candidate_of_path("", &value).spellings {
            prop_assert_eq!(lexical::folded(&path), path);
        }
    }

    #[test]
    fn nothing_panics(tool in ".{0,12}", key in ".{0,12}", value in "(?s).{0,200}") {
        let json = serde_json::json!({ key: value }).to_string();
        if let Ok(document) = Document::read(json.into_bytes(), &Limits::DEFAULT) {
            let guard = defaults();
            let candidates = guard.candidates(&tool, document.root(), None);
            inspected(&guard, &candidates);
            inspected(&guard, &guard.candidates_of_uri(&value));
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn nothing_panics_on_shell_like_text(value in "[a-c/.~$%{}()\\[\\]*?'\"`<>|;&=\\\\ \n,:@#!-]{0,120}") {
        let guard = defaults();
        for key in ["command", "code", "path", "pattern", "q"] {
            let json = serde_json::json!({ key: value }).to_string();
            let document = Document::read(json.into_bytes(), &Limits::DEFAULT).unwrap();
            inspected(&guard, &guard.candidates("exec", document.root(), None));
        }
    }

    #[test]
    fn a_quoted_word_is_the_same_word(cut in 1_usize..17) {
        let (a, b) = "/home/u/.ssh/id_rsa".split_at(cut);
        for command in [format!("cat {a}''{b}"), format!("cat '{a}'{b}"), format!("cat {a}\"{b}\""), format!("cat {a}\\{b}")] {
            let json = serde_json::json!({ "command": command }).to_string();
            prop_assert_eq!(call_codes("exec", &json), vec!["secret-place"], "{}", command);
        }
    }
}

#[test]
fn padding_hides_no_statement() {
    let pad = " ".repeat(70 * 1024);
    let padded =
        format!(r#"{{"sql": "/* {pad} */ SELECT pg_read_file('/etc/shadow') /* {pad} */"}}"#);
    assert_eq!(call_codes("query", &padded), ["secret-place"]);
    let honest = format!(r#"{{"sql": "/* {pad} */ SELECT 1 FROM t WHERE a = '/etc/shadow'"}}"#);
    assert_eq!(call_codes("query", &honest), Vec::<&str>::new());
}

#[test]
fn the_parent_directory_is_not_above_itself() {
    let host = HostFacts {
        home: "/home/u".to_owned(),
        cwd: "/home/u/work/shop".to_owned(),
        ..HostFacts::default()
    };
    let rules = PathRules {
        defaults: true,
        ..PathRules::default()
    };
    let guard = PathGuard::new(host, rules);
    let codes = |command: &str| {
        let call = format!(r#"{{"command": "{command}"}}"#);
        let document = Document::read(call.into_bytes(), &Limits::DEFAULT).unwrap();
        inspected(&guard, &guard.candidates("run", document.root(), None))
    };
    for honest in [
        "rg foo ..",
        "grep -rn foo .. src",
        "find .. -name a.ts",
        "diff -r .. ../lib",
    ] {
        assert_eq!(codes(honest), Vec::<&str>::new(), "{honest}");
    }
    for attack in ["rg foo ../..", "cd .. && rg foo ..", "tar cz ../../"] {
        assert_eq!(codes(attack), ["secret-place"], "{attack}");
    }
}

#[test]
fn the_files_of_a_session_are_a_homes_and_no_projects() {
    let write = |path: &str| {
        let call = format!(r#"{{"path": "{path}", "content": "x"}}"#);
        call_codes("write_file", &call)
    };
    for guarded in ["/home/u/.bashrc", "/Users/a/.zshrc", "/root/.profile"] {
        assert!(write(guarded).contains(&"self-protection"), "{guarded}");
    }
    for free in [
        ".bashrc",
        "/srv/app/.profile",
        "/home/u/project/dotfiles/.zshrc",
    ] {
        assert_eq!(write(free), Vec::<&str>::new(), "{free}");
    }
}

#[test]
fn a_query_that_may_be_a_credential_is_not_shown() {
    let guard = defaults();
    let candidates = guard.candidates_of_uri("file:///home/u/.ssh/id_rsa?k=AKIAZ7Q4X9KD2M5TL8RB");
    let facts = PathFacts::without_links(&guard.questions(&candidates));
    let findings = guard.inspect(&candidates, &facts);
    assert!(!findings.is_empty());
    assert!(
        findings.iter().all(|f| !f.detail.contains("AKIA")),
        "{findings:?}"
    );
}
