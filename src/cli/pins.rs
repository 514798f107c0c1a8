//! `lockgate pin`, `status`, `diff`, `approve`: where pins stand.

use super::aim::aim;
use super::lister::{self, Listing};
use super::run::spec;
use super::setup::Setup;
use super::{Fault, Target, color, remote, say, tell};
use crate::engine::message::Json;
use crate::engine::pin::{
    Approval, Change, Launch, Observed, Package, Plan, ServerPins, Transport, plan_server,
};
use crate::engine::types::{Digest, ServerName};
use crate::state::lockfile::{self, StoreError};
use crate::transport::child::Child;
use crate::transport::upstream::Upstream;
use clap::Args;
use serde_json::json;
use std::ffi::{OsStr, OsString};
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Exit code: something is not as pinned.
const DRIFT: u8 = 5;

/// `lockgate pin [--server S] [--check] [--yes] [-- CMD ARG...]`
#[derive(Debug, Args)]
pub(super) struct PinArgs {
    #[command(flatten)]
    target: Target,
    /// Only tell: exit code 5 if anything is not as pinned
    #[arg(long)]
    check: bool,
    /// Answer yes to every question
    #[arg(long)]
    yes: bool,
    /// For programs: what is not as pinned, as one JSON object
    #[arg(long)]
    json: bool,
}

/// `lockgate status|diff [SERVER[/KIND/NAME]] [-- CMD ARG...]`
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// The server, or one of its tools as `SERVER/tool/NAME`
    #[arg(value_name = "SERVER[/KIND/NAME]")]
    about: Vec<String>,
    #[command(flatten)]
    target: Target,
    /// For programs: one JSON object
    #[arg(long)]
    json: bool,
}

/// `lockgate approve [SERVER[/KIND/NAME]...] [-- CMD ARG...]`
#[derive(Debug, Args)]
pub(super) struct ApproveArgs {
    /// Answer yes to every question
    #[arg(long)]
    yes: bool,
    /// The server, or tools of it as `SERVER/tool/NAME`; with `--server` or
    /// `-- COMMAND`, tools by their names [default: all that are not approved]
    #[arg(value_name = "SERVER[/KIND/NAME]")]
    about: Vec<String>,
    #[command(flatten)]
    target: Target,
}

/// A server as it is now, beside its pins.
struct Seen {
    setup: Setup,
    launch: Launch,
    listing: Listing,
    pins: ServerPins,
}

impl Seen {
    fn new(target: &Target) -> Result<Self, Fault> {
        let setup = Setup::new(target)?;
        let (upstream, launch): (Box<dyn Upstream>, _) = if let Some(url) = &setup.url {
            let bridge = remote::open(&setup, target, url)?;
            (Box::new(bridge), remote::launch(url))
        } else {
            let spec = spec(&setup, target)?;
            let child = Child::spawn(&spec).map_err(|e| Fault::Failed(e.to_string()))?;
            let launch = launch(&spec.argv, spec.env.get(OsStr::new("PATH")));
            (Box::new(child), launch)
        };
        let listing = lister::list(upstream, &setup.server)?;
        Ok(Self {
            launch,
            pins: setup.server_pins(),
            listing,
            setup,
        })
    }

    fn plan(&self, tools: &[Json<'_>]) -> Plan {
        // A server that was only pinned on first use has no launch to compare.
        let launch = self.pins.launch.is_some() || self.pins.tools.is_empty();
        let identity = self.pins.identity.is_some() || self.pins.tools.is_empty();
        let observed = Observed {
            launch: launch.then_some(&self.launch),
            identity: identity.then_some(&self.listing.identity),
            tools,
        };
        plan_server(&self.pins, &observed)
    }

    fn is_known(&self) -> bool {
        self.setup.pins.servers.contains_key(&self.setup.server)
    }
}

pub(super) fn pin(args: &PinArgs) -> Result<ExitCode, Fault> {
    let seen = Seen::new(&args.target)?;
    let tools = seen.listing.tools();
    let plan = seen.plan(&tools);
    let unreviewed = plan.unreviewed().count();
    if plan.is_empty() && seen.is_known() && (args.check || unreviewed == 0) {
        let note = if unreviewed > 0 {
            format!(", {unreviewed} of them unreviewed")
        } else {
            String::new()
        };
        if args.json {
            tell(&report(&seen.setup.server, &plan));
        } else {
            let (server, count) = (&seen.setup.server, tools.len());
            tell(&format!("{server}: all {count} tools are as pinned{note}"));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if args.json {
        tell(&report(&seen.setup.server, &plan));
    } else {
        tell(&plan.render(color()));
    }
    if args.check {
        return Ok(ExitCode::from(DRIFT));
    }
    agree(
        args.yes,
        &format!("Pin {} tools of {}?", tools.len(), seen.setup.server),
    )?;
    write(&seen, &tools, &[])
}

pub(super) fn approve(args: &ApproveArgs) -> Result<ExitCode, Fault> {
    let (target, names) = aim(&args.target, &args.about)?;
    let seen = Seen::new(&target)?;
    let tools = seen.listing.tools();
    let plan = seen.plan(&tools);
    for name in &names {
        let listed = tools.iter().any(|t| is_named(*t, name));
        if !listed {
            return Err(Fault::Usage(format!("the server lists no tool `{name}`")));
        }
    }
    if plan.is_empty() && plan.unreviewed().next().is_none() {
        tell(&format!("{}: nothing to approve", seen.setup.server));
        return Ok(ExitCode::SUCCESS);
    }
    tell(&plan.render(color()));
    let what = if names.is_empty() {
        "all of this".to_owned()
    } else {
        names.join(", ")
    };
    agree(
        args.yes,
        &format!("Approve {what} of {}?", seen.setup.server),
    )?;
    write(&seen, &tools, &names)
}

pub(super) fn status(args: &ListArgs) -> Result<ExitCode, Fault> {
    let (target, names) = aim(&args.target, &args.about)?;
    let seen = Seen::new(&target)?;
    let tools = seen.listing.tools();
    let plan = seen.plan(&tools).only(&names);
    if args.json {
        tell(&report(&seen.setup.server, &plan));
    } else {
        tell(plan.render_status(color()).trim_end());
    }
    Ok(code(&plan))
}

pub(super) fn diff(args: &ListArgs) -> Result<ExitCode, Fault> {
    let (target, names) = aim(&args.target, &args.about)?;
    let seen = Seen::new(&target)?;
    let tools = seen.listing.tools();
    let plan = seen.plan(&tools).only(&names);
    if args.json {
        tell(&report(&seen.setup.server, &plan));
    } else if plan.is_empty() {
        tell(&format!("{}: everything is as pinned", seen.setup.server));
    } else {
        tell(plan.render(color()).trim_end());
    }
    Ok(code(&plan))
}

/// How everything stands, for programs.
fn report(server: &ServerName, plan: &Plan) -> String {
    let tools: Vec<_> = plan
        .drift
        .entries
        .iter()
        .map(|entry| {
            let (standing, detail) = match &entry.change {
                Change::Unchanged(review) => (review.as_str(), json!(null)),
                Change::New { findings, .. } => ("new", json!({ "findings": findings })),
                Change::Changed { fields, findings } => {
                    ("changed", json!({ "fields": fields, "findings": findings }))
                }
                Change::Removed => ("removed", json!(null)),
                Change::Duplicate(count) => ("duplicate", json!({ "count": count })),
                Change::Unusable(why) => ("unusable", json!({ "why": why })),
            };
            json!({ "name": entry.name, "standing": standing, "detail": detail })
        })
        .collect();
    let changed: Vec<_> = plan
        .server
        .iter()
        .map(|c| json!({ "what": c.what, "before": c.before, "after": c.after }))
        .collect();
    let drift = !plan.is_empty();
    json!({ "server": server, "drift": drift, "tools": tools, "changed": changed }).to_string()
}

fn code(plan: &Plan) -> ExitCode {
    if plan.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(DRIFT)
    }
}

fn is_named(tool: Json<'_>, name: &str) -> bool {
    tool.get("name").and_then(Json::as_str).as_deref() == Some(name)
}

/// Asks; without a terminal and without `--yes` nothing is changed.
fn agree(yes: bool, question: &str) -> Result<(), Fault> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        return Err(Fault::Failed(
            "nothing was changed: there is no terminal to ask; say `--yes` to go ahead".to_owned(),
        ));
    }
    say(&format!("{question} [y/N] "));
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    if read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes") {
        Ok(())
    } else {
        Err(Fault::Failed("nothing was changed".to_owned()))
    }
}

/// Writes approved pins; with no names, for all that the server has, and
/// tombstones for what it has no more.
fn write(seen: &Seen, tools: &[Json<'_>], only: &[String]) -> Result<ExitCode, Fault> {
    let approval = Approval {
        by: std::env::var("USER").ok().filter(|u| !u.is_empty()),
        at: crate::audit::rfc3339(std::time::SystemTime::now())
            .parse()
            .ok(),
        lockgate: Some(env!("CARGO_PKG_VERSION").to_owned()),
    };
    let plan = seen.plan(tools);
    let mut written = 0usize;
    let change = |lockfile: &mut crate::engine::pin::Lockfile| -> Result<(), StoreError> {
        let pins = lockfile
            .servers
            .entry(seen.setup.server.clone())
            .or_default();
        for entry in &plan.drift.entries {
            let meant = only.is_empty() || only.contains(&entry.name);
            match (&entry.change, entry.index.and_then(|i| tools.get(i))) {
                _ if !meant => {}
                (Change::Removed, _) => pins.bury(&entry.name, approval.at),
                (Change::Duplicate(_) | Change::Unusable(_), _) => {
                    say(&format!(
                        "`{}` cannot be pinned and stays withheld",
                        entry.name
                    ));
                }
                (_, Some(tool)) => match pins.approve(*tool, approval.clone()) {
                    Ok(_) => written = written.saturating_add(1),
                    Err(why) => say(&format!("`{}` cannot be pinned: {why}", entry.name)),
                },
                (_, None) => {}
            }
        }
        if only.is_empty() {
            pins.launch = Some(seen.launch.clone());
            pins.identity = Some(seen.listing.identity.clone());
        }
        Ok(())
    };
    lockfile::update(&seen.setup.lockfile, change).map_err(|e| Fault::Failed(e.to_string()))?;
    tell(&format!(
        "{}: {written} tools approved in {}",
        seen.setup.server,
        seen.setup.lockfile.display()
    ));
    Ok(ExitCode::SUCCESS)
}

/// How the server is started, as far as a lockfile can say it.
fn launch(argv: &[OsString], path: Option<&OsString>) -> Launch {
    let command: Vec<String> = argv
        .iter()
        .map(|w| w.to_string_lossy().into_owned())
        .collect();
    let executable = argv.first().and_then(|program| resolve(program, path));
    let digest = executable.as_deref().and_then(digest_of);
    Launch {
        transport: Transport::Stdio,
        package: Package::of_command(&command),
        command,
        url: None,
        executable: executable.map(|p| p.display().to_string()),
        executable_digest: digest,
    }
}

fn resolve(program: &OsStr, path: Option<&OsString>) -> Option<PathBuf> {
    let direct = Path::new(program);
    if direct.components().count() > 1 {
        return direct.canonicalize().ok();
    }
    std::env::split_paths(path?)
        .map(|dir| dir.join(program))
        .find(|file| file.is_file())
        .and_then(|file| file.canonicalize().ok())
}

fn digest_of(file: &Path) -> Option<Digest> {
    std::fs::read(file).ok().map(|bytes| Digest::of(&[&bytes]))
}
