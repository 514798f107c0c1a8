//! One request of the agent, and what the server answers to it.
//!
//! A request is sent once. Whatever goes wrong after that becomes its answer;
//! nothing here sends it again, since nobody can tell whether it was acted on.

use super::failure::Failure;
use super::link::{Link, SESSION, lock};
use super::listen::{Opened, open};
use super::mismatch;
use super::oauth::Subject;
use super::old;
use super::response::{Media, Stream, collect, location, media};
use crate::engine::message::{Direction, Document, Id, KnownMethod, Limits, Message, TopLevel};
use crate::engine::reason::Reason;
use crate::proxy::pump::Lost;
use crate::transport::http::one_line::one_line;
use hyper::body::{Bytes, Incoming};
use hyper::{HeaderMap, Response, StatusCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{SemaphorePermit, oneshot};
use tokio::time::{sleep, timeout};

/// So often in a row a broken stream is resumed without anything coming of it.
const RESUMED: u32 = 5;
/// How long a stream may go on after the answer that ends it.
const AFTERWARDS: Duration = Duration::from_secs(1);

/// A request of the agent.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) id: Id,
    pub(super) method: String,
    /// Of the stateless era.
    pub(super) modern: bool,
    /// The token with which it came.
    pub(super) subject: Subject,
    pub(super) state: Arc<State>,
}

/// What is known of it from outside.
#[derive(Debug, Default)]
pub(super) struct State {
    /// It has been sent, or is about to be.
    pub(super) sent: AtomicBool,
    /// Nobody waits for the answer any more.
    pub(super) cancelled: AtomicBool,
}

/// Sends it, passes all that the server says to it on, and sees to it that it
/// is answered. `begun` is told when the response has begun.
pub(super) async fn run(
    link: Arc<Link>,
    call: Call,
    body: Bytes,
    headers: HeaderMap,
    begun: oneshot::Sender<()>,
) {
    let outcome = ask(&link, &call, body, headers, begun).await;
    let Err(failure) = outcome else { return };
    if call.state.cancelled.load(Ordering::Relaxed) {
        return;
    }
    tracing::warn!(
        "{} was not answered: {}",
        call.method,
        failure.told(&link.origin)
    );
    link.tell(&call.id, failure.answer(&call.id, &link.origin))
        .await;
}

async fn ask(
    link: &Arc<Link>,
    call: &Call,
    body: Bytes,
    headers: HeaderMap,
    begun: oneshot::Sender<()>,
) -> Result<(), Failure> {
    let mut waiting = link.hold();
    waiting.set(body.len())?;
    // The semaphore is never closed.
    let slot = link.slots.acquire().await.map_err(|_| Failure::Busy)?;
    call.state.sent.store(true, Ordering::Relaxed);
    if let Some(old) = link.old() {
        return Box::pin(old.ask(call, body)).await;
    }
    let in_session = headers.contains_key(SESSION);
    // Only in the stateless era do headers say again what a body says.
    let again = call.modern.then(|| (body.clone(), headers.clone()));
    let handshake = (call.method == "initialize").then(|| body.clone());
    let response = link.dialer.post(body, headers, &call.subject).await?;
    drop(waiting);
    let status = response.status();
    if in_session && status == StatusCode::NOT_FOUND {
        link.end_session();
        return Ok(());
    }
    let Some(handshake) = handshake else {
        let is_json = media(response.headers()) == Ok(Media::Json);
        if status != StatusCode::BAD_REQUEST || !is_json {
            return receive(link, call, response, slot).await;
        }
        let answer = Box::pin(refused(link, call, response)).await?;
        if mismatch::is_one(call, &answer)
            && let Some((body, headers)) = again
            && let Some(newer) = Box::pin(mismatch::newer(link, call, &body, &headers)).await
        {
            let response = Box::pin(link.dialer.post(body, newer, &call.subject)).await?;
            return Box::pin(receive(link, call, response, slot)).await;
        }
        return link.pass(Some(&call.id), answer).await;
    };
    Box::pin(initialized(link, call, handshake, (response, slot), begun)).await
}

/// What came of a handshake.
async fn initialized(
    link: &Arc<Link>,
    call: &Call,
    body: Bytes,
    (response, slot): (Response<Incoming>, SemaphorePermit<'_>),
    begun: oneshot::Sender<()>,
) -> Result<(), Failure> {
    let status = response.status();
    if status.is_success() {
        link.begin_session(response.headers())?;
        drop(begun);
        return receive(link, call, response, slot).await;
    }
    let failure = match receive(link, call, response, slot).await {
        Err(failure @ Failure::Status(_)) => failure,
        other => return other,
    };
    if !matches!(status.as_u16(), 400 | 404 | 405) {
        return Err(failure);
    }
    // It knows nothing of Streamable HTTP, and has not acted.
    let Some(old) = old::open(link, &call.subject).await? else {
        return Err(failure);
    };
    link.begin_session(&HeaderMap::new())?;
    link.is_old(old.clone());
    drop(begun);
    old.ask(call, body).await
}

async fn receive(
    link: &Link,
    call: &Call,
    response: Response<Incoming>,
    slot: SemaphorePermit<'_>,
) -> Result<(), Failure> {
    let status = response.status();
    if status.is_redirection() {
        return Err(Failure::Redirect(status, location(response.headers())));
    }
    let media = media(response.headers());
    if !status.is_success() {
        return match media {
            Ok(Media::Json) => {
                let answer = Box::pin(refused(link, call, response)).await?;
                link.pass(Some(&call.id), answer).await
            }
            _ => Err(Failure::Status(status)),
        };
    }
    match media? {
        Media::Json => {
            let body = collect(link, response.into_body()).await?;
            let message = one_line(body).map_err(|_| Failure::NoMessage)?;
            if message.is_empty() {
                return Err(Failure::NoAnswer(status));
            }
            if deliver(link, call, message).await? {
                return Ok(());
            }
            Err(Failure::NoAnswer(status))
        }
        Media::Events => Box::pin(events(link, call, response.into_body(), slot)).await,
        Media::Other(_) if matches!(status.as_u16(), 202 | 204) => Err(Failure::NoAnswer(status)),
        Media::Other(found) => Err(Failure::ContentType(found)),
    }
}

/// An error status with a JSON body: a JSON-RPC error is the answer that it is,
/// anything else is an error page, of which nothing is passed on.
async fn refused(
    link: &Link,
    call: &Call,
    response: Response<Incoming>,
) -> Result<Vec<u8>, Failure> {
    let status = response.status();
    let body = collect(link, response.into_body()).await;
    let message = body.ok().and_then(|body| one_line(body).ok());
    let document = message.and_then(|message| Document::read(message, &Limits::DEFAULT).ok());
    let Some(document) = document else {
        return Err(Failure::Status(status));
    };
    match Message::read(document.root()) {
        Ok(Message::Failure { id: Some(id), .. }) if id == call.id => {}
        // The server could not, or would not, tell whose error it is.
        Ok(Message::Failure { id: None, error }) if matches!(status.as_u16(), 400 | 404 | 405) => {
            let (id, error) = (&call.id, error.raw());
            let answer = format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{error}}}"#);
            return Ok(answer.into_bytes());
        }
        _ => return Err(Failure::Status(status)),
    }
    Ok(document.into_bytes())
}

/// Passes a message of the server on. Says whether it answers the call.
async fn deliver(link: &Link, call: &Call, message: Vec<u8>) -> Result<bool, Failure> {
    let scan = TopLevel::of(&message);
    let answers = !scan.is_call() && scan.id() == Some(&call.id);
    if call.modern && link.is_legacy() && scan.is_call() && scan.id().is_some() {
        // There is no way to answer it, and the revision knows no such thing.
        // Whoever judges it would take it for a request of the other era.
        let why = "the server asks on a response stream, which 2026-07-28 forbids";
        tracing::warn!("{}: {why}; it gets no answer", link.origin);
        let lost = Lost {
            way: Direction::ToAgent,
            bytes: message,
            reason: Reason::WrongEra,
            why: why.into(),
        };
        link.sink.lost(lost).await;
        return Ok(false);
    }
    let teaches = match call.method.as_str() {
        "initialize" => true,
        "tools/list" => lock(&link.mirror).may_learn(&message),
        _ => false,
    };
    if answers && teaches {
        learn(link, call, &message);
    }
    link.pass(Some(&call.id), message).await?;
    Ok(answers)
}

/// What an answer settles for the messages after it.
fn learn(link: &Link, call: &Call, message: &[u8]) {
    let Ok(answer) = Document::read(message.to_vec(), &Limits::DEFAULT) else {
        return;
    };
    if call.method == "initialize" {
        link.learn_version(&answer);
    } else {
        lock(&link.mirror).learn(&answer);
    }
}

async fn events(
    link: &Link,
    call: &Call,
    body: Incoming,
    slot: SemaphorePermit<'_>,
) -> Result<(), Failure> {
    let mut stream = Box::new(Stream::new(link, body));
    // A subscription lasts, and takes no other request's turn.
    let slot = (call.method != KnownMethod::Listen.name()).then_some(slot);
    let mut last_id = None;
    let mut retry = None;
    let mut attempts = 0;
    loop {
        while let Some(message) = stream.next().await? {
            attempts = 0;
            if deliver(link, call, message).await? {
                drop(slot);
                let rest = timeout(AFTERWARDS, rest(link, call, &mut stream));
                return rest.await.unwrap_or(Ok(()));
            }
        }
        last_id = stream.last_id().map(str::to_owned).or(last_id);
        retry = stream.retry().or(retry);
        // Asking for the rest of a stream repeats no call; only the legacy era
        // can do it.
        stream = loop {
            let id = last_id
                .as_deref()
                .filter(|_| !call.modern && attempts < RESUMED);
            let id = id.ok_or(Failure::Cut)?;
            attempts = attempts.saturating_add(1);
            sleep(super::listen::pause(retry, attempts)).await;
            match open(link, Some(id), &call.subject).await {
                Opened::Stream(stream) => break stream,
                Opened::Failed => {}
                Opened::SessionOver => return Ok(()),
                Opened::Refused(_) => return Err(Failure::Cut),
            }
        };
    }
}

/// What a server says after its answer.
async fn rest(link: &Link, call: &Call, stream: &mut Stream) -> Result<(), Failure> {
    while let Ok(Some(message)) = stream.next().await {
        deliver(link, call, message).await?;
    }
    Ok(())
}
