//! One connection: name, address, proxy and TLS.
//!
//! Whom lockgate dials is the operator's to say; which addresses that name may
//! stand for, too. Through a proxy of the environment nothing is looked up here:
//! the proxy does it, and only an address in the URL itself is judged.

use super::names::{LookUp, Names};
use crate::engine::guard::address::{Reach, Refused};
use crate::engine::url::ServerUrl;
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::Matcher;
use hyper_util::rt::TokioIo;
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
/// How soon a peer that has vanished is noticed on a stream that says nothing.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Why the server cannot be dialled at all.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// It is refused by whoever dials.
    #[error("the URL cannot be dialled")]
    Url,
    /// The URL's address is none that the server may have.
    #[error("{0}")]
    Address(Refused),
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

impl Connector {
    /// The way to `url`, whose name may stand for what is in `reach`.
    pub(super) fn new(
        url: &ServerUrl,
        reach: &Reach,
        look_up: Arc<dyn LookUp>,
        tls: ClientConfig,
    ) -> Result<Self, DialError> {
        let uri: Uri = url.whole().parse().map_err(|_| DialError::Url)?;
        // The client asks nobody about these.
        if let Ok(address) = url.host().parse() {
            reach.judge(address).map_err(DialError::Address)?;
        }
        let proxy = proxy(url, &uri)?;
        let straight = proxy.is_none();
        let mut tcp = HttpConnector::new_with_resolver(Names {
            look_up,
            reach: straight.then(|| reach.clone()),
        });
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEP_ALIVE));
        let way = match proxy {
            None => Way::Straight(tcp),
            Some((proxy, auth)) => {
                tracing::info!(
                    "{} is reached through a proxy, which looks its name up: the addresses are \
                     not judged",
                    url.origin()
                );
                let tunnel = Tunnel::new(proxy, tcp);
                Way::Tunnel(match auth {
                    Some(auth) => tunnel.with_auth(auth),
                    None => tunnel,
                })
            }
        };
        Ok(Self(
            HttpsConnectorBuilder::new()
                .with_tls_config(tls)
                .https_or_http()
                .enable_http1()
                .wrap_connector(way),
        ))
    }
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
    Straight(HttpConnector<Names>),
    Tunnel(Tunnel<HttpConnector<Names>>),
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
