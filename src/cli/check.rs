//! `lockgate check`: is the policy one that can be meant?

use super::places::Places;
use super::setup::{Revision, Written};
use super::test::check_tests;
use super::{Fault, color, counted, tell};
use crate::engine::pin::Lockfile;
use crate::engine::policy::{Diagnostic, Policy, Severity, Sources, render_all};
use crate::state::lockfile;
use clap::Args;
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
    /// For programs: one JSON object
    #[arg(long)]
    json: bool,
}

impl CheckArgs {
    /// The policy that is named.
    pub(super) fn named(&self) -> Option<&Path> {
        self.config.as_deref().or(self.file.as_deref())
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
                    "file": place.map_or(self.file.as_str(), |place| place.file),
                    "severity": severity(d.severity),
                    "message": d.message,
                    "help": d.help,
                    "line": line,
                    "column": column,
                })
            })
            .collect();
        let tests = self.tests.iter().map(as_mistake);
        found.extend(tests);
        object(&self.file, self.usable, self.fine, &found)
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
fn as_mistake(fault: &Fault) -> serde_json::Value {
    serde_json::json!({ "severity": "error", "message": fault.text() })
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
    if let (Err(fault), true) = (&checked, args.json) {
        let found = as_mistake(fault);
        tell(&object(&file.display().to_string(), false, false, &[found]));
        return Ok(ExitCode::from(fault.code()));
    }
    checked
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
    let (policy, diagnostics) = match parsed {
        Ok(policy) => {
            let remarks = policy.check_against(&pins);
            (Some(policy), remarks)
        }
        Err(mistakes) => (None, mistakes),
    };
    let is_strict = policy.as_ref().is_some_and(|policy| policy.strict);
    let bad = diagnostics.iter().any(|d| match d.severity {
        Severity::Error => true,
        Severity::Warning => args.strict || is_strict,
        Severity::Note => false,
    });
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
        usable: policy.is_some() && !(is_strict && (bad || tests.is_some())),
        fine: !bad && tests.is_none(),
        tests,
    };
    let Some(policy) = policy.filter(|_| !args.json) else {
        return unusable(&found, args.json);
    };
    if !found.diagnostics.is_empty() {
        tell(&found.shown(color()));
        tell("");
    }
    let file = &found.file;
    if bad && is_strict {
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
    tell(&summary(file, &policy, &pins, &path));
    Ok(ExitCode::SUCCESS)
}

/// What a program reads, and what is said of a policy that cannot be used.
fn unusable(found: &Found, json: bool) -> Result<ExitCode, Fault> {
    if !json {
        return Err(Fault::Mistakes {
            shown: found.shown(super::color_on_stderr()),
            file: found.file.clone(),
            first: String::new(),
        });
    }
    tell(&found.report());
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
