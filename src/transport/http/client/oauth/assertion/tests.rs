//! What is signed is what an authorization server can verify.

use super::*;
use crate::engine::message::{Document, Json, Limits};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, KeyPair as _,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    UnparsedPublicKey, VerificationAlgorithm,
};

const RSA: &str = include_str!("../../../../../../tests/identity/rsa.pem");

/// A key of a kind, in PEM, and its public half.
fn generated(kind: &'static rcgen::SignatureAlgorithm) -> (String, Vec<u8>) {
    let pair = KeyPair::generate_for(kind).unwrap();
    (pair.serialize_pem(), pair.public_key_raw().to_vec())
}

fn key(pem: &str, algorithm: Option<&str>) -> Result<Key, KeyError> {
    let algorithm = algorithm.map(|name| Algorithm::of(name).unwrap());
    Key::new(Secret::new(pem).into(), Some("k1".to_owned()), algorithm)
}

fn part(text: &str) -> Document {
    let bytes = URL_SAFE_NO_PAD.decode(text).unwrap();
    Document::read(bytes, &Limits::DEFAULT).unwrap()
}

#[test]
fn each_kind_of_key_signs_what_can_be_verified() {
    let rsa_pair = {
        let der = PrivatePkcs8KeyDer::from_pem_slice(RSA.as_bytes()).unwrap();
        RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap()
    };
    let rsa = (RSA.to_owned(), rsa_pair.public_key().as_ref().to_vec());
    let all: [(_, _, _, &dyn VerificationAlgorithm); 6] = [
        (
            generated(&PKCS_ECDSA_P256_SHA256),
            None,
            "ES256",
            &ECDSA_P256_SHA256_FIXED,
        ),
        (
            generated(&PKCS_ECDSA_P384_SHA384),
            Some("ES384"),
            "ES384",
            &ECDSA_P384_SHA384_FIXED,
        ),
        (generated(&PKCS_ED25519), None, "EdDSA", &ED25519),
        (rsa.clone(), None, "RS256", &RSA_PKCS1_2048_8192_SHA256),
        (
            rsa.clone(),
            Some("RS512"),
            "RS512",
            &RSA_PKCS1_2048_8192_SHA512,
        ),
        (rsa, Some("PS256"), "PS256", &RSA_PSS_2048_8192_SHA256),
    ];
    for ((pem, public), wanted, name, verifies) in all {
        let key = key(&pem, wanted).unwrap();
        let assertions = [(); 2].map(|()| key.assertion("c", "https://i.example/t").unwrap());
        assert_ne!(assertions[0], assertions[1], "each has a number of its own");
        for assertion in assertions {
            let (signed, signature) = assertion.expose().rsplit_once('.').unwrap();
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            let public = UnparsedPublicKey::new(verifies, &public);
            public.verify(signed.as_bytes(), &signature).expect(name);
            let (header, claims) = signed.split_once('.').unwrap();
            let (header, claims) = (part(header), part(claims));
            let text = |of: &Document, key: &str| {
                of.root()
                    .get(key)
                    .and_then(Json::as_str)
                    .unwrap()
                    .into_owned()
            };
            assert_eq!(text(&header, "alg"), name);
            assert_eq!(text(&header, "kid"), "k1");
            for (key, expected) in [("iss", "c"), ("sub", "c"), ("aud", "https://i.example/t")] {
                assert_eq!(text(&claims, key), expected);
            }
            assert!(text(&claims, "jti").len() >= 20);
            let time = |key| -> u64 {
                let number = claims.root().get(key).and_then(Json::as_number);
                number.unwrap().parse().unwrap()
            };
            assert_eq!(time("exp") - time("iat"), LASTS);
        }
    }
}

#[test]
fn what_is_no_key_is_told_at_once_and_not_shown() {
    let (p256, _) = generated(&PKCS_ECDSA_P256_SHA256);
    let cut = p256.replace("END", "S3CRET");
    let sec1 = p256.replace("PRIVATE KEY", "EC PRIVATE KEY");
    for (pem, algorithm, told) in [
        ("s3cret", None, "BEGIN PRIVATE KEY"),
        (&cut, None, "BEGIN PRIVATE KEY"),
        (&sec1, None, "BEGIN PRIVATE KEY"),
        (&p256, Some("ES384"), "does not sign with `ES384`"),
        (&p256, Some("RS256"), "does not sign with `RS256`"),
        (RSA, Some("EdDSA"), "does not sign with `EdDSA`"),
    ] {
        let why = key(pem, algorithm).unwrap_err();
        let why = why.to_string();
        assert!(
            why.contains(told) && !why.to_lowercase().contains("s3cret"),
            "{why}"
        );
    }
    let shown = format!("{:?}", key(&p256, None).unwrap());
    assert!(p256.lines().all(|line| !shown.contains(line)), "{shown}");
}
