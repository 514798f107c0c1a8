//! What an authorization server says: strictly read, and never repeated.

use super::super::credentials::sensitive;
use super::super::failure::Failure;
use crate::engine::message::{Document, Json, Limits};
use crate::engine::url::ServerUrl;
use crate::transport::http::secret::Secret;
use hyper::StatusCode;
use hyper::header::HeaderValue;
use std::time::Duration;

/// A token, and how long it lasts.
#[derive(Debug)]
pub(super) struct Granted {
    pub(super) header: HeaderValue,
    pub(super) lasts: Duration,
}

/// The life of a token of which nothing is said.
const UNSAID: Duration = Duration::from_mins(5);
/// The longest that is believed.
const LONGEST: Duration = Duration::from_hours(24);
/// Longest token, in bytes.
const TOKEN: usize = 16 << 10;

/// What an answer of the token endpoint grants.
pub(super) fn granted(
    status: StatusCode,
    body: Vec<u8>,
    subject: Option<&Secret>,
) -> Result<Granted, Failure> {
    let no = |why: &str| Failure::Token(why.to_owned());
    let document = Document::read(body, &Limits::DEFAULT).ok();
    let text = |key: &str| {
        let value = document.as_ref().and_then(|d| d.root().get(key));
        value.and_then(Json::as_str)
    };
    if status != StatusCode::OK {
        let code = text("error");
        let code = CODES
            .into_iter()
            .find(|known| code.as_deref() == Some(*known));
        let code = code.map_or_else(String::new, |code| format!(", `{code}`"));
        return Err(Failure::Token(format!(
            "the authorization server refused one (HTTP {}{code}); check `oauth` in the policy",
            status.as_u16()
        )));
    }
    let token = text("access_token");
    let token = token.ok_or_else(|| no("the authorization server's answer has none"))?;
    let kind = text("token_type").unwrap_or_default();
    if !kind.eq_ignore_ascii_case("bearer") {
        return Err(no(
            "the authorization server gave one of another kind than `Bearer`",
        ));
    }
    if subject.is_some_and(|subject| subject.expose() == token) {
        // The server would then act on a token that was not made for it.
        return Err(no(
            "the authorization server gave the agent's own token back",
        ));
    }
    let plain = token.bytes().all(|b| b.is_ascii_graphic());
    let fits = !token.is_empty() && token.len() <= TOKEN && plain;
    let header = sensitive(&format!("Bearer {token}")).filter(|_| fits);
    let lasts = document.as_ref().and_then(|d| d.root().get("expires_in"));
    Ok(Granted {
        header: header
            .ok_or_else(|| no("the authorization server gave one that fits into no header"))?,
        lasts: lasts.map_or(Ok(UNSAID), seconds)?.min(LONGEST),
    })
}

/// A number of seconds; some servers write it as a text.
fn seconds(value: Json<'_>) -> Result<Duration, Failure> {
    let text = value.as_str();
    let digits = text.as_deref().unwrap_or_else(|| value.raw());
    let whole = digits.split_once('.').map_or(digits, |(whole, _)| whole);
    let seconds = whole.parse::<u64>().map_err(|_| {
        Failure::Token("the authorization server gave one of unreadable life".to_owned())
    })?;
    Ok(Duration::from_secs(seconds))
}

/// The token endpoint that an issuer's metadata name, if they are its own.
pub(super) fn endpoint(issuer: &ServerUrl, body: Vec<u8>) -> Result<ServerUrl, Failure> {
    let no = |why: &str| Failure::Token(format!("the issuer's metadata {why}"));
    let document = Document::read(body, &Limits::DEFAULT);
    let document = document.map_err(|_| no("cannot be read"))?;
    let text = |key: &str| document.root().get(key).and_then(Json::as_str);
    // Another's metadata would send the client's secret to somebody else.
    if text("issuer").as_deref() != Some(issuer.whole()) {
        return Err(no("are of another issuer than the policy's"));
    }
    let url = text("token_endpoint").ok_or_else(|| no("name no token endpoint"))?;
    let url =
        ServerUrl::parse(&url).map_err(|_| no("name a token endpoint that is no good URL"))?;
    let on_this_machine = url.is_loopback() && issuer.is_loopback();
    if !url.is_secure() && !on_this_machine {
        return Err(no("name a token endpoint without encryption"));
    }
    Ok(url)
}

/// The errors of RFC 6749, 8693 and 8707: what is repeated is one of these.
const CODES: [&str; 8] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
    "temporarily_unavailable",
];

#[cfg(test)]
mod tests;
