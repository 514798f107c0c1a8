//! Signals as something that poll(2) can wait for.

use signal_hook::consts::{SIGCHLD, SIGHUP, SIGINT, SIGTERM};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// A descriptor that becomes readable when a child ends or someone asks
/// lockgate to stop. Call it once.
pub fn listen() -> io::Result<OwnedFd> {
    let (read, write) = UnixStream::pair()?;
    read.set_nonblocking(true)?;
    for signal in [SIGTERM, SIGINT, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&STOP))?;
        signal_hook::low_level::pipe::register(signal, write.try_clone()?)?;
    }
    signal_hook::low_level::pipe::register(SIGCHLD, write)?;
    Ok(read.into())
}

/// Whether someone has asked lockgate to stop.
pub fn stop_requested() -> bool {
    STOP.load(Ordering::Relaxed)
}
