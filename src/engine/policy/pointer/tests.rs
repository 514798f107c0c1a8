use super::*;
use crate::engine::message::{Document, Limits};

fn places(pointer: &str, arguments: &str) -> Vec<String> {
    let document = Document::read(arguments.as_bytes().to_vec(), &Limits::DEFAULT).unwrap();
    let mut seen = Vec::new();
    let flow =
        Pointer::parse(pointer)
            .unwrap()
            .visit::<()>(Some(document.root()), &mut |at, found| {
                let at = spell(at);
                seen.push(match found {
                    Found::Value(value) => format!("{at} = {}", value.raw()),
                    Found::Missing => format!("{at} missing"),
                    Found::Blocked(value) => format!("{at} is {}", value.kind().name()),
                });
                ControlFlow::Continue(())
            });
    assert!(flow.is_continue());
    seen
}

#[test]
fn every_place_is_shown() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("", "{}", &[" = {}"]),
        ("/a", r#"{"a":1}"#, &["/a = 1"]),
        ("/b", r#"{"a":1}"#, &["/b missing"]),
        ("/a/b", r#"{"a":1}"#, &["/a is a number"]),
        ("/a/b", r#"{"a":null}"#, &["/a is null"]),
        ("/a/1", r#"{"a":[5,6]}"#, &["/a/1 = 6"]),
        ("/a/2", r#"{"a":[5,6]}"#, &["/a/2 missing"]),
        ("/a/01", r#"{"a":[5,6]}"#, &["/a is an array"]),
        ("/a/-", r#"{"a":[5,6]}"#, &["/a is an array"]),
        ("/a/*", r#"{"a":[]}"#, &["/a/* missing"]),
        ("/a/*", r#"{"a":"x"}"#, &["/a is a string"]),
        (
            "/a/*/t",
            r#"{"a":[{"t":1},{},3]}"#,
            &["/a/0/t = 1", "/a/1/t missing", "/a/2 is a number"],
        ),
        ("/*", r#"{"a/b":1,"m~n":2}"#, &["/a~1b = 1", "/m~0n = 2"]),
        ("/a~1b", r#"{"a/b":1}"#, &["/a~1b = 1"]),
        ("/~01", r#"{"~1":1}"#, &["/~01 = 1"]),
        ("/", r#"{"":1}"#, &["/ = 1"]),
        ("/\u{e9}", r#"{"\u00e9":1}"#, &["/\u{e9} = 1"]),
    ];
    for (pointer, arguments, expected) in cases {
        assert_eq!(
            places(pointer, arguments),
            *expected,
            "{pointer} in {arguments}"
        );
    }
}

#[test]
fn no_arguments_is_missing() {
    let mut seen = 0;
    let flow = Pointer::parse("/a/*")
        .unwrap()
        .visit::<()>(None, &mut |at, found| {
            assert!(matches!(found, Found::Missing));
            assert_eq!(spell(at), "/a/*");
            seen += 1;
            ControlFlow::Continue(())
        });
    assert!(flow.is_continue());
    assert_eq!(seen, 1);
}

#[test]
fn malformed_pointers_are_refused() {
    for source in ["a", "a/b", "/~", "/~2", "/a~", "#/a"] {
        assert!(Pointer::parse(source).is_err(), "{source}");
    }
    assert!(Pointer::parse(&"/a".repeat(97)).is_err());
}
