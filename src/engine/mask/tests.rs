use super::{MOST_BYTES, MaskedUri, mask};
use crate::engine::message::{Document, Limits};
use proptest::prelude::*;

fn masked(text: &str) -> String {
    let document = Document::read(text.as_bytes().to_vec(), &Limits::DEFAULT).unwrap();
    serde_json::to_string(&mask(document.root())).unwrap()
}

#[test]
fn keeps_the_shape_and_not_the_content() {
    for (given, wanted) in [
        (r#"{"path":"/etc/passwd"}"#, r#"{"path":"<string of 11>"}"#),
        (
            r#"[true,false,null,"",7]"#,
            r#"[true,false,null,"<string of 0>",7]"#,
        ),
        (
            "[123456,-123456,1234567,0.5]",
            r#"[123456,-123456,"<number>",0.5]"#,
        ),
        (r#"{"b":{"a":[]},"A":{}}"#, r#"{"b":{"a":[]},"A":{}}"#),
        (
            r#"{"api_key":"x","Größe":1}"#,
            r#"{"api_key":"<string of 1>","Größe":1}"#,
        ),
        (
            r#"{"ghp_1a2b3c4d":1,"a\nb":2}"#,
            r#"{"<key 0 of 12>":1,"<key 1 of 4>":2}"#,
        ),
        (r#"["a\u0041"]"#, r#"["<string of 7>"]"#),
        ("[[[[[[[1]]]]]]]", r#"[[[[[["<array of 1>"]]]]]]"#),
    ] {
        assert_eq!(masked(given), wanted, "{given}");
    }
}

#[test]
fn counts_what_it_does_not_show() {
    let items = format!("[{}0]", "0,".repeat(99));
    assert!(masked(&items).ends_with(r#","<68 more>"]"#));
    let members: Vec<_> = ('a'..='z')
        .flat_map(|a| ['x', 'y'].map(|b| format!("\"{a}{b}\":0")))
        .collect();
    assert!(masked(&format!("{{{}}}", members.join(","))).ends_with(r#","<more>":20}"#));
}

#[test]
fn a_large_value_fills_the_bound_and_no_more() {
    let list = |inner: &str| format!("[{}{inner}]", format!("{inner},").repeat(31));
    let map = |inner: &str| {
        let members: Vec<_> = ('a'..='z').map(|c| format!("\"{c}\":{inner}")).collect();
        format!("{{{}}}", members.join(","))
    };
    let leaf = "\"0123456789\"";
    for value in [
        list(&list(&list(leaf))),
        map(&map(&map(leaf))),
        list(&map(&list(leaf))),
    ] {
        let out = masked(&value);
        let fits = (MOST_BYTES / 8..=MOST_BYTES).contains(&out.len());
        assert!(fits, "{} bytes: {out}", out.len());
    }
}

#[test]
fn a_long_key_is_only_counted() {
    let key = "k".repeat(1_000_000);
    assert_eq!(
        masked(&format!("{{\"{key}\":1}}")),
        r#"{"<key 0 of 1000000>":1}"#
    );
}

#[test]
fn a_uri_keeps_its_place_only() {
    for (given, wanted) in [
        (
            "file:///home/u/report-2024.txt",
            "file:///home/u/report-2024.txt",
        ),
        (
            "https://u:pw@h.example/a?token=x#y",
            "https://<user>@h.example/a?<7 more>#<1 more>",
        ),
        (
            "https://h/services/a1b2c3d4e5f6a7b8c9d0",
            "https://h/services/<20 more>",
        ),
        ("data:text/plain;base64,c2VjcmV0", "data:<26 more>"),
        ("postgres://admin:a@b@db/x", "postgres://<user>@db/x"),
        ("no scheme", "<uri of 9>"),
        ("x://h/\u{1b}[31m", "x://h/\u{fffd}[31m"),
    ] {
        assert_eq!(MaskedUri::of(given).as_str(), wanted, "{given}");
    }
    let long = format!("file:///{}", "a/".repeat(100_000));
    assert!(MaskedUri::of(&long).as_str().len() < 600);
}

/// Any JSON in which every string, and nothing else, holds the canary.
fn value() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(|s| Value::from(format!("{s}CANARY{s}"))),
    ];
    leaf.prop_recursive(8, 256, 40, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..40).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z_é漢]{1,48}", inner, 0..40)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn is_bounded_valid_and_without_content(value in value()) {
        let text = value.to_string();
        let Ok(document) = Document::read(text.into_bytes(), &Limits::DEFAULT) else {
            // Generated keys can collide when case is folded.
            return Ok(());
        };
        let out = serde_json::to_string(&mask(document.root())).unwrap();
        prop_assert!(out.len() <= MOST_BYTES, "{} bytes", out.len());
        prop_assert!(!out.contains("CANARY"));
        prop_assert!(Document::read(out.into_bytes(), &Limits::DEFAULT).is_ok());
    }

    #[test]
    fn a_uri_never_shows_what_follows_the_path(secret in "[a-zA-Z0-9]{8,40}") {
        for uri in [
            format!("https://{secret}@host/p"),
            format!("https://u:{secret}@host/p"),
            format!("https://host/p?{secret}"),
            format!("https://host/p#{secret}"),
            format!("data:,{secret}"),
            secret.clone(),
        ] {
            prop_assert!(!MaskedUri::of(&uri).as_str().contains(&secret), "{uri}");
        }
    }
}
