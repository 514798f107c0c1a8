//! The HTTP+SSE transport of 2024-11-05: messages are posted to an address that
//! the server names, and everything that it says comes on one stream.
//!
//! A server that answers `initialize` with 400, 404 or 405 and no JSON-RPC error
//! is asked for that stream (2025-11-25, "Backwards Compatibility"). The address
//! it names must be of its own origin, or else it could send messages and
//! credentials where it likes. When the stream ends, what was asked stays
//! unanswered: every request that waits gets an error, and the session is over.
//! Nothing is asked again.

use super::dial::Dialer;
use super::exchange::Call;
use super::failure::Failure;
use super::link::{Link, lock};
use super::oauth::Subject;
use super::response::{Media, Said, Stream, location, media};
use crate::engine::message::{Id, TopLevel};
use crate::engine::url::ServerUrl;
use hyper::body::Bytes;
use hyper::{HeaderMap, Method, StatusCode};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// How long the server may take to name its address.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server of that transport.
#[derive(Debug, Clone)]
pub(super) struct Old {
    /// To the address that it has named.
    dialer: Dialer,
    /// Whom to tell that a request has been answered; `None` once the stream
    /// has ended.
    waiting: Arc<Mutex<Option<Waiting>>>,
    stream: AbortHandle,
}

type Waiting = BTreeMap<Id, oneshot::Sender<()>>;

/// Takes a request off the list, however its exchange ends.
struct Forget<'a>(&'a Old, &'a Id);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.forget(self.1);
    }
}

/// Asks for the stream; `None` where there is none.
pub(super) async fn open(link: &Arc<Link>, subject: &Subject) -> Result<Option<Old>, Failure> {
    let headers = HeaderMap::new();
    let response = link.dialer.bare(Method::GET, headers, subject).await?;
    if response.status().is_redirection() {
        let to = location(response.headers());
        return Err(Failure::Redirect(response.status(), to));
    }
    let is_stream = matches!(media(response.headers()), Ok(Media::Events));
    if response.status() != StatusCode::OK || !is_stream {
        return Ok(None);
    }
    let mut stream = Stream::new(link, response.into_body());
    let named = timeout(PATIENCE, stream.said()).await;
    let Ok(Ok(Some(Said::Endpoint(named)))) = named else {
        return Ok(None);
    };
    let named = std::str::from_utf8(&named).ok();
    let path = named.and_then(|named| path(link.dialer.url(), named.trim()));
    let dialer = path.and_then(|path| link.dialer.at(&path));
    let dialer = dialer.ok_or(Failure::Endpoint)?;
    tracing::info!(
        "{}: the server speaks the HTTP+SSE transport of 2024-11-05",
        link.origin
    );
    let waiting = Arc::new(Mutex::new(Some(Waiting::new())));
    let listening = listen(Arc::clone(link), stream, Arc::clone(&waiting));
    Ok(Some(Old {
        dialer,
        waiting,
        stream: tokio::spawn(listening).abort_handle(),
    }))
}

/// Path and query of the address that the server has named, if it is its own.
fn path(url: &ServerUrl, named: &str) -> Option<String> {
    let own = url.without_query();
    let own_path = own.strip_prefix(url.origin()).unwrap_or_default();
    let whole = if named.contains("://") {
        named.to_owned()
    } else if named.starts_with("//") {
        return None;
    } else if named.starts_with('/') {
        format!("{}{named}", url.origin())
    } else if named.starts_with('?') {
        format!("{own}{named}")
    } else {
        let folder = own_path.rfind('/').and_then(|end| own_path.get(..end));
        format!("{}{}/{named}", url.origin(), folder.unwrap_or_default())
    };
    let there = ServerUrl::parse(&whole).ok()?;
    let same = there.is_secure() == url.is_secure()
        && there.host().eq_ignore_ascii_case(url.host())
        && there.port() == url.port();
    let path = there.whole().strip_prefix(there.origin())?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    same.then(|| format!("{slash}{path}"))
}

/// Passes on what comes until the stream ends; then everything ends.
async fn listen(link: Arc<Link>, mut stream: Stream, waiting: Arc<Mutex<Option<Waiting>>>) {
    let failure = loop {
        match stream.next().await {
            Ok(Some(message)) => {
                if let Err(failure) = pass(&link, &waiting, message).await {
                    break failure;
                }
            }
            Ok(None) => break Failure::Cut,
            Err(Failure::NoMessage) => {
                let why = Failure::NoMessage.told(&link.origin);
                link.lose(Vec::new(), why).await;
            }
            Err(failure) => break failure,
        }
    };
    let left = lock(&waiting).take().unwrap_or_default();
    tracing::warn!("{}", failure.told(&link.origin));
    for (id, answered) in left {
        link.tell(&id, failure.answer(&id, &link.origin)).await;
        let _ = answered.send(());
    }
    link.end_session();
}

async fn pass(
    link: &Link,
    waiting: &Mutex<Option<Waiting>>,
    message: Vec<u8>,
) -> Result<(), Failure> {
    let scan = TopLevel::of(&message);
    let id = scan.id().filter(|_| !scan.is_call()).cloned();
    let answered = id
        .as_ref()
        .and_then(|id| lock(waiting).as_mut()?.remove(id));
    link.pass(id.as_ref().filter(|_| answered.is_some()), message)
        .await?;
    if let Some(answered) = answered {
        // Whoever waited may have gone.
        let _ = answered.send(());
    }
    Ok(())
}

impl Old {
    /// Sends a request and waits until it has been answered.
    pub(super) async fn ask(&self, call: &Call, body: Bytes) -> Result<(), Failure> {
        if call.modern {
            let why = "the server speaks the HTTP+SSE transport of 2024-11-05, which knows no messages of 2026-07-28";
            return Err(Failure::Unfit(why.to_owned()));
        }
        let (answers, answered) = oneshot::channel();
        match lock(&self.waiting).as_mut() {
            Some(waiting) => drop(waiting.insert(call.id.clone(), answers)),
            None => return Err(Failure::StreamOver),
        }
        let _forget = Forget(self, &call.id);
        if let Err(failure) = self.tell(body, &call.subject).await {
            // Unless the stream has had an answer all the same.
            return if self.forget(&call.id) {
                Err(failure)
            } else {
                Ok(())
            };
        }
        // Its sender is gone only where the answer is nobody's any more.
        let _ = answered.await;
        Ok(())
    }

    /// Sends what has no answer.
    pub(super) async fn tell(&self, body: Bytes, subject: &Subject) -> Result<(), Failure> {
        let headers = HeaderMap::new();
        let response = self.dialer.post(body, headers, subject).await?;
        let status = response.status();
        if status.is_redirection() {
            return Err(Failure::Redirect(status, location(response.headers())));
        }
        if status.is_success() {
            return Ok(());
        }
        Err(Failure::Status(status))
    }

    fn forget(&self, id: &Id) -> bool {
        let mut waiting = lock(&self.waiting);
        waiting.as_mut().and_then(|w| w.remove(id)).is_some()
    }

    /// Listens no more.
    pub(super) fn end(&self) {
        self.stream.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_of_the_servers_own_is_taken() {
        let url = "https://Mcp.example.com/v1/sse?key=k";
        for (named, expected) in [
            ("/messages?session_id=1", Some("/messages?session_id=1")),
            ("/messages/../x", Some("/messages/../x")),
            ("messages/?s=1", Some("/v1/messages/?s=1")),
            ("?s=1", Some("/v1/sse?s=1")),
            ("https://mcp.example.com/m?s=1", Some("/m?s=1")),
            ("https://mcp.example.com:443/m", Some("/m")),
            ("https://mcp.example.com?s=1", Some("/?s=1")),
            ("http://mcp.example.com/m", None),
            ("https://mcp.example.com:8443/m", None),
            ("https://evil.example/m", None),
            ("https://mcp.example.com@evil.example/m", None),
            ("https://mcp.example.com.evil.example/m", None),
            ("https://u:p@mcp.example.com/m", None),
            ("//evil.example/m", None),
            ("/\\evil.example/m", None),
            ("\\\\evil.example", None),
            ("/m#x", None),
            ("/m x", None),
            ("/m\r\nHost: evil.example", None),
            ("javascript:alert(1)", Some("/v1/javascript:alert(1)")),
            ("file:///etc/passwd", None),
            ("ftp://mcp.example.com/", None),
        ] {
            let url = ServerUrl::parse(url).unwrap();
            assert_eq!(path(&url, named).as_deref(), expected, "{named}");
        }
    }
}
