//! `lockgate audit`: from command-line words to the files that are meant.

use super::places::Places;
use super::setup::load_policy;
use super::{Fault, audit, say};
use clap::{Args, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// `lockgate audit verify | tail | show`
#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Verify the chain: exit code 6 if evidence was tampered with
    Verify(Which),
    /// Show the newest decisions, a line each
    Tail {
        #[command(flatten)]
        which: Which,
        /// So many of them
        #[arg(short = 'n', default_value_t = 20)]
        count: usize,
    },
    /// Show all decisions, a line each
    Show(Which),
}

/// Which files.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// Files or directories [default: where the policy in force puts them]
    #[arg(value_name = "FILE")]
    paths: Vec<PathBuf>,
    /// The policy file
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// For programs: one JSON object a line
    #[arg(long)]
    json: bool,
}

impl Which {
    /// The files that are named, or nothing where nothing has been recorded
    /// yet in the directory that is meant otherwise.
    fn paths(&self) -> Result<Vec<PathBuf>, Fault> {
        if !self.paths.is_empty() {
            return Ok(self.paths.clone());
        }
        super::tell_unheeded(self.config.as_deref());
        let places = Places::from_env().map_err(|e| Fault::Failed(e.to_string()))?;
        let written = match places.policy(self.config.as_deref()) {
            Some(file) => load_policy(&file, &places)?.0.audit_dir,
            None => None,
        };
        let dir = written.map_or_else(|| places.audit(), PathBuf::from);
        if audit::is_empty(&dir) {
            say(&format!("nothing recorded yet in `{}`", dir.display()));
            return Ok(Vec::new());
        }
        Ok(vec![dir])
    }
}

pub(super) fn run(command: &AuditCommand) -> Result<ExitCode, Fault> {
    let (AuditCommand::Verify(which)
    | AuditCommand::Show(which)
    | AuditCommand::Tail { which, .. }) = command;
    let paths = which.paths()?;
    if paths.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let mut out = std::io::stdout().lock();
    let code = match command {
        AuditCommand::Verify(_) => audit::verify(&paths, which.json, &mut out),
        AuditCommand::Show(_) => audit::show(&paths, None, which.json, &mut out),
        AuditCommand::Tail { count, .. } => audit::show(&paths, Some(*count), which.json, &mut out),
    };
    Ok(ExitCode::from(code))
}
