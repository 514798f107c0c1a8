use super::*;
use crate::engine::message::{Document, Limits};
use proptest::prelude::*;

fn of(text: &str) -> String {
    let document = Document::read(text.as_bytes().to_vec(), &Limits::DEFAULT);
    canonical(document.expect("a test value is strict JSON").root())
}

/// Spellings of one value, and its canonical form.
const SAME: &[(&[&str], &str)] = &[
    (&["1", "1.0", "1e0", "10E-1", "0.1e+1", "1.000"], "1"),
    (&["0", "-0", "0.0", "-0e5", "0E-99999999999999999999"], "0"),
    (&["100", "1e2", "1.0E+2", "0.001e5"], "100"),
    (&["0.1", "1e-1", "0.10", "0.1000"], "0.1"),
    (&["1e21", "1000000000000000000000"], "1e+21"),
    (&["1e-7", "0.0000001"], "1e-7"),
    (&["-5", "-5.0", "-50e-1"], "-5"),
    (
        &["9007199254740993", "9007199254740993.0"],
        "9007199254740993e0",
    ),
    (
        &["9007199254740992", "9007199254740992e0"],
        "9007199254740992",
    ),
    (&["1e-400", "10e-401", "0.1e-399"], "1e-400"),
    (
        &["0.1000000000000000055", "1000000000000000055e-19"],
        "1000000000000000055e-19",
    ),
    (&["12345678901234567890123"], "12345678901234567890123e0"),
    (&["123456789012345678901230"], "12345678901234567890123e1"),
    (
        &[r#""\u0041\/\u00e9\ud83d\ude00""#, r#""A/é😀""#],
        r#""A/é😀""#,
    ),
    (
        &[r#""\u0008\u0009\u000a\u000c\u000d\u0022\u005c\u001F""#],
        r#""\b\t\n\f\r\"\\\u001f""#,
    ),
    (&["\"\u{7f}\u{2028}\""], "\"\u{7f}\u{2028}\""),
    (
        &[
            r#"{"b":[ 1 , {} ],"a":null}"#,
            "{\"a\":null,\n\"b\":[1,{ }]}",
        ],
        r#"{"a":null,"b":[1,{}]}"#,
    ),
    // RFC 8785 section 3.2.3: U+1F600 sorts before U+FB33.
    (
        &["{\"\u{fb33}\":1,\"\u{1f600}\":2,\"\u{80}\":3,\"1\":4,\"\\r\":5,\"\u{20ac}\":6,\"ö\":7}"],
        "{\"\\r\":5,\"1\":4,\"\u{80}\":3,\"ö\":7,\"\u{20ac}\":6,\"\u{1f600}\":2,\"\u{fb33}\":1}",
    ),
    (
        &[r#"{"a":{"d":1,"c":2},"\u0041b":{"f":3,"e":4}}"#],
        r#"{"Ab":{"e":4,"f":3},"a":{"c":2,"d":1}}"#,
    ),
];

#[test]
fn spellings_of_one_value_are_one() {
    for (spellings, expected) in SAME {
        for spelling in *spellings {
            assert_eq!(&of(spelling), expected, "{spelling}");
        }
        assert_eq!(&of(expected), expected, "not canonical itself");
    }
}

#[test]
fn different_values_stay_different() {
    let values = [
        "9007199254740992",
        "9007199254740993",
        "9007199254740994",
        "1",
        "-1",
        "0",
        "10",
        "0.1",
        "1e-400",
        "1e-401",
        "1e-99999999999999999999",
        "1e-99999999999999999998",
        "\"1\"",
        "true",
        "\"true\"",
        "null",
        "[]",
        "{}",
        "[null]",
        "[[]]",
        "\"\"",
        "{\"\":null}",
        "12345678901234567890123",
        "12345678901234567890124",
        "1.7976931348623157e308",
    ];
    for (i, a) in values.iter().enumerate() {
        for b in values.iter().skip(i + 1) {
            assert_ne!(of(a), of(b), "{a} and {b}");
        }
    }
}

#[test]
fn a_member_name_is_written_like_a_string() {
    for name in ["", "a", "ä\"\\\n\u{0}\u{1f}😀"] {
        let text = serde_json::to_string(name).expect("a string");
        assert_eq!(canonical_key(name), of(&text));
    }
}

/// Any JSON value whose numbers a double holds exactly.
fn value() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_992i64..=9_007_199_254_740_992).prop_map(Value::from),
        any::<f64>()
            .prop_filter("finite", |f| f.is_finite())
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[0-9a-zé\u{fb33}\u{1f600}\"\\\\]{0,4}", inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn names_are_ordered_by_code_units(a in "[a\u{7f}\u{e9}\u{d7ff}\u{e000}\u{fffd}\u{10000}\u{10ffff}]{0,3}", b in "[a\u{7f}\u{e9}\u{d7ff}\u{e000}\u{fffd}\u{10000}\u{10ffff}]{0,3}") {
        prop_assert_eq!(utf16_order(&a, &b), a.encode_utf16().cmp(b.encode_utf16()));
    }

    #[test]
    fn agrees_with_another_implementation(value in value()) {
        let text = serde_json::to_string(&value).expect("a value");
        let other = serde_json_canonicalizer::to_string(&value).expect("a value");
        prop_assert_eq!(of(&text), other);
    }

    #[test]
    fn is_idempotent_and_blind_to_layout(value in value()) {
        let tight = of(&serde_json::to_string(&value).expect("a value"));
        let wide = of(&serde_json::to_string_pretty(&value).expect("a value"));
        prop_assert_eq!(&tight, &wide);
        prop_assert_eq!(&of(&tight), &tight);
    }

    #[test]
    fn two_numbers_are_one_exactly_if_they_are_equal(
        digits in "[1-9][0-9]{0,24}",
        shift in 0usize..6,
        exponent in -30i32..30,
        other in "[1-9][0-9]{0,24}",
    ) {
        let plain = of(&format!("{digits}e{exponent}"));
        let zeros = "0".repeat(shift);
        let shift = i32::try_from(shift).expect("small");
        let shifted = format!("{digits}{zeros}E{}", exponent - shift);
        prop_assert_eq!(&plain, &of(&shifted));
        let fraction = format!("0.{digits}e{}", exponent + i32::try_from(digits.len()).expect("small"));
        prop_assert_eq!(&plain, &of(&fraction));
        prop_assert_eq!(&of(&plain), &plain);
        let same = digits.trim_end_matches('0') == other.trim_end_matches('0')
            && digits.len() == other.len();
        prop_assert_eq!(of(&format!("{other}e{exponent}")) == plain, same);
    }
}
