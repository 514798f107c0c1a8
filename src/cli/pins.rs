//! `lockgate pin`, `status`, `diff`, `approve`: where pins stand.

mod report;
mod seen;
mod write;

use super::aim::{aim, meant};
use super::{Fault, Target, color, counted, say, tell};
use crate::engine::pin::Plan;
use clap::Args;
use report::report;
use seen::Seen;
use std::process::ExitCode;
use write::{agree, write};

/// Exit code: something is not as pinned.
const DRIFT: u8 = 5;

/// `lockgate pin [--server S] [--check] [--yes] [-- CMD ARG...]`
#[derive(Debug, Args)]
pub(super) struct PinArgs {
    #[command(flatten)]
    pub(super) target: Target,
    /// Only tell: exit code 5 if anything is not as pinned [without a server:
    /// all of the policy, or of the lockfile]
    #[arg(long)]
    check: bool,
    /// Answer yes to every question
    #[arg(long)]
    yes: bool,
    /// For programs: how everything stands (afterwards), as one JSON object
    #[arg(long)]
    json: bool,
}

/// `lockgate status|diff [SERVER[/KIND/NAME]] [-- CMD ARG...]`
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// The server, or tools of it as `SERVER/tool/NAME`; with `--server`, tools
    /// by their names [default: all servers of the policy, or of the lockfile]
    #[arg(value_name = "SERVER[/KIND/NAME]")]
    about: Vec<String>,
    #[command(flatten)]
    pub(super) target: Target,
    /// For programs: one JSON object for each server, on a line of its own
    #[arg(long)]
    json: bool,
}

/// `lockgate approve [SERVER[/KIND/NAME]...] [-- CMD ARG...]`
#[derive(Debug, Args)]
pub(super) struct ApproveArgs {
    /// Answer yes to every question
    #[arg(long)]
    yes: bool,
    /// The server, or tools of it as `SERVER/tool/NAME`; with `--server`, tools
    /// by their names [default: all that is not approved]
    #[arg(value_name = "SERVER[/KIND/NAME]")]
    about: Vec<String>,
    #[command(flatten)]
    pub(super) target: Target,
    /// For programs: what was approved, as one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn pin(args: &PinArgs) -> Result<ExitCode, Fault> {
    if args.check {
        return each(&args.target, |target| check(args, target));
    }
    let seen = Seen::new(&args.target)?;
    let tools = seen.listing.tools();
    let plan = seen.plan(&tools);
    if seen.is_known() && plan.is_reviewed() {
        tell_as_pinned(args.json, &seen, &plan);
        return Ok(ExitCode::SUCCESS);
    }
    let question = format!(
        "Pin {} of {}?",
        counted(tools.len(), "tool"),
        seen.setup.server
    );
    change(&seen, &plan, &question, (args.yes, args.json), &[])
}

fn check(args: &PinArgs, target: &Target) -> Result<ExitCode, Fault> {
    let seen = Seen::new(target)?;
    let plan = seen.plan(&seen.listing.tools());
    let fine = plan.is_empty() && seen.is_known();
    if fine {
        tell_as_pinned(args.json, &seen, &plan);
    } else if args.json {
        tell(&report(&seen.setup.server, &plan, None));
    } else {
        tell(&plan.render(color()));
    }
    Ok(code(fine))
}

fn tell_as_pinned(json: bool, seen: &Seen, plan: &Plan) {
    let server = &seen.setup.server;
    if json {
        tell(&report(server, plan, None));
        return;
    }
    let note = match plan.unreviewed().count() {
        0 => String::new(),
        count => format!(", {count} of them unreviewed"),
    };
    let count = plan.drift.entries.len();
    tell(&format!("{server}: all {count} tools are as pinned{note}"));
}

pub(super) fn approve(args: &ApproveArgs) -> Result<ExitCode, Fault> {
    let (target, names) = aim(&args.target, &args.about)?;
    let seen = Seen::new(&target)?;
    // With no policy any word can be a server's name: a tool's name in its place
    // must not make pins that nobody uses.
    if seen.setup.file.is_none() && !seen.is_known() {
        let server = &seen.setup.server;
        return Err(Fault::Usage(format!(
            "no server `{server}` is pinned: begin with `lockgate pin --server {server}`; \
             a tool is `SERVER/tool/NAME`"
        )));
    }
    let plan = seen.plan_of(&seen.listing.tools(), &names)?;
    if plan.is_reviewed() {
        if args.json {
            tell(&report(&seen.setup.server, &plan, Some(0)));
        } else {
            tell(&format!("{}: nothing to approve", seen.setup.server));
        }
        return Ok(ExitCode::SUCCESS);
    }
    let what = if names.is_empty() {
        "all of this".to_owned()
    } else {
        names.join(", ")
    };
    let question = format!("Approve {what} of {}?", seen.setup.server);
    change(&seen, &plan, &question, (args.yes, args.json), &names)
}

/// Shows what would be written, asks, and writes it. For programs there is one
/// object: how everything stands at the end.
fn change(
    seen: &Seen,
    plan: &Plan,
    question: &str,
    (yes, json): (bool, bool),
    names: &[String],
) -> Result<ExitCode, Fault> {
    if !json {
        tell(&plan.render_review(color()));
    }
    if let Err(unchanged) = agree(yes, json, question) {
        if json {
            tell(&report(&seen.setup.server, plan, Some(0)));
        }
        return Err(unchanged);
    }
    let tools = seen.listing.tools();
    let written = write(seen, plan, &tools, names.is_empty())?;
    if json {
        let after = seen.plan_after(&tools)?;
        tell(&report(&seen.setup.server, &after, Some(written.approved)));
    } else {
        let also = [
            (written.removed, "removed"),
            (plan.suspects(), "with findings"),
        ];
        let also = also.iter().filter(|(count, _)| *count > 0);
        let also = also.map(|(count, what)| format!(", {count} {what}"));
        let also = also.fold(String::new(), |all, more| all + &more);
        let done = format!("{} approved{also}", counted(written.approved, "tool"));
        let (server, file) = (&seen.setup.server, seen.setup.lockfile.display());
        tell(&format!("{server}: {done}; written to {file}"));
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn status(args: &ListArgs) -> Result<ExitCode, Fault> {
    let (target, names) = aim(&args.target, &args.about)?;
    each(&target, |target| {
        let seen = Seen::new(target)?;
        let plan = seen.plan_of(&seen.listing.tools(), &names)?;
        if args.json {
            tell(&report(&seen.setup.server, &plan, None));
        } else {
            let shown = plan.render_status(color());
            tell(&format!("{}:", seen.setup.server));
            tell(match (shown.trim_end(), names.as_slice()) {
                ("", []) => "  no tools",
                ("", _) => "  removed before; its tombstone is in the lockfile",
                (shown, _) => shown,
            });
        }
        Ok(code(plan.is_empty()))
    })
}

pub(super) fn diff(args: &ListArgs) -> Result<ExitCode, Fault> {
    let (target, names) = aim(&args.target, &args.about)?;
    each(&target, |target| {
        let seen = Seen::new(target)?;
        let plan = seen.plan_of(&seen.listing.tools(), &names)?;
        if args.json {
            tell(&report(&seen.setup.server, &plan, None));
        } else if plan.is_empty() {
            tell(&format!("{}: everything is as pinned", seen.setup.server));
        } else {
            tell(plan.render(color()).trim_end());
        }
        Ok(code(plan.is_empty()))
    })
}

/// Does it for every server that is meant, and gives the gravest exit code: a
/// server that cannot be asked hides nothing about the others.
fn each(
    target: &Target,
    one: impl Fn(&Target) -> Result<ExitCode, Fault>,
) -> Result<ExitCode, Fault> {
    let servers = meant(target)?;
    if let [only] = servers.as_slice() {
        return one(only);
    }
    let mut drifted = false;
    let mut failed = false;
    for target in &servers {
        match one(target) {
            Ok(code) => drifted |= code != ExitCode::SUCCESS,
            Err(fault) => {
                let server = target.server.as_deref().unwrap_or_default();
                say(&format!("lockgate: {server}: {}", fault.text()));
                failed = true;
            }
        }
    }
    if failed && !drifted {
        return Err(Fault::Failed("not every server could be asked".to_owned()));
    }
    Ok(code(!drifted))
}

fn code(fine: bool) -> ExitCode {
    if fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DRIFT)
    }
}
