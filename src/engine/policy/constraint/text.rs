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

/// The regex crate draws the place over several lines; ours is in the policy.
fn last_line(error: &str) -> String {
    let line = error.lines().last().unwrap_or(error).trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}
