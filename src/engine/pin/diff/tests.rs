use super::*;

#[test]
fn nothing_changed_shows_nothing() {
    let old = r#"{"name":"a","n":1}"#;
    assert_eq!(
        render_diff(old, "{\"n\":1.0, \"name\":\"\\u0061\"}", true),
        ""
    );
    assert_eq!(render_diff("not JSON", "not JSON", true), "");
}

#[test]
fn colour_marks_only_what_changed() {
    let old = r#"{"name":"a","description":"one two three"}"#;
    let new = r#"{"name":"a","description":"one 2 three"}"#;
    let shown = render_diff(old, new, true).replace('\u{1b}', "^");
    insta::assert_snapshot!(shown, @r"
    ^[1m~ description^[0m
        one ^[31m[-two-]^[0m^[32m{+2+}^[0m three
    ");
}

#[test]
fn a_server_never_writes_to_the_terminal() {
    let hostile =
        "\u{1b}[2J\u{9b}31m\r\u{8}\u{7}\u{202e}x\u{200b}\u{e0041}\n\u{1b}]8;;http://x\u{7}";
    let text = serde_json::to_string(hostile).expect("a string");
    let definitions = [
        format!(r#"{{"name":"a","description":{text}}}"#),
        format!(r#"{{"name":"a","description":"old",{text}:{text}}}"#),
        format!(r#"{{"name":"a","description":[{text},{{{text}:[{text}]}}]}}"#),
        hostile.to_owned(),
        String::new(),
    ];
    for old in &definitions {
        for new in &definitions {
            let plain = render_diff(old, new, false);
            let odd = plain
                .chars()
                .find(|c| *c != '\n' && c.is_control() || "\u{202e}\u{200b}\u{e0041}".contains(*c));
            assert_eq!(odd, None, "{plain}");
            // With colour, escapes are ours: `ESC [ digits m`.
            for rest in render_diff(old, new, true).split('\u{1b}').skip(1) {
                let code: String = rest.chars().take_while(|c| *c != 'm').collect();
                assert!(
                    ["[0", "[1", "[31", "[32"].contains(&code.as_str()),
                    "{code}"
                );
            }
        }
    }
}

#[test]
fn a_huge_change_is_shown_whole() {
    let words = |word: &str| vec![word; LONGEST].join(" ");
    let old = format!(r#"{{"description":"{}"}}"#, words("a"));
    let new = format!(r#"{{"description":"{}"}}"#, words("b"));
    let shown = render_diff(&old, &new, false);
    assert_eq!(shown.lines().count(), 3, "a head, the old and the new");
}
