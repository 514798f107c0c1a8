//! Connections to the one server, and what every request to it has.
//!
//! The address is fixed at the start: nothing that a server says changes whom
//! lockgate dials (no redirects, no alternative services). No body is ever sent
//! twice: only a request of which not one byte was written, because a kept
//! connection had closed, goes out on another connection.

use super::failure::{Failure, root_cause};
use crate::engine::url::ServerUrl;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue, USER_AGENT};
use hyper::{HeaderMap, Method, Request, Response, Uri};
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;

/// For a connection: name, TCP, proxy and TLS together.
const CONNECT: Duration = Duration::from_secs(20);
/// How long an unused connection is kept. The usual servers (node, uvicorn)
/// close one after 5 s; a request that meets the close is lost, not repeated.
const IDLE: Duration = Duration::from_secs(4);
/// How soon a peer that has vanished is noticed on a stream that says nothing.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Why the server cannot be dialled at all.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// It is refused by whoever dials.
    #[error("the URL cannot be dialled")]
    Url,
    /// No server could be told from an impostor.
    #[error(
        "no certificate authorities were found ({0}); install `ca-certificates`, or set `SSL_CERT_FILE`"
    )]
    Authorities(std::io::Error),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(rustls::Error),
    /// The environment names a proxy of another kind.
    #[error(
        "the environment names a proxy for this server that is not `http://`; only those are supported (or name the server in `NO_PROXY`)"
    )]
    Proxy,
}

/// Sends requests to the one server.
#[derive(Debug)]
pub struct Dialer {
    client: Client<Connector, Full<Bytes>>,
    uri: Uri,
    /// Scheme, host and port, for people.
    origin: String,
    /// What the policy adds to every request; marked as sensitive.
    credentials: HeaderMap,
}

impl Dialer {
    /// Dials nothing yet. `credentials` go with every request.
    ///
    /// # Errors
    /// See [`DialError`].
    pub fn new(url: &ServerUrl, mut credentials: HeaderMap) -> Result<Self, DialError> {
        let uri: Uri = url.whole().parse().map_err(|_| DialError::Url)?;
        credentials.values_mut().for_each(|v| v.set_sensitive(true));
        Ok(Self {
            client: client(url, &uri, tls(url.is_secure())?)?,
            uri,
            origin: url.origin().to_owned(),
            credentials,
        })
    }

    /// Scheme, host and port of the server.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Sends one message.
    pub(super) async fn post(
        &self,
        body: Bytes,
        headers: HeaderMap,
    ) -> Result<Response<Incoming>, Failure> {
        let mut request = self.request(Method::POST, "application/json, text/event-stream", body);
        request
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.headers_mut().extend(headers);
        self.send(request).await
    }

    /// Sends a request without a body.
    pub(super) async fn bare(
        &self,
        method: Method,
        headers: HeaderMap,
    ) -> Result<Response<Incoming>, Failure> {
        let mut request = self.request(method, "text/event-stream", Bytes::new());
        request.headers_mut().extend(headers);
        self.send(request).await
    }

    fn request(&self, method: Method, accept: &'static str, body: Bytes) -> Request<Full<Bytes>> {
        const AGENT: &str = concat!("lockgate/", env!("CARGO_PKG_VERSION"));
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.extend(self.credentials.clone());
        headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        // A bound on what is received bounds what it becomes.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        request
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Failure> {
        self.client.request(request).await.map_err(|e| {
            let cause = root_cause(&e);
            if e.is_connect() {
                Failure::Connect(cause)
            } else {
                Failure::Broken(cause)
            }
        })
    }
}

/// A client for one address; it follows no redirect.
pub(crate) fn client(
    url: &ServerUrl,
    uri: &Uri,
    tls: ClientConfig,
) -> Result<Client<Connector, Full<Bytes>>, DialError> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEP_ALIVE));
    let way = match proxy(url, uri)? {
        None => Way::Straight(tcp),
        Some((proxy, auth)) => {
            let tunnel = Tunnel::new(proxy, tcp);
            Way::Tunnel(match auth {
                Some(auth) => tunnel.with_auth(auth),
                None => tunnel,
            })
        }
    };
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(way);
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .build(Connector(connector)))
}

/// What TLS trusts: the machine's authorities, where it is spoken at all.
pub(crate) fn tls(secure: bool) -> Result<ClientConfig, DialError> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(DialError::Tls)?;
    // Reading the machine's authorities takes a while, and plain HTTP needs none.
    let config = if secure {
        config.with_native_roots().map_err(DialError::Authorities)?
    } else {
        config.with_root_certificates(RootCertStore::empty())
    };
    Ok(config.with_no_client_auth())
}

/// The proxy that the environment names for this server, and its credentials.
fn proxy(url: &ServerUrl, uri: &Uri) -> Result<Option<(Uri, Option<HeaderValue>)>, DialError> {
    if url.is_loopback() {
        return Ok(None);
    }
    let Some(found) = Matcher::from_env().intercept(uri) else {
        return Ok(None);
    };
    if found.uri().scheme_str() != Some("http") {
        return Err(DialError::Proxy);
    }
    Ok(Some((found.uri().clone(), found.basic_auth().cloned())))
}

/// The address with its port: a tunnel takes 443 for every scheme.
fn with_port(uri: Uri) -> Uri {
    let authority = uri.authority().map(|a| a.as_str().to_owned());
    match (uri.scheme_str(), uri.port(), authority) {
        (Some("http"), None, Some(authority)) => {
            format!("http://{authority}:80/").parse().unwrap_or(uri)
        }
        _ => uri,
    }
}

/// Connects, with a bound on the time that it takes.
#[derive(Debug, Clone)]
pub(crate) struct Connector(HttpsConnector<Way>);

/// Straight to the server, or through a proxy (CONNECT).
#[derive(Debug, Clone)]
enum Way {
    Straight(HttpConnector),
    Tunnel(Tunnel<HttpConnector>),
}

type Pending<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

impl Service<Uri> for Way {
    type Response = TokioIo<TcpStream>;
    type Error = Error;
    type Future = Pending<Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        match self {
            Self::Straight(tcp) => tcp.poll_ready(context).map_err(Into::into),
            Self::Tunnel(tunnel) => tunnel.poll_ready(context).map_err(Into::into),
        }
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        match self {
            Self::Straight(tcp) => {
                let connecting = tcp.call(uri);
                Box::pin(async move { connecting.await.map_err(Into::into) })
            }
            Self::Tunnel(tunnel) => {
                let connecting = tunnel.call(with_port(uri));
                Box::pin(async move { connecting.await.map_err(Into::into) })
            }
        }
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = Error;
    type Future = Pending<Self::Response>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connecting = self.0.call(uri);
        Box::pin(async move {
            match timeout(CONNECT, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(format!("no connection within {} s", CONNECT.as_secs()).into()),
            }
        })
    }
}
