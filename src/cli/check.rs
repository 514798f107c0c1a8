//! `lockgate check`: is the policy one that can be meant?

use super::places::Places;
use super::{Fault, color, tell};
use crate::engine::policy::{Diagnostic, Policy, Severity, render};
use crate::state::lockfile;
use clap::Args;
use std::path::PathBuf;
use std::process::ExitCode;

/// Exit code: the policy cannot be used.
const INVALID: u8 = 4;

/// `lockgate check [FILE]`
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// The policy file [default: `$LOCKGATE_CONFIG`, then the user's own]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The same, without `--config`
    #[arg(value_name = "FILE", conflicts_with = "config")]
    file: Option<PathBuf>,
    /// Warnings count as mistakes
    #[arg(long)]
    strict: bool,
    /// For programs: one JSON object
    #[arg(long)]
    json: bool,
}

/// What `check` found, for programs.
fn report(file: &str, text: &str, found: &[Diagnostic], usable: bool) -> String {
    let place = |at: usize| {
        let before = text.get(..at).unwrap_or(text);
        let line = before.matches('\n').count().saturating_add(1);
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count();
        (line, column.saturating_add(1))
    };
    let severity = |s: Severity| match s {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let found: Vec<_> = found
        .iter()
        .map(|d| {
            let (line, column) = place(d.span.start);
            serde_json::json!({
                "severity": severity(d.severity),
                "message": d.message,
                "help": d.help,
                "line": line,
                "column": column,
            })
        })
        .collect();
    serde_json::json!({ "file": file, "usable": usable, "diagnostics": found }).to_string()
}

pub(super) fn run(args: &CheckArgs) -> Result<ExitCode, Fault> {
    let places = Places::from_env().map_err(|e| Fault::Failed(e.to_string()))?;
    let named = args.config.as_deref().or(args.file.as_deref());
    let Some(file) = places.policy(named) else {
        tell("no policy is written: the built-in baseline is in force");
        return Ok(ExitCode::SUCCESS);
    };
    let shown = file.display().to_string();
    let text = std::fs::read_to_string(&file)
        .map_err(|e| Fault::Policy(format!("cannot read the policy `{shown}`: {e}")))?;
    let base = super::setup::policy_base(&file, &places.home)
        .map_err(|e| Fault::Failed(format!("cannot tell where `{shown}` is: {e}")))?;
    let policy = match Policy::parse(&shown, &text, &base) {
        Ok(policy) => policy,
        Err(mistakes) if args.json => {
            tell(&report(&shown, &text, &mistakes, false));
            return Ok(ExitCode::from(INVALID));
        }
        Err(mistakes) => return Err(Fault::Policy(render(&shown, &text, &mistakes, color()))),
    };
    let path = places.lockfile(Some(&file));
    let (pins, _) = lockfile::load(&path).map_err(|e| Fault::Failed(e.to_string()))?;
    let remarks = policy.check_against(&pins);
    let bad = remarks.iter().any(|d| match d.severity {
        Severity::Error => true,
        Severity::Warning => args.strict,
        Severity::Note => false,
    });
    if args.json {
        tell(&report(&shown, &text, &remarks, !bad));
        return Ok(if bad {
            ExitCode::from(INVALID)
        } else {
            ExitCode::SUCCESS
        });
    }
    if !remarks.is_empty() {
        tell(&render(&shown, &text, &remarks, color()));
        tell("");
    }
    if bad {
        return Err(Fault::Policy(format!("`{shown}` cannot be used as it is")));
    }
    let against = if pins.servers.is_empty() {
        "no lockfile yet: pin the servers with `lockgate pin`, then check again".to_owned()
    } else {
        format!("checked against `{}`", path.display())
    };
    tell(&format!(
        "{shown}: {} servers, {} agents, {} rules are fine; {against}",
        policy.servers.len(),
        policy.agents.len(),
        policy.rules_for_display().len(),
    ));
    Ok(ExitCode::SUCCESS)
}
