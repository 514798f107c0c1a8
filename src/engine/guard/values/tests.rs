use super::shape::{Detector, Part, Set};
use super::*;
use base64::Engine as _;

/// Letters of a set, neither real nor all the same. Built here, so that nothing
/// in this file looks like a secret to whoever scans it.
fn fill(set: Set, count: usize, seed: usize) -> String {
    let letters: Vec<char> = (0..128_u8)
        .filter(|b| set.has(*b) && b.is_ascii_alphanumeric())
        .map(char::from)
        .collect();
    (0..count)
        .map(|n| letters[(n * 7 + n * n * 3 + seed) % letters.len()])
        .collect()
}

fn value(detector: &Detector, keyword: &str, longer: usize, same: bool) -> String {
    let run = |set: Set, count: usize| {
        if same {
            fill(set, 1, 5).repeat(count)
        } else {
            fill(set, count, count)
        }
    };
    let mut text = String::new();
    if let Some((set, min, _)) = detector.before {
        text.push_str(&fill(set, min, 3));
    }
    text.push_str(keyword);
    for part in detector.parts {
        match part {
            Part::Lit(literal) => text.push_str(literal),
            Part::Gap => text.push_str("\": \""),
            Part::Run(set, min, max) => {
                let count = if longer > 0 {
                    (min + longer).min(*max)
                } else {
                    *min
                };
                text.push_str(&run(*set, count));
            }
        }
    }
    text
}

fn is_found(text: &str, name: &str) -> bool {
    find(text).iter().any(|found| found.detector == name)
}

fn each(mut see: impl FnMut(&Detector, &str)) {
    for detector in DETECTORS {
        for keyword in detector.keywords {
            see(detector, keyword);
        }
    }
}

#[test]
fn every_kind_is_found_where_it_stands() {
    each(|detector, keyword| {
        for longer in [0, 5] {
            let value = value(detector, keyword, longer, false);
            for (before, after) in [
                ("", ""),
                ("use ", " now"),
                ("{\"k\":\"", "\"}"),
                ("x=", "\n"),
            ] {
                let text = format!("{before}{value}{after}");
                let mut all = Vec::new();
                look(&text, 0, &mut |found| {
                    all.push(found);
                    true
                });
                let own = all.iter().find(|found| found.detector == detector.name);
                let own = own.unwrap_or_else(|| panic!("{} {text}", detector.name));
                assert_eq!(own.span.start, before.len(), "{text}");
                assert!(own.span.end >= before.len() + value.len(), "{text}");
                assert_eq!(first(&text).is_some(), !find(&text).is_empty());
            }
        }
    });
}

#[test]
fn what_is_too_short_or_too_plain_is_none() {
    each(|detector, keyword| {
        let plain = value(detector, keyword, 0, true);
        assert!(!is_found(&plain, detector.name), "{plain}");
        let whole = value(detector, keyword, 0, false);
        let short = whole.get(..whole.len() - 1).unwrap();
        assert!(!is_found(short, detector.name), "{short}");
        assert!(
            !is_found(&format!("{keyword}..."), detector.name),
            "{keyword}"
        );
        assert!(find(keyword).is_empty(), "{keyword}");
        if detector.starts_word {
            let inside = format!("a{whole}");
            assert!(!is_found(&inside, detector.name), "{inside}");
        }
    });
}

#[test]
fn encodings_are_unwrapped() {
    let token = format!("{}{}", "ghp", "_") + &fill(Set::Alnum, 36, 1);
    let text = format!("the token is {token}, is it not");
    let base64 = base64::engine::general_purpose::STANDARD.encode(&text);
    let url = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&text);
    let twice = base64::engine::general_purpose::STANDARD.encode(format!("x {base64} y"));
    let coded = |before: &str| {
        let bytes: Vec<_> = text.bytes().map(|b| format!("{before}{b:02x}")).collect();
        bytes.concat()
    };
    let (hex, percent) = (coded(""), coded("%"));
    let escaped = token.replace('_', "%5f");
    for wrapped in [&base64, &url, &twice, &hex, &percent, &escaped] {
        let line = format!("see {wrapped} there");
        let found = find(&line);
        assert_eq!(found.len(), 1, "{line}");
        assert_eq!(found[0].detector, "github-token", "{line}");
        assert_eq!(found[0].span.start, 4, "{line}");
    }
}

#[test]
fn ordinary_text_has_none() {
    for text in [
        "",
        "a commit 2f6c1e0b9d8a7f6e5d4c3b2a19080706f5e4d3c2 and an id 550e8400-e29b-41d4-a716-446655440000",
        "https://example.com/a/b?c=d#e http://user@host/ postgres://localhost/db",
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n-----END PUBLIC KEY-----",
        "-----BEGIN PRIVATE KEY----- is how it begins",
        "AKIAIOSFODNN7EXAMPLE and wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        "the key-value pair, sk-learn, pat-a-cake, hf_hub_download, npm_config_registry",
        "mysql://root:${PASSWORD}@db/x and https://user:<password>@host",
        "\u{1f600} \u{e9}\u{e9} ghp_\u{e9}",
    ] {
        assert_eq!(find(text), [], "{text}");
    }
}

#[test]
fn names_are_unique_and_sourced() {
    let mut names: Vec<_> = DETECTORS.iter().map(|detector| detector.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), DETECTORS.len());
    assert!(DETECTORS.iter().all(|d| d.source.starts_with("https://")));
}

/// Long runs are read once, not once for each place in them.
#[test]
fn the_work_is_linear() {
    for word in [
        "eyJ",
        "://",
        "SK",
        "ghp_",
        "sk.eyJ",
        "%41",
        ":AA",
        "-----BEGIN PRIVATE KEY-----",
    ] {
        let text = word.repeat(400_000 / word.len());
        let _ = find(&text);
    }
}

proptest::proptest! {
    #[test]
    fn spans_are_of_the_text(text in r"([a-zA-Z0-9+/=%_.:@ -]|eyJ|://|sk-ant-|ghp_|\PC){0,200}") {
        for found in find(&text) {
            assert!(text.get(found.span).is_some());
        }
    }
}
