//! Words of a policy in messages, for people.

/// Longest text that is shown, in characters.
const MAX_CHARS: usize = 80;

/// Text in backticks, with what a terminal would act upon escaped.
pub(super) fn quoted(text: &str) -> String {
    if text.chars().count() > MAX_CHARS {
        return format!("a text of {} characters", text.chars().count());
    }
    let text: String = text
        .chars()
        .map(|c| {
            if matches!(c, '"' | '\'' | '\\') {
                c.to_string()
            } else {
                c.escape_debug().collect()
            }
        })
        .collect();
    format!("`{text}`")
}

/// A word as a shell reads it back.
pub(super) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@:=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_and_a_shell_obey_nothing() {
        assert_eq!(
            quoted("a\u{1b}[31m\n\u{202e}b"),
            r"`a\u{1b}[31m\n\u{202e}b`"
        );
        assert_eq!(quoted(&"a".repeat(81)), "a text of 81 characters");
        assert_eq!(shell_word("/a/b-1.toml"), "/a/b-1.toml");
        assert_eq!(shell_word("my file"), "'my file'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }
}
