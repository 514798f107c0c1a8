//! Constraints on the letters of a string.

use globset::{GlobBuilder, GlobMatcher};
use regex::{Regex, RegexBuilder};

/// Largest compiled regular expression, in bytes.
const REGEX_BYTES: usize = 1 << 20;

/// Compiles a regular expression that has to fit a whole string. Linear-time
/// by construction; bounded in size.
pub(in crate::engine::policy) fn whole_regex(source: &str) -> Result<Regex, String> {
    let build = |source: &str| {
        let mut builder = RegexBuilder::new(source);
        builder
            .size_limit(REGEX_BYTES)
            .dfa_size_limit(REGEX_BYTES)
            .nest_limit(100)
            .build()
    };
    // Alone first: `a)|(b` is only balanced once it is wrapped.
    build(source)
        .and_then(|_| build(&format!(r"\A(?:{source})\z")))
        .map_err(|error| last_line(&error.to_string()))
}

/// Compiles a glob.
pub(in crate::engine::policy) fn glob(source: &str) -> Result<GlobMatcher, String> {
    globbed(source, false)
}

/// The same without regard to case.
pub(super) fn globbed(source: &str, any_case: bool) -> Result<GlobMatcher, String> {
    GlobBuilder::new(source)
        .literal_separator(true)
        .backslash_escape(true)
        .case_insensitive(any_case)
        .build()
        .map(|glob| glob.compile_matcher())
        .map_err(|error| error.kind().to_string())
}

/// Whether every string that fits `narrow` fits `wide`. What it cannot tell it
/// calls no: it knows `letters/**` and `letters*`, and what begins with the same
/// letters.
pub(in crate::engine::policy) fn glob_contains(wide: &str, narrow: &str) -> bool {
    let letters = |glob: &str| !glob.contains(['*', '?', '[', ']', '{', '}', '\\']);
    if wide == narrow || wide == "**" {
        return true;
    }
    if let Some(root) = wide.strip_suffix("/**").filter(|root| letters(root)) {
        let rest = narrow.strip_prefix(root);
        return rest.is_some_and(|rest| rest.starts_with('/'));
    }
    let Some(start) = wide.strip_suffix('*').filter(|start| letters(start)) else {
        return false;
    };
    // `*` stops at `/`, and so must all that stands for it.
    let rest = narrow.strip_prefix(start);
    rest.is_some_and(|rest| {
        let plain = rest.replace(['*', '?'], "");
        letters(&plain) && !plain.contains('/') && !rest.contains("**")
    })
}

/// The regex crate draws the place over several lines; ours is in the policy.
fn last_line(error: &str) -> String {
    let line = error.lines().last().unwrap_or(error).trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn globs_that_contain_others() {
        for (wide, narrow, contains) in [
            ("a/**", "a/b", true),
            ("a/**", "a/b/**", true),
            ("a/**", "a/*/{x,y}", true),
            ("a/**", "a", false),
            ("a/**", "ab/c", false),
            ("a/**", "{a,b}/c", false),
            ("acme/*", "acme/a*", true),
            ("acme/*", "acme/a?", true),
            ("acme/*", "acme/a/b", false),
            ("acme/*", "acme/**", false),
            ("acme/*", "acme/[!a]", false),
            ("**", "a/[b]", true),
            ("*", "a/b", false),
            ("*", "ab*", true),
            ("*.rs", "a.rs", false),
            ("a?c", "a?c", true),
        ] {
            assert_eq!(glob_contains(wide, narrow), contains, "{wide} {narrow}");
        }
    }

    proptest! {
        #[test]
        fn what_is_contained_fits(wide in "[ab/*]{0,6}", narrow in "[ab/*?]{0,6}", text in "[ab/]{0,6}") {
            if let (Ok(w), Ok(n)) = (glob(&wide), glob(&narrow))
                && glob_contains(&wide, &narrow)
                && n.is_match(&text)
            {
                prop_assert!(w.is_match(&text), "{wide} {narrow} {text}");
            }
        }
    }
}
