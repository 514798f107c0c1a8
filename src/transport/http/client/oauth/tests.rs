//! A principal's token is exchanged for one of the server's, which no other
//! principal gets.

use super::*;
use crate::engine::url::ServerUrl;
use crate::transport::http::secret::Secret;
use std::sync::atomic::AtomicUsize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// Exchanges `x` for `for-x`; counts.
async fn authority(asked: Arc<AtomicUsize>) -> ServerUrl {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let asked = Arc::clone(&asked);
            tokio::spawn(async move {
                let mut text = String::new();
                let mut bytes = [0; 4096];
                while !text.ends_with("&audience=end") {
                    let read = stream.read(&mut bytes).await.unwrap();
                    text.push_str(std::str::from_utf8(&bytes[..read]).unwrap());
                }
                asked.fetch_add(1, Ordering::Relaxed);
                assert!(text.contains(
                    "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&"
                ));
                let token = text.split("subject_token=").nth(1).unwrap();
                let token = token.split('&').next().unwrap();
                let token = if token == "own" {
                    token.to_owned()
                } else {
                    format!("for-{token}")
                };
                let body = format!(
                    r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":60}}"#
                );
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    ServerUrl::parse(&format!("http://127.0.0.1:{port}/token")).unwrap()
}

fn tokens(url: &ServerUrl, exchange: bool) -> Tokens {
    let client = Client {
        id: "c".to_owned(),
        proof: ClientProof::Secret(Secret::new("s").into()),
        scope: None,
        resource: None,
        // The last pair, by which the end of the form is known.
        audience: Some("end".to_owned()),
        exchange,
    };
    Tokens::new(TokenPlace::Endpoint(url.clone()), url.reach(), client).unwrap()
}

/// A token that lasts as long as anybody believes one.
fn token(text: &str) -> ShownToken {
    ShownToken::new(text, Duration::MAX)
}

async fn shown(tokens: &Tokens, subject: &ShownToken) -> String {
    let bearer = tokens.bearer(Some(subject), None).await.unwrap();
    assert!(bearer.header.is_sensitive());
    bearer.header.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn each_token_is_exchanged_for_one_of_its_own() {
    let asked = Arc::new(AtomicUsize::new(0));
    let url = authority(Arc::clone(&asked)).await;
    let tokens = tokens(&url, true);
    let [alice, bob] = ["alice", "bob"].map(token);
    let both = tokio::join!(
        shown(&tokens, &alice),
        shown(&tokens, &alice),
        shown(&tokens, &bob)
    );
    let expected = ["Bearer for-alice", "Bearer for-alice", "Bearer for-bob"];
    assert_eq!([both.0, both.1, both.2], expected);
    assert_eq!(asked.load(Ordering::Relaxed), 2, "once each");
    // Another one of the same principal is another one, and changes nothing.
    let other = token("alice-2");
    assert_eq!(shown(&tokens, &other).await, "Bearer for-alice-2");
    assert_eq!(shown(&tokens, &alice).await, "Bearer for-alice");
    assert_eq!(shown(&tokens, &bob).await, "Bearer for-bob");
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn nothing_lasts_longer_than_what_it_was_got_for() {
    let asked = Arc::new(AtomicUsize::new(0));
    let url = authority(Arc::clone(&asked)).await;
    let tokens = tokens(&url, true);
    let ended = ShownToken::new("ended", Duration::from_secs(1));
    for expected in [1, 2] {
        shown(&tokens, &ended).await;
        assert_eq!(asked.load(Ordering::Relaxed), expected);
    }
}

#[test]
fn how_long_a_token_is_good_yet() {
    let token = ShownToken::new("t", Duration::from_secs(100));
    for (now, expected) in [(0, 100), (99, 1), (100, 0), (1000, 0)] {
        let now = UNIX_EPOCH + Duration::from_secs(now);
        assert_eq!(left(&token, now), Duration::from_secs(expected));
    }
}

#[tokio::test]
async fn nobody_is_served_with_the_token_of_another() {
    let url = authority(Arc::default()).await;
    let tokens = tokens(&url, true);
    // Nor is lockgate, which is no principal, nor with the agent's own.
    let own = token("own");
    for (subject, told) in [
        (None, "this agent has none"),
        (Some(&own), "own token back"),
    ] {
        let failure = tokens.bearer(subject, None).await.unwrap_err();
        assert!(failure.to_string().contains(told), "{failure}");
    }
}

#[tokio::test]
async fn no_more_tokens_are_kept_than_that() {
    let url = authority(Arc::default()).await;
    let tokens = tokens(&url, true);
    for n in 0..KEPT + 5 {
        tokens.slot(Some(&token(&n.to_string())));
    }
    assert!(lock(&tokens.slots).len() <= KEPT);
}

#[test]
fn the_last_of_a_token_is_not_used() {
    for (lasts, used) in [(0, 0), (1, 800), (60, 48_000), (3600, 3_570_000)] {
        let used = Duration::from_millis(used);
        assert_eq!(usable(Duration::from_secs(lasts)), used);
    }
}
