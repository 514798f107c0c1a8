//! Requests to the one server, and what every one of them has.
//!
//! The address is fixed at the start: nothing that a server says changes whom
//! lockgate dials (no redirects, no alternative services). No body is ever sent
//! twice, with two exceptions that repeat nothing: a request of which not one
//! byte was written, because a kept connection had closed, goes out on another
//! connection; and one that was answered with 401, so that nobody acted on it,
//! goes out once more where lockgate can get a newer token for it.

use super::connect::{Connector, DialError, tls};
use super::credentials::{Credentials, Proof};
use super::failure::{Failure, root_cause};
use super::names::{BadAddress, LookUp, System};
use super::oauth::{Bearer, Subject};
use super::pools::{Pool, Pools, pool};
use crate::engine::guard::address::Reach;
use crate::engine::url::ServerUrl;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT,
};
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Error;
use rustls::ClientConfig;
use std::sync::Arc;

/// Sends requests to the one server.
#[derive(Debug, Clone)]
pub struct Dialer {
    pools: Pools,
    uri: Uri,
    url: ServerUrl,
    credentials: Arc<Credentials>,
    proof: Proof,
}

impl Dialer {
    /// Dials nothing yet. The server's name may stand for what is in `reach`;
    /// `credentials` go with every request, and so does what is got by `proof`.
    ///
    /// # Errors
    /// See [`DialError`].
    pub fn new(
        url: &ServerUrl,
        reach: &Reach,
        credentials: Credentials,
        proof: Proof,
    ) -> Result<Self, DialError> {
        Self::with(url, reach, credentials, proof, Arc::new(System))
    }

    fn with(
        url: &ServerUrl,
        reach: &Reach,
        credentials: Credentials,
        proof: Proof,
        look_up: Arc<dyn LookUp>,
    ) -> Result<Self, DialError> {
        let connector = Connector::new(url, reach, look_up, tls(url.is_secure())?)?;
        Ok(Self {
            pools: Pools::new(connector),
            uri: url.whole().parse().map_err(|_| DialError::Url)?,
            url: url.clone(),
            credentials: Arc::new(credentials),
            proof,
        })
    }

    /// Scheme, host and port of the server, for people.
    pub fn origin(&self) -> &str {
        self.url.origin()
    }

    pub(super) fn url(&self) -> &ServerUrl {
        &self.url
    }

    /// To another path of the same server.
    pub(super) fn at(&self, path: &str) -> Option<Self> {
        let mut parts = self.uri.clone().into_parts();
        parts.path_and_query = Some(path.parse().ok()?);
        Some(Self {
            uri: Uri::from_parts(parts).ok()?,
            ..self.clone()
        })
    }

    /// Sends one message. `subject`: the token with which the agent's came.
    pub(super) async fn post(
        &self,
        body: Bytes,
        mut headers: HeaderMap,
        subject: &Subject,
    ) -> Result<Response<Incoming>, Failure> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let accept = "application/json, text/event-stream";
        self.exchange(Method::POST, accept, (body, headers), subject)
            .await
    }

    /// Sends a request without a body.
    pub(super) async fn bare(
        &self,
        method: Method,
        headers: HeaderMap,
        subject: &Subject,
    ) -> Result<Response<Incoming>, Failure> {
        let nothing = (Bytes::new(), headers);
        self.exchange(method, "text/event-stream", nothing, subject)
            .await
    }

    async fn exchange(
        &self,
        method: Method,
        accept: &'static str,
        (body, headers): (Bytes, HeaderMap),
        subject: &Subject,
    ) -> Result<Response<Incoming>, Failure> {
        let bearer = self.proof.bearer(subject, None).await?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.headers_mut() = headers;
        request
            .headers_mut()
            .insert(ACCEPT, HeaderValue::from_static(accept));
        // Only what may be refused for its token is kept for another try.
        let bearer_is_kept = bearer.as_ref().is_some_and(|bearer| bearer.is_kept);
        let again = bearer_is_kept.then(|| request.clone());
        let mut response = self.send(request, bearer.as_ref()).await?;
        let refused = response.status() == StatusCode::UNAUTHORIZED;
        if let (Some(stale), Some(request)) = (bearer.filter(|_| refused), again) {
            drop(response);
            let newer = self.proof.bearer(subject, Some(&stale)).await?;
            response = Box::pin(self.send(request, newer.as_ref())).await?;
        }
        let refused = self.proof.refused(response.status(), response.headers());
        match refused.await {
            Some(failure) => Err(failure),
            None => Ok(response),
        }
    }

    async fn send(
        &self,
        mut request: Request<Full<Bytes>>,
        bearer: Option<&Bearer>,
    ) -> Result<Response<Incoming>, Failure> {
        const AGENT: &str = concat!("lockgate/", env!("CARGO_PKG_VERSION"));
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        for (name, value) in self.credentials.read()? {
            // What the protocol says is not for the operator to say.
            headers.entry(name).or_insert(value);
        }
        if let Some(bearer) = bearer {
            headers.insert(AUTHORIZATION, bearer.header.clone());
        }
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        // A bound on what is received bounds what it becomes.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let sent = self.pools.mine().request(request).await;
        sent.map_err(|e| failure(&e))
    }
}

/// A client for one address that is in `reach`; it follows no redirect.
pub(crate) fn client(url: &ServerUrl, reach: &Reach, tls: ClientConfig) -> Result<Pool, DialError> {
    Ok(pool(Connector::new(url, reach, Arc::new(System), tls)?))
}

/// What an error of the client's is.
pub(super) fn failure(error: &Error) -> Failure {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(this) = cause {
        if let Some(BadAddress(refused)) = this.downcast_ref() {
            return Failure::Address(refused.to_string());
        }
        cause = this.source();
    }
    let cause = root_cause(error);
    if error.is_connect() {
        Failure::Connect(cause)
    } else {
        Failure::Broken(cause)
    }
}

#[cfg(test)]
mod tests;
