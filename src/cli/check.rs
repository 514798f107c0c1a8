//! `lockgate check`: is the policy one that can be meant?

mod revision;
mod sarif;

use super::places::Places;
use super::setup::{Revision, Written};
use super::test::check_tests;
use super::{Fault, color, counted, tell};
use crate::engine::pin::Lockfile;
use crate::engine::policy::{Code, Diagnostic, Policy, PolicyBase, Severity, Sources, render_all};
use crate::state::lockfile;
use clap::Args;
use revision::Older;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

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
    sources: Sources,
    diagnostics: Vec<Diagnostic>,
    /// What is wrong with the tests of a strict policy.
    tests: Option<Fault>,
    /// Whether `run` takes it.
    usable: bool,
    /// Whether there is nothing to mend.
    fine: bool,
}

impl Found {
    /// For programs.
    fn report(&self) -> String {
        let mut found: Vec<_> = self
            .diagnostics
            .iter()
            .map(|d| {
                let place = self.sources.place(d.span.start);
                let line_and_column = place.map(|place| (place.line, place.column));
                let (line, column) = line_and_column.unwrap_or((1, 1));
                serde_json::json!({
                    "code": d.code.to_string(),
                    "file": place.map_or(self.file.as_str(), |place| place.file),
                    "severity": severity(d.severity),
                    "message": d.message,
                    "help": d.help,
                    "line": line,
                    "column": column,
                })
            })
            .collect();
        let tests = self
            .tests
            .iter()
            .map(|fault| as_mistake(Code::TESTS, fault));
        found.extend(tests);
        object(&self.file, self.usable, self.fine, &found)
    }

    fn sarif(&self) -> String {
        let here = std::env::current_dir().unwrap_or_default();
        let tests = self.tests.iter().map(|fault| placeless(Code::TESTS, fault));
        let all: Vec<_> = self.diagnostics.iter().cloned().chain(tests).collect();
        sarif::log(&self.file, &self.sources, &all, &here)
    }

    fn shown(&self, color: bool) -> String {
        render_all(&self.sources, &self.diagnostics, color)
    }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

/// What has no place in the policy.
fn as_mistake(code: Code, fault: &Fault) -> serde_json::Value {
    let code = code.to_string();
    serde_json::json!({ "code": code, "severity": "error", "message": fault.text() })
}

/// The same beside what has one.
fn placeless(code: Code, fault: &Fault) -> Diagnostic {
    Diagnostic {
        code,
        span: 0..0,
        message: fault.text(),
        help: None,
        severity: Severity::Error,
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
            sources: Sources::default(),
            diagnostics: vec![placeless(code, fault)],
            tests: None,
            usable: false,
            fine: false,
        };
        tell(&found.sarif());
        return;
    }
    tell(&object(file, false, false, &[as_mistake(code, fault)]));
}

fn check(file: &Path, places: &Places, args: &CheckArgs) -> Result<ExitCode, Fault> {
    let shown = file.display().to_string();
    let Written { sources, base, own } = super::setup::read_policy(file, places)?;
    let path = places.lockfile(Some(file));
    let pins = match lockfile::load(&path) {
        Ok((pins, _)) => pins,
        Err(e) => {
            // The policy's own mistakes do not hide behind it.
            super::setup::load_policy(file, places)?;
            return Err(Fault::Failed(e.to_string()));
        }
    };
    let parsed = Policy::parse_beside(&shown, &sources, &base, &pins);
    let (policy, mut diagnostics) = match parsed {
        Ok(policy) => {
            let mut remarks = policy.check_against(&pins);
            remarks.extend(policy.check_environment(|name| std::env::var_os(name).is_some()));
            (Some(policy), remarks)
        }
        Err(mistakes) => (None, mistakes),
    };
    let is_strict = policy.as_ref().is_some_and(|policy| policy.strict);
    // What it permits beyond an older one is no reason not to be in force.
    let out_of_force = is_strict && is_bad(&diagnostics, true);
    if let (Some(policy), Some(older)) = (&policy, &args.against) {
        diagnostics.extend(compared(policy, older, file, places, (&base, &pins))?);
        diagnostics.sort_by_key(|d| (d.span.start, d.span.end, d.severity, d.code));
    }
    let bad = out_of_force || is_bad(&diagnostics, args.strict);
    let strict = policy.as_ref().filter(|policy| policy.strict);
    let tests = strict.and_then(|policy| {
        let read = Revision {
            places: places.clone(),
            file: Some(file.to_owned()),
            policy: Arc::new(policy.clone()),
            own,
            lockfile: path.clone(),
            pins: Arc::new(pins.clone()),
            pins_digest: None,
        };
        check_tests(&read).err()
    });
    let found = Found {
        file: shown,
        sources,
        diagnostics,
        usable: policy.is_some() && !out_of_force && !(is_strict && tests.is_some()),
        fine: !bad && tests.is_none(),
        tests,
    };
    let Some(policy) = policy.filter(|_| !args.for_a_program()) else {
        return unusable(&found, args);
    };
    told(found, out_of_force, bad)?;
    tell(&summary(&file.display().to_string(), &policy, &pins, &path));
    Ok(ExitCode::SUCCESS)
}

fn is_bad(found: &[Diagnostic], warnings: bool) -> bool {
    found.iter().any(|d| match d.severity {
        Severity::Error => true,
        Severity::Warning => warnings,
        Severity::Note => false,
    })
}

/// Tells a person. The error: what there is to mend.
fn told(found: Found, out_of_force: bool, bad: bool) -> Result<(), Fault> {
    if !found.diagnostics.is_empty() {
        tell(&found.shown(color()));
        tell("");
    }
    let file = &found.file;
    if out_of_force {
        return Err(Fault::Policy(format!(
            "`{file}` is strict, and not in force: mend the above"
        )));
    }
    if let Some(fault) = found.tests {
        return Err(fault);
    }
    if bad {
        return Err(Fault::Policy(format!(
            "`{file}` is in force as it stands, and does not say what it means: mend the above"
        )));
    }
    Ok(())
}

/// What is permitted beyond an older policy, and what no longer.
fn compared(
    policy: &Policy,
    older: &str,
    file: &Path,
    places: &Places,
    (base, pins): (&PolicyBase, &Lockfile),
) -> Result<Vec<Diagnostic>, Fault> {
    let older = Older::parse(older)?;
    let name = older.name();
    // It is read as if it stood where the new one stands.
    let sources = older.read(file, places, base)?;
    let older = Policy::parse_all(&name, &sources, base).map_err(|mistakes| {
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
            first: String::new(),
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
