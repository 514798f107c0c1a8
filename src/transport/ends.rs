//! Lockgate's own standard streams as descriptors for the poll loop.

use super::stdio::Ends;
use rustix::fs::{Mode, OFlags};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

/// Puts a shared descriptor's flags back when it is dropped.
#[derive(Debug)]
pub struct Restore {
    fd: OwnedFd,
    flags: OFlags,
}

impl Drop for Restore {
    fn drop(&mut self) {
        // Nothing can be done if it fails, and the process is about to end.
        let _ = rustix::fs::fcntl_setfl(&self.fd, self.flags);
    }
}

/// The standard streams, ready for the loop. Keep the second value until the
/// loop has ended.
pub fn own(signals: OwnedFd) -> io::Result<(Ends, Option<Restore>)> {
    let (output, restore) = non_blocking(io::stdout().as_fd().try_clone_to_owned()?)?;
    let ends = Ends {
        input: io::stdin().as_fd().try_clone_to_owned()?,
        output,
        errors: io::stderr().as_fd().try_clone_to_owned()?,
        signals,
    };
    Ok((ends, restore))
}

/// `O_NONBLOCK` belongs to the open file, which others may share (a terminal,
/// the client's own end): a pipe or terminal is opened anew, so that only
/// lockgate's view of it changes. A socket cannot be, and is put back later.
fn non_blocking(fd: OwnedFd) -> io::Result<(OwnedFd, Option<Restore>)> {
    use std::os::fd::AsRawFd;
    let flags = rustix::fs::fcntl_getfl(&fd)?;
    if flags.contains(OFlags::NONBLOCK) {
        return Ok((fd, None));
    }
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let anew = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | (flags & OFlags::APPEND);
    let is_file = rustix::fs::FileType::from_raw_mode(rustix::fs::fstat(&fd)?.st_mode)
        == rustix::fs::FileType::RegularFile;
    // A regular file never blocks, and opened anew it would lose its position.
    if is_file {
        return Ok((fd, None));
    }
    if let Ok(opened) = rustix::fs::open(path, anew, Mode::empty()) {
        return Ok((opened, None));
    }
    rustix::fs::fcntl_setfl(&fd, flags | OFlags::NONBLOCK)?;
    let restore = Restore {
        fd: fd.try_clone()?,
        flags,
    };
    Ok((fd, Some(restore)))
}
