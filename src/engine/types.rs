//! Newtypes for the strings and digests that cross module borders.

use std::fmt;

/// Why a string is no name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected 1 to 64 letters, digits, `.`, `_` or `-`, starting with a letter or digit")]
pub struct InvalidName;

macro_rules! name {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
        pub struct $type(String);

        impl $type {
            /// Checks the spelling.
            pub fn new(name: impl Into<String>) -> Result<Self, InvalidName> {
                let name = name.into();
                let fits = name.len() <= 64
                    && name.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
                if fits { Ok(Self(name)) } else { Err(InvalidName) }
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A server as the policy and the lockfile name it.
    ServerName
}
name! {
    /// An agent as the policy names it.
    AgentName
}
name! {
    /// A rule's id.
    RuleId
}
name! {
    /// A set of values as the policy names it.
    SetName
}

/// A SHA-256 digest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    const PREFIX: &'static str = "sha256:";

    /// The digest as people and files have it.
    pub fn text(&self) -> DigestText {
        DigestText::of(self)
    }

    /// SHA-256 of the parts, one after the other.
    pub fn of(parts: &[&[u8]]) -> Self {
        use sha2::Digest as _;
        let mut hash = sha2::Sha256::new();
        for part in parts {
            hash.update(part);
        }
        Self(hash.finalize().into())
    }

    /// Reads `sha256:` and 64 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        let hex = text.strip_prefix(Self::PREFIX)?;
        let mut bytes = [0; 32];
        if hex.len() != 64 || hex.chars().any(|c| !matches!(c, '0'..='9' | 'a'..='f')) {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.text().as_str())
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.text().as_str())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A digest's text without an allocation: several stand on every line of the
/// evidence, and the formatting machinery takes longer than the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigestText([u8; Self::LENGTH]);

impl DigestText {
    /// Bytes of `sha256:` and 64 digits.
    pub const LENGTH: usize = 71;

    fn of(digest: &Digest) -> Self {
        // Without a branch, so that it becomes vector code.
        let digit = |nibble: u8| nibble + b'0' + (b'a' - b'0' - 10) * u8::from(nibble > 9);
        let mut text = *b"sha256:________________________________________________________________";
        if let Some((_, digits)) = text.split_first_chunk_mut::<7>() {
            let pairs = digits.as_chunks_mut::<2>().0;
            for ([high, low], byte) in pairs.iter_mut().zip(digest.0) {
                (*high, *low) = (digit(byte >> 4), digit(byte & 15));
            }
        }
        Self(text)
    }

    /// As text; all of it is ASCII.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// A detector's observation; never a decision by itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Finding {
    /// Stable kebab-case code of the detector (`secret-place`, `hidden-unicode`).
    pub code: &'static str,
    /// Where in the judged value, as a JSON Pointer (RFC 6901).
    pub at: String,
    /// For people: what was found. Never contains a secret value.
    pub detail: String,
}
