//! "Did you mean": the nearest of the words that would have been right.

/// Words longer than this are no typing mistakes, and cost too much.
const MAX_CHARS: usize = 64;

/// The candidate nearest to `word`, where one is near enough.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    if length > MAX_CHARS {
        return None;
    }
    candidates
        .into_iter()
        .filter(|candidate| candidate.chars().count() <= MAX_CHARS)
        .map(|candidate| {
            (
                distance(&word.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| {
            *distance < length && *distance <= (length.max(candidate.chars().count()) / 3).max(1)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Help on a word that is none of `candidates`.
pub(super) fn help(word: &str, candidates: &[&str]) -> String {
    match nearest(word, candidates.iter().copied()) {
        Some(candidate) => format!("did you mean `{candidate}`?"),
        None => expected(candidates),
    }
}

/// `expected one of ...`
pub(super) fn expected(candidates: &[&str]) -> String {
    match candidates {
        [] => "nothing is expected here: remove it".to_owned(),
        [only] => format!("expected `{only}`"),
        many => format!("expected one of `{}`", many.join("`, `")),
    }
}

/// Edits from one word to the other; two neighbours that changed places are one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX);
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut next = vec![i.saturating_add(1)];
        for (j, to) in b.iter().enumerate() {
            let replaced = at(&row, j).saturating_add(usize::from(from != to));
            let removed = at(&row, j.saturating_add(1)).saturating_add(1);
            let added = at(&next, j).saturating_add(1);
            let one = |letters: &[char], at: usize| {
                let before = at.checked_sub(1)?;
                letters.get(before).copied()
            };
            let swapped = if one(&a, i) == Some(*to) && one(&b, j) == Some(*from) {
                at(&before, j.saturating_sub(1)).saturating_add(1)
            } else {
                usize::MAX
            };
            next.push(replaced.min(removed).min(added).min(swapped));
        }
        before = row;
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in [
            ("", "", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("tools", "tool", 1),
            ("abc", "abc", 0),
            ("raed", "read", 1),
            ("opne", "open", 1),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn only_near_words_are_suggested() {
        let words = ["tools", "server", "effect"];
        assert_eq!(nearest("tool", words), Some("tools"));
        assert_eq!(nearest("Server", words), Some("server"));
        assert_eq!(nearest("colour", words), None);
        assert_eq!(nearest("a", ["b"]), None);
        assert_eq!(nearest(&"x".repeat(1000), words), None);
    }
}
