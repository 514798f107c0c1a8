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
mod floor;
mod measure;
mod peer;
mod procfs;
mod report;

use std::io::Write;
use std::process::ExitCode;

/// Any failure ends the run: a figure of half a measurement is no figure.
type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("__echo") => echo_server::main(),
        Some("__floor") => exit_code(floor::run(arguments)),
        first => {
            let quick = first == Some("--quick") || arguments.any(|a| a == "--quick");
            exit_code(bench(quick))
        }
    }
}

fn exit_code(outcome: Result<(), Failure>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _unwritten = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn bench(quick: bool) -> Result<(), Failure> {
    let effort = if quick {
        measure::Effort::QUICK
    } else {
        measure::Effort::WHOLE
    };
    let figures = measure::all(&effort)?;
    let mut output = std::io::stdout().lock();
    output.write_all(report::table(&figures).as_bytes())?;
    Ok(())
}
