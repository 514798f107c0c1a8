//! The stream that a legacy server may keep open for what it says on its own.
//!
//! It is opened again when it breaks, with growing pauses, from where it broke
//! if the server gave its events ids: that repeats no call.

use super::failure::Failure;
use super::link::{Link, SESSION};
use super::oauth::Subject;
use super::response::{Media, Stream, media};
use hyper::header::{HeaderName, HeaderValue};
use hyper::{Method, StatusCode};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time::sleep;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// So often in a row the stream may fail.
const FAILURES: u32 = 8;
/// The pause before the first attempt, if the server does not say.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause, whatever the server says.
const LONGEST: Duration = Duration::from_secs(30);
/// A stream that lasted so long has not failed.
const LASTED: Duration = Duration::from_secs(10);

/// What became of asking for a stream.
#[derive(Debug)]
pub(super) enum Opened {
    /// It is open.
    Stream(Box<Stream>),
    /// Later it may be.
    Failed,
    /// The server has none.
    Refused(StatusCode),
    /// The server does not know the session any more.
    SessionOver,
}

/// How long to wait before an attempt, the first of which is 1.
pub(super) fn pause(retry: Option<Duration>, attempt: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1).min(5));
    let pause = retry.unwrap_or(PAUSE).saturating_mul(doubled);
    pause.min(LONGEST)
}

/// Asks for the stream, from after the event `last_id` on.
pub(super) async fn open(link: &Link, last_id: Option<&str>, subject: &Subject) -> Opened {
    let mut headers = link.legacy_headers();
    let in_session = headers.contains_key(SESSION);
    let id = last_id.and_then(|id| HeaderValue::from_bytes(id.as_bytes()).ok());
    headers.extend(id.map(|id| (LAST_EVENT_ID, id)));
    let Ok(response) = link.dialer.bare(Method::GET, headers, subject).await else {
        return Opened::Failed;
    };
    match response.status() {
        StatusCode::OK => match media(response.headers()) {
            Ok(Media::Events) => Opened::Stream(Box::new(Stream::new(link, response.into_body()))),
            _ => Opened::Refused(StatusCode::OK),
        },
        StatusCode::NOT_FOUND if in_session => {
            link.end_session();
            Opened::SessionOver
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => Opened::Failed,
        status if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED => {
            Opened::Failed
        }
        status => Opened::Refused(status),
    }
}

/// Passes on what the server says on its own, as long as it says anything.
pub(super) async fn run(link: Arc<Link>) {
    let (mut last_id, mut retry, mut failures) = (None, None, 0);
    loop {
        // It belongs to no request, and a token ends before it does.
        match open(&link, last_id.as_deref(), &link.latest()).await {
            Opened::Stream(mut stream) => {
                let began = Instant::now();
                let heard = pass(&link, &mut stream).await;
                if heard || began.elapsed() >= LASTED {
                    failures = 0;
                }
                last_id = stream.last_id().map(str::to_owned).or(last_id);
                retry = stream.retry().or(retry);
            }
            Opened::Failed => {}
            Opened::SessionOver => return,
            Opened::Refused(status) => {
                // What most servers say, and no mistake.
                if status != StatusCode::METHOD_NOT_ALLOWED {
                    let origin = &link.origin;
                    tracing::debug!(
                        "{origin}: no stream for the server's own messages (HTTP {status})"
                    );
                }
                return;
            }
        }
        failures += 1;
        if failures > FAILURES {
            tracing::warn!(
                "{}: the stream of the server's own messages breaks again and again; what it says on its own is not heard any more",
                link.origin
            );
            return;
        }
        sleep(pause(retry, failures)).await;
    }
}

/// Passes on what comes until the stream ends. Says whether anything came.
async fn pass(link: &Link, stream: &mut Stream) -> bool {
    let mut heard = false;
    loop {
        let passed = match stream.next().await {
            Ok(Some(message)) => link.pass(None, message).await,
            Ok(None) => return heard,
            Err(failure) => Err(failure),
        };
        match passed {
            Ok(()) => heard = true,
            Err(failure) => {
                // What it was is not known any more.
                link.lose(Vec::new(), failure.told(&link.origin)).await;
                // After these there may be more; after the others there is not.
                if !matches!(failure, Failure::NoMessage | Failure::Busy) {
                    return heard;
                }
            }
        }
    }
}
