//! The keys that an issuer publishes (RFC 7517), and signatures by them.
//!
//! A key is of one type, and a signature of another type is not even tried: an
//! RSA key is no secret of an HMAC, and a key for encryption signs nothing.

use super::{Token, decode};
use crate::engine::message::{Document, Json, Kind, Limits};
use crate::engine::policy::Algorithm;
use crate::identity::refused::Why;
use ring::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};

/// Most keys of one issuer.
pub(in crate::identity) const MAX_KEYS: usize = 100;

/// The keys of one issuer.
#[derive(Debug)]
pub(in crate::identity) struct KeySet(Vec<Key>);

/// Why a document is no set of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(in crate::identity) enum NoKeys {
    #[error("expected a JSON object with `keys`, a list of objects")]
    Shape,
    #[error("it lists more than {MAX_KEYS} keys")]
    TooMany,
    #[error("it lists no key that lockgate can verify with")]
    NoneOfUse,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    /// The only algorithm that it is for, if it says so.
    only: Option<Algorithm>,
    public: Public,
}

#[derive(Debug)]
enum Public {
    Rsa { n: Vec<u8>, e: Vec<u8> },
    P256(Vec<u8>),
    P384(Vec<u8>),
    Ed25519(Vec<u8>),
}

impl KeySet {
    /// Reads a set. Keys of other types and uses are left out.
    pub(in crate::identity) fn read(bytes: Vec<u8>) -> Result<Self, NoKeys> {
        let limits = Limits {
            bytes: bytes.len(),
            depth: 16,
            members: 10_000,
            values: 100_000,
            number: 40,
        };
        let document = Document::read(bytes, &limits).map_err(|_| NoKeys::Shape)?;
        let listed = document.root().get("keys").ok_or(NoKeys::Shape)?;
        if listed.kind() != Kind::Array {
            return Err(NoKeys::Shape);
        }
        if listed.items().nth(MAX_KEYS).is_some() {
            return Err(NoKeys::TooMany);
        }
        let keys: Vec<_> = listed.items().filter_map(Key::read).collect();
        if keys.is_empty() {
            return Err(NoKeys::NoneOfUse);
        }
        Ok(Self(keys))
    }

    /// Verifies a token's signature by the one key that it can be of.
    pub(in crate::identity) fn verify(&self, token: &Token<'_>) -> Result<(), Why> {
        let mut fitting = self.0.iter().filter(|key| key.is_for(token));
        // Without an id, or with one that two keys have, a choice would be a guess.
        let (Some(key), None) = (fitting.next(), fitting.next()) else {
            return Err(Why::Signer);
        };
        key.verify(token)
    }
}

impl Key {
    fn read(jwk: Json<'_>) -> Option<Self> {
        let text = |key| jwk.get(key).and_then(Json::as_str);
        let bytes = |key| text(key).and_then(|text| decode(&text));
        if jwk.get("use").is_some() && text("use").as_deref() != Some("sig") {
            return None;
        }
        let verifies = |ops: Json<'_>| {
            ops.items()
                .any(|op| op.as_str().as_deref() == Some("verify"))
        };
        if jwk.get("key_ops").is_some_and(|ops| !verifies(ops)) {
            return None;
        }
        let only = match jwk.get("alg") {
            None => None,
            Some(_) => Some(match text("alg")?.as_ref() {
                "Ed25519" => Algorithm::EdDsa,
                name => Algorithm::of(name)?,
            }),
        };
        let point = |length: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            let fits = x.len() == length && y.len() == length;
            // Uncompressed (SEC 1, section 2.3.3).
            fits.then(|| [[4].as_slice(), &x, &y].concat())
        };
        let curve = text("crv");
        let public = match (text("kty")?.as_ref(), curve.as_deref()) {
            ("RSA", _) => Public::Rsa {
                n: number(bytes("n")?),
                e: number(bytes("e")?),
            },
            ("EC", Some("P-256")) => Public::P256(point(32)?),
            ("EC", Some("P-384")) => Public::P384(point(48)?),
            ("OKP", Some("Ed25519")) => Public::Ed25519(bytes("x")?),
            _ => return None,
        };
        Some(Self {
            id: text("kid").map(String::from),
            only,
            public,
        })
    }

    fn is_for(&self, token: &Token<'_>) -> bool {
        use Algorithm::{EdDsa, Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        let of_type = match self.public {
            Public::Rsa { .. } => matches!(
                token.algorithm,
                Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512
            ),
            Public::P256(_) => token.algorithm == Es256,
            Public::P384(_) => token.algorithm == Es384,
            Public::Ed25519(_) => token.algorithm == EdDsa,
        };
        let named = token.key_id.is_none() || token.key_id == self.id;
        of_type && named && self.only.is_none_or(|only| only == token.algorithm)
    }

    fn verify(&self, token: &Token<'_>) -> Result<(), Why> {
        let (signed, proof) = (token.signed.as_bytes(), token.signature.as_slice());
        let verified = match &self.public {
            Public::Rsa { n, e } => {
                let parameters = match token.algorithm {
                    Algorithm::Rs256 => &signature::RSA_PKCS1_2048_8192_SHA256,
                    Algorithm::Rs384 => &signature::RSA_PKCS1_2048_8192_SHA384,
                    Algorithm::Rs512 => &signature::RSA_PKCS1_2048_8192_SHA512,
                    Algorithm::Ps256 => &signature::RSA_PSS_2048_8192_SHA256,
                    Algorithm::Ps384 => &signature::RSA_PSS_2048_8192_SHA384,
                    Algorithm::Ps512 => &signature::RSA_PSS_2048_8192_SHA512,
                    Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => {
                        return Err(Why::Signer);
                    }
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, signed, proof)
            }
            Public::P256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point)
                    .verify(signed, proof)
            }
            Public::P384(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P384_SHA384_FIXED, point)
                    .verify(signed, proof)
            }
            Public::Ed25519(x) => {
                UnparsedPublicKey::new(&signature::ED25519, x).verify(signed, proof)
            }
        };
        verified.map_err(|_| Why::Signature)
    }
}

/// A number as ring takes it: without the zeros that some issuers lead with.
fn number(mut bytes: Vec<u8>) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|b| **b == 0).count();
    bytes.drain(..zeros);
    bytes
}
