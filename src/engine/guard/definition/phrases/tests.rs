use super::*;

fn stands(pattern: &'static str, text: &str) -> bool {
    let groups = [catalogue::Group {
        code: "c",
        what: "w",
        patterns: Box::leak(Box::new([pattern])),
    }];
    !Catalogue::new(&groups)
        .found(&Plain::of(text).words())
        .is_empty()
}

#[test]
fn steps_sets_gaps_and_endings() {
    let cases = [
        ("a b", "a b", true),
        ("a b", "x a b y", true),
        ("a b", "a x b", false),
        ("a <1 b", "a x b", true),
        ("a <1 b", "a x y b", false),
        ("a|c b|d", "c d", true),
        ("instruct* now", "instructions now", true),
        ("instruct* now", "instruct now", true),
        ("instruct now", "instructions now", false),
        ("$NOT go", "don't go", true),
        // The first `b` is too far from `c`, the second is not.
        ("a <2 b <0 c", "a b b c", true),
        ("a <2 b <0 c", "a b x x b c", false),
        ("a <1 b <1 c", "a a b x c", true),
        ("a b", "a", false),
        ("a b", "", false),
    ];
    for (pattern, text, expected) in cases {
        assert_eq!(stands(pattern, text), expected, "{pattern} in {text}");
    }
}

/// Every pattern can match: it is found in a text of its own first words.
#[test]
fn every_pattern_can_match() {
    for group in catalogue::PHRASES.iter().chain(catalogue::ASKS) {
        for pattern in group.patterns {
            let steps = steps(pattern);
            assert!(!steps.is_empty() && steps.iter().all(|step| step.gap <= 16));
            let words: Vec<&str> = steps.iter().map(|step| step.words[0].text).collect();
            let text = words
                .join(" ")
                .replace(" pipe ", " | ")
                .replace(" @", " x@y");
            assert!(
                stands(pattern, &text),
                "`{pattern}` does not match `{text}`"
            );
            assert!(
                !pattern.contains('$')
                    || !steps
                        .iter()
                        .flat_map(|s| &s.words)
                        .any(|w| w.text.contains('$')),
                "`{pattern}` names no set"
            );
        }
    }
}
