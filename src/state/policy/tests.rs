use super::*;
use crate::engine::policy::{Policy, PolicyBase, render_all};
use std::os::unix::fs::symlink;

const HEAD: &str = "version = 1\n";

/// A directory of files.
fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = root.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("{HEAD}{text}")).unwrap();
    }
    root
}

fn parse(path: &Path) -> Result<(Policy, PolicyFiles), String> {
    let files = read(path).map_err(|e| e.to_string())?;
    let base = PolicyBase {
        dir: files.dir.display().to_string(),
        home: "/home/u".to_owned(),
    };
    match Policy::parse_all("p", &files.sources, &base) {
        Ok(policy) => Ok((policy, files)),
        Err(mistakes) => Err(render_all(&files.sources, &mistakes, false)),
    }
}

/// Why a tree is no policy.
fn wrong(files: &[(&str, &str)]) -> String {
    let root = tree(files);
    let shown = parse(&root.path().join("main.toml")).unwrap_err();
    shown.replace(&root.path().display().to_string(), "")
}

const PARTS: [(&str, &str); 4] = [
    (
        "main.toml",
        "include = [\"rules/*.toml\", \"sub/base.toml\"]\n[agent.a]\nstdio = true\n",
    ),
    (
        "sub/base.toml",
        "[server.s]\ncommand = [\"s\"]\n[paths]\nread = [\"data\"]\n",
    ),
    (
        "rules/b.toml",
        "[[rule]]\nid = \"b\"\neffect = \"forbid\"\nserver = \"s\"\ntools = [\"b\"]\n",
    ),
    (
        "rules/a.toml",
        "include = [\"../sub/base.toml\"]\n\n[[rule]]\nid = \"a\"\neffect = \"permit\"\ntools = [\"*\"]\n",
    ),
];

#[test]
fn files_are_one_policy() {
    let root = tree(&PARTS);
    fs::write(root.path().join("rules/a.test.toml"), "no policy").unwrap();
    fs::write(root.path().join("rules/.#a.toml"), "no policy").unwrap();
    let (policy, files) = parse(&root.path().join("main.toml")).unwrap();
    let places: Vec<_> = policy
        .rules_for_display()
        .into_iter()
        .map(|r| (r.rule.file, r.rule.line))
        .collect();
    let at = |name: &str| root.path().join(name).display().to_string();
    assert_eq!(places, [(at("rules/a.toml"), 4), (at("rules/b.toml"), 2)]);
    // Beside the file that says it.
    assert_eq!(policy.paths.read, [at("sub/data")]);
    for own in [
        "main.toml",
        "sub/base.toml",
        "rules",
        "rules/a.toml",
        "rules/b.toml",
    ] {
        assert!(files.own.contains(&root.path().join(own)), "{own}");
    }
    assert_eq!(files.sources.count(), 4);
}

#[test]
fn a_directory_is_one_policy() {
    let root = tree(&[PARTS[1], PARTS[2], ("c.toml", "[agent.a]\nstdio = true\n")]);
    for name in ["sub/base.toml", "rules/b.toml"] {
        let name = root.path().join(name);
        fs::rename(&name, root.path().join(name.file_name().unwrap())).unwrap();
    }
    fs::write(root.path().join("b.test.toml"), "no policy").unwrap();
    fs::write(root.path().join("lockgate.lock"), "no policy").unwrap();
    let (policy, files) = parse(root.path()).unwrap();
    assert_eq!(policy.rules_for_display().len(), 1);
    assert_eq!(files.dir, root.path());
    assert!(files.own.contains(&root.path().to_owned()));
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(read(empty.path()), Err(PolicyError::Empty)));
}

#[test]
fn the_digest_covers_names_and_texts() {
    let digest = |files: &[(&str, &str)]| {
        let root = tree(files);
        let (policy, _) = parse(&root.path().join("main.toml")).unwrap();
        policy.digest().unwrap()
    };
    let first = digest(&PARTS);
    // Wherever it stands.
    assert_eq!(digest(&PARTS), first);
    let mut renamed = PARTS;
    renamed[2].0 = "rules/c.toml";
    assert_ne!(digest(&renamed), first);
    let mut changed = PARTS;
    changed[2].1 = "[[rule]]\nid = \"b\"\neffect = \"forbid\"\nserver = \"s\"\ntools = [\"c\"]\n";
    assert_ne!(digest(&changed), first);
    // One file has the digest that `sha256sum` shows.
    let one = [("main.toml", "agent.a.stdio = true\n")];
    let text = format!("{HEAD}{}", one[0].1);
    assert_eq!(
        digest(&one),
        crate::engine::types::Digest::of(&[text.as_bytes()])
    );
}

#[test]
fn mistakes_name_their_file() {
    insta::assert_snapshot!(wrong(&[
        ("main.toml", "include = [\"sub/a.toml\", \"sub/b.toml\"]\n[paths]\n[agent.a]\nstdio = true\n"),
        ("sub/a.toml", "[[rule]]\nid = \"r\"\neffect = \"permitt\"\ntools = [\"t\"]\n"),
        ("sub/b.toml", "[agent.a]\nstdio = true\n[paths]\n[[rule]]\nid = \"r\"\neffect = \"permit\"\ntools = [\"t\"]\n"),
    ]), @r##"
    error[LG0104]: `permitt` is no value of `effect`
     --> /sub/a.toml:4:10
      |
    4 | effect = "permitt"
      |          ^^^^^^^^^
      |
      = help: did you mean `permit`?

    error[LG0109]: the agent `a` stands in two files of the policy
     --> /sub/b.toml:2:8
      |
    2 | [agent.a]
      |        ^
      |
      = help: the first is in line 4 of `/main.toml`: leave one

    error[LG0109]: `[paths]` stands in two files of the policy
     --> /sub/b.toml:4:2
      |
    4 | [paths]
      |  ^^^^^
      |
      = help: the first is in line 3 of `/main.toml`: leave one

    error[LG0108]: there are two rules `r`
     --> /sub/b.toml:6:6
      |
    6 | id = "r"
      |      ^^^
      |
      = help: the first is in line 2 of `/sub/a.toml`: records must tell them apart
    "##);
}

#[test]
fn what_cannot_be_included_is_a_mistake() {
    let included = |what: &str, more: &[(&str, &str)]| {
        let main = format!("include = [\"{what}\"]\n");
        let all: Vec<_> = std::iter::once(("main.toml", main.as_str()))
            .chain(more.iter().copied())
            .collect();
        wrong(&all)
    };
    for (what, more, expected) in [
        ("x.toml", &[][..], "cannot include `x.toml`: No such file"),
        ("main.toml", &[], "`/main.toml` includes itself in the end"),
        (
            "a/x.toml",
            &[("a/x.toml", "include = [\"../main.toml\"]\n")],
            "`/a/../main.toml` includes itself in the end\n --> /a/x.toml:2:12",
        ),
        (
            "rules/*.toml",
            &[("rules/x.txt", "")],
            "`rules/*.toml` fits no file",
        ),
        (
            "rules/*.toml",
            &[],
            "cannot include `rules/*.toml`: No such file",
        ),
        ("*/a.toml", &[], "has a `*` in the name of a directory"),
        ("*.toml", &[], "takes all such files beside this one"),
        (
            "sub",
            &[("sub/x.toml", "")],
            "cannot read `/sub`: expected a regular file",
        ),
        ("..", &[], "this is no path of a file"),
        ("sub/", &[("sub/x.toml", "")], "this is no path of a file"),
        ("", &[], "this is no path of a file"),
        (
            "a.toml",
            &[("a.toml", "include = 5\n")],
            "expected `include` to be a list of strings",
        ),
        (
            "a.toml",
            &[("a.toml", "include = []\n")],
            "`include` is an empty list",
        ),
    ] {
        let shown = included(what, more);
        assert!(shown.contains(expected), "{what}: {shown}");
    }
}

#[test]
fn links_lead_nowhere_else() {
    let root = tree(&[
        ("main.toml", "include = [\"p/x.toml\"]\n"),
        ("other.toml", ""),
        ("p/..data/x.toml", "agent.a.stdio = true\n"),
    ]);
    let link = root.path().join("p/x.toml");
    symlink("../other.toml", &link).unwrap();
    let shown = parse(&root.path().join("main.toml")).unwrap_err();
    assert!(
        shown.contains("is a symbolic link that leads out of its directory"),
        "{shown}"
    );
    fs::remove_file(&link).unwrap();
    symlink("..data/x.toml", &link).unwrap();
    let (policy, files) = parse(&root.path().join("main.toml")).unwrap();
    assert_eq!(policy.agents.len(), 1);
    let real = root.path().canonicalize().unwrap().join("p/..data/x.toml");
    assert!(files.own.contains(&link) && files.own.contains(&real));
}

#[test]
fn too_much_is_a_mistake() {
    let root = tree(&[
        ("main.toml", "include = [\"r/*.toml\"]\n"),
        ("r/a.toml", ""),
    ]);
    for n in 0..FILES {
        fs::write(root.path().join(format!("r/{n}.toml")), HEAD).unwrap();
    }
    let shown = parse(&root.path().join("main.toml")).unwrap_err();
    assert!(
        shown.contains("the policy has more than 256 files"),
        "{shown}"
    );
    let shown = parse(&root.path().join("r")).unwrap_err();
    assert!(shown.contains("at most 256 files"), "{shown}");
    let root = tree(&[("main.toml", "include = [\"a.toml\", \"b.toml\"]\n")]);
    for name in ["a.toml", "b.toml"] {
        let text = format!("{HEAD}#{}\n", "x".repeat(MAX_BYTES / 2));
        fs::write(root.path().join(name), text).unwrap();
    }
    let shown = parse(&root.path().join("main.toml")).unwrap_err();
    assert!(shown.contains("b.toml`: expected at most"), "{shown}");
    assert!(
        shown.contains("all files of a policy have 4 MiB together"),
        "{shown}"
    );
}
