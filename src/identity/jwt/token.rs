//! A token as it is presented: three parts, nothing believed yet.

use super::{MAX_TOKEN, claims::text, decode, document};
use crate::engine::message::{Document, Json, Kind};
use crate::engine::policy::Algorithm;
use crate::identity::refused::Why;

/// A token, read and not verified.
pub(in crate::identity) struct Token<'a> {
    /// What it says it is signed with.
    pub(in crate::identity) algorithm: Algorithm,
    /// Which key it says it is signed by.
    pub(in crate::identity) key_id: Option<String>,
    /// Who it says has signed it.
    pub(in crate::identity) issuer: String,
    /// What it says; see [`super::Claims`].
    pub(in crate::identity) payload: Document,
    /// What is signed.
    pub(in crate::identity) signed: &'a str,
    /// The signature.
    pub(in crate::identity) signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Reads the compact form.
    pub(in crate::identity) fn read(compact: &'a str) -> Result<Self, Why> {
        if compact.len() > MAX_TOKEN {
            return Err(Why::TooLarge);
        }
        let (signed, signature) = compact.rsplit_once('.').ok_or(Why::NoToken)?;
        let (header, payload) = signed.split_once('.').ok_or(Why::NoToken)?;
        let header = document(header).ok_or(Why::NoToken)?;
        let payload_document = document(payload).ok_or(Why::NoToken)?;
        let signature = decode(signature).ok_or(Why::NoToken)?;
        let header = header.root();
        let is_object = |json: Json<'_>| json.kind() == Kind::Object;
        if !is_object(header) || !is_object(payload_document.root()) {
            return Err(Why::NoToken);
        }
        let algorithm = text_of(header, "alg")?.ok_or(Why::NoToken)?;
        // `Ed25519` is the name of RFC 9864 for the same.
        let algorithm = match algorithm.as_str() {
            "Ed25519" => Some(Algorithm::EdDsa),
            name => Algorithm::of(name),
        };
        understood(header)?;
        Ok(Self {
            algorithm: algorithm.ok_or(Why::Algorithm)?,
            key_id: text_of(header, "kid")?,
            issuer: text(payload_document.root(), "iss")?.ok_or(Why::Claims)?,
            signed,
            signature,
            payload: payload_document,
        })
    }
}

/// Headers that change what a token is.
fn understood(header: Json<'_>) -> Result<(), Why> {
    if ["crit", "b64", "zip", "enc"]
        .iter()
        .any(|key| header.get(key).is_some())
    {
        return Err(Why::Header);
    }
    // Other types are signed with the same keys: logout tokens, DPoP proofs.
    let Some(kind) = text_of(header, "typ")? else {
        return Ok(());
    };
    let kind = kind.to_ascii_lowercase();
    match kind.strip_prefix("application/").unwrap_or(&kind) {
        "jwt" | "at+jwt" => Ok(()),
        _ => Err(Why::Header),
    }
}

fn text_of(header: Json<'_>, key: &str) -> Result<Option<String>, Why> {
    text(header, key).map_err(|_| Why::NoToken)
}
