//! Names that change what they stand for, between one look-up and the next.

use super::*;
use crate::engine::guard::address::Allowed;
use crate::transport::http::client::names::{LookUp, Names};
use hyper_util::client::legacy::connect::dns::Name;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tower_service::Service as _;

/// Answers each look-up with the next line.
#[derive(Debug, Default)]
struct Script {
    lines: Mutex<VecDeque<&'static str>>,
    asked: AtomicUsize,
}

impl Script {
    fn new(lines: &[&'static str]) -> Arc<Self> {
        Arc::new(Self {
            lines: Mutex::new(lines.iter().copied().collect()),
            asked: AtomicUsize::default(),
        })
    }
}

impl LookUp for Script {
    fn look_up(
        &self,
        name: String,
    ) -> Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send>> {
        assert!(name.parse::<IpAddr>().is_err());
        self.asked.fetch_add(1, Ordering::Relaxed);
        let line = self.lines.lock().unwrap().pop_front();
        Box::pin(async move {
            let line = line.ok_or_else(|| io::Error::other("no such name"))?;
            let found = line
                .split(' ')
                .map(|a| (a.parse::<IpAddr>().unwrap(), 0).into());
            Ok(found.collect())
        })
    }
}

#[tokio::test]
async fn a_name_is_judged_at_every_look_up() {
    let look_up = Script::new(&[
        "1.1.1.1",
        "127.0.0.1",
        "1.1.1.1 10.0.0.1",
        "169.254.169.254",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
        "0.0.0.0",
        "2606:4700::1111 1.1.1.1",
    ]);
    let mut names = Names {
        look_up: Arc::<Script>::clone(&look_up),
        reach: Some(Reach::of("mcp.example.com")),
    };
    let name: Name = "mcp.example.com".parse().unwrap();
    let mut told = Vec::new();
    for _ in 0..9 {
        told.push(match names.call(name.clone()).await {
            Ok(found) => found
                .map(|a| a.ip().to_string())
                .collect::<Vec<_>>()
                .join(" "),
            Err(e) => e.to_string().chars().take_while(|c| *c != ',').collect(),
        });
    }
    assert_eq!(
        told,
        [
            "1.1.1.1",
            "`127.0.0.1` is this machine",
            "`10.0.0.1` is an address of a private network",
            "`169.254.169.254` is link-local",
            "`::ffff:169.254.169.254` is link-local",
            "`64:ff9b::a00:1` is an address of a private network",
            "`0.0.0.0` is no address of a machine",
            "2606:4700::1111 1.1.1.1",
            "no such name",
        ]
    );
    assert_eq!(look_up.asked.load(Ordering::Relaxed), 9);
}

/// A server of which each connection takes one request; counts them by the
/// address that was dialled.
async fn server() -> (u16, Arc<Mutex<Vec<IpAddr>>>) {
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let dialled: Arc<Mutex<Vec<IpAddr>>> = Arc::default();
    let all = Arc::clone(&dialled);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            all.lock().unwrap().push(stream.local_addr().unwrap().ip());
            let mut head = [0; 2048];
            let _ = stream.read(&mut head).await;
            let answer = b"HTTP/1.1 202 Accepted\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
            let _ = stream.write_all(answer).await;
        }
    });
    (port, dialled)
}

#[tokio::test]
async fn what_was_judged_is_what_is_dialled() {
    let (port, dialled) = server().await;
    // A name of this machine, so that no proxy of the environment is asked.
    let url = ServerUrl::parse(&format!("http://mcp.localhost:{port}/mcp")).unwrap();
    let reach = Reach::only(vec![Allowed::parse("127.0.0.1/32").unwrap()]);
    let look_up = Script::new(&["127.0.0.1", "127.0.0.2", "127.0.0.1 127.0.0.2", "127.0.0.1"]);
    let given: Arc<dyn LookUp> = Arc::<Script>::clone(&look_up) as _;
    let dialer = Dialer::with(&url, &reach, Credentials::new(), Proof::default(), given).unwrap();
    for (turn, expected) in [Ok(202), Err("127.0.0.2"), Err("127.0.0.2"), Ok(202)]
        .into_iter()
        .enumerate()
    {
        let told = dialer
            .post(Bytes::from("{}"), HeaderMap::new(), &None)
            .await;
        match (told, expected) {
            (Ok(response), Ok(status)) => assert_eq!(response.status().as_u16(), status),
            (Err(Failure::Address(told)), Err(expected)) => {
                assert!(told.contains(expected), "{told}");
            }
            (told, _) => panic!("{turn}: {told:?}"),
        }
    }
    assert_eq!(
        look_up.asked.load(Ordering::Relaxed),
        4,
        "once a connection"
    );
    let expected: IpAddr = "127.0.0.1".parse().unwrap();
    assert_eq!(*dialled.lock().unwrap(), [expected, expected]);
}

#[tokio::test]
async fn an_address_in_the_url_is_judged_without_a_look_up() {
    let look_up = Script::new(&[]);
    for (url, reach, fine) in [
        ("http://127.0.0.1:1/", "127.0.0.1", true),
        ("http://127.0.0.1:1/", "idp.example.com", false),
        ("http://[::ffff:10.0.0.1]:1/", "idp.example.com", false),
        ("http://localhost:1/", "idp.example.com", true),
    ] {
        let url = ServerUrl::parse(url).unwrap();
        let reach = Reach::of(reach);
        let given: Arc<dyn LookUp> = Arc::<Script>::clone(&look_up) as _;
        let dialer = Dialer::with(&url, &reach, Credentials::new(), Proof::default(), given);
        assert_eq!(dialer.is_ok(), fine, "{url:?}");
    }
    assert_eq!(look_up.asked.load(Ordering::Relaxed), 0);
}
