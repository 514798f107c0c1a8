//! Connections: accepted up to a bound, watched while they last, drained at the
//! end.
//!
//! Answers floods of connections, clients that send a header byte by byte, and
//! clients that read nothing (A3): each holds a bounded place for a bounded time.

use super::exchange;
use super::io::Patient;
use super::session::Session;
use super::site::Site;
use super::workers::Workers;
use crate::identity::ClientCertificate;
use crate::transport::http::tls::Tls;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::server::TlsStream;

/// Most connections at once.
const CONNECTIONS: usize = 16_384;
/// Most connections from one address that is not this machine's.
const OF_ONE: usize = 1024;
/// How long a request's head may take to come.
const HEAD: Duration = Duration::from_secs(15);
/// Largest head, in bytes.
const HEAD_BYTES: usize = 64 * 1024;
/// Most headers.
const HEADERS: usize = 128;
/// How long requests that are under way may go on after the end was asked for.
const DRAIN: Duration = Duration::from_secs(10);
/// How long after that agents get to hear that it is over.
const FAREWELL: Duration = Duration::from_secs(1);
/// What is said of a connection that finds no place.
const NO_ROOM: &str = "there are too many connections, or too many from there";
/// How long servers get to end.
const GOODBYE: Duration = Duration::from_secs(6);

/// A bound listener.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    tls: Option<Tls>,
    site: Arc<Site>,
    workers: Workers,
}

impl Listener {
    /// On a bound socket that does not block, inside a runtime.
    ///
    /// # Errors
    /// The system does not watch it, or gives no threads.
    pub fn new(socket: std::net::TcpListener, tls: Option<Tls>, site: Site) -> io::Result<Self> {
        Ok(Self {
            tcp: TcpListener::from_std(socket)?,
            tls,
            site: Arc::new(site),
            workers: Workers::start()?,
        })
    }

    /// What it serves.
    pub fn site(&self) -> Arc<Site> {
        Arc::clone(&self.site)
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    /// The system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// Serves until `stop` is ready; then takes no more connections, lets what
    /// is under way end, and ends all sessions.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let Self {
            tcp,
            tls,
            site,
            workers,
        } = self;
        let tls = tls.map(Arc::new);
        let (stopping, _) = watch::channel(false);
        let mut connections = JoinSet::new();
        let sweeper = tokio::spawn(exchange::sweep(Arc::clone(&site)));
        let noting = Arc::clone(&site);
        let noting = tokio::spawn(async move { noting.refusals.watch().await });
        let places = Arc::new(Places::default());
        let mut stop = pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = tcp.accept() => accepted,
                Some(_) = connections.join_next() => continue,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let Some(place) = Places::take(&places, peer.ip()) else {
                        // Told by the closed connection; there is no room for more.
                        drop(stream);
                        site.turned_back(peer.ip(), "too-many-connections", NO_ROOM);
                        continue;
                    };
                    let (Ok(stream), Some((worker, seat))) = (stream.into_std(), workers.seat())
                    else {
                        continue;
                    };
                    let (tls, stopped) = (tls.clone(), stopping.subscribe());
                    let serving = connection(Arc::clone(&site), (stream, peer), tls, stopped);
                    let serving = async move {
                        serving.await;
                        drop((place, seat));
                    };
                    connections.spawn_on(serving, worker);
                }
                Err(e) => {
                    tracing::error!("no connection can be accepted: {e}");
                    // Out of descriptors, most likely: others have to end first.
                    sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(tcp);
        sweeper.abort();
        stopping.send_replace(true);
        let drained = timeout(DRAIN, async {
            while connections.join_next().await.is_some() {}
        });
        let late = drained.await.is_err();
        let sessions = site.sessions.end_all();
        if late {
            // Whoever still waits is told that its session has ended.
            let told = async { while connections.join_next().await.is_some() {} };
            let _ = timeout(FAREWELL, told).await;
            connections.abort_all();
        }
        end(sessions).await;
        noting.abort();
        site.refusals.close();
    }
}

/// Waits for the servers of these sessions to end.
async fn end(sessions: Vec<Arc<Session>>) {
    let all = async {
        for session in sessions {
            session.ended().await;
        }
    };
    if timeout(GOODBYE, all).await.is_err() {
        tracing::warn!("a server did not end in time");
    }
}

async fn connection(
    site: Arc<Site>,
    (stream, peer): (std::net::TcpStream, SocketAddr),
    tls: Option<Arc<Tls>>,
    stopping: watch::Receiver<bool>,
) {
    // Here, since a stream is watched by the runtime that it is made in.
    let stream = match TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(e) => return tracing::error!("a connection cannot be served: {e}"),
    };
    let peer = peer.ip();
    site.counts.connections.fetch_add(1, Ordering::Relaxed);
    let _ = stream.set_nodelay(true);
    match tls {
        // On the heap, each for itself: a task is as large as the largest.
        None => Box::pin(speak(&site, (Patient::new(stream), peer), None, stopping)).await,
        Some(tls) => match timeout(HEAD, Box::pin(encrypted(&tls, stream))).await {
            Ok(Ok(stream)) => {
                let certificate = Tls::certificate_of(stream.get_ref().1);
                Box::pin(speak(&site, (stream, peer), certificate, stopping)).await;
            }
            Ok(Err(e)) => {
                tracing::debug!("TLS has failed: {e}");
                let (reason, why) = untrusted(&e);
                site.turned_back(peer, reason, why);
            }
            Err(_) => site.turned_back(peer, "tls-failed", "TLS was not agreed on in time"),
        },
    }
    site.counts.connections.fetch_sub(1, Ordering::Relaxed);
}

/// Agrees on TLS, by the certificates of this moment.
async fn encrypted(tls: &Arc<Tls>, stream: TcpStream) -> io::Result<TlsStream<Patient>> {
    let acceptor = tls.acceptor_now().await;
    acceptor.accept(Patient::new(stream)).await
}

/// Speaks HTTP on a connection until it ends.
async fn speak(
    site: &Arc<Site>,
    (stream, peer): (impl AsyncRead + AsyncWrite + Send + Unpin + 'static, IpAddr),
    certificate: Option<ClientCertificate>,
    mut stopping: watch::Receiver<bool>,
) {
    let io = TokioIo::new(stream);
    let certificate = certificate.map(Arc::new);
    let service = service_fn(move |request| {
        let (site, certificate) = (Arc::clone(site), certificate.clone());
        // On the heap while it runs: a connection that waits for a request has
        // no place for one.
        Box::pin(async move {
            let knocks = (peer, certificate.as_deref());
            let reply = site.answer(request, knocks).await;
            Ok::<_, Infallible>(reply)
        })
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(HEADERS)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(io, service);
    let mut serving = pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => ended,
        () = stopped(&mut stopping) => {
            serving.as_mut().graceful_shutdown();
            // Streams without an end are ended with their sessions.
            site.sessions.hang_up();
            serving.await
        }
    };
    if let Err(e) = ended {
        tracing::debug!("a connection has failed: {e}");
        if e.is_parse_too_large() {
            site.turned_back(peer, "head-too-large", "the request's head is too large");
        } else if e.is_parse() {
            let why = "the request's head is not HTTP/1.1, or says its length in two ways";
            site.turned_back(peer, "malformed-head", why);
        }
    }
}

/// Why there is no TLS with a peer.
fn untrusted(error: &io::Error) -> (&'static str, &'static str) {
    let inner = error.get_ref().and_then(|e| e.downcast_ref());
    match inner {
        Some(rustls::Error::InvalidCertificate(_)) => (
            "certificate-refused",
            "the certificate of the client is not to be trusted",
        ),
        _ => ("tls-failed", "TLS was not agreed on"),
    }
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // A listener that is gone wants everything to end.
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// How many connections there are, and from where.
#[derive(Debug, Default)]
struct Places(Mutex<(usize, BTreeMap<IpAddr, usize>)>);

/// One connection's place.
#[derive(Debug)]
struct Place {
    places: Arc<Places>,
    peer: IpAddr,
}

impl Places {
    fn take(places: &Arc<Self>, peer: IpAddr) -> Option<Place> {
        let mut taken = places.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, by_peer) = &mut *taken;
        let mine = by_peer.entry(peer).or_default();
        if *all >= CONNECTIONS || (*mine >= OF_ONE && !peer.is_loopback()) {
            return None;
        }
        *all = all.saturating_add(1);
        *mine = mine.saturating_add(1);
        drop(taken);
        Some(Place {
            places: Arc::clone(places),
            peer,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, by_peer) = &mut *taken;
        *all = all.saturating_sub(1);
        if let Some(mine) = by_peer.get_mut(&self.peer) {
            *mine = mine.saturating_sub(1);
            if *mine == 0 {
                by_peer.remove(&self.peer);
            }
        }
    }
}
