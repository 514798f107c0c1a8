//! Copies that editors, people and log rotation leave beside a file: the name
//! that is left when what they put around it is taken away.
//!
//! `config.json.bak`, `.netrc~`, `.bash_history.1`, `#x#`, `.x.swp` hold what
//! `config.json`, `.netrc`, `.bash_history` and `x` held. `.example` and its
//! like are no copies.

/// Endings of copies, lower case.
const ENDINGS: &str = "
    ~ .bak .bck .bkp .bk .backup .back .orig .original .old .save .saved .sav .prev .previous
    .copy .tmp .temp .swp .swo .swn .swx .new .rej .dpkg-old .dpkg-new .dpkg-dist .dpkg-bak
    .ucf-old .ucf-dist .rpmsave .rpmorig .rpmnew .pacsave .pacnew .pacorig .disabled .deleted .lock
    .gz .bz2 .xz .zst .* -bak -backup -old -orig -copy _bak _backup _old _orig _copy
";
/// Endings of copies of whole directories.
const FOLDERS: &str = "
    ~ .bak .backup .orig .old .save -bak -backup -old -orig _bak _backup _old _orig
";
/// Most endings that are taken away, one after the other.
const MOST: usize = 4;
/// Longest number behind a name, as in `.20240131-120000`.
const DIGITS: usize = 14;

/// The names that a name is a copy of, the nearest last; none where it is none.
pub(super) fn originals(name: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = name;
    for _ in 0..MOST {
        let Some(shorter) = shortened(rest) else {
            break;
        };
        rest = shorter;
        out.push(rest);
        // Vim hides its files: `.x.swp`, and `..netrc.swp`.
        out.extend(rest.strip_prefix('.').filter(|r| !r.is_empty()));
    }
    out
}

/// The directory that one is a copy of.
pub(super) fn folder(name: &str) -> Option<&str> {
    FOLDERS
        .split_ascii_whitespace()
        .find_map(|ending| name.strip_suffix(ending))
        .filter(|rest| rest.len() > 1)
}

fn shortened(name: &str) -> Option<&str> {
    let inner = |open: &str, close: &str| name.strip_prefix(open)?.strip_suffix(close);
    let ending = || {
        ENDINGS
            .split_ascii_whitespace()
            .find_map(|ending| name.strip_suffix(ending))
    };
    inner("#", "#")
        .or_else(|| name.strip_prefix(".#"))
        .or_else(ending)
        .or_else(|| numbered(name))
        .filter(|rest| rest.trim_matches(['.', '*', '?']).len() > 1)
}

/// Without the number, or the date, at its end.
fn numbered(name: &str) -> Option<&str> {
    let rest = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let digits = name.len().saturating_sub(rest.len());
    if digits == 0 || digits > DIGITS {
        return None;
    }
    rest.strip_suffix(['.', '-', '_'])
}

#[cfg(test)]
mod tests {
    use super::originals;

    #[test]
    fn copies_are_seen() {
        for (copy, name) in [
            (".git-credentials.orig", ".git-credentials"),
            (".bash_history.1", ".bash_history"),
            (".bash_history.2.gz", ".bash_history"),
            (".netrc~", ".netrc"),
            (".bash_history-01234.tmp", ".bash_history"),
            ("#secrets.json#", "secrets.json"),
            (".#secrets.json", "secrets.json"),
            (".secrets.json.swp", "secrets.json"),
            ("hosts.yml.2024-01-31", "hosts.yml"),
            ("auth.json.bak.old", "auth.json"),
        ] {
            assert!(originals(copy).contains(&name), "{copy}");
        }
    }

    #[test]
    fn others_are_left() {
        for name in [
            ".npmrc.example",
            "main.rs",
            "id_rsa",
            ".1",
            "~",
            "1.2",
            ".*",
            "-1",
        ] {
            assert!(originals(name).is_empty(), "{name}");
        }
    }
}
