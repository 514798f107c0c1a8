//! Programs that leave a secret where it is: `chmod` that shuts it to others,
//! and `ssh-add`, which hands a key to the agent. Nothing of it comes back.

use super::Word;

/// Whether a command leaves the files that it is given as they are, and as shut.
pub(super) fn keeps(name: &str, arguments: &[Word]) -> bool {
    match name {
        "ssh-add" => true,
        "chmod" => {
            let mut words = arguments.iter().map(|w| w.text.as_str());
            words
                .find(|w| !is_flag(w))
                .is_some_and(|mode| !mode.starts_with("--") && shuts(mode))
        }
        _ => false,
    }
}

fn is_flag(word: &str) -> bool {
    matches!(
        word,
        "--recursive" | "--verbose" | "--changes" | "--quiet" | "--silent" | "--preserve-root"
    ) || word
        .strip_prefix('-')
        .is_some_and(|f| !f.is_empty() && f.bytes().all(|b| b"Rvcf".contains(&b)))
}

/// Whether a mode gives nothing to anyone but the owner.
fn shuts(mode: &str) -> bool {
    if mode.bytes().all(|b| b.is_ascii_digit()) {
        let three = mode.strip_prefix('0').filter(|m| m.len() == 3);
        let three = three.unwrap_or(mode);
        return three.len() == 3 && three.ends_with("00");
    }
    mode.len() <= 64 && mode.split(',').all(shuts_clause)
}

/// `go-rwx`, `u=rw`, `o=`.
fn shuts_clause(clause: &str) -> bool {
    let Some(at) = clause.find(['+', '-', '=']) else {
        return false;
    };
    let Some((who, what)) = clause.split_at_checked(at) else {
        return false;
    };
    let owner = who == "u";
    let letters = |rights: &str| rights.bytes().all(|b| b"rwxX".contains(&b));
    let known = who.bytes().all(|b| b"ugoa".contains(&b));
    let mut chars = what.chars();
    let sign = chars.next();
    let rights = chars.as_str();
    known
        && letters(rights)
        && (owner || sign == Some('-') || (sign == Some('=') && rights.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::shuts;

    #[test]
    fn modes_that_shut() {
        for mode in [
            "600", "0700", "400", "go-rwx", "u=rw,go=", "u+x", "-w", "o=", "a-w",
        ] {
            assert!(shuts(mode), "{mode}");
        }
        for mode in [
            "644",
            "4700",
            "640",
            "o+r",
            "a+r",
            "+r",
            "g=u",
            "u+s",
            "=r",
            "",
            "60",
            "u-x+r,o+r",
        ] {
            assert!(!shuts(mode), "{mode}");
        }
    }
}
