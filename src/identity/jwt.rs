//! JSON Web Tokens (RFC 7519, RFC 8725, RFC 9068).
//!
//! Written on ring, which TLS has brought along, and on the engine's strict
//! reader: a token with a key twice, or one that two readers could read
//! differently, is refused before anything in it is believed. Deliberately
//! absent: symmetric algorithms, `none`, encryption, and every header that says
//! where a key is to be found (`jku`, `jwk`, `x5u`, `x5c`).

mod claims;
mod jwk;
mod token;

pub(super) use claims::{Bound, Claims, Moment};
pub(super) use jwk::{KeySet, NoKeys};
pub(super) use token::Token;

use crate::engine::message::{Document, Limits};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Largest token, in bytes.
pub(super) const MAX_TOKEN: usize = 16 * 1024;

/// Bounds on the parts of a token.
const LIMITS: Limits = Limits {
    bytes: MAX_TOKEN,
    depth: 16,
    members: 2000,
    values: 8000,
    number: 40,
};

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

fn document(text: &str) -> Option<Document> {
    Document::read(decode(text)?, &LIMITS).ok()
}
