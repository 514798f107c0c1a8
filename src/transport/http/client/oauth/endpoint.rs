//! Short questions to an authorization server, and where it says it wants them.
//!
//! Connections are not kept: questions are rare, and one set of tokens may be
//! shared by runtimes of which one ends.

use super::super::connect::{Connector, DialError, tls};
use super::super::credentials::sensitive;
use super::super::dial::failure;
use super::super::failure::Failure;
use super::super::names::LookUp;
use super::answer;
use crate::engine::guard::address::Reach;
use crate::engine::url::ServerUrl;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT,
};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Largest answer, in bytes.
const LARGEST: usize = 256 << 10;
const AGENT: &str = concat!("lockgate/", env!("CARGO_PKG_VERSION"));

/// What is asked.
pub(super) enum Question<'a> {
    /// What is there?
    Get,
    /// A form, and what proves the client.
    Form(&'a [(&'a str, &'a str)], Option<HeaderValue>),
    /// A document.
    Json(String),
}

/// A URL of an authorization server.
#[derive(Debug)]
pub(super) struct Endpoint {
    client: Client<Connector, Full<Bytes>>,
    uri: Uri,
    origin: String,
}

impl Endpoint {
    pub(super) fn new(
        url: &ServerUrl,
        reach: &Reach,
        look_up: Arc<dyn LookUp>,
    ) -> Result<Self, DialError> {
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(Connector::new(url, reach, look_up, tls(url.is_secure())?)?);
        Ok(Self {
            client,
            uri: url.whole().parse().map_err(|_| DialError::Url)?,
            origin: url.origin().to_owned(),
        })
    }

    /// Asks; tells the answer, whatever its status is.
    pub(super) async fn ask(
        &self,
        question: Question<'_>,
    ) -> Result<(StatusCode, Vec<u8>), Failure> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        // Some refuse whoever does not say what it is.
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let (kind, body) = match question {
            Question::Get => (None, String::new()),
            Question::Form(pairs, credentials) => {
                headers.extend(credentials.map(|credentials| (AUTHORIZATION, credentials)));
                (Some("application/x-www-form-urlencoded"), encode(pairs))
            }
            Question::Json(document) => (Some("application/json"), document),
        };
        if let Some(kind) = kind {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
            *request.method_mut() = Method::POST;
            *request.body_mut() = Full::new(Bytes::from(body));
        }
        let asked = timeout(PATIENCE, self.response(request)).await;
        let late = || {
            let seconds = PATIENCE.as_secs();
            self.failed(&format!("no answer within {seconds} s"))
        };
        asked.unwrap_or_else(|_| Err(late()))
    }

    async fn response(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Vec<u8>), Failure> {
        let response = self.client.request(request).await;
        let response = response.map_err(|e| self.failed(&failure(&e).to_string()))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        let body = body.map_err(|_| self.failed("its answer is cut off or too large"))?;
        Ok((status, body.to_bytes().to_vec()))
    }

    pub(super) fn failed(&self, why: &str) -> Failure {
        Failure::Token(format!("{}: {why}", self.origin))
    }
}

/// Where an issuer's metadata may be, in the order that MCP gives (RFC 8414,
/// then `OpenID` Connect, first with the path behind, then before).
pub(super) fn places(issuer: &ServerUrl) -> Vec<String> {
    let (origin, whole) = (issuer.origin(), issuer.without_query());
    let whole = whole.strip_suffix('/').unwrap_or(whole);
    let path = whole.strip_prefix(origin).unwrap_or_default();
    let mut places = vec![
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
        format!("{origin}/.well-known/openid-configuration{path}"),
    ];
    if !path.is_empty() {
        places.push(format!("{whole}/.well-known/openid-configuration"));
    }
    places
}

/// Asks an issuer for its token endpoint.
pub(super) async fn discover(
    issuer: &ServerUrl,
    reach: &Reach,
    look_up: &Arc<dyn LookUp>,
) -> Result<ServerUrl, Failure> {
    let origin = issuer.origin();
    for place in places(issuer) {
        let failed = |e: &dyn std::fmt::Display| Failure::Token(e.to_string());
        let url = ServerUrl::parse(&place).map_err(|e| failed(&e))?;
        let metadata = Endpoint::new(&url, reach, Arc::clone(look_up));
        let metadata = metadata.map_err(|e| failed(&e))?;
        match metadata.ask(Question::Get).await? {
            (StatusCode::OK, body) => return answer::endpoint(issuer, body),
            (StatusCode::NOT_FOUND, _) => {}
            (status, _) => {
                let why = format!("HTTP {} in place of its metadata", status.as_u16());
                return Err(metadata.failed(&why));
            }
        }
    }
    Err(Failure::Token(format!(
        "{origin} has no metadata of an authorization server"
    )))
}

/// HTTP Basic, of a client and its secret (RFC 6749, 2.3.1).
pub(super) fn basic(id: &str, secret: &str) -> Option<HeaderValue> {
    let mut pair = String::new();
    component(&mut pair, id);
    pair.push(':');
    component(&mut pair, secret);
    sensitive(&format!("Basic {}", STANDARD.encode(pair)))
}

/// Pairs as a form or a query has them.
pub(super) fn encode(pairs: &[(&str, &str)]) -> String {
    let mut form = String::new();
    for (key, value) in pairs {
        if !form.is_empty() {
            form.push('&');
        }
        component(&mut form, key);
        form.push('=');
        component(&mut form, value);
    }
    form
}

/// `application/x-www-form-urlencoded`.
fn component(form: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b' ' => form.push('+'),
            b if b.is_ascii_alphanumeric() || b"-._*".contains(&b) => form.push(char::from(b)),
            // Writing to a text does not fail.
            b => drop(write!(form, "%{b:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metadata_are_looked_for_where_mcp_says() {
        for (issuer, expected) in [
            (
                "https://i.example",
                &[
                    "https://i.example/.well-known/oauth-authorization-server",
                    "https://i.example/.well-known/openid-configuration",
                ][..],
            ),
            (
                "https://i.example/",
                &[
                    "https://i.example/.well-known/oauth-authorization-server",
                    "https://i.example/.well-known/openid-configuration",
                ],
            ),
            (
                "https://i.example:8443/t/1",
                &[
                    "https://i.example:8443/.well-known/oauth-authorization-server/t/1",
                    "https://i.example:8443/.well-known/openid-configuration/t/1",
                    "https://i.example:8443/t/1/.well-known/openid-configuration",
                ],
            ),
        ] {
            assert_eq!(places(&ServerUrl::parse(issuer).unwrap()), expected);
        }
    }

    #[test]
    fn forms_are_encoded() {
        let pairs = [
            ("grant_type", "client_credentials"),
            ("scope", "a b"),
            ("x", "\u{e4}&=+%~"),
        ];
        assert_eq!(
            encode(&pairs),
            "grant_type=client_credentials&scope=a+b&x=%C3%A4%26%3D%2B%25%7E"
        );
        let basic = basic("a:b", "c d").unwrap();
        assert!(basic.is_sensitive());
        let expected = format!("Basic {}", STANDARD.encode("a%3Ab:c+d"));
        assert_eq!(basic.to_str().unwrap(), expected);
    }
}
