//! How an agent proves that it is one: what `[agent.NAME]` says, checked.
//!
//! Only what is compared is here; reading tokens, keys and certificates is the
//! business of `identity`.

use super::Span;
use super::pattern::Pattern;
use crate::engine::types::Digest;
use crate::engine::url::ServerUrl;
use std::fmt;
use subtle::ConstantTimeEq;

/// One `[agent.NAME]`.
#[derive(Debug, Clone)]
pub struct Agent {
    /// Whether, and how launched, an agent that starts `lockgate run` may be
    /// this one.
    pub stdio: Option<Launch>,
    /// Its API keys, hashed. Several while they are rotated.
    pub keys: Vec<KeyHash>,
    /// The tokens that make a client this agent.
    pub jwt: Option<JwtTrust>,
    /// The certificate that makes a client this agent.
    pub mtls: Option<CertificateMatch>,
    /// Its name in the policy file.
    pub span: Span,
}

impl Agent {
    /// Whether it can connect over the network.
    pub fn is_remote(&self) -> bool {
        !self.keys.is_empty() || self.jwt.is_some() || self.mtls.is_some()
    }
}

/// What must hold of the process that starts `lockgate run`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Launch {
    /// The real user id.
    pub uid: Option<u32>,
    /// The parent's executable, absolute.
    pub parent: Option<String>,
}

/// A salted hash of an API key.
///
/// Keys are random and as long as the hash, so that a slow hash would add
/// nothing but load for whoever sends wrong ones.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyHash {
    id: String,
    salt: String,
    hash: Digest,
}

impl KeyHash {
    /// Hexadecimal digits of a key's id.
    pub const ID: usize = 12;
    /// Hexadecimal digits of a salt.
    pub const SALT: usize = 32;
    const PREFIX: &'static str = "sha256";

    /// Hashes a key's secret. `None` unless id and salt are of their lengths.
    pub fn of(id: &str, salt: &str, secret: &str) -> Option<Self> {
        if !is_hex(id, Self::ID) || !is_hex(salt, Self::SALT) {
            return None;
        }
        let parts = [id, salt, secret].map(str::as_bytes);
        let [id_part, salt_part, secret_part] = parts;
        Some(Self {
            id: id.to_owned(),
            salt: salt.to_owned(),
            hash: Digest::of(&[b"lockgate-key-v1\0", id_part, salt_part, secret_part]),
        })
    }

    /// Reads it as the policy has it: `sha256:ID:SALT:HASH`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let (prefix, id, salt, hash) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let fits = prefix == Self::PREFIX
            && is_hex(id, Self::ID)
            && is_hex(salt, Self::SALT)
            && parts.next().is_none();
        let hash = Digest::parse(&format!("{prefix}:{hash}"))?;
        fits.then(|| Self {
            id: id.to_owned(),
            salt: salt.to_owned(),
            hash,
        })
    }

    /// Which key it is of: no secret.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether it is the hash of this secret, in a time that tells nothing.
    pub fn fits(&self, secret: &str) -> bool {
        let other = Self::of(&self.id, &self.salt, secret);
        other.is_some_and(|other| self.hash.0.ct_eq(&other.hash.0).into())
    }
}

impl fmt::Display for KeyHash {
    /// As the policy has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = self.hash.to_string();
        let hash = hash.rsplit(':').next().unwrap_or_default();
        write!(f, "{}:{}:{}:{hash}", Self::PREFIX, self.id, self.salt)
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyHash({}, ..)", self.id)
    }
}

fn is_hex(text: &str, length: usize) -> bool {
    text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Tokens that are trusted to name an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtTrust {
    /// Who signs them; `iss` is just this text.
    pub issuer: ServerUrl,
    /// Whom they are for; `None`: for the address at which lockgate is reached.
    pub audience: Option<String>,
    /// What `sub` fits.
    pub(super) subject: Option<Pattern>,
    /// What `client_id` or `azp` fits.
    pub(super) client: Option<Pattern>,
    /// Which signatures are taken.
    pub algorithms: Vec<Algorithm>,
    /// Where the keys are; `None`: where the issuer's metadata says.
    pub jwks_url: Option<ServerUrl>,
    /// The claim that lists the user's groups.
    pub groups: String,
    /// How far clocks may differ, in seconds.
    pub skew: u32,
}

impl JwtTrust {
    /// Seconds by which clocks may differ where the policy does not say.
    pub const SKEW: u32 = 60;
    /// Most seconds by which they may differ.
    pub const MOST_SKEW: u32 = 300;

    /// Whether a token of this subject and client is this agent's.
    pub fn covers(&self, subject: &str, client: Option<&str>) -> bool {
        let subject_fits = self.subject.as_ref().is_none_or(|p| p.matches(subject));
        let client_fits = match (&self.client, client) {
            (None, _) => true,
            (Some(pattern), Some(client)) => pattern.matches(client),
            (Some(_), None) => false,
        };
        subject_fits && client_fits
    }

    /// Whether some token is surely both this agent's and the other's.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let both = |a: &Option<Pattern>, b: &Option<Pattern>| match (a, b) {
            (None, _) | (_, None) => true,
            (Some(a), Some(b)) => a.overlaps(b),
        };
        self.issuer == other.issuer
            && self.audience == other.audience
            && both(&self.subject, &other.subject)
            && both(&self.client, &other.client)
    }
}

macro_rules! algorithms {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// A signature algorithm of JWS (RFC 7518, RFC 8037). All of them are
        /// asymmetric: whoever can verify cannot sign.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Algorithm {
            $($(#[$doc])* $name,)*
        }

        impl Algorithm {
            /// All that lockgate can verify.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// As `alg` has it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

algorithms! {
    /// RSA, PKCS #1 v1.5, SHA-256.
    Rs256 = "RS256",
    /// The same with SHA-384.
    Rs384 = "RS384",
    /// The same with SHA-512.
    Rs512 = "RS512",
    /// RSA, PSS, SHA-256.
    Ps256 = "PS256",
    /// The same with SHA-384.
    Ps384 = "PS384",
    /// The same with SHA-512.
    Ps512 = "PS512",
    /// ECDSA on P-256.
    Es256 = "ES256",
    /// ECDSA on P-384.
    Es384 = "ES384",
    /// Ed25519.
    EdDsa = "EdDSA",
}

impl Algorithm {
    /// Reads a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|a| a.name() == name)
    }
}

/// Which client certificates are an agent's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateMatch {
    /// A SPIFFE id; `*` stands for any run of characters of one path segment.
    Spiffe(SpiffePattern),
    /// The whole subject as RFC 4514 spells it.
    Subject(String),
}

impl CertificateMatch {
    /// Whether some certificate is surely both this agent's and the other's.
    pub(super) fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Subject(a), Self::Subject(b)) => a == b,
            (Self::Spiffe(a), Self::Spiffe(b)) => a.meets(b),
            (Self::Subject(_), Self::Spiffe(_)) | (Self::Spiffe(_), Self::Subject(_)) => false,
        }
    }

    /// Whether a certificate with these facts is the agent's.
    pub fn covers(&self, subject: &str, spiffe: Option<&str>) -> bool {
        match self {
            Self::Spiffe(pattern) => spiffe.is_some_and(|id| pattern.matches(id)),
            Self::Subject(wanted) => wanted == subject,
        }
    }
}

/// A SPIFFE id, with `*` in segments of its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpiffePattern {
    segments: Vec<Pattern>,
}

impl SpiffePattern {
    /// Reads a pattern. The trust domain has no wildcard.
    pub fn parse(text: &str) -> Option<Self> {
        let segments = spiffe_segments(text, "*")?;
        let domain = segments.first()?;
        if domain.contains('*') {
            return None;
        }
        let segments = segments.iter().map(|s| Pattern::new((*s).to_owned()));
        Some(Self {
            segments: segments.collect(),
        })
    }

    /// Whether some id surely fits both.
    fn meets(&self, other: &Self) -> bool {
        let mut pairs = self.segments.iter().zip(&other.segments);
        self.segments.len() == other.segments.len() && pairs.all(|(a, b)| a.overlaps(b))
    }

    /// Whether every id that fits `other` fits this one.
    pub(super) fn contains(&self, other: &Self) -> bool {
        let mut pairs = self.segments.iter().zip(&other.segments);
        self.segments.len() == other.segments.len() && pairs.all(|(a, b)| a.contains(b))
    }

    /// Whether an id fits, segment by segment.
    pub fn matches(&self, id: &str) -> bool {
        let Some(segments) = spiffe_segments(id, "") else {
            return false;
        };
        segments.len() == self.segments.len()
            && segments
                .iter()
                .zip(&self.segments)
                .all(|(segment, pattern)| pattern.matches(segment))
    }
}

/// Trust domain and path segments of a SPIFFE id.
fn spiffe_segments<'a>(text: &'a str, also: &str) -> Option<Vec<&'a str>> {
    let rest = text.strip_prefix("spiffe://")?;
    let segments: Vec<_> = rest.split('/').collect();
    let (domain, path) = segments.split_first()?;
    let fits = |part: &&str, capitals: bool| {
        let word = |c: char| {
            c.is_ascii_lowercase()
                || c.is_ascii_digit()
                || "._-".contains(c)
                || also.contains(c)
                || (capitals && c.is_ascii_uppercase())
        };
        !part.is_empty() && !matches!(*part, "." | "..") && part.chars().all(word)
    };
    let all = text.len() <= 2048
        && !path.is_empty()
        && fits(domain, false)
        && path.iter().all(|segment| fits(segment, true));
    all.then_some(segments)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spiffe_ids_are_compared_by_segment() {
        for (pattern, id, expected) in [
            (
                "spiffe://a.org/ns/*/sa/x",
                "spiffe://a.org/ns/dev/sa/x",
                true,
            ),
            (
                "spiffe://a.org/ns/*/sa/x",
                "spiffe://a.org/ns/d/e/sa/x",
                false,
            ),
            (
                "spiffe://a.org/ns/*/sa/x",
                "spiffe://b.org/ns/dev/sa/x",
                false,
            ),
            ("spiffe://a.org/w-*", "spiffe://a.org/w-1", true),
            ("spiffe://a.org/w-*", "spiffe://a.org/w-1/x", false),
            ("spiffe://a.org/*", "spiffe://a.org/..", false),
            ("spiffe://a.org/*", "spiffe://a.org/%2e", false),
            ("spiffe://a.org/*", "spiffe://a.org/", false),
            ("spiffe://a.org/*", "https://a.org/x", false),
        ] {
            let pattern = SpiffePattern::parse(pattern).unwrap();
            assert_eq!(pattern.matches(id), expected, "{pattern:?} {id}");
        }
        for wrong in [
            "spiffe://*/x",
            "spiffe://a.org",
            "spiffe:///x",
            "spiffe://a/../b",
            "a",
        ] {
            assert_eq!(SpiffePattern::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_key_hash_reads_back() {
        let hash = KeyHash::of("0123456789ab", &"0f".repeat(16), "secret").unwrap();
        let text = hash.to_string();
        assert_eq!(KeyHash::parse(&text), Some(hash.clone()));
        assert!(!format!("{hash:?}").contains("0f0f"));
        for wrong in [
            "",
            "lg_a_b",
            "sha256:x:y:z",
            &format!("{text}:"),
            &text.to_uppercase(),
        ] {
            assert_eq!(KeyHash::parse(wrong), None, "{wrong}");
        }
        assert!(hash.fits("secret"));
        assert!(!hash.fits("secreT"));
    }
}
