//! An issuer on loopback: says what it is told to say, and counts.

use super::sign::Key;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;

/// An issuer that runs as long as the test.
pub(crate) struct Issuer {
    pub(crate) url: String,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    /// Status line and headers, and body, by path.
    pages: BTreeMap<String, (String, String)>,
    asked: Vec<String>,
}

impl Issuer {
    pub(crate) fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::<Mutex<Shared>>::default();
        let for_thread = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let Some(Ok(first)) = lines.next() else {
                    continue;
                };
                let headers = lines.map_while(Result::ok).take_while(|l| !l.is_empty());
                drop(headers.collect::<Vec<_>>());
                let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
                let mut shared = for_thread.lock().unwrap();
                let (head, body) = shared.pages.get(&path).cloned().unwrap_or_default();
                shared.asked.push(path);
                drop(shared);
                let head = if head.is_empty() {
                    "404 Not Found"
                } else {
                    &head
                };
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                );
            }
        });
        Self { url, shared }
    }

    /// One with metadata and these keys.
    pub(crate) fn with(keys: &[(&str, &Key)]) -> Self {
        let issuer = Self::new();
        let metadata = json!({ "issuer": issuer.url, "jwks_uri": format!("{}/keys", issuer.url) });
        issuer.page(
            "/.well-known/openid-configuration",
            "200 OK",
            &metadata.to_string(),
        );
        issuer.publish(keys);
        issuer
    }

    pub(crate) fn publish(&self, keys: &[(&str, &Key)]) {
        let keys: Vec<_> = keys.iter().map(|(id, key)| key.jwk(id)).collect();
        self.page("/keys", "200 OK", &json!({ "keys": keys }).to_string());
    }

    pub(crate) fn page(&self, path: &str, head: &str, body: &str) {
        let page = (head.to_owned(), body.to_owned());
        self.shared
            .lock()
            .unwrap()
            .pages
            .insert(path.to_owned(), page);
    }

    /// How often its keys were asked for.
    pub(crate) fn asked(&self) -> usize {
        let shared = self.shared.lock().unwrap();
        shared.asked.iter().filter(|path| *path == "/keys").count()
    }

    /// How often anything was asked for.
    pub(crate) fn asked_at_all(&self) -> usize {
        self.shared.lock().unwrap().asked.len()
    }
}
