//! `lockgate learn`: a least-privilege policy from recorded traffic.
//!
//! What is printed was compiled, and every request that it was learned from was
//! judged by it; what it does not permit all the same is told.

use super::replay::{Court, entries};
use super::setup::{Anybody, read_policy, read_text};
use super::{Fault, Target, counted, say, tell};
use crate::engine::guard::paths::PathGuard;
use crate::engine::pin::visible;
use crate::engine::policy::{Policy, PolicyBase, render};
use crate::engine::types::ServerName;
use crate::learn::{Crowd, Existing, Proposal, World, WriteError, propose};
use crate::traffic::{Entry, Judged};
use clap::Args;

mod merging;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Why a request was denied that a rule could have permitted.
const LEARNABLE: &str = "not-permitted";
/// Why one was denied that only waits for a pin.
const UNPINNED: &str = "unpinned-tool";
/// Most requests of which it is told why they were left out.
const TOLD: usize = 20;

/// `lockgate learn RECORDING... [--merge POLICY] [--out F]`
#[derive(Debug, Args)]
pub(super) struct LearnArgs {
    /// Recordings that `run --record` or `serve --record` have made
    #[arg(value_name = "RECORDING", required = true)]
    recordings: Vec<PathBuf>,
    /// The policy whose servers, agents and forbids are kept
    /// [default: `$LOCKGATE_CONFIG`, then the user's own]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print this policy with what it misses, its own text as it is; with
    /// `--config`, the file of that policy that is extended
    #[arg(long, value_name = "POLICY")]
    merge: Option<PathBuf>,
    /// Write to this file: a new one, or what `--merge` names
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Only what this agent asked for
    #[arg(long, value_name = "NAME")]
    agent: Option<String>,
    /// Only what was asked of this server
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// Learn from requests that no rule permitted, too
    #[arg(long)]
    denied: bool,
    /// Call tools with one prefix by a pattern, such as `get_*`, though it
    /// covers tools that were not seen
    #[arg(long)]
    patterns: bool,
}

impl LearnArgs {
    /// The policy that is named.
    pub(super) fn named(&self) -> Option<&Path> {
        self.config.as_deref().or(self.merge.as_deref())
    }
}

pub(super) fn run(args: &LearnArgs) -> Result<ExitCode, Fault> {
    let target = Target {
        config: args.named().map(Path::to_owned),
        ..Target::default()
    };
    let anybody = Anybody::new(&target)?;
    let entries = entries(
        &args.recordings,
        args.agent.as_deref(),
        args.server.as_deref(),
    )?;
    let court = Court::of(anybody);
    let chosen = chosen(args, &entries, &court)?;
    let anybody = &court.anybody;
    let world = world(&chosen, &entries, anybody, args.patterns)?;
    let proposal = propose(&chosen, &world);
    tell_left_out(&proposal);
    let learned = chosen
        .len()
        .saturating_sub(proposal.left_out.values().sum());
    let result = match (&args.merge, anybody.file()) {
        (Some(merge), Some(policy)) => Outcome::Merged(merging::merged(
            merge,
            policy,
            args.out.as_deref(),
            &proposal,
            anybody,
        )?),
        _ => Outcome::Whole(written(&proposal, anybody, learned)?),
    };
    let policy = match &result {
        Outcome::Merged(merged) => merged.compiled()?,
        Outcome::Whole(text) => compiled(args, text, anybody)?,
    };
    let denied = denied(&chosen, &Court::of(anybody.under(policy)))?;
    tell_denied(&denied);
    match (&result, &args.out) {
        (Outcome::Merged(merged), out) => merged.give(out.as_deref())?,
        (Outcome::Whole(text), None) => tell(text.trim_end_matches('\n')),
        (Outcome::Whole(text), Some(out)) => save(out, text)?,
    }
    say(&format!(
        "lockgate: {} from {}",
        counted(proposal.rules(), "rule"),
        counted(learned, "request")
    ));
    Ok(ExitCode::SUCCESS)
}

/// What is printed or written.
enum Outcome {
    Merged(merging::Merged),
    Whole(String),
}

/// What is learned from: what passed, or what no rule permitted where that is
/// asked for; with `--merge`, only what the policy does not permit yet.
fn chosen<'e>(
    args: &LearnArgs,
    entries: &'e [Entry],
    court: &Court,
) -> Result<Vec<&'e Entry>, Fault> {
    let mut chosen = Vec::new();
    let mut refused: BTreeMap<String, usize> = BTreeMap::new();
    let mut refuse = |why: String| {
        let times = refused.entry(why).or_default();
        *times = times.saturating_add(1);
    };
    for entry in entries {
        let reason = entry.reason.as_deref().unwrap_or("denied");
        let wanted = entry.permitted || (args.denied && reason == LEARNABLE);
        if !wanted {
            refuse(format!("denied [{}] when recorded", visible(reason)));
            continue;
        }
        if args.merge.is_some() && entry.obscured().is_none() {
            let now = court.judge(entry)?;
            match now.reason.as_deref() {
                None => continue,
                Some(LEARNABLE) => {}
                Some(reason) => {
                    refuse(format!(
                        "denied [{reason}] by the policy, which no permit changes"
                    ));
                    continue;
                }
            }
        }
        chosen.push(entry);
    }
    for (why, count) in refused {
        say(&format!(
            "lockgate: left out: {}: {why}",
            counted(count, "request")
        ));
    }
    Ok(chosen)
}

fn world<'a>(
    chosen: &[&Entry],
    entries: &[Entry],
    anybody: &'a Anybody,
    patterns: bool,
) -> Result<World<'a>, Fault> {
    let mut guards: BTreeMap<ServerName, PathGuard> = BTreeMap::new();
    for entry in chosen {
        if !guards.contains_key(&entry.server) {
            let setup = anybody.setup(entry.agent.clone(), entry.server.clone());
            guards.insert(entry.server.clone(), setup.guard()?);
        }
    }
    Ok(World {
        guards,
        pins: anybody.pins(),
        crowd: Crowd::of(entries.iter().filter(|entry| entry.permitted)),
        patterns,
    })
}

fn written(proposal: &Proposal, anybody: &Anybody, requests: usize) -> Result<String, Fault> {
    let text = anybody
        .file()
        .map(|file| one_file(file, anybody))
        .transpose()?;
    let existing = text
        .as_deref()
        .map(|text| existing(vec![text], None, anybody));
    let home = anybody.places().home.display().to_string();
    let head = head(proposal, requests);
    let text = proposal.whole(existing.as_ref(), &home, &head);
    text.map_err(|e| unwritten(&e))
}

/// The policy in force, as what a proposal is made beside.
fn existing<'a>(files: Vec<&'a str>, into: Option<usize>, anybody: &'a Anybody) -> Existing<'a> {
    let policy = anybody.policy();
    let rules = policy.rules_for_display().into_iter();
    Existing {
        files,
        into,
        roots: [&policy.paths.read, &policy.paths.write],
        workspace: policy.workspace.as_deref(),
        ids: rules.map(|r| r.rule.id).collect(),
        agents: policy.agents.keys().map(ToString::to_string).collect(),
        servers: policy.servers.keys().map(ToString::to_string).collect(),
    }
}

fn unwritten(error: &WriteError) -> Fault {
    Fault::Failed(format!("the policy cannot be written: {error}"))
}

/// The text of a policy of one file: a whole policy is one.
fn one_file(file: &Path, anybody: &Anybody) -> Result<String, Fault> {
    if file.is_dir() || read_policy(file, anybody.places())?.sources.count() > 1 {
        return Err(Fault::Usage(format!(
            "`{file}` is a policy of several files, beside which no whole policy is learned: \
             extend it with `--merge {file}`, or name a policy of one file with `--config`",
            file = file.display()
        )));
    }
    read_text(file)
}

/// What a policy's relative paths are relative to.
fn policy_base(file: &Path, home: &Path) -> std::io::Result<PolicyBase> {
    let dir = file.parent().filter(|d| !d.as_os_str().is_empty());
    let dir = std::path::absolute(dir.unwrap_or(Path::new(".")))?;
    Ok(PolicyBase {
        dir: dir.display().to_string(),
        home: home.display().to_string(),
    })
}

/// What stands at the top of a whole policy.
fn head(proposal: &Proposal, requests: usize) -> String {
    let mut lines = vec![
        format!(
            "Learned from {}; it permits those and what is",
            counted(requests, "recorded request")
        ),
        "like them. Read it before it is in force: what an agent did is not what it".to_owned(),
        "should be able to do. `lockgate check` compares it with the pins.".to_owned(),
    ];
    if !proposal.left_out.is_empty() {
        lines.push(String::new());
        lines.push("Nothing was learned from:".to_owned());
        lines.extend(left_out(proposal).map(|line| format!("  {line}")));
    }
    lines.join("\n")
}

fn left_out(proposal: &Proposal) -> impl Iterator<Item = String> {
    let told = proposal.left_out.iter().take(TOLD);
    let more = proposal.left_out.len().saturating_sub(TOLD);
    told.map(|((what, why), count)| {
        format!(
            "{}: {}: {}",
            counted(*count, "request"),
            visible(what),
            visible(why)
        )
    })
    .chain((more > 0).then(|| format!("and {more} more kinds")))
}

fn tell_left_out(proposal: &Proposal) {
    for line in left_out(proposal) {
        say(&format!("lockgate: left out: {line}"));
    }
}

/// The base of relative paths, and the name, of what is written.
fn base(args: &LearnArgs, anybody: &Anybody) -> Result<(String, PolicyBase), Fault> {
    let file = anybody.file().or(args.out.as_deref());
    let file = file.unwrap_or(Path::new("lockgate.toml"));
    let base = policy_base(file, &anybody.places().home);
    let base = base.map_err(|e| Fault::Failed(format!("cannot tell where it is: {e}")))?;
    if let (Some(out), Some(file)) = (&args.out, anybody.file()) {
        let other = policy_base(out, &anybody.places().home);
        if other.ok().as_ref() != Some(&base) {
            return Err(Fault::Usage(format!(
                "`--out {}`: the policy `{}` has paths that are relative to it: write beside it",
                out.display(),
                file.display()
            )));
        }
    }
    Ok((file.display().to_string(), base))
}

/// The same compiler as behind `run` takes it, or it is not printed.
fn compiled(args: &LearnArgs, text: &str, anybody: &Anybody) -> Result<Policy, Fault> {
    let (file, base) = base(args, anybody)?;
    Policy::parse(&file, text, &base).map_err(|mistakes| {
        let shown = render(&file, text, &mistakes, super::color_on_stderr());
        say(&format!("{shown}\n"));
        Fault::Failed("what was learned is no policy that can be used: see above".to_owned())
    })
}

/// What the new policy does not permit although it was learned from it.
fn denied<'e>(chosen: &[&'e Entry], court: &Court) -> Result<Vec<(&'e Entry, Judged)>, Fault> {
    let mut denied = Vec::new();
    for entry in chosen.iter().filter(|entry| entry.obscured().is_none()) {
        let now = court.judge(entry)?;
        if !now.permitted {
            denied.push((*entry, now));
        }
    }
    Ok(denied)
}

fn tell_denied(denied: &[(&Entry, Judged)]) {
    let waits = |judged: &Judged| judged.reason.as_deref() == Some(UNPINNED);
    let unpinned: BTreeSet<&str> = denied
        .iter()
        .filter(|(_, judged)| waits(judged))
        .map(|(entry, _)| entry.server.as_str())
        .collect();
    for server in unpinned {
        say(&format!(
            "lockgate: tools of `{server}` have no pin beside this policy, and are withheld until \
             `lockgate pin` has run"
        ));
    }
    let rest: Vec<_> = denied.iter().filter(|(_, judged)| !waits(judged)).collect();
    for (entry, judged) in rest.iter().take(TOLD) {
        say(&format!(
            "lockgate: not permitted all the same: {}: [{}] {}",
            super::replay::head(entry),
            judged.reason.as_deref().unwrap_or("denied"),
            visible(judged.detail.as_deref().unwrap_or_default())
        ));
    }
    if let more @ 1.. = rest.len().saturating_sub(TOLD) {
        say(&format!("lockgate: and {} more", counted(more, "request")));
    }
}

/// Writes a new file.
fn save(out: &Path, text: &str) -> Result<(), Fault> {
    let failed = |e: std::io::Error| {
        let hint = match e.kind() {
            std::io::ErrorKind::AlreadyExists => "; nothing is overwritten",
            _ => "",
        };
        Fault::Failed(format!("cannot write `{}`: {e}{hint}", out.display()))
    };
    let mut file = std::fs::File::create_new(out).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}
