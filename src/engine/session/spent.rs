//! States of multi round-trip requests that have been presented: each once.

use std::collections::BTreeSet;

/// Presented states, until they expire.
#[derive(Debug, Default)]
pub(in crate::engine) struct Spent(BTreeSet<(u64, [u8; 32])>);

/// There is no room to remember one more, or it was presented before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Refused {
    Again,
    Full,
}

impl Spent {
    /// Most states that are remembered; each is 40 bytes.
    const MOST: usize = 50_000;

    /// Remembers a state until it expires, in seconds.
    pub(in crate::engine) fn spend(
        &mut self,
        now: u64,
        expires: u64,
        mac: [u8; 32],
    ) -> Result<(), Refused> {
        self.0 = self.0.split_off(&(now, [0; 32]));
        if self.0.contains(&(expires, mac)) {
            return Err(Refused::Again);
        }
        if self.0.len() >= Self::MOST {
            return Err(Refused::Full);
        }
        self.0.insert((expires, mac));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_good_once_and_forgotten_when_it_expires() {
        let mut spent = Spent::default();
        assert_eq!(spent.spend(1, 5, [1; 32]), Ok(()));
        assert_eq!(spent.spend(5, 5, [1; 32]), Err(Refused::Again));
        assert_eq!(spent.spend(5, 5, [2; 32]), Ok(()));
        assert_eq!(spent.spend(6, 9, [3; 32]), Ok(()));
        assert_eq!(spent.0.len(), 1);
    }

    #[test]
    fn fails_closed_where_it_is_full() {
        let mut spent = Spent::default();
        for n in 0..50_000_u64 {
            spent.0.insert((9 + n, [0; 32]));
        }
        assert_eq!(spent.spend(1, 5, [1; 32]), Err(Refused::Full));
    }
}
