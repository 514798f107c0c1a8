//! What `lockgate serve` costs over HTTP, in front of a server that is reached
//! over HTTP, beside a direct connection and beside the least that a reverse
//! proxy can cost (the stream floor).
//!
//! ```text
//! cargo bench --bench http                        the whole measurement
//! cargo bench --bench http -- --quick             a short turn, for CI
//! ```
//!
//! How it is compared is what `benches/stdio` says.

#[path = "../../examples/echo_server.rs"]
mod echo_server;
#[path = "../shared/entry.rs"]
mod entry;
mod floor;
mod http;
#[path = "../shared/measure.rs"]
mod measure;
mod peer;
#[path = "../shared/procfs.rs"]
mod procfs;
#[path = "../shared/report.rs"]
mod report;
#[path = "../shared/target.rs"]
mod target;

use entry::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    entry::main(&[peer::idle_sessions])
}
