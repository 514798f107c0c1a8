//! Keys of an issuer, and tokens signed with them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair,
    KeyPair as _, RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaKeyPair, RsaPublicKeyComponents,
};
use serde_json::{Value, json};

/// A key of an issuer.
pub(crate) enum Key {
    P256(EcdsaKeyPair),
    P384(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Key {
    pub(crate) fn p256() -> Self {
        let rng = SystemRandom::new();
        let kind = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &rng).unwrap();
        Self::P256(EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &rng).unwrap())
    }

    pub(crate) fn p384() -> Self {
        let rng = SystemRandom::new();
        let kind = &ECDSA_P384_SHA384_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(kind, &rng).unwrap();
        Self::P384(EcdsaKeyPair::from_pkcs8(kind, pkcs8.as_ref(), &rng).unwrap())
    }

    pub(crate) fn ed25519() -> Self {
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self::Ed25519(Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap())
    }

    /// Made for these tests and used nowhere else: ring makes no RSA keys.
    pub(crate) fn rsa() -> Self {
        let pem = include_str!("rsa.pem");
        let der: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        Self::Rsa(RsaKeyPair::from_pkcs8(&STANDARD.decode(der).unwrap()).unwrap())
    }

    /// As the issuer publishes it.
    pub(crate) fn jwk(&self, id: &str) -> Value {
        let point = |point: &[u8], curve: &str| {
            let (x, y) = point[1..].split_at(point.len() / 2);
            json!({ "kty": "EC", "crv": curve, "kid": id, "x": b64(x), "y": b64(y) })
        };
        match self {
            Self::P256(pair) => point(pair.public_key().as_ref(), "P-256"),
            Self::P384(pair) => point(pair.public_key().as_ref(), "P-384"),
            Self::Ed25519(pair) => json!({
                "kty": "OKP", "crv": "Ed25519", "kid": id, "x": b64(pair.public_key().as_ref()),
            }),
            Self::Rsa(pair) => {
                let public = RsaPublicKeyComponents::<Vec<u8>>::from(pair.public());
                json!({
                    "kty": "RSA", "kid": id, "use": "sig",
                    "n": b64(&public.n), "e": b64(&public.e),
                })
            }
        }
    }

    /// Signs, whatever the header says: RSA by the header's padding.
    pub(crate) fn token(&self, header: &Value, claims: &Value) -> String {
        let signed = signed(&header.to_string(), &claims.to_string());
        let (rng, bytes) = (SystemRandom::new(), signed.as_bytes());
        let signature = match self {
            Self::P256(pair) | Self::P384(pair) => {
                pair.sign(&rng, bytes).unwrap().as_ref().to_vec()
            }
            Self::Ed25519(pair) => pair.sign(bytes).as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                let padding: &'static dyn ring::signature::RsaEncoding = match &header["alg"] {
                    Value::String(alg) if alg == "PS256" => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                pair.sign(padding, &rng, bytes, &mut signature).unwrap();
                signature
            }
        };
        format!("{signed}.{}", b64(&signature))
    }
}

/// A token signed with a secret that everybody knows: the issuer's public key.
pub(crate) fn hmac_token(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let signed = signed(&header.to_string(), &claims.to_string());
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, signed.as_bytes());
    format!("{signed}.{}", b64(tag.as_ref()))
}

/// Header and payload.
pub(crate) fn signed(header: &str, claims: &str) -> String {
    format!("{}.{}", b64(header.as_bytes()), b64(claims.as_bytes()))
}

pub(crate) fn b64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
