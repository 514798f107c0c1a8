//! Where the browser comes back to: a listener on this machine, for one answer.
//!
//! Any page that the browser shows, and any program of this machine, can knock
//! here. What does not bear the state of this login is turned away, and the
//! login waits on; what does is judged once, and the listener is gone. The
//! address is written in digits, so that no name can stand for another one.

use super::super::answer::CODES;
use super::LoginFailed;
use crate::transport::http::secret::Secret;
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderValue};
use hyper::header::{REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use subtle::ConstantTimeEq as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::timeout;

/// How long a person may take.
const PATIENCE: Duration = Duration::from_mins(5);
/// How long a caller may take to say what it wants.
const HEAD: Duration = Duration::from_secs(10);
/// Most callers at once.
const CALLERS: usize = 16;
/// Largest head of a request, in bytes.
const LARGEST: usize = 32 << 10;
const PATH: &str = "/callback";

/// What the answer has to bear.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) state: Secret,
    pub(super) issuer: String,
    /// The issuer says in each answer who it is.
    pub(super) says_who: bool,
}

/// What somebody who knocks has brought.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Nothing of this login.
    Strange(&'static str),
    /// The end of this login.
    Over(String),
    Code(Secret),
}

/// Listens on this machine.
#[derive(Debug)]
pub(super) struct Listener {
    socket: TcpListener,
    port: u16,
}

impl Listener {
    /// On that port, or on any.
    pub(super) async fn bind(port: Option<u16>) -> Result<Self, LoginFailed> {
        let failed = |e: std::io::Error| {
            let at = port.map_or_else(String::new, |port| format!(":{port}"));
            LoginFailed::new(format!("cannot listen on 127.0.0.1{at}: {e}"))
        };
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).await;
        let socket = socket.map_err(failed)?;
        let port = socket.local_addr().map_err(failed)?.port();
        Ok(Self { socket, port })
    }

    /// Where it was registered before, if that is free and still wanted.
    pub(super) async fn again(redirect: &str, wanted: Option<u16>) -> Option<Self> {
        let rest = redirect.strip_prefix("http://127.0.0.1:")?;
        let port: u16 = rest.strip_suffix(PATH)?.parse().ok()?;
        if wanted.is_some_and(|wanted| wanted != port) {
            return None;
        }
        Self::bind(Some(port)).await.ok()
    }

    /// What the browser is sent back to.
    pub(super) fn redirect(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// Waits for the code.
    pub(super) async fn code(self, expected: Expected) -> Result<Secret, LoginFailed> {
        let late = |_| {
            let minutes = PATIENCE.as_secs() / 60;
            Err(LoginFailed::new(format!(
                "nobody has logged in within {minutes} minutes"
            )))
        };
        timeout(PATIENCE, self.wait(expected))
            .await
            .unwrap_or_else(late)
    }

    async fn wait(self, expected: Expected) -> Result<Secret, LoginFailed> {
        let host = HeaderValue::from_str(&format!("127.0.0.1:{}", self.port));
        let host = host.map_err(|_| "no address to come back to")?;
        let gate = Arc::new((host, expected));
        let callers = Arc::new(Semaphore::new(CALLERS));
        let (tell, mut told) = mpsc::channel(CALLERS);
        loop {
            tokio::select! {
                biased;
                verdict = told.recv() => match verdict {
                    Some(Verdict::Code(code)) => return Ok(code),
                    Some(Verdict::Over(why)) => return Err(LoginFailed::new(why)),
                    Some(Verdict::Strange(why)) => {
                        tracing::warn!("somebody came back with {why}; still waiting");
                    }
                    None => return Err(LoginFailed::from("the listener has ended")),
                },
                caller = self.socket.accept() => {
                    let (Ok((stream, _)), Ok(turn)) =
                        (caller, Arc::clone(&callers).try_acquire_owned())
                    else {
                        continue;
                    };
                    let (gate, tell) = (Arc::clone(&gate), tell.clone());
                    tokio::spawn(async move {
                        if let Some(verdict) = hear(stream, gate).await {
                            // Nobody waits for a second one.
                            let _ = tell.send(verdict).await;
                        }
                        drop(turn);
                    });
                }
            }
        }
    }
}

/// Hears one caller; told when the answer is with it.
async fn hear(stream: TcpStream, gate: Arc<(HeaderValue, Expected)>) -> Option<Verdict> {
    let found: Arc<Mutex<Option<Verdict>>> = Arc::default();
    let heard = Arc::clone(&found);
    let service = service_fn(move |request: Request<Incoming>| {
        let (verdict, response) = answer(&request, &gate);
        *heard.lock().unwrap_or_else(PoisonError::into_inner) = verdict;
        async move { Ok::<_, Infallible>(response) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(LARGEST)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    let _ = served.await;
    found.lock().unwrap_or_else(PoisonError::into_inner).take()
}

fn answer(
    request: &Request<Incoming>,
    (host, expected): &(HeaderValue, Expected),
) -> (Option<Verdict>, Response<Full<Bytes>>) {
    let mut hosts = request.headers().get_all(HOST).iter();
    if (hosts.next(), hosts.next()) != (Some(host), None) {
        // Another name for this machine: DNS rebinding.
        return (
            None,
            page(StatusCode::BAD_REQUEST, "This is not the place."),
        );
    }
    if request.uri().path() != PATH || *request.method() != Method::GET {
        return (None, page(StatusCode::NOT_FOUND, "Nothing is here."));
    }
    let verdict = judge(request.uri().query().unwrap_or_default(), expected);
    let (status, text) = match &verdict {
        Verdict::Strange(_) => (StatusCode::BAD_REQUEST, "This is no answer to this login."),
        Verdict::Over(_) => (
            StatusCode::BAD_REQUEST,
            "The login has failed. lockgate says why, where it was started.",
        ),
        Verdict::Code(_) => (
            StatusCode::OK,
            "lockgate has its answer. You can close this page.",
        ),
    };
    (Some(verdict), page(status, text))
}

fn page(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(format!(
        "<!doctype html><title>lockgate</title><p>{text}\n"
    ))));
    *response.status_mut() = status;
    for (name, value) in [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        // The code stands in the address.
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Judges what an authorization server has sent the browser back with.
fn judge(query: &str, expected: &Expected) -> Verdict {
    const KEYS: [&str; 4] = ["state", "iss", "code", "error"];
    let mut said = BTreeMap::new();
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(key) = KEYS.into_iter().find(|known| *known == key) else {
            continue;
        };
        let Some(value) = decoded(value) else {
            return Verdict::Strange("an answer that cannot be read");
        };
        if said.insert(key, value).is_some() {
            return Verdict::Strange("an answer that says one thing twice");
        }
    }
    let state = said.get("state").map(String::as_bytes).unwrap_or_default();
    if !bool::from(state.ct_eq(expected.state.expose().as_bytes())) {
        return Verdict::Strange("the state of another login, or with none");
    }
    // Before anything else of it is believed (RFC 9207).
    match said.get("iss") {
        Some(issuer) if *issuer != expected.issuer => {
            let why = "the answer is one of another authorization server than the one that was \
                       asked (`iss`): it was not used";
            return Verdict::Over(why.to_owned());
        }
        None if expected.says_who => {
            let why = "the answer does not say which authorization server it is of, although \
                       that one promises to (`iss`): it was not used";
            return Verdict::Over(why.to_owned());
        }
        Some(_) | None => {}
    }
    if let Some(error) = said.get("error") {
        let known = CODES.into_iter().find(|code| error == code);
        let known = known.map_or_else(String::new, |code| format!(" (`{code}`)"));
        return Verdict::Over(format!("the authorization server refused the login{known}"));
    }
    match said.remove("code").filter(|code| !code.is_empty()) {
        Some(code) => Verdict::Code(Secret::new(code)),
        None => Verdict::Over("the answer has no code".to_owned()),
    }
}

/// A value of a form.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                u8::try_from(high << 4 | low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    fn expected(says_who: bool) -> Expected {
        Expected {
            state: Secret::new("st+ate"),
            issuer: "https://i.example/t".to_owned(),
            says_who,
        }
    }

    #[test]
    fn only_the_answer_that_was_asked_for_is_taken() {
        const ISS: &str = "iss=https%3A%2F%2Fi.example%2Ft";
        let code = |text: &str| Ok(Secret::new(text));
        for (query, says_who, verdict) in [
            ("code=c%20d&state=st%2Bate", false, code("c d")),
            (
                &*format!("{ISS}&code=c&state=st%2Bate&x=y"),
                true,
                code("c"),
            ),
            (&*format!("{ISS}&code=c&state=st%2Bate"), false, code("c")),
            // Whose it is, nobody knows: the login waits on.
            ("code=c", false, Err(None)),
            ("code=c&state=", false, Err(None)),
            ("code=c&state=st+ate", false, Err(None)),
            ("code=c&state=st%2Bat", false, Err(None)),
            ("code=c&state=st%2Bate&state=st%2Bate", false, Err(None)),
            ("code=c&code=d&state=st%2Bate", false, Err(None)),
            ("code=%zz&state=st%2Bate", false, Err(None)),
            ("code=%ff&state=st%2Bate", false, Err(None)),
            ("", false, Err(None)),
            // Ours, and no good.
            ("code=c&state=st%2Bate", true, Err(Some("`iss`"))),
            (
                "code=c&state=st%2Bate&iss=https%3A%2F%2Fi.example%2Ft%2F",
                false,
                Err(Some("another authorization server")),
            ),
            (
                "error=access_denied&state=st%2Bate&iss=https%3A%2F%2Fevil.example",
                true,
                Err(Some("another authorization server")),
            ),
            ("code=c&state=st%2Bate&iss=", false, Err(Some("another"))),
            (
                "error=access_denied&error_description=s3cret&state=st%2Bate",
                false,
                Err(Some("(`access_denied`)")),
            ),
            (
                "error=s3cret&code=c&state=st%2Bate",
                false,
                Err(Some("refused the login")),
            ),
            ("code=&state=st%2Bate", false, Err(Some("no code"))),
            ("state=st%2Bate", false, Err(Some("no code"))),
        ] {
            match (judge(query, &expected(says_who)), verdict) {
                (Verdict::Code(code), Ok(expected)) => assert_eq!(code, expected, "{query}"),
                (Verdict::Strange(_), Err(None)) => {}
                (Verdict::Over(why), Err(Some(told))) => {
                    assert!(
                        why.contains(told) && !why.contains("s3cret"),
                        "{query}: {why}"
                    );
                }
                (found, _) => panic!("{query}: {found:?}"),
            }
        }
    }

    async fn knock(port: u16, head: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn strangers_are_turned_away_and_the_login_waits_on() {
        let listener = Listener::bind(None).await.unwrap();
        let port = listener.port;
        let redirect = listener.redirect();
        assert_eq!(redirect, format!("http://127.0.0.1:{port}/callback"));
        assert!(Listener::again(&redirect, None).await.is_none(), "in use");
        let waiting = tokio::spawn(listener.code(expected(false)));
        let good = "/callback?code=c&state=st%2Bate";
        for (line, host, status) in [
            (format!("GET {good}"), "localhost".to_owned(), "400"),
            (format!("GET {good}"), "evil.example".to_owned(), "400"),
            (format!("POST {good}"), format!("127.0.0.1:{port}"), "404"),
            (
                "GET /favicon.ico".to_owned(),
                format!("127.0.0.1:{port}"),
                "404",
            ),
            (
                "GET /callback?code=x&state=y".to_owned(),
                format!("127.0.0.1:{port}"),
                "400",
            ),
            (format!("GET {good}"), format!("127.0.0.1:{port}"), "200"),
        ] {
            let head = format!("{line} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            let answer = knock(port, &head).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status}")),
                "{head}{answer}"
            );
            let answer = answer.to_ascii_lowercase();
            assert!(answer.contains("referrer-policy: no-referrer"), "{answer}");
        }
        assert_eq!(waiting.await.unwrap().unwrap().expose(), "c");
        // It is gone, and what was registered can be used again.
        assert!(Listener::again(&redirect, Some(port)).await.is_some());
        assert!(Listener::again(&redirect, Some(1)).await.is_none());
        assert!(
            Listener::again("http://evil.example:1/callback", None)
                .await
                .is_none()
        );
    }
}
