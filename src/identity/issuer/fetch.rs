//! Fetching an issuer's keys: what it answers is bounded in size and time, and
//! no redirect is followed.
//!
//! The issuer is the operator's choice, but its metadata names another address.
//! That one has to be `https`, and this machine only if the issuer is.

use crate::engine::guard::address::{Allowed, Reach, is_local_name};
use crate::engine::message::{Document, Json, Limits};
use crate::engine::url::ServerUrl;
use crate::identity::jwt::KeySet;
use crate::transport::http::client::{DialError, client, tls};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, HeaderValue, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use rustls::ClientConfig;
use std::time::Duration;
use tokio::time::timeout;

/// For metadata and keys together.
const TIME: Duration = Duration::from_secs(10);
/// Largest answer, in bytes.
pub(super) const LARGEST: usize = 512 * 1024;

const LIMITS: Limits = Limits {
    bytes: LARGEST,
    depth: 16,
    members: 10_000,
    values: 100_000,
    number: 40,
};

/// Why fetching cannot be set up at all.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct SetUpError(#[from] DialError);

/// Why keys cannot be had. Nothing of an answer is quoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotFetched {
    #[error("no whole answer within {} s", TIME.as_secs())]
    Time,
    #[error("no connection, or one that broke")]
    Connection,
    #[error("the answer has the status {0}")]
    Status(u16),
    #[error("the answer is larger than {LARGEST} bytes")]
    TooLarge,
    #[error("the metadata is no JSON object with `issuer` and `jwks_uri`")]
    Metadata,
    #[error("the metadata is that of another issuer")]
    OtherIssuer,
    #[error("`jwks_uri` is no `https://` address of another machine")]
    Address,
    #[error("the keys: {0}")]
    Keys(#[from] crate::identity::jwt::NoKeys),
}

/// Fetches keys.
#[derive(Debug, Clone)]
pub(in crate::identity) struct Fetcher {
    tls: ClientConfig,
}

impl Fetcher {
    /// `secure`: whether TLS is spoken with anybody.
    pub(in crate::identity) fn new(secure: bool) -> Result<Self, SetUpError> {
        Ok(Self { tls: tls(secure)? })
    }

    pub(super) async fn keys(
        &self,
        issuer: &ServerUrl,
        jwks_url: Option<&ServerUrl>,
    ) -> Result<KeySet, NotFetched> {
        let fetching = async {
            let address = match jwks_url {
                Some(url) => url.clone(),
                None => self.discover(issuer).await?,
            };
            Ok(KeySet::read(self.get(&address).await?)?)
        };
        timeout(TIME, fetching)
            .await
            .unwrap_or(Err(NotFetched::Time))
    }

    /// The address of the keys by the issuer's metadata (RFC 8414 and what
    /// came before it), at the places and in the order that MCP names.
    async fn discover(&self, issuer: &ServerUrl) -> Result<ServerUrl, NotFetched> {
        let mut last = NotFetched::Metadata;
        for place in places(issuer) {
            match self.get(&place).await {
                Ok(bytes) => return address(issuer, bytes),
                Err(NotFetched::Status(status)) => last = NotFetched::Status(status),
                Err(other) => return Err(other),
            }
        }
        Err(last)
    }

    async fn get(&self, url: &ServerUrl) -> Result<Vec<u8>, NotFetched> {
        const AGENT: &str = concat!("lockgate/", env!("CARGO_PKG_VERSION"));
        let uri: Uri = url.whole().parse().map_err(|_| NotFetched::Address)?;
        let client = client(url, &reach(url), self.tls.clone());
        let client = client.map_err(|_| NotFetched::Connection)?;
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.uri_mut() = uri;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let response = client.request(request).await;
        let response = response.map_err(|_| NotFetched::Connection)?;
        if response.status() != StatusCode::OK {
            return Err(NotFetched::Status(response.status().as_u16()));
        }
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        let body = body.map_err(|e| {
            if e.is::<http_body_util::LengthLimitError>() {
                NotFetched::TooLarge
            } else {
                NotFetched::Connection
            }
        })?;
        Ok(body.to_bytes().into())
    }
}

/// The addresses that an issuer's name may stand for: its company's own, too.
fn reach(url: &ServerUrl) -> Reach {
    if url.names_its_address() || is_local_name(url.host()) {
        return url.reach();
    }
    Reach::only(vec![Allowed::Public, Allowed::Private])
}

/// Where an issuer's metadata may be.
fn places(issuer: &ServerUrl) -> Vec<ServerUrl> {
    let origin = issuer.origin();
    let path = issuer.without_query().strip_prefix(origin);
    let path = path.unwrap_or_default().trim_end_matches('/');
    let mut places = vec![
        format!("{origin}/.well-known/oauth-authorization-server{path}"),
        format!("{origin}/.well-known/openid-configuration{path}"),
    ];
    if !path.is_empty() {
        places.push(format!("{origin}{path}/.well-known/openid-configuration"));
    }
    places
        .iter()
        .filter_map(|p| ServerUrl::parse(p).ok())
        .collect()
}

/// What metadata says about the keys.
fn address(issuer: &ServerUrl, bytes: Vec<u8>) -> Result<ServerUrl, NotFetched> {
    let metadata = Document::read(bytes, &LIMITS).map_err(|_| NotFetched::Metadata)?;
    let text = |key| metadata.root().get(key).and_then(Json::as_str);
    let (says, keys) = text("issuer")
        .zip(text("jwks_uri"))
        .ok_or(NotFetched::Metadata)?;
    // RFC 8414, section 3.3: otherwise one issuer could speak for another.
    if says != issuer.whole() {
        return Err(NotFetched::OtherIssuer);
    }
    let url = ServerUrl::parse(&keys).map_err(|_| NotFetched::Address)?;
    let is_near = url.is_loopback();
    if (is_near && !issuer.is_loopback()) || (!is_near && !url.is_secure()) {
        return Err(NotFetched::Address);
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> ServerUrl {
        ServerUrl::parse(text).unwrap()
    }

    #[test]
    fn metadata_is_looked_for_where_mcp_says() {
        let all = |issuer| {
            places(&url(issuer))
                .iter()
                .map(|p| p.whole().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            all("https://a.example/tenant/"),
            [
                "https://a.example/.well-known/oauth-authorization-server/tenant",
                "https://a.example/.well-known/openid-configuration/tenant",
                "https://a.example/tenant/.well-known/openid-configuration",
            ]
        );
        assert_eq!(all("https://a.example").len(), 2);
    }

    #[test]
    fn metadata_names_no_address_that_it_may_not() {
        let (far, near) = ("https://a.example", "http://127.0.0.1:9");
        for (issuer, metadata, expected) in [
            (
                far,
                r#"{"issuer":"https://a.example","jwks_uri":"https://keys.example/k"}"#,
                Ok(()),
            ),
            (
                near,
                r#"{"issuer":"http://127.0.0.1:9","jwks_uri":"http://127.0.0.1:9/k"}"#,
                Ok(()),
            ),
            (
                far,
                r#"{"issuer":"https://a.example/","jwks_uri":"https://a.example/k"}"#,
                Err(NotFetched::OtherIssuer),
            ),
            (
                far,
                r#"{"issuer":"https://a.example","jwks_uri":"http://a.example/k"}"#,
                Err(NotFetched::Address),
            ),
            (
                far,
                r#"{"issuer":"https://a.example","jwks_uri":"https://127.0.0.1/k"}"#,
                Err(NotFetched::Address),
            ),
            (
                far,
                r#"{"issuer":"https://a.example","jwks_uri":"http://localhost/k"}"#,
                Err(NotFetched::Address),
            ),
            (
                near,
                r#"{"issuer":"http://127.0.0.1:9","jwks_uri":"http://a.example/k"}"#,
                Err(NotFetched::Address),
            ),
            (
                far,
                r#"{"issuer":"https://a.example","jwks_uri":"file:///k"}"#,
                Err(NotFetched::Address),
            ),
            (
                far,
                r#"{"issuer":"https://a.example"}"#,
                Err(NotFetched::Metadata),
            ),
            (
                far,
                r#"{"issuer":"x","issuer":"https://a.example","jwks_uri":"https://a.example/k"}"#,
                Err(NotFetched::Metadata),
            ),
            (far, "<html>", Err(NotFetched::Metadata)),
        ] {
            let found = address(&url(issuer), metadata.as_bytes().to_vec());
            assert_eq!(found.map(drop), expected, "{metadata}");
        }
    }
}
