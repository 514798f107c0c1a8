//! Binds a `requestState` to the request that it was given for (2026-07-28,
//! Multi Round-Trip Requests).
//!
//! The state passes through the agent, and a server may act on what it says.
//! A turned agent (A2) or another tenant (A3) that could present it elsewhere
//! would carry one call's answers into another. So the agent gets a text that is
//! good for one principal, one server, one method, one name and the same
//! arguments, for a while. It is authenticated and not encrypted: what the server
//! has written into it, the agent may read, as the specification has it.
//! Absent: where the key comes from, and that a text is used once (the session
//! sees to that).

use super::message::{Json, KnownMethod};
use super::pin::canonical;
use super::types::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::time::Duration;

#[cfg(test)]
mod tests;

/// What each sealed text begins with.
const VERSION: &str = "lg1";
/// Bytes of a key.
pub const KEY: usize = 32;

/// How long a sealed text is good for: a person may have to be asked meanwhile.
pub const LIFETIME: Duration = Duration::from_hours(1);

/// The key that seals, and checks seals.
#[derive(Clone)]
pub struct Seal(Hmac<Sha256>);

impl std::fmt::Debug for Seal {
    /// Shows nothing: it is a secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

/// Whose state it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Maker {
    /// The server's, passed through.
    Server,
    /// Of lockgate's own bridge between the eras.
    Bridge,
}

/// What a state is bound to.
#[derive(Debug, Clone, Copy)]
pub struct Bound<'a> {
    /// Whose state it is.
    pub maker: Maker,
    /// The key of the principal.
    pub principal: &'a str,
    /// The server, as the policy names it.
    pub server: &'a str,
    /// What of the request must not change: see [`salient`].
    pub request: Digest,
}

/// Why a presented state is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// Not sealed, sealed for something else, or changed.
    #[error("expected the `requestState` that was given for this very request, unchanged")]
    Foreign,
    /// It was good once.
    #[error("the `requestState` has expired: begin the request again")]
    Expired,
}

/// A state whose seal holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsealed<'a> {
    /// What was sealed.
    pub original: &'a str,
    /// Until when it is good, in seconds.
    pub expires: u64,
    /// Tells it from all others.
    pub mac: [u8; 32],
}

impl Seal {
    /// A seal with this key.
    pub fn new(key: &[u8; KEY]) -> Self {
        // HMAC pads a short key with zeros itself (RFC 2104 section 2).
        let mut block = [0; 64];
        for (to, from) in block.iter_mut().zip(key) {
            *to = *from;
        }
        Self(Hmac::new(&block.into()))
    }

    /// What the agent gets in place of `original`, good until `expires`.
    pub fn close(&self, bound: &Bound<'_>, original: &str, expires: Duration) -> String {
        let expires = expires.as_secs();
        let mac = self.mac(bound, original, expires).finalize().into_bytes();
        let mac = URL_SAFE_NO_PAD.encode(mac);
        format!("{VERSION}.{expires}.{mac}.{original}")
    }

    /// What was sealed, if it was sealed for exactly this.
    pub fn open<'a>(
        &self,
        bound: &Bound<'_>,
        sealed: &'a str,
        now: Duration,
    ) -> Result<Unsealed<'a>, Broken> {
        let mut parts = sealed.splitn(4, '.');
        let mut part = || parts.next().ok_or(Broken::Foreign);
        let (version, until, mac, original) = (part()?, part()?, part()?, part()?);
        let expires: u64 = until.parse().map_err(|_| Broken::Foreign)?;
        // One spelling each: a text that was changed at all is another one.
        if version != VERSION || expires.to_string() != until {
            return Err(Broken::Foreign);
        }
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| Broken::Foreign)?;
        let mac: [u8; 32] = mac.try_into().map_err(|_| Broken::Foreign)?;
        // In constant time; the expiry is believed only after it.
        self.mac(bound, original, expires)
            .verify(&mac.into())
            .map_err(|_| Broken::Foreign)?;
        if now.as_secs() > expires {
            return Err(Broken::Expired);
        }
        Ok(Unsealed {
            original,
            expires,
            mac,
        })
    }

    fn mac(&self, bound: &Bound<'_>, original: &str, expires: u64) -> Hmac<Sha256> {
        let Bound {
            maker,
            principal,
            server,
            request,
        } = bound;
        let maker: &[u8] = match maker {
            Maker::Server => b"server",
            Maker::Bridge => b"bridge",
        };
        let mut mac = self.0.clone();
        let parts: [&[u8]; 7] = [
            b"lockgate requestState 1",
            maker,
            principal.as_bytes(),
            server.as_bytes(),
            &request.0,
            &expires.to_be_bytes(),
            original.as_bytes(),
        ];
        for part in parts {
            // With its length, so that no two lists of parts are one text.
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }
}

/// What of a request's params must be the same when it comes again: a digest
/// over method, name or uri, and the arguments in canonical form. Nothing for a
/// method whose result cannot ask for input.
pub fn salient(method: KnownMethod, params: Option<Json<'_>>) -> Option<Digest> {
    let key = match method {
        KnownMethod::CallTool | KnownMethod::GetPrompt => "name",
        KnownMethod::ReadResource => "uri",
        _ => return None,
    };
    let name = params?.get(key)?.as_str()?;
    let arguments = params.and_then(|p| p.get("arguments"));
    let arguments = arguments.map_or_else(|| "{}".to_owned(), canonical);
    let length = (name.len() as u64).to_be_bytes();
    Some(Digest::of(&[
        b"lockgate request 1\0",
        method.name().as_bytes(),
        b"\0",
        &length,
        name.as_bytes(),
        arguments.as_bytes(),
    ]))
}
