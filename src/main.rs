//! The `lockgate` program.

use lockgate::sandbox::guard;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    // The guardian starts with every server: it must not wait for a parser.
    if args.next().is_some_and(|first| first == guard::COMMAND) {
        return guard::main(args);
    }
    lockgate::cli::main()
}
