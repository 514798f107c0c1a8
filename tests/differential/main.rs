//! What our strict reader accepts, every peer reads alike: Node, Python, Go
//! (into structs, whose keys it matches without case, and into maps) and
//! `serde_json` take it for the same method, id, name, uri and arguments.
//!
//! The corpus in `tests/cases/messages` says of each message whether it is
//! accepted, or with which reason it is refused.

#[cfg(test)]
mod corpus;
#[cfg(test)]
mod digest;
#[cfg(test)]
mod mutate;
#[cfg(test)]
#[path = "../support/need.rs"]
mod need;
#[cfg(test)]
mod readers;

#[cfg(test)]
mod tests {
    use crate::corpus;
    use crate::digest::{self, Reading};
    use crate::mutate::Mutator;
    use crate::readers::{Readers, go_folds};
    use lockgate::engine::message::fold_case;

    /// Generated messages; a few seconds.
    const CANDIDATES: usize = 20_000;

    #[test]
    fn the_corpus_is_accepted_or_refused_as_it_says() {
        let mut wrong = Vec::new();
        for case in corpus::all() {
            let got = digest::ours(&case.bytes).map_or_else(|code| code, |_| "ok");
            if got != case.expect {
                wrong.push(format!(
                    "{}: expected {}, got {got}",
                    case.name, case.expect
                ));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn what_is_accepted_reads_alike_everywhere() {
        let mut readers = Readers::start();
        let mut mutator = Mutator::new(0x1000_5eed);
        let (bases, refused): (Vec<_>, Vec<_>) = corpus::all()
            .into_iter()
            .partition(|case| case.expect == "ok");
        let refused = refused.into_iter().map(|case| case.bytes);
        let bases: Vec<Vec<u8>> = bases.into_iter().map(|case| case.bytes).collect();
        let mutants = (0..CANDIDATES).map(|_| mutator.mutant(&bases));
        let candidates: Vec<Vec<u8>> = bases
            .iter()
            .cloned()
            .chain(refused)
            .chain(mutants)
            .collect();
        let (mut accepted, mut told_apart, mut disagreements) = (0, 0, Vec::new());
        for candidate in &candidates {
            let theirs = readers.read(candidate);
            match digest::ours(candidate) {
                Ok(ours) => {
                    accepted += 1;
                    for (reader, answer) in &theirs {
                        if !ours.agrees(answer) {
                            let bytes = candidate.escape_ascii();
                            disagreements.push(format!(
                                "{bytes}\n  ours   {ours:?}\n  {reader}: {answer:?}"
                            ));
                        }
                    }
                }
                // Refused, and rightly so: two of them read two things.
                Err(_) => {
                    told_apart += usize::from(differ(theirs.iter().map(|(_, answer)| answer)));
                }
            }
        }
        let shown = disagreements.iter().take(10).cloned().collect::<Vec<_>>();
        assert!(
            shown.is_empty(),
            "{} disagreements\n{}",
            disagreements.len(),
            shown.join("\n")
        );
        // Or the test would show nothing.
        assert!(
            accepted > CANDIDATES / 10,
            "only {accepted} candidates were accepted"
        );
        assert!(
            told_apart > CANDIDATES / 100,
            "only {told_apart} refusals were needed"
        );
    }

    #[test]
    fn keys_that_go_takes_for_the_same_collide() {
        let folds = go_folds();
        assert!(folds.len() > 1000, "Go knows only {} pairs", folds.len());
        for (a, b) in folds {
            let same = fold_case(&a.to_string()) == fold_case(&b.to_string());
            assert!(same, "{a:?} and {b:?}");
        }
    }

    fn differ<'a>(answers: impl Iterator<Item = &'a Reading>) -> bool {
        let mut read = answers.filter(|answer| **answer != Reading::Refused);
        let first = read.next();
        read.any(|other| Some(other) != first)
    }
}
