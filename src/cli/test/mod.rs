//! `lockgate test`: the tests of a policy, which are calls and what has to
//! become of them.
//!
//! Each call is decided by the engine that stands behind `run`, with the pins of
//! the lockfile; nothing is started or sent.

mod files;
mod judge;
mod messages;
mod outcome;
mod report;
mod strict;

use super::places::Places;
use super::setup::{Revision, in_full};
use super::{Fault, color_on_stderr, say, tell};
use crate::engine::policy::{MAX_BYTES, PolicyBase, Test, TestFile, render};
use crate::state::text;
use clap::Args;
pub(super) use files::tests_of;
use judge::Judge;
use outcome::{Coverage, Outcome};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
pub(super) use strict::{check_strict, check_tests};

/// Exit code: some test failed.
const FAILED: u8 = 1;
/// Exit code: a test file has mistakes.
const INVALID: u8 = 4;

/// `lockgate test [FILE|DIR]...`
#[derive(Debug, Args)]
pub(super) struct TestArgs {
    /// Policies, test files, or directories of them [default: the tests beside
    /// the policy in force]
    #[arg(value_name = "FILE|DIR")]
    files: Vec<PathBuf>,
    /// The policy whose tests these are
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Show every rule, and how often it determined a call
    #[arg(long)]
    coverage: bool,
    /// Fail unless so many percent of the rules are covered
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,
    /// For programs: one JSON object
    #[arg(long)]
    json: bool,
}

impl TestArgs {
    /// The policy that is named.
    pub(super) fn named(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// Whether it is said what to test.
    pub(super) fn names_files(&self) -> bool {
        !self.files.is_empty()
    }

    /// The policies that are meant, each with its tests.
    fn meant(&self, places: &Places) -> Result<BTreeMap<PathBuf, Vec<PathBuf>>, Fault> {
        if self.config.is_none() && !self.files.is_empty() {
            return files::meant(&self.files);
        }
        let Some(policy) = places.policy(self.config.as_deref()) else {
            return Err(Fault::Usage(
                "no policy is in force, the built-in baseline is: name the policy to test it"
                    .to_owned(),
            ));
        };
        let mut tests = Vec::new();
        for path in &self.files {
            if !path.is_dir() && !files::is_test(path) {
                let path = path.display();
                return Err(Fault::Usage(format!(
                    "`{path}` is no test file: with `--config`, only tests (`*.test.toml`) are named"
                )));
            }
            tests.extend(files::listed(path)?);
        }
        if self.files.is_empty() {
            tests = tests_of(&policy)?;
        }
        Ok(BTreeMap::from([(policy, tests)]))
    }
}

pub(super) fn run(args: &TestArgs) -> Result<ExitCode, Fault> {
    let places = Places::from_env().map_err(|e| Fault::Failed(e.to_string()))?;
    let mut code = 0;
    let mut reports = Vec::new();
    for (policy, tests) in args.meant(&places)? {
        let read = Revision::of(Some(policy.clone()), places.clone())?;
        if tests.is_empty() {
            return Err(none(&policy));
        }
        let ran = Ran::new(&policy, &read, &tests)?;
        code = code.max(ran.code(args.min_coverage));
        if args.json {
            reports.push(ran.json(args.min_coverage));
        } else {
            for mistakes in &ran.mistakes {
                say(&format!("{}\n", mistakes.shown));
            }
            tell(&ran.words(args.coverage, args.min_coverage));
        }
    }
    if args.json {
        let all = serde_json::json!({ "fine": code == 0, "policies": reports });
        tell(&all.to_string());
    }
    Ok(ExitCode::from(code))
}

/// Where the policy lies.
fn base(policy: &Path, read: &Revision) -> Result<PolicyBase, Fault> {
    let dir = if policy.is_dir() {
        policy
    } else {
        files::dir_of(policy)
    };
    let dir = in_full(vec![dir.to_owned()])?;
    Ok(PolicyBase {
        dir: dir.concat(),
        home: read.places.home.display().to_string(),
    })
}

fn read_tests(path: &Path) -> Result<String, Fault> {
    text::read(path, MAX_BYTES)
        .map_err(|e| Fault::Failed(format!("cannot read the tests `{}`: {e}", path.display())))
}

fn none(policy: &Path) -> Fault {
    let name = policy.with_extension("test.toml");
    let (policy, name) = (policy.display(), name.display());
    Fault::Usage(format!("`{policy}` has no tests: write `{name}`"))
}

/// A test file that cannot be used.
#[derive(Debug)]
struct Mistakes {
    file: String,
    /// All of them, rendered.
    shown: String,
    count: usize,
}

/// A test, and what became of its calls.
#[derive(Debug)]
struct RanTest {
    file: String,
    test: Test,
    outcomes: Vec<Outcome>,
}

/// All tests of one policy.
#[derive(Debug)]
struct Ran {
    policy: String,
    mistakes: Vec<Mistakes>,
    tests: Vec<RanTest>,
    coverage: Coverage,
    /// What has to be said beside it.
    notes: Vec<String>,
}

impl Ran {
    fn new(policy: &Path, read: &Revision, files: &[PathBuf]) -> Result<Self, Fault> {
        let base = base(policy, read)?;
        let mut judge = Judge::new(read, base.dir.clone())?;
        let mut mistakes = Vec::new();
        let mut tests = Vec::new();
        for path in files {
            let file = path.display().to_string();
            let text = read_tests(path)?;
            match TestFile::parse(&text, &read.policy, &base) {
                Err(found) => mistakes.push(Mistakes {
                    shown: render(&file, &text, &found, color_on_stderr()),
                    count: found.len(),
                    file,
                }),
                Ok(parsed) => tests.extend(parsed.tests.into_iter().map(|test| RanTest {
                    file: file.clone(),
                    outcomes: outcomes(&test, &mut judge),
                    test,
                })),
            }
        }
        let all = tests.iter().flat_map(|test| &test.outcomes);
        let coverage = Coverage::of(&read.policy, all);
        let notes = judge.unpinned.iter().map(|server| {
            let hint = read.policy.hint("pin", server);
            format!(
                "`{server}` has no pins: its rules and the guard judged alone, no schema did; `{hint}`"
            )
        });
        Ok(Self {
            policy: policy.display().to_string(),
            notes: notes.collect(),
            mistakes,
            tests,
            coverage,
        })
    }

    fn outcomes(&self) -> impl Iterator<Item = &Outcome> + Clone {
        self.tests.iter().flat_map(|test| &test.outcomes)
    }

    /// How many calls came out otherwise than expected.
    fn failed(&self) -> usize {
        self.outcomes().filter(|outcome| !outcome.is_fine()).count()
    }

    fn covers(&self, least: Option<u8>) -> bool {
        least.is_none_or(|least| self.coverage.percent() >= least.into())
    }

    fn code(&self, least: Option<u8>) -> u8 {
        if !self.mistakes.is_empty() {
            INVALID
        } else if self.failed() > 0 || !self.covers(least) {
            FAILED
        } else {
            0
        }
    }
}

fn outcomes(test: &Test, judge: &mut Judge<'_>) -> Vec<Outcome> {
    let calls = test.calls.iter();
    calls
        .map(|call| Outcome::of(call, judge.decide(call)))
        .collect()
}
