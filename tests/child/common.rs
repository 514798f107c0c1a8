//! Starting, finding and waiting for real processes.

use lockgate::transport::child::{Child, ChildSpec, exit_code};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Generous: the machine may be busy. Nothing waits that long when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The `lockgate` program.
pub(crate) fn lockgate() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_lockgate"))
}

/// The test server; `cargo test` builds it beside the program.
pub(crate) fn stubborn() -> PathBuf {
    let path = lockgate()
        .with_file_name("examples")
        .join("stubborn_server");
    assert!(
        path.is_file(),
        "missing: run `cargo build --examples` first"
    );
    path
}

/// An argument that no other process has.
pub(crate) fn marker() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("marker-{}-{number}-end", std::process::id())
}

/// `stubborn_server` with these arguments and nothing in its environment.
pub(crate) fn stubborn_spec(args: &[&str]) -> ChildSpec {
    let mut command = vec![stubborn().into_os_string()];
    command.extend(args.iter().map(OsString::from));
    ChildSpec {
        argv: command,
        env: BTreeMap::new(),
        cwd: None,
    }
}

/// Starts it with a grace period.
pub(crate) fn start(spec: &ChildSpec, grace: Duration) -> Child {
    Child::spawn_through(lockgate(), spec, grace).unwrap()
}

/// The living processes that have `marker` among their arguments.
pub(crate) fn marked(marker: &str) -> Vec<i32> {
    let mut pids = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap() {
        let name = entry.unwrap().file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A zombie's is empty.
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if line
            .split(|&byte| byte == 0)
            .any(|arg| arg == marker.as_bytes())
        {
            pids.push(pid);
        }
    }
    pids
}

/// Waits until `probe` says something.
pub(crate) fn wait_for<T>(what: &str, mut probe: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = probe() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until exactly `count` processes have the marker.
pub(crate) fn wait_for_marked(marker: &str, count: usize) {
    let mut last = Vec::new();
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        last = marked(marker);
        if last.len() == count {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("expected {count} processes, found {last:?}");
}

/// The guardian of the server with this marker.
pub(crate) fn guard_of(marker: &str) -> i32 {
    marked(marker)
        .into_iter()
        .find(|pid| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.starts_with(b"lockgate\0__guard\0")
        })
        .expect("no guardian")
}

/// Its parent.
pub(crate) fn parent_of(pid: i32) -> i32 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // After the name in brackets: state, parent.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    fields.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Reads until `enough`, or until the end of the stream.
pub(crate) fn read_until(pipe: &OwnedFd, mut enough: impl FnMut(&[u8]) -> bool) -> Vec<u8> {
    let (mut all, mut buffer) = (Vec::new(), [0; 4096]);
    let end = Instant::now() + PATIENCE;
    while !enough(&all) {
        assert!(Instant::now() < end, "waited in vain for output");
        let mut fds = [PollFd::new(pipe, PollFlags::IN)];
        let second = Timespec::try_from(Duration::from_secs(1)).unwrap();
        poll(&mut fds, Some(&second)).unwrap();
        match rustix::io::read(pipe, &mut buffer) {
            Ok(0) => break,
            Ok(read) => all.extend(&buffer[..read]),
            Err(error) if io::Error::from(error).kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
    }
    all
}

/// The whole stream as text.
pub(crate) fn read_all(pipe: Option<&OwnedFd>) -> String {
    String::from_utf8(read_until(pipe.unwrap(), |_| false)).unwrap()
}

/// Waits for the server to say that it runs.
pub(crate) fn wait_ready(child: &Child) {
    let said = read_until(child.stdout.as_ref().unwrap(), |said| {
        said.ends_with(b"ready\n")
    });
    assert_eq!(said, b"ready\n");
}

/// Waits for the end; the exit code as lockgate's own.
pub(crate) fn wait_exit(child: &mut Child) -> u8 {
    exit_code(wait_for("the exit", || child.poll_exit()))
}

/// Nothing with the marker is left, now.
#[track_caller]
pub(crate) fn assert_gone(marker: &str) {
    assert_eq!(marked(marker), Vec::<i32>::new(), "left behind");
}
