//! The bridge to a remote server: lines on one side, HTTP on the other.
//!
//! To the poll loop it is an [`Upstream`] like a child process: two pipes and an
//! end. Behind them stands one thread with an async runtime, which exists only
//! where there is a remote server. It is a transport: it decides nothing, sends
//! the cleared bytes as they are, and passes on what comes, to be judged.
//!
//! Answers the server (A1) that redirects, compresses, never ends, or speaks
//! with two voices (header and body), and the network that breaks in the middle
//! of a call: it is never made twice.

mod connect;
mod credentials;
mod dial;
mod exchange;
mod failure;
mod link;
mod listen;
mod mismatch;
mod names;
pub mod oauth;
mod old;
mod pools;
mod remote;
mod response;
mod router;

pub use connect::DialError;
pub(crate) use connect::tls;
pub use credentials::{CredentialError, Credentials, Proof};
pub use dial::Dialer;
pub(crate) use dial::client;
pub use link::{Heard, Room, Sink};
pub use remote::Remote;

use crate::proxy::pump::Lost;
use crate::transport::upstream::{Exit, Upstream};
use hyper::Method;
use link::Link;
use router::Router;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::unix::pipe;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::timeout;

/// How long the server gets to close a session.
const GOODBYE: Duration = Duration::from_secs(1);
/// Most losses that wait for the poll loop: it looks whenever it reads.
const LOST: usize = 256;
/// And most bytes of them.
const LOST_BYTES: usize = 1 << 20;
/// Lines that may wait for the poll loop.
const LINES: usize = 8;

/// What the poll loop wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Run,
    Terminate,
    Kill,
}

/// Why there is no bridge.
#[derive(Debug, thiserror::Error)]
pub enum BridgeError {
    /// The system refused a pipe or a thread.
    #[error("cannot start the HTTP client: {0}")]
    System(#[from] io::Error),
}

/// A connection to a remote server. Dropping it ends it.
#[derive(Debug)]
pub struct Bridge {
    stdin: Option<OwnedFd>,
    stdout: Option<OwnedFd>,
    exit_fd: OwnedFd,
    lost: Losses,
    exit: Arc<Mutex<Option<Exit>>>,
    orders: watch::Sender<Order>,
    thread: JoinHandle<()>,
}

/// What has come to nothing, for the poll loop.
type Losses = Arc<Mutex<Vec<Lost>>>;

/// The thread's ends of the pipes.
struct Ends {
    lost: Losses,
    input: OwnedFd,
    output: OwnedFd,
    orders: watch::Receiver<Order>,
}

impl Bridge {
    /// Starts a bridge. Nothing is dialled before there is something to be sent.
    ///
    /// # Errors
    /// See [`BridgeError`].
    pub fn open(dialer: Dialer) -> Result<Self, BridgeError> {
        let (input, stdin) = pipe()?;
        let (stdout, output) = pipe()?;
        let (exit_fd, alive) = pipe()?;
        let (orders, ordered) = watch::channel(Order::Run);
        let lost = Losses::default();
        let ends = Ends {
            lost: Arc::clone(&lost),
            input,
            output,
            orders: ordered,
        };
        let exit: Arc<Mutex<Option<Exit>>> = Arc::default();
        let told = Arc::clone(&exit);
        let thread = std::thread::Builder::new().name("http".to_owned());
        let thread = thread.spawn(move || {
            let run = |(exit, output)| {
                *link::lock(&told) = Some(exit);
                // In this order: whoever sees the end can ask how it was.
                drop(output);
                drop(alive);
            };
            run(live(dialer, ends));
        })?;
        Ok(Self {
            stdin: Some(stdin),
            stdout: Some(stdout),
            exit_fd,
            lost,
            exit,
            orders,
            thread,
        })
    }
}

/// A pipe whose ends do not block: reading end, writing end.
fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let (read, write) = io::pipe()?;
    let ends: (OwnedFd, OwnedFd) = (read.into(), write.into());
    rustix::io::ioctl_fionbio(&ends.0, true)?;
    rustix::io::ioctl_fionbio(&ends.1, true)?;
    Ok(ends)
}

/// The life of the thread. Gives back how it ended, and the output to be closed.
fn live(dialer: Dialer, ends: Ends) -> (Exit, Option<pipe::Sender>) {
    let failed = |e: io::Error| {
        let why = format!("the HTTP client cannot run: {e}");
        (Exit { code: 1, why }, None)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let ended = runtime.block_on(serve(dialer, ends));
            // A look-up of a name cannot be stopped, and is not waited for.
            runtime.shutdown_background();
            ended.unwrap_or_else(failed)
        }
        Err(e) => failed(e),
    }
}

async fn serve(dialer: Dialer, ends: Ends) -> io::Result<(Exit, Option<pipe::Sender>)> {
    let Ends {
        lost,
        input,
        output,
        orders,
    } = ends;
    let input = pipe::Receiver::from_owned_fd(input)?;
    let output = pipe::Sender::from_owned_fd(output)?;
    let (lines, waiting) = mpsc::channel(LINES);
    let mut writer = tokio::spawn(write(waiting, output));
    let lines = Arc::new(Lines {
        heard: lines,
        lost,
        over: Notify::new(),
    });
    let sink: Arc<dyn Sink> = Arc::<Lines>::clone(&lines);
    let router = Arc::new(Router::new(Arc::new(Link::new(Arc::new(dialer), sink))));
    let exit = tokio::select! {
        biased;
        () = lines.over.notified() => Exit {
            code: 1,
            why: format!("{} has ended the session; connect anew to begin another", router.link.origin),
        },
        () = ordered(orders.clone(), Order::Terminate) => closed(),
        () = Arc::clone(&router).run(input) => closed(),
    };
    tokio::select! {
        () = ordered(orders.clone(), Order::Kill) => {}
        () = goodbye(&router) => {}
    }
    drop((router, lines));
    tokio::select! {
        () = ordered(orders, Order::Kill) => Ok((exit, None)),
        output = &mut writer => Ok((exit, output.ok())),
    }
}

/// Ends what is under way, and closes the session if there is one.
async fn goodbye(router: &Router) {
    router.end_all();
    let link = &router.link;
    if link.has_session() {
        let (headers, subject) = (link.legacy_headers(), link.latest());
        let closing = link.dialer.bare(Method::DELETE, headers, &subject);
        let _ = timeout(GOODBYE, closing).await;
    }
}

/// The way to the poll loop.
#[derive(Debug)]
struct Lines {
    heard: mpsc::Sender<Heard>,
    lost: Losses,
    /// The server has ended the session.
    over: Notify,
}

impl Sink for Lines {
    fn take(&self, heard: Heard) -> Room<'_> {
        Box::pin(async {
            // Its reader is gone only when everything ends.
            let _ = self.heard.send(heard).await;
        })
    }

    fn lost(&self, lost: Lost) -> Room<'_> {
        // The loop looks when it reads next, or at the end.
        let mut all = link::lock(&self.lost);
        let held: usize = all.iter().map(|lost| lost.bytes.len()).sum();
        if all.len() >= LOST {
            tracing::error!("too much comes to nothing at once: not all of it is recorded");
        } else if held.saturating_add(lost.bytes.len()) > LOST_BYTES {
            // That it was is recorded, not what it was.
            let bytes = Vec::new();
            all.push(Lost { bytes, ..lost });
        } else {
            all.push(lost);
        }
        Box::pin(async {})
    }

    fn session_over(&self) {
        self.over.notify_one();
    }
}

fn closed() -> Exit {
    Exit {
        code: 0,
        why: "the connection was closed".to_owned(),
    }
}

/// Waits until the poll loop wants so much. A loop that is gone wants all.
async fn ordered(mut orders: watch::Receiver<Order>, wanted: Order) {
    let _ = orders.wait_for(|order| *order >= wanted).await;
}

/// Writes whole lines, one after the other.
async fn write(mut lines: mpsc::Receiver<Heard>, mut output: pipe::Sender) -> pipe::Sender {
    while let Some(mut line) = lines.recv().await {
        line.bytes.push(b'\n');
        if output.write_all(&line.bytes).await.is_err() {
            // The poll loop reads no more: it is about to end.
            break;
        }
    }
    output
}

impl Upstream for Bridge {
    fn stdin(&self) -> Option<&OwnedFd> {
        self.stdin.as_ref()
    }

    fn stdout(&self) -> Option<&OwnedFd> {
        self.stdout.as_ref()
    }

    fn stderr(&self) -> Option<&OwnedFd> {
        None
    }

    fn close_stdin(&mut self) {
        self.stdin = None;
    }

    fn close_stdout(&mut self) {
        self.stdout = None;
    }

    fn close_stderr(&mut self) {}

    fn exit_fd(&self) -> Option<&OwnedFd> {
        Some(&self.exit_fd)
    }

    fn poll_exit(&mut self) -> Option<Exit> {
        let exit = link::lock(&self.exit).clone();
        let lost = || Exit {
            code: 1,
            why: "the HTTP client has failed".to_owned(),
        };
        exit.or_else(|| self.thread.is_finished().then(lost))
    }

    fn lost(&mut self) -> Vec<Lost> {
        std::mem::take(&mut *link::lock(&self.lost))
    }

    fn terminate(&self) {
        self.orders.send_replace(Order::Terminate);
    }

    fn kill(&self) {
        self.orders.send_replace(Order::Kill);
    }
}
