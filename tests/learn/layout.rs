//! `fmt` keeps what a policy says.

use super::policy;
use lockgate::engine::policy::Policy;
use lockgate::layout::format;
use proptest::prelude::*;
use regex::Regex;

/// Everything that a policy says, without places.
fn said(policy: &Policy) -> String {
    let mut rules = policy.rules_for_display();
    for rule in &mut rules {
        rule.rule.line = 0;
    }
    let spans = Regex::new(r"span: \d+\.\.\d+|line: \d+").unwrap();
    let Policy {
        servers,
        agents,
        paths,
        workspace,
        pins,
        audit_dir,
        serve,
        ..
    } = policy;
    let text = format!(
        "{rules:?} {servers:?} {agents:?} {paths:?} {workspace:?} {pins:?} {audit_dir:?} {serve:?}"
    );
    spans.replace_all(&text, "").into_owned()
}

fn examples() -> Vec<String> {
    let root = env!("CARGO_MANIFEST_DIR");
    let read = |path: &str| std::fs::read_to_string(format!("{root}/{path}")).unwrap();
    let mut texts = vec![
        read("policies/server-filesystem.toml"),
        read("policies/mcp-server-git.toml"),
    ];
    let blocks = Regex::new(r"(?ms)^```toml\n(version = 1.*?)^```").unwrap();
    for file in [
        "docs/policy.md",
        "README.md",
        "docs/identity.md",
        "docs/serve.md",
    ] {
        let text = read(file);
        texts.extend(blocks.captures_iter(&text).map(|found| found[1].to_owned()));
    }
    assert!(texts.len() >= 4, "only {} policies", texts.len());
    texts
}

#[test]
fn the_laid_out_policy_is_the_same_policy() {
    for text in examples() {
        let laid_out = format(&text).unwrap();
        assert_eq!(said(&policy(&laid_out)), said(&policy(&text)), "{laid_out}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Comments and empty lines anywhere, and other spaces, make no other
    /// policy, and none of them is lost.
    #[test]
    fn comments_stay_wherever_they_stand(
        which in any::<prop::sample::Index>(),
        marks in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..4), 1..8),
    ) {
        let texts = examples();
        let text = which.get(&texts);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for (n, (at, kind)) in marks.iter().enumerate() {
            let at = at.index(lines.len());
            match kind {
                0 => lines.insert(at, format!("# mark {n}")),
                1 => lines.insert(at, String::new()),
                2 if !lines[at].contains('#') => lines[at] += &[" # mark ", &n.to_string()].concat(),
                _ => lines[at] = lines[at].replacen(" = ", "=", 1),
            }
        }
        let messy = lines.join("\n") + "\n";
        let laid_out = format(&messy).map_err(|e| TestCaseError::fail(format!("{e}\n{messy}")))?;
        prop_assert_eq!(&format(&laid_out).unwrap(), &laid_out);
        prop_assert_eq!(said(&policy(&laid_out)), said(&policy(text)), "{}", laid_out);
    }
}
