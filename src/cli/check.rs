//! `lockgate check`: is the policy one that can be meant?

mod revision;
mod sarif;

use super::places::Places;
use super::{Fault, color, counted, tell};
use crate::engine::pin::Lockfile;
use crate::engine::policy::{Code, Diagnostic, Policy, PolicyBase, Severity, render};
use crate::state::lockfile;
use clap::Args;
use revision::Older;
use std::path::{Path, PathBuf};
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
    /// Tell what became wider since an older policy: a file, or `git:REVISION`
    /// with `:PATH` behind it where it had another place
    #[arg(long, value_name = "POLICY")]
    against: Option<String>,
    /// For programs: one JSON object
    #[arg(long)]
    json: bool,
    /// For code scanning: a SARIF 2.1.0 log
    #[arg(long, conflicts_with = "json")]
    sarif: bool,
}

impl CheckArgs {
    /// The policy that is named.
    pub(super) fn named(&self) -> Option<&Path> {
        self.config.as_deref().or(self.file.as_deref())
    }

    /// Whether a program reads what is told.
    fn for_a_program(&self) -> bool {
        self.json || self.sarif
    }
}

/// What `check` found.
struct Found {
    file: String,
    text: String,
    diagnostics: Vec<Diagnostic>,
    /// Whether `run` takes it.
    usable: bool,
    /// Whether there is nothing to mend.
    fine: bool,
}

impl Found {
    /// For programs.
    fn report(&self) -> String {
        let found: Vec<_> = self
            .diagnostics
            .iter()
            .map(|d| {
                let (line, column) = self.place(d.span.start);
                serde_json::json!({
                    "code": d.code.to_string(),
                    "severity": severity(d.severity),
                    "message": d.message,
                    "help": d.help,
                    "line": line,
                    "column": column,
                })
            })
            .collect();
        object(&self.file, self.usable, self.fine, &found)
    }

    fn sarif(&self) -> String {
        let here = std::env::current_dir().unwrap_or_default();
        sarif::log(self, &here)
    }

    fn place(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let line = before.matches('\n').count().saturating_add(1);
        let column = before.rsplit('\n').next().unwrap_or_default();
        (line, column.chars().count().saturating_add(1))
    }

    fn shown(&self, color: bool) -> String {
        render(&self.file, &self.text, &self.diagnostics, color)
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn object(name: &str, usable: bool, fine: bool, found: &[serde_json::Value]) -> String {
    serde_json::json!({ "file": name, "usable": usable, "fine": fine, "diagnostics": found })
        .to_string()
}

pub(super) fn run(args: &CheckArgs) -> Result<ExitCode, Fault> {
    let places = Places::from_env().map_err(|e| Fault::Failed(e.to_string()))?;
    let Some(file) = places.policy(args.named()) else {
        if let Some(here) = places.unheeded(None) {
            let hint = "name it to check it";
            return Err(Fault::Usage(format!(
                "no policy is in force, the built-in baseline is: {hint}: `lockgate check {here}`"
            )));
        }
        tell("no policy is written: the built-in baseline is in force");
        return Ok(ExitCode::SUCCESS);
    };
    let checked = check(&file, &places, args);
    match checked {
        Err(fault) if args.for_a_program() => {
            let code = ExitCode::from(fault.code());
            tell_fault(&file.display().to_string(), &fault, args);
            Ok(code)
        }
        told => told,
    }
}

/// What hinders the check, for programs.
fn tell_fault(file: &str, fault: &Fault, args: &CheckArgs) {
    let code = Code::UNREADABLE;
    if args.sarif {
        let found = Found {
            file: file.to_owned(),
            text: String::new(),
            diagnostics: vec![Diagnostic {
                code,
                span: 0..0,
                message: fault.text(),
                help: None,
                severity: Severity::Error,
            }],
            usable: false,
            fine: false,
        };
        tell(&found.sarif());
        return;
    }
    let found = serde_json::json!({
        "code": code.to_string(),
        "severity": "error",
        "message": fault.text(),
    });
    tell(&object(file, false, false, &[found]));
}

fn check(file: &Path, places: &Places, args: &CheckArgs) -> Result<ExitCode, Fault> {
    let shown = file.display().to_string();
    let text = super::setup::read_policy(file)?;
    let base = super::setup::policy_base(file, &places.home)
        .map_err(|e| Fault::Failed(format!("cannot tell where `{shown}` is: {e}")))?;
    let path = places.lockfile(Some(file));
    let pins = match lockfile::load(&path) {
        Ok((pins, _)) => pins,
        Err(e) => {
            // The policy's own mistakes do not hide behind it.
            super::setup::load_policy(file, places)?;
            return Err(Fault::Failed(e.to_string()));
        }
    };
    let parsed = Policy::parse_beside(&shown, &text, &base, &pins);
    let (policy, diagnostics) = match parsed {
        Ok(policy) => {
            let mut remarks = policy.check_against(&pins);
            remarks.extend(policy.check_environment(|name| std::env::var_os(name).is_some()));
            if let Some(older) = &args.against {
                remarks.extend(compared(&policy, older, file, &base, &pins)?);
            }
            remarks.sort_by_key(|d| (d.span.start, d.span.end, d.severity, d.code));
            (Some(policy), remarks)
        }
        Err(mistakes) => (None, mistakes),
    };
    let bad = diagnostics.iter().any(|d| match d.severity {
        Severity::Error => true,
        Severity::Warning => args.strict,
        Severity::Note => false,
    });
    let found = Found {
        file: shown,
        text,
        diagnostics,
        usable: policy.is_some(),
        fine: !bad,
    };
    let Some(policy) = policy.filter(|_| !args.for_a_program()) else {
        return unusable(&found, args);
    };
    if !found.diagnostics.is_empty() {
        tell(&found.shown(color()));
        tell("");
    }
    let file = &found.file;
    if bad {
        return Err(Fault::Policy(format!(
            "`{file}` is in force as it stands, and does not say what it means: mend the above"
        )));
    }
    tell(&summary(file, &policy, &pins, &path));
    Ok(ExitCode::SUCCESS)
}

/// What is permitted beyond an older policy, and what no longer.
fn compared(
    policy: &Policy,
    older: &str,
    file: &Path,
    base: &PolicyBase,
    pins: &Lockfile,
) -> Result<Vec<Diagnostic>, Fault> {
    let older = Older::parse(older, file)?;
    let name = older.name();
    let text = older.read(file)?;
    // It is read as if it stood where the new one stands.
    let older = Policy::parse(&name, &text, base).map_err(|mistakes| {
        let first = mistakes.first().map_or("", |d| d.message.as_str());
        Fault::Failed(format!(
            "`{name}` is no policy that this lockgate can use, so that nothing can be compared \
             with it: {first}; name one that `lockgate check` takes"
        ))
    })?;
    Ok(policy.check_against_older(&older, pins))
}

/// What a program reads, and what is said of a policy that cannot be used.
fn unusable(found: &Found, args: &CheckArgs) -> Result<ExitCode, Fault> {
    if !args.for_a_program() {
        return Err(Fault::Mistakes {
            shown: found.shown(super::color_on_stderr()),
            file: found.file.clone(),
        });
    }
    tell(&if args.sarif {
        found.sarif()
    } else {
        found.report()
    });
    Ok(if found.fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(INVALID)
    })
}

fn summary(file: &str, policy: &Policy, pins: &Lockfile, path: &Path) -> String {
    let against = match policy.servers.keys().next() {
        Some(first) if pins.servers.is_empty() => {
            let hint = policy.hint("pin", first);
            format!("no lockfile yet: `{hint}`, then check again")
        }
        _ => format!("checked against `{}`", path.display()),
    };
    format!(
        "{file}: {}, {}, {}: fine; {against}",
        counted(policy.servers.len(), "server"),
        counted(policy.agents.len(), "agent"),
        counted(policy.rules_for_display().len(), "rule"),
    )
}
