//! API keys: `lg_ID_SECRET`. The policy has a hash of each, never the key.

use crate::engine::policy::KeyHash;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt::{self, Write as _};

/// How keys begin, so that scanners and people know one.
pub(super) const PREFIX: &str = "lg_";

/// Characters of a secret: 256 bits.
const SECRET: usize = 43;

/// A key as a client presents it.
pub(super) struct PresentedKey<'a> {
    /// Which one: finds its hash.
    pub(super) id: &'a str,
    /// What must fit the hash.
    pub(super) secret: &'a str,
}

impl<'a> PresentedKey<'a> {
    /// Reads a bearer token; `None` if it has not the form of a key.
    pub(super) fn read(token: &'a str) -> Option<Self> {
        let (id, secret) = token.strip_prefix(PREFIX)?.split_once('_')?;
        (secret.len() == SECRET).then_some(Self { id, secret })
    }
}

/// A new key: shown once, then only its hash is left.
pub struct NewKey {
    text: String,
    hash: KeyHash,
}

impl NewKey {
    /// Makes a key of 256 random bits.
    pub fn make() -> Result<Self, getrandom::Error> {
        let id = hex::<{ KeyHash::ID / 2 }>()?;
        let salt = hex::<{ KeyHash::SALT / 2 }>()?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        let secret = URL_SAFE_NO_PAD.encode(secret);
        let hash = KeyHash::of(&id, &salt, &secret).ok_or(getrandom::Error::UNEXPECTED)?;
        Ok(Self {
            text: format!("{PREFIX}{id}_{secret}"),
            hash,
        })
    }

    /// The key itself, for the one client that is to have it.
    pub fn reveal(&self) -> &str {
        &self.text
    }

    /// What the policy gets.
    pub fn hash(&self) -> &KeyHash {
        &self.hash
    }
}

impl fmt::Debug for NewKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NewKey({}, ..)", self.hash.id())
    }
}

fn hex<const BYTES: usize>() -> Result<String, getrandom::Error> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_fits_its_hash_and_no_other() {
        let (one, other) = (NewKey::make().unwrap(), NewKey::make().unwrap());
        let key = PresentedKey::read(one.reveal()).unwrap();
        assert_eq!(key.id, one.hash().id());
        assert!(one.hash().fits(key.secret));
        assert!(!other.hash().fits(key.secret));
        assert!(!format!("{one:?}").contains(key.secret));
        assert!(crate::engine::mask::looks_like_token(one.reveal()));
    }
}
