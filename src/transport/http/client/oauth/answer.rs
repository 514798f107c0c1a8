//! What an authorization server says: strictly read, and never repeated.

use super::super::credentials::sensitive;
use super::super::failure::Failure;
use crate::engine::message::{Document, Json, Limits};
use crate::engine::principal::ShownToken;
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

/// An answer of a token endpoint that grants something.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) access: Secret,
    /// As a header, marked as sensitive.
    pub(super) header: HeaderValue,
    /// As it is said.
    pub(super) lasts: Option<Duration>,
    pub(super) refresh: Option<Secret>,
}

/// Why an answer grants nothing.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// By its status; the code is a standard one.
    Said(StatusCode, Option<&'static str>),
    /// It says that it grants something and does not.
    Odd(&'static str),
}

impl Refused {
    /// For people, with what they can do about it.
    pub(super) fn told(&self, advice: &str) -> String {
        match self {
            Self::Said(status, code) => {
                let code = code.map_or_else(String::new, |code| format!(", `{code}`"));
                format!(
                    "the authorization server refused one (HTTP {}{code}); {advice}",
                    status.as_u16()
                )
            }
            Self::Odd(why) => (*why).to_owned(),
        }
    }
}

/// Reads an answer of a token endpoint.
pub(super) fn read(status: StatusCode, body: Vec<u8>) -> Result<Answer, Refused> {
    let document = Document::read(body, &Limits::DEFAULT).ok();
    let text = |key: &str| {
        let value = document.as_ref().and_then(|d| d.root().get(key));
        value.and_then(Json::as_str)
    };
    if status != StatusCode::OK {
        let code = text("error");
        let mut codes = CODES.into_iter();
        let code = codes.find(|known| code.as_deref() == Some(*known));
        return Err(Refused::Said(status, code));
    }
    let no = |why| Err(Refused::Odd(why));
    let Some(token) = text("access_token") else {
        return no("the authorization server's answer has none");
    };
    let kind = text("token_type").unwrap_or_default();
    if !kind.eq_ignore_ascii_case("bearer") {
        return no("the authorization server gave one of another kind than `Bearer`");
    }
    let plain = |token: &str| {
        let plain = token.bytes().all(|b| b.is_ascii_graphic());
        !token.is_empty() && token.len() <= TOKEN && plain
    };
    let header = sensitive(&format!("Bearer {token}")).filter(|_| plain(&token));
    let Some(header) = header else {
        return no("the authorization server gave one that fits into no header");
    };
    // `null` is how some say that there is none.
    let lasts = document.as_ref().and_then(|d| d.root().get("expires_in"));
    let lasts = lasts.filter(|lasts| !lasts.is_null());
    let refresh = text("refresh_token").filter(|token| !token.is_empty());
    if refresh.as_ref().is_some_and(|token| token.len() > TOKEN) {
        return no("the authorization server gave a refresh token that is too long");
    }
    Ok(Answer {
        access: Secret::new(token),
        header,
        lasts: lasts.map(seconds).transpose()?,
        refresh: refresh.map(Secret::new),
    })
}

/// What an answer of the token endpoint grants.
pub(super) fn granted(
    status: StatusCode,
    body: Vec<u8>,
    subject: Option<&ShownToken>,
) -> Result<Granted, Failure> {
    let answer = read(status, body);
    let answer = answer.map_err(|e| Failure::Token(e.told("check `oauth` in the policy")))?;
    if subject.is_some_and(|subject| subject.expose() == answer.access.expose()) {
        // The server would then act on a token that was not made for it.
        let why = "the authorization server gave the agent's own token back";
        return Err(Failure::Token(why.to_owned()));
    }
    Ok(Granted {
        header: answer.header,
        lasts: answer.lasts.unwrap_or(UNSAID).min(LONGEST),
    })
}

/// A number of seconds; some servers write it as a text.
fn seconds(value: Json<'_>) -> Result<Duration, Refused> {
    let text = value.as_str();
    let digits = text.as_deref().unwrap_or_else(|| value.raw());
    let whole = digits.split_once('.').map_or(digits, |(whole, _)| whole);
    let seconds = whole.parse::<u64>();
    let seconds = seconds
        .map_err(|_| Refused::Odd("the authorization server gave one of unreadable life"))?;
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
pub(super) const CODES: [&str; 11] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
    "temporarily_unavailable",
    "access_denied",
    "server_error",
    "unsupported_response_type",
];

#[cfg(test)]
mod tests;
