//! What lockgate costs over stdio, beside a direct connection and beside the
//! least that a process between two pipes can cost (the byte floor).
//!
//! ```text
//! cargo bench                                     the whole measurement
//! cargo bench --bench stdio -- --quick            a short turn, for CI
//! ```
//!
//! All three targets are up at the same time and take short turns; a ratio
//! compares turns of one round, and the median over the rounds is given. Only
//! ratios of one run mean something: absolute times vary with what else the
//! machine does.

#[path = "../../examples/echo_server.rs"]
mod echo_server;
#[path = "../shared/entry.rs"]
mod entry;
mod floor;
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
    entry::main(&[])
}
