//! `lockgate fmt`: policy files in their one layout.

use super::places::Places;
use super::setup::read_text;
use super::{Fault, say, tell};
use crate::engine::policy::MAX_BYTES;
use crate::layout::{LayoutError, format};
use crate::state::policy::written;
use clap::Args;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Exit code of `--check`: some file is laid out otherwise.
const OTHERWISE: u8 = 1;

/// `lockgate fmt [FILE...] [--check] [--stdin]`
#[derive(Debug, Args)]
pub(super) struct FmtArgs {
    /// Policy files, or directories of them [default: `$LOCKGATE_CONFIG`, then the user's own]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Change nothing; name the files that are laid out otherwise (exit code 1)
    #[arg(long)]
    check: bool,
    /// Read a policy from standard input and write it to standard output
    #[arg(long, conflicts_with = "files")]
    stdin: bool,
}

pub(super) fn run(args: &FmtArgs) -> Result<ExitCode, Fault> {
    if args.stdin {
        return from_stdin(args.check);
    }
    let mut otherwise = false;
    let mut refused = None;
    for file in files(args)? {
        match lay_out(&file, args.check) {
            Ok(same) => otherwise |= !same,
            // All files are looked at, and the first one that is wrong decides.
            Err(fault) => {
                if let Some(earlier) = refused.replace(fault) {
                    earlier.say();
                }
            }
        }
    }
    if let Some(fault) = refused {
        return Err(fault);
    }
    Ok(code(args.check && otherwise))
}

fn code(otherwise: bool) -> ExitCode {
    if otherwise {
        ExitCode::from(OTHERWISE)
    } else {
        ExitCode::SUCCESS
    }
}

fn files(args: &FmtArgs) -> Result<Vec<PathBuf>, Fault> {
    let mut named = args.files.clone();
    if named.is_empty() {
        let places = Places::from_env().map_err(|e| Fault::Failed(e.to_string()))?;
        let none = || Fault::Usage("no policy is in force: name a file".to_owned());
        named.push(places.policy(None).ok_or_else(none)?);
    }
    let mut files = Vec::new();
    for place in named {
        if !place.is_dir() {
            files.push(place);
            continue;
        }
        let found = written(&place).map_err(|e| {
            Fault::Failed(format!(
                "cannot read the directory `{}`: {e}",
                place.display()
            ))
        })?;
        files.extend(found);
    }
    Ok(files)
}

/// Whether the file was laid out already.
fn lay_out(file: &Path, check: bool) -> Result<bool, Fault> {
    let text = read_text(file)?;
    let laid_out = format(&text).map_err(|e| refusal(&file.display().to_string(), &e))?;
    let same = laid_out == text;
    if same {
        return Ok(true);
    }
    if check {
        tell(&file.display().to_string());
        return Ok(false);
    }
    replace(file, &laid_out)?;
    say(&format!("lockgate: laid out `{}`", file.display()));
    Ok(false)
}

fn refusal(name: &str, error: &LayoutError) -> Fault {
    Fault::Policy(format!("`{name}` stays as it is: {error}"))
}

/// Puts a text in the place of a file's, all or nothing; a link stays a link,
/// and the file keeps its mode.
pub(super) fn replace(file: &Path, text: &str) -> Result<(), Fault> {
    let failed =
        |e: std::io::Error| Fault::Failed(format!("cannot write `{}`: {e}", file.display()));
    let real = file.canonicalize().map_err(failed)?;
    let mode = std::fs::metadata(&real).map_err(failed)?.permissions();
    let dir = real.parent().unwrap_or(Path::new("."));
    let mut new = tempfile::NamedTempFile::new_in(dir).map_err(failed)?;
    new.write_all(text.as_bytes()).map_err(failed)?;
    new.as_file().set_permissions(mode).map_err(failed)?;
    new.as_file().sync_all().map_err(failed)?;
    new.persist(&real).map_err(|e| failed(e.error))?;
    Ok(())
}

fn from_stdin(check: bool) -> Result<ExitCode, Fault> {
    let most = u64::try_from(MAX_BYTES).unwrap_or(u64::MAX);
    let mut text = String::new();
    let read = std::io::stdin()
        .take(most.saturating_add(1))
        .read_to_string(&mut text);
    read.map_err(|e| Fault::Failed(format!("cannot read standard input: {e}")))?;
    if text.len() > MAX_BYTES {
        let why = format!("standard input: expected at most {MAX_BYTES} bytes");
        return Err(Fault::Policy(why));
    }
    let laid_out = format(&text).map_err(|e| refusal("<stdin>", &e))?;
    if check {
        let otherwise = laid_out != text;
        if otherwise {
            tell("<stdin>");
        }
        return Ok(code(otherwise));
    }
    let written = std::io::stdout().lock().write_all(laid_out.as_bytes());
    written.map_err(|e| Fault::Failed(format!("cannot write: {e}")))?;
    Ok(ExitCode::SUCCESS)
}
