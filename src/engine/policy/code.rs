//! The codes of diagnostics: one table, and the pages of docs/diagnostics.md.
//!
//! A code is stable: a suppression, a search or a CI job relies on it. It keeps
//! its number and its meaning for good; what is no longer told leaves a gap.

use super::diagnostic::Severity;
use std::fmt;

/// Every page, one section a code.
const PAGES: &str = include_str!("../../../docs/diagnostics.md");

/// Which kind of thing a diagnostic says: `LG` and four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Code(u16);

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Which.
    pub code: Code,
    /// How bad it is, unless a diagnostic knows better.
    pub severity: Severity,
    /// What it is about, in a few words.
    pub title: &'static str,
}

macro_rules! codes {
    ($($name:ident = $number:literal $severity:ident $title:literal;)*) => {
        impl Code {
            $(#[doc = $title] pub const $name: Self = Self($number);)*

            /// The table, by number.
            pub const ALL: &'static [Entry] = &[
                $(Entry { code: Self($number), severity: Severity::$severity, title: $title },)*
            ];
        }
    };
}

codes! {
    SYNTAX = 1 Error "the file is no TOML";
    TOO_LARGE = 2 Error "the policy is too large";
    VERSION = 3 Error "the policy has no version that this lockgate reads";
    UNREADABLE = 4 Error "the policy cannot be read";
    UNKNOWN_KEY = 101 Error "nobody knows this key";
    NOT_ENFORCED = 102 Error "this version does not enforce it";
    WRONG_TYPE = 103 Error "a value is of the wrong type";
    UNKNOWN_WORD = 104 Error "a key does not take this word";
    EMPTY_LIST = 105 Error "a list is empty";
    BAD_NAME = 106 Error "this is no name";
    UNDEFINED = 107 Error "a rule names what the policy does not define";
    SAME_ID = 108 Error "two rules have one id";
    TOP = 109 Error "something at the top of the policy cannot be meant";
    UNUSED_SET = 110 Warning "nothing uses this set";
    SET = 111 Error "a set cannot be meant";
    SERVER = 201 Error "a server's entry cannot be meant";
    OTHER_KIND = 202 Error "a key is for the other kind of server";
    AGENT = 301 Error "an agent's entry cannot be meant";
    KEY_IN_CLEAR = 302 Error "a key stands in the clear";
    SAME_KEY = 303 Error "two keys have one id";
    TWO_AGENTS = 304 Warning "one credential can be two agents'";
    NOBODY = 305 Warning "nobody can be this agent";
    SAME_LAUNCH = 306 Note "whoever starts lockgate can be several agents";
    PATHS = 401 Error "`[paths]` or another path cannot be meant";
    NO_CATALOGUE = 402 Warning "the catalogue of secret places is turned off";
    SERVE = 403 Error "`[serve]` cannot be meant";
    RULE = 501 Error "a rule cannot be meant";
    BAD_PATTERN = 502 Error "a pattern never matches";
    BAD_POINTER = 503 Error "this is no JSON Pointer";
    BAD_REGEX = 504 Error "this is no regular expression";
    BAD_GLOB = 505 Error "this is no glob";
    CONTRADICTION = 506 Error "no value satisfies these constraints together";
    CONSTRAINT = 507 Error "a constraint cannot be meant";
    RUNNER = 508 Warning "a permitted program runs other programs";
    NO_APPROVALS = 509 Note "nobody can approve yet";
    NO_AGENT = 601 Warning "the policy has no agent";
    NO_SERVER = 602 Warning "the policy has no server";
    TWO_ISSUERS = 603 Warning "people of two issuers are compared by name alone";
    NO_TOKEN = 604 Warning "no agent of the rule has users or groups";
    ONLY_AUDITS = 605 Warning "the policy only audits";
    NO_PINS = 701 Note "a server has no pins";
    NO_TOOL = 702 Error "no pinned tool has this name";
    NO_TOOL_FITS = 703 Warning "no pinned tool fits this pattern";
    NO_ARGUMENT = 704 Error "a tool does not declare this argument";
    OTHER_TYPE = 705 Error "the schema declares another type";
    NEVER_VALID = 706 Error "the schema refuses what the constraint asks for";
    VACUOUS = 707 Note "the schema asks for as much already";
    REQUIRED_ABSENT = 708 Error "a required argument has to be absent";
    IDLE_TOOLS = 709 Note "nothing permits these tools";
    SHADOWED = 801 Warning "a forbid covers all of a permit";
    REDUNDANT_PERMIT = 802 Warning "another permit covers all of this one";
    REDUNDANT_FORBID = 803 Note "another forbid covers all of this one";
    OPEN_PATH = 901 Warning "a tool that changes things takes any path";
    OPEN_URL = 902 Warning "a tool that changes things takes any URL";
    OPEN_COMMAND = 903 Warning "a tool takes any command";
    OPEN_TEXT = 904 Note "a tool that changes things takes any text";
    BARE_DOT = 905 Warning "a dot in an expression stands for any character";
    OPEN_END = 906 Note "an expression takes any beginning or end";
    ANCHORS = 907 Note "anchors change nothing";
    OPEN_GLOB = 908 Warning "a glob takes everything";
    NO_VARIABLE = 909 Note "a variable is not set here";
    NEWLY_REACHABLE = 1001 Warning "something can be reached that could not";
    LOOSENED = 1002 Warning "a constraint is gone or takes more";
    FORBID_GONE = 1003 Warning "a forbid is gone or covers less";
    AGENT_WIDER = 1004 Warning "more can be an agent";
    PATHS_WIDER = 1005 Warning "`[paths]` takes more";
    SERVER_WIDER = 1006 Warning "a server is another one or may do more";
    SETTING_WIDER = 1007 Warning "a setting guards less";
    UNDECLARED_WIDER = 1008 Warning "undeclared arguments may pass";
    MAY_BE_WIDER = 1009 Warning "it cannot be told whether this takes more";
    NARROWER = 1010 Note "something is narrower";
    TESTS = 1101 Error "the tests of a policy cannot be meant or do not hold";
}

impl Code {
    /// Reads a code of its exact shape, known or not.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix("LG")?;
        let fits = digits.len() == 4 && digits.bytes().all(|b| b.is_ascii_digit());
        fits.then(|| digits.parse().ok().map(Self)).flatten()
    }

    /// Its row.
    pub fn entry(self) -> Option<&'static Entry> {
        Self::ALL.iter().find(|entry| entry.code == self)
    }

    /// How bad it is, unless a diagnostic knows better.
    pub(super) fn severity(self) -> Severity {
        self.entry().map_or(Severity::Error, |entry| entry.severity)
    }

    /// What it means, an example, and how to mend it.
    pub fn page(self) -> Option<&'static str> {
        let head = format!("## {self}: ");
        let (start, _) = PAGES.match_indices("## LG").find(|(at, _)| {
            let is_head = PAGES.get(*at..).is_some_and(|rest| rest.starts_with(&head));
            is_head
                && PAGES
                    .get(..*at)
                    .is_some_and(|before| before.ends_with('\n'))
        })?;
        let rest = PAGES.get(start..)?;
        let end = rest.match_indices("\n## ").next().map(|(at, _)| at);
        rest.get(..end.unwrap_or(rest.len())).map(str::trim_end)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LG{:04}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_order() {
        let numbers: Vec<_> = Code::ALL.iter().map(|entry| entry.code).collect();
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    }

    #[test]
    fn a_code_has_one_shape() {
        for text in [
            "", "LG", "LG1", "lg0101", "LG01011", "LG+101", "XLG0101", "LG010a",
        ] {
            assert_eq!(Code::parse(text), None, "{text}");
        }
        assert_eq!(Code::parse("LG0101"), Some(Code::UNKNOWN_KEY));
        assert_eq!(Code::UNKNOWN_KEY.to_string(), "LG0101");
    }
}
