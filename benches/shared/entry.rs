//! What the program of a bench is: the bench itself, the echo server, or the
//! floor.

use crate::{echo_server, floor, measure, report};
use std::io::Write;
use std::process::ExitCode;

/// Any failure ends the run: a figure of half a measurement is no figure.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// Runs the one that the first argument names.
pub(crate) fn main(more: &[measure::More]) -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("__echo") => echo_server::main(),
        Some("__floor") => exit_code(floor::run(arguments)),
        first => {
            let quick = first == Some("--quick") || arguments.any(|a| a == "--quick");
            exit_code(bench(quick, more))
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

fn bench(quick: bool, more: &[measure::More]) -> Result<(), Failure> {
    let effort = if quick {
        measure::Effort::QUICK
    } else {
        measure::Effort::WHOLE
    };
    let figures = measure::all(&effort, more)?;
    let mut output = std::io::stdout().lock();
    output.write_all(report::table(&figures).as_bytes())?;
    Ok(())
}
