//! What a string looks like: a path, a command, a query, or prose.
//!
//! The rule that keeps honest writing alive: text with spaces is a path only
//! where its spaces are those of a known directory, or where it goes on as a
//! path after the last space. Everything here looks at a bounded part.

use super::role::listed;
use super::{glob, spell};

/// Longest string in bytes that can be one path for these purposes.
pub(super) const PATH_MAX: usize = spell::LONGEST;

/// Names of directories and files of the catalogue that hold a space.
const SPACED: [&str; 16] = [
    "application support",
    "login data for account",
    "login data",
    "user data",
    "local state",
    "web data",
    "local storage",
    "ledger live",
    "microsoft edge",
    "chrome beta",
    "opera software",
    "telegram desktop",
    "group containers",
    "trezor suite",
    "proton pass",
    "code - insiders",
];

/// Whether `text` starts the way only a path does: at a root, a home, a
/// variable, a drive, or a `file:` uri.
pub(super) fn is_anchored(text: &str) -> bool {
    let text = text.trim_start_matches(|c: char| {
        c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '(' | '[' | '\0')
    });
    let mut chars = text.chars();
    match (chars.next(), chars.next(), chars.next()) {
        (Some('$'), Some(c), _) => c == '{' || c.is_ascii_alphabetic() || c == '(',
        (Some(drive), Some(':'), Some('/' | '\\')) => drive.is_ascii_alphabetic(),
        (Some('/' | '\\' | '~' | '%'), Some(_), _)
        | (Some('/'), None, _)
        | (Some('.'), Some('.'), Some('/' | '\\'))
        | (Some('.'), Some('/' | '\\'), _) => true,
        (Some(c), ..) if !c.is_ascii() => spell_anchor(text),
        _ => starts_with_file_scheme(text) || encoded_anchor(text),
    }
}

fn starts_with_file_scheme(text: &str) -> bool {
    text.get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("file:"))
}

fn encoded_anchor(text: &str) -> bool {
    ["&#47;", "&#x2f;", "&sol;", "\\u002f", "\\x2f"]
        .iter()
        .any(|e| {
            text.get(..e.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(e))
        })
}

/// A full-width or hidden start.
fn spell_anchor(text: &str) -> bool {
    use unicode_normalization::UnicodeNormalization as _;
    text.chars()
        .take(8)
        .nfkc()
        .find(|c| c.is_ascii() && !c.is_control())
        .is_some_and(|c| matches!(c, '/' | '\\' | '~' | '$' | '%' | '.'))
        || matches!(
            text.chars().next(),
            Some('\u{2044}' | '\u{2215}' | '\u{29f8}')
        )
}

/// Whether `text` is one word, the spaces of known names not counted.
pub(super) fn is_single(text: &str) -> bool {
    if !text.contains(char::is_whitespace) {
        return true;
    }
    if text.contains('\n') || text.len() > 4096 {
        return false;
    }
    let mut text = text.to_lowercase();
    for name in SPACED {
        text = text.replace(name, "");
    }
    !text.contains(char::is_whitespace)
}

/// Whether `text` with spaces is nevertheless one path: it starts as one and
/// goes on as one after its last space.
pub(super) fn is_spaced_path(text: &str) -> bool {
    is_anchored(text)
        && !text.contains('\n')
        && text.len() <= 4096
        && text
            .rsplit(char::is_whitespace)
            .next()
            .is_some_and(|last| last.contains(['/', '\\']))
}

/// Whether a bare word could be a path at all.
pub(super) fn may_be_path(word: &str) -> bool {
    word.bytes().any(|b| {
        matches!(
            b,
            b'/' | b'\\' | b'~' | b'$' | b'%' | b'.' | b'*' | b'?' | b'[' | b'_'
        ) || !(b' '..0x7f).contains(&b)
    })
}

/// Programs whose arguments are files or further commands.
const PROGRAMS: &str = "
    cat less more head tail cp mv rm ln scp rsync sftp curl wget tar zip gzip 7z grep egrep
    rg find fd ls ll tree base64 xxd od hexdump strings openssl python python3 node bash sh
    zsh perl ruby php sudo env eval exec source xargs awk sed cut sort tac nl tee dd nc ncat
    ssh ssh-keygen gpg sqlite3 git docker kubectl type get-content gc copy xcopy robocopy
    powershell pwsh cmd cmd.exe vi vim nano code open bat batcat diff cmp file stat wc
    md5sum sha256sum install chmod chown cd pushd echo printf export set jq yq uuencode
    split rev paste fold findstr select-string invoke-expression iex busybox pbcopy xclip
    security op aws rclone socat mapfile readarray read for while if mkdir touch test
";

/// Whether the first word of `text` is a program that takes files.
pub(super) fn is_command(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let first = words
        .next()
        .unwrap_or_default()
        .trim_start_matches(['(', '{', '!', '$', '@']);
    let name = first
        .rsplit(['/', '\\'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    words.next().is_some() && listed(PROGRAMS, &name)
}

/// Whether the second word of a command line could be its argument.
pub(super) fn is_argument(word: &str) -> bool {
    word.starts_with('-') || is_anchored(word) || word.contains(['/', '.', '*', '<', '\'', '"'])
}

/// Whether `text` is a command line: a program and what could be its argument.
pub(super) fn is_line(text: &str) -> bool {
    is_command(text) && text.split_whitespace().nth(1).is_some_and(is_argument)
}

/// Whether `text` starts as an SQL statement does.
pub(super) fn is_sql(text: &str) -> bool {
    super::sql::is_statement(text)
}

/// Whether `text` is a glob of hidden names that takes in nearly all of them:
/// `.*`, `.[!.]*`, and not `.*rc`.
pub(super) fn is_hidden_glob(text: &str) -> bool {
    text.len() <= 4096
        && text
            .rsplit('/')
            .find(|name| !name.is_empty())
            .is_some_and(|name| glob::is_glob(name) && glob::is_all_hidden(name))
}
