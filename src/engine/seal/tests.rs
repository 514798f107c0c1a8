use super::*;
use crate::engine::message::{Document, Limits};
use proptest::prelude::*;

fn digest(method: KnownMethod, params: &str) -> Option<Digest> {
    let document = Document::read(params.as_bytes().to_vec(), &Limits::DEFAULT).unwrap();
    salient(method, Some(document.root()))
}

fn seal() -> Seal {
    Seal::new(&[7; KEY])
}

fn bound(request: Digest) -> Bound<'static> {
    Bound {
        maker: Maker::Server,
        principal: "p",
        server: "s",
        request,
    }
}

const AT: Duration = Duration::from_secs(1000);

#[test]
fn opens_for_what_it_was_given_for_and_for_nothing_else() {
    let call = Digest::of(&[b"call"]);
    let right = bound(call);
    let sealed = seal().close(&right, "a.b.c", AT);
    assert_eq!(seal().open(&right, &sealed, AT).unwrap().original, "a.b.c");
    let others = [
        Bound {
            maker: Maker::Bridge,
            ..right
        },
        Bound {
            principal: "ps",
            server: "",
            ..right
        },
        Bound {
            principal: "q",
            ..right
        },
        Bound {
            server: "t",
            ..right
        },
        bound(Digest::of(&[b"another call"])),
    ];
    for other in others {
        let opened = seal().open(&other, &sealed, AT);
        assert_eq!(opened, Err(Broken::Foreign), "{other:?}");
    }
    let key = Seal::new(&[8; KEY]);
    assert_eq!(key.open(&right, &sealed, AT), Err(Broken::Foreign));
    let late = AT + Duration::from_secs(1);
    assert_eq!(seal().open(&right, &sealed, late), Err(Broken::Expired));
    let longer = sealed.replacen("1000", "9000", 1);
    assert_eq!(seal().open(&right, &longer, late), Err(Broken::Foreign));
}

#[test]
fn a_known_answer() {
    // Computed apart from this code, with Python's hmac over the same parts.
    let sealed = seal().close(&bound(Digest([0; 32])), "state", AT);
    insta::assert_snapshot!(sealed, @"lg1.1000.vfkh1WDnUj12zUAHuONdpxXy82t8b4hRHJt0x7IhRa8.state");
}

#[test]
fn spelling_of_the_arguments_makes_no_difference_and_content_does() {
    let call = |params: &str| digest(KnownMethod::CallTool, params);
    let one = call(r#"{"name":"t","arguments":{"a":1,"b":[2]}}"#);
    assert!(one.is_some());
    assert_eq!(
        one,
        call(r#"{"arguments":{"b":[2],"a":1.0},"name":"\u0074"}"#)
    );
    assert_eq!(
        call(r#"{"name":"t"}"#),
        call(r#"{"name":"t","arguments":{}}"#)
    );
    for other in [
        r#"{"name":"t","arguments":{"a":1,"b":[3]}}"#,
        r#"{"name":"u","arguments":{"a":1,"b":[2]}}"#,
        r#"{"name":"t"}"#,
    ] {
        assert_ne!(one, call(other), "{other}");
    }
    assert_ne!(
        call(r#"{"name":"t"}"#),
        digest(KnownMethod::GetPrompt, r#"{"name":"t"}"#)
    );
    assert_eq!(digest(KnownMethod::ListTools, "{}"), None);
    assert_eq!(call("{}"), None);
}

proptest! {
    #[test]
    fn no_change_of_a_sealed_text_opens(
        original in ".{0,40}",
        at in any::<prop::sample::Index>(),
        with in any::<char>(),
    ) {
        let right = bound(Digest::of(&[b"call"]));
        let sealed = seal().close(&right, &original, AT);
        prop_assert_eq!(seal().open(&right, &sealed, AT).unwrap().original, &original);
        let mut chars: Vec<char> = sealed.chars().collect();
        let at = at.index(chars.len());
        prop_assume!(chars[at] != with);
        chars[at] = with;
        let changed: String = chars.into_iter().collect();
        prop_assert!(seal().open(&right, &changed, AT).is_err());
    }
}
