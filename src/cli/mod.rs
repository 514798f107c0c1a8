//! The command line (a contract: documents, tests and benchmarks rely on it).
//!
//! One file per subcommand. Exit codes: 0 fine, 1 failed, 2 usage, 3 denied,
//! 4 policy invalid, 5 drift, 6 evidence tampered; `run` keeps the server's.

mod aim;
mod audit;
mod check;
mod demo;
mod evidence;
mod explain;
mod fmt;
mod key;
mod launch;
mod learn;
mod lister;
mod login;
mod pins;
mod places;
mod reload;
mod remote;
mod replay;
mod run;
mod serve;
mod setup;
mod standing;
mod test;
mod what_can;
mod who_can;

use crate::telemetry::log::Writer;
use clap::{Args, Parser, Subcommand};
use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Why a subcommand ends without having done what it was asked.
#[derive(Debug)]
enum Fault {
    /// 1: it failed.
    Failed(String),
    /// 2: it was asked in a way that cannot be meant.
    Usage(String),
    /// 3: whoever asks may not.
    Denied(String),
    /// 4: the policy cannot be used.
    Policy(String),
    /// 4: the policy has mistakes.
    Mistakes {
        /// All of them, rendered.
        shown: String,
        /// The policy.
        file: String,
        /// The first of them in one line.
        first: String,
    },
}

impl Fault {
    fn code(&self) -> u8 {
        match self {
            Self::Failed(_) => 1,
            Self::Usage(_) => 2,
            Self::Denied(_) => 3,
            Self::Policy(_) | Self::Mistakes { .. } => 4,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Failed(text) | Self::Usage(text) | Self::Denied(text) | Self::Policy(text) => {
                text.clone()
            }
            Self::Mistakes { file, .. } => {
                format!("`{file}` is no policy that can be used: mend this first")
            }
        }
    }

    /// In one line.
    fn brief(&self) -> String {
        match self {
            Self::Mistakes { first, .. } => first.clone(),
            _ => self.text(),
        }
    }

    fn say(&self) {
        if let Self::Mistakes { shown, .. } = self {
            say(&format!("{shown}\n"));
        }
        say(&format!("lockgate: {}", self.text()));
    }
}

/// The MCP firewall: stands between an AI agent and the MCP servers it uses.
#[derive(Debug, Parser)]
#[command(name = "lockgate", version, about, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Stand in front of a server: configure this as the MCP server
    Run(run::RunArgs),
    /// Stand in front of servers for agents that connect over HTTP
    Serve(serve::ServeArgs),
    /// List a server's tools, show what is new or changed, write the lockfile
    Pin(pins::PinArgs),
    /// Show how the server's tools stand to their pins
    Status(pins::ListArgs),
    /// Show word by word what changed since a tool was pinned
    Diff(pins::ListArgs),
    /// Approve new, changed or unreviewed tools
    Approve(pins::ApproveArgs),
    /// Check a policy, against the lockfile where there is one
    Check(check::CheckArgs),
    /// Say what would happen to a call, by which rule, and why
    Explain(Box<explain::ExplainArgs>),
    /// Propose a least-privilege policy from recorded traffic
    Learn(learn::LearnArgs),
    /// Run recorded traffic through a changed policy: what would differ
    Replay(replay::ReplayArgs),
    /// Lay out policy files, keeping comments and meaning
    Fmt(fmt::FmtArgs),
    /// Log in to a remote server with a browser
    Login(login::LoginArgs),
    /// Forget the login to a remote server, and give its tokens up
    Logout(login::LogoutArgs),
    /// Run the tests of a policy: `*.test.toml` beside it
    Test(test::TestArgs),
    /// Say which agents may call a tool, and on what it depends
    WhoCan(who_can::WhoCanArgs),
    /// Say what an agent may do, as a table
    WhatCan(what_can::WhatCanArgs),
    /// Make API keys for agents that connect
    #[command(subcommand)]
    Key(key::KeyCommand),
    /// Work with audit files
    #[command(subcommand)]
    Audit(evidence::AuditCommand),
    /// Play attacks against a hostile server behind lockgate
    Demo,
    /// The server of the demo
    #[command(name = demo::HOSTILE_SERVER, hide = true, disable_help_flag = true)]
    HostileServer {
        /// It reads its own.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

/// Who is meant: the policy, the agent, the server.
#[derive(Debug, Clone, Default, Args)]
struct Target {
    /// The policy file [default: `$LOCKGATE_CONFIG`, then the user's own]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The agent, as the policy names it
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// The server, as the policy names it
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// Let the server see this variable of lockgate's environment (repeatable)
    #[arg(long = "env", value_name = "VARIABLE")]
    pass: Vec<String>,
    /// The server is remote: its Streamable HTTP endpoint
    #[arg(long, value_name = "URL", conflicts_with_all = ["command", "pass"])]
    url: Option<String>,
    /// Send a header with every request to the URL, its value taken from this
    /// variable of lockgate's environment (repeatable)
    #[arg(long = "header-env", value_name = "HEADER=VARIABLE", conflicts_with_all = ["command", "pass"])]
    header_env: Vec<String>,
    /// What the URL's name may stand for: `public`, `private`, `loopback`, or a
    /// network such as `10.1.0.0/16` (repeatable) [default: `public`]
    #[arg(long = "address", value_name = "NETWORK", requires = "url")]
    addresses: Vec<String>,
    /// The server's own command line, after `--`
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Parses the command line and runs it.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // Help goes to stdout and is fine; a mistake goes to stderr.
            let code = u8::try_from(e.exit_code()).unwrap_or(2);
            let _ = e.print();
            return ExitCode::from(code);
        }
    };
    log_to_stderr();
    tell_unheeded_before(&cli.command);
    let done = match cli.command {
        Command::Run(args) => run::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Pin(args) => pins::pin(&args),
        Command::Status(args) => pins::status(&args),
        Command::Diff(args) => pins::diff(&args),
        Command::Approve(args) => pins::approve(&args),
        Command::Check(args) => check::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Learn(args) => learn::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Fmt(args) => fmt::run(&args),
        Command::Login(args) => login::login(&args),
        Command::Logout(args) => login::logout(&args),
        Command::Test(args) => test::run(&args),
        Command::WhoCan(args) => who_can::run(&args),
        Command::WhatCan(args) => what_can::run(&args),
        Command::Key(command) => key::run(&command),
        Command::Audit(command) => evidence::run(&command),
        Command::Demo => demo::run(),
        Command::HostileServer { .. } => Ok(demo::hostile_server()),
    };
    done.unwrap_or_else(|fault| {
        fault.say();
        ExitCode::from(fault.code())
    })
}

/// Every subcommand that obeys a policy says which one it does not obey.
fn tell_unheeded_before(command: &Command) {
    match command {
        Command::Run(run::RunArgs { target, .. })
        | Command::Serve(serve::ServeArgs { target, .. })
        | Command::Pin(pins::PinArgs { target, .. })
        | Command::Status(pins::ListArgs { target, .. })
        | Command::Diff(pins::ListArgs { target, .. })
        | Command::Approve(pins::ApproveArgs { target, .. }) => {
            tell_unheeded(target.config.as_deref());
        }
        // What a code means is the same under any policy.
        Command::Explain(args) if args.is_about_codes() => {}
        Command::Explain(args) => tell_unheeded(args.target.config.as_deref()),
        Command::Login(login::LoginArgs { which, .. })
        | Command::Logout(login::LogoutArgs { which }) => tell_unheeded(which.config()),
        Command::Check(args) => tell_unheeded(args.named()),
        Command::WhoCan(args) => tell_unheeded(args.named()),
        Command::WhatCan(args) => tell_unheeded(args.named()),
        // Where files are named, no policy is looked for.
        Command::Test(args) if args.names_files() => {}
        Command::Test(args) => tell_unheeded(args.named()),
        Command::Learn(args) => tell_unheeded(args.named()),
        Command::Replay(args) => tell_unheeded(args.config.as_deref()),
        // `audit` asks for a policy only where no file is named.
        Command::Audit(_)
        | Command::Fmt(_)
        | Command::Key(_)
        | Command::Demo
        | Command::HostileServer { .. } => {}
    }
}

/// Says where a policy lies that somebody may think is obeyed.
fn tell_unheeded(flag: Option<&Path>) {
    let places = places::Places::from_env().ok();
    if let Some(here) = places.and_then(|places| places.unheeded(flag)) {
        say(&format!(
            "lockgate: `{here}` in this directory is not in force: it may have come with \
             somebody else's files; to use it, say `--config ./{here}` or set `LOCKGATE_CONFIG`"
        ));
    }
}

/// stdout is the protocol: everything else goes to stderr.
fn log_to_stderr() {
    let wanted = std::env::var("LOCKGATE_LOG").unwrap_or_default();
    let level = match wanted.as_str() {
        "error" => tracing::Level::ERROR,
        "" | "warn" => tracing::Level::WARN,
        "info" => tracing::Level::INFO,
        "debug" => tracing::Level::DEBUG,
        _ => {
            say("lockgate: expected `LOCKGATE_LOG` to be error, warn, info or debug; taking warn");
            tracing::Level::WARN
        }
    };
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(|| Writer)
        .with_ansi(color_on_stderr())
        .with_target(false)
        .without_time()
        .init();
}

/// Whether stdout may be coloured.
fn color() -> bool {
    is_colored(std::io::stdout().is_terminal(), |name| {
        std::env::var_os(name)
    })
}

/// Whether stderr may be coloured.
fn color_on_stderr() -> bool {
    is_colored(std::io::stderr().is_terminal(), |name| {
        std::env::var_os(name)
    })
}

/// <https://no-color.org>: a variable that is empty says nothing.
fn is_colored(terminal: bool, variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let refused = variable("NO_COLOR").is_some_and(|v| !v.is_empty());
    let dumb = variable("TERM").is_some_and(|v| v == "dumb");
    terminal && !refused && !dumb
}

/// `1 tool`, `2 tools`.
fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Prints a result.
fn tell(text: &str) {
    use std::io::Write;
    // A reader that has gone away needs no result.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

/// Prints something beside the result.
fn say(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }

    #[test]
    fn colour_is_for_terminals_that_want_it() {
        for (terminal, set, expected) in [
            (true, ("TERM", "xterm"), true),
            (false, ("TERM", "xterm"), false),
            (true, ("TERM", "dumb"), false),
            (true, ("NO_COLOR", "1"), false),
            (true, ("NO_COLOR", ""), true),
        ] {
            let variable = |name: &str| (name == set.0).then(|| set.1.into());
            assert_eq!(super::is_colored(terminal, variable), expected, "{set:?}");
        }
    }
}
