//! The byte floor: one thread each way, bytes copied and never looked at.

use crate::Failure;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

/// Starts the command in `arguments` and copies between it and our own pipes.
pub(crate) fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), Failure> {
    let program = arguments.next().ok_or("expected a command")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (to, from) = (child.stdin.take(), child.stdout.take());
    let (to, from) = (to.ok_or("no stdin")?, from.ok_or("no stdout")?);
    // Descriptors of our own: the standard library's streams buffer and lock.
    let input = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let output = File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    let up = std::thread::spawn(move || copy(input, to));
    copy(from, output);
    let _server = child.wait();
    drop(up);
    Ok(())
}

fn copy(mut from: impl Read, mut to: impl Write) {
    let mut buffer = vec![0; 1 << 16];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let Some(bytes) = buffer.get(..read) else {
            return;
        };
        if to.write_all(bytes).is_err() {
            return;
        }
    }
}
