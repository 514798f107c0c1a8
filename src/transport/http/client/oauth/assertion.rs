//! `private_key_jwt`: a client proves itself by a signature (RFC 7523, 2.2), and
//! no secret of its goes over the network.
//!
//! What is signed is good for one authorization server, for two minutes, and has
//! a number of its own, so that it is good once where that is looked at.

use crate::engine::policy::Algorithm;
use crate::transport::http::client::failure::Failure;
use crate::transport::http::secret::{FileError, Secret, Source};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384,
    RSA_PSS_SHA512, RsaEncoding, RsaKeyPair,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::json;
use std::time::{SystemTime, UNIX_EPOCH};

/// How long an assertion is good, in seconds.
const LASTS: u64 = 120;

/// What says that the form has an assertion.
pub(super) const KIND: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client's key.
#[derive(Debug)]
pub struct Key {
    source: Source,
    id: Option<String>,
    algorithm: Option<Algorithm>,
}

/// Why a key is none. Nothing of it is in it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Its file cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is something else.
    #[error(
        "`private_key` is no key that lockgate can use: expected PEM with `BEGIN PRIVATE KEY` \
         (PKCS #8), of P-256, P-384, Ed25519, or RSA with 2048 to 4096 bits"
    )]
    Shape,
    /// It is one of another kind.
    #[error("`private_key` does not sign with `{}`", .0.name())]
    Algorithm(Algorithm),
}

impl Key {
    /// A key, by which `id` it is known, and how it signs, where that is not what
    /// one expects of it. It is read at once, so that it is told at the start if
    /// it is none.
    ///
    /// # Errors
    /// See [`KeyError`].
    pub fn new(
        source: Source,
        id: Option<String>,
        algorithm: Option<Algorithm>,
    ) -> Result<Self, KeyError> {
        let key = Self {
            source,
            id,
            algorithm,
        };
        key.pair()?;
        Ok(key)
    }

    fn pair(&self) -> Result<(Pair, Algorithm), KeyError> {
        let pair = Pair::read(&self.source.read()?).ok_or(KeyError::Shape)?;
        let algorithm = self.algorithm.unwrap_or(pair.usual());
        if !pair.signs_with(algorithm) {
            return Err(KeyError::Algorithm(algorithm));
        }
        Ok((pair, algorithm))
    }

    /// What proves the client to whoever is called `audience`.
    pub(super) fn assertion(&self, client: &str, audience: &str) -> Result<Secret, Failure> {
        let (pair, algorithm) = self.pair().map_err(|e| {
            tracing::error!("{e}");
            Failure::Credentials
        })?;
        let mut number = [0; 16];
        getrandom::fill(&mut number).map_err(|_| Failure::Credentials)?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let now = now.map_err(|_| Failure::Credentials)?.as_secs();
        let mut header = json!({ "alg": algorithm.name(), "typ": "JWT" });
        if let (Some(header), Some(id)) = (header.as_object_mut(), &self.id) {
            header.insert("kid".to_owned(), json!(id));
        }
        let claims = json!({
            "iss": client, "sub": client, "aud": audience,
            "jti": URL_SAFE_NO_PAD.encode(number),
            "iat": now, "exp": now.saturating_add(LASTS),
        });
        let part = |part: &serde_json::Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = pair.sign(algorithm, signed.as_bytes());
        let signature = signature.ok_or(Failure::Credentials)?;
        let signature = URL_SAFE_NO_PAD.encode(signature);
        Ok(Secret::new(format!("{signed}.{signature}")))
    }
}

/// A key as it is used.
enum Pair {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Pair {
    fn read(pem: &Secret) -> Option<Self> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.expose().as_bytes()).ok()?;
        let (der, rng) = (der.secret_pkcs8_der(), SystemRandom::new());
        let ecdsa = |kind| EcdsaKeyPair::from_pkcs8(kind, der, &rng).ok();
        // Each kind reads its own only. Many programs write an Ed25519 key without
        // its public half.
        ecdsa(&ECDSA_P256_SHA256_FIXED_SIGNING)
            .map(Self::P256)
            .or_else(|| ecdsa(&ECDSA_P384_SHA384_FIXED_SIGNING).map(Self::P384))
            .or_else(|| {
                let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der);
                pair.ok().map(Self::Ed25519)
            })
            .or_else(|| RsaKeyPair::from_pkcs8(der).ok().map(Self::Rsa))
    }

    /// What one expects of such a key.
    fn usual(&self) -> Algorithm {
        match self {
            Self::P256(_) => Algorithm::Es256,
            Self::P384(_) => Algorithm::Es384,
            Self::Ed25519(_) => Algorithm::EdDsa,
            Self::Rsa(_) => Algorithm::Rs256,
        }
    }

    fn signs_with(&self, algorithm: Algorithm) -> bool {
        match self {
            Self::Rsa(_) => padding(algorithm).is_some(),
            _ => self.usual() == algorithm,
        }
    }

    fn sign(&self, algorithm: Algorithm, bytes: &[u8]) -> Option<Vec<u8>> {
        let rng = SystemRandom::new();
        match self {
            Self::P256(pair) | Self::P384(pair) => {
                let signature = pair.sign(&rng, bytes).ok()?;
                Some(signature.as_ref().to_vec())
            }
            Self::Ed25519(pair) => Some(pair.sign(bytes).as_ref().to_vec()),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let padding = padding(algorithm)?;
                pair.sign(padding, &rng, bytes, &mut signature).ok()?;
                Some(signature)
            }
        }
    }
}

/// How RSA signs.
fn padding(algorithm: Algorithm) -> Option<&'static dyn RsaEncoding> {
    Some(match algorithm {
        Algorithm::Rs256 => &RSA_PKCS1_SHA256,
        Algorithm::Rs384 => &RSA_PKCS1_SHA384,
        Algorithm::Rs512 => &RSA_PKCS1_SHA512,
        Algorithm::Ps256 => &RSA_PSS_SHA256,
        Algorithm::Ps384 => &RSA_PSS_SHA384,
        Algorithm::Ps512 => &RSA_PSS_SHA512,
        Algorithm::Es256 | Algorithm::Es384 | Algorithm::EdDsa => return None,
    })
}

#[cfg(test)]
mod tests;
