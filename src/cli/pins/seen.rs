//! A server as it is now, beside its pins.

use crate::cli::launch;
use crate::cli::lister::{self, Listing};
use crate::cli::remote::Start;
use crate::cli::setup::Setup;
use crate::cli::{Fault, Target};
use crate::engine::message::Json;
use crate::engine::pin::{Launch, Observed, Plan, ServerPins, plan_server};
use crate::engine::policy::nearest;
use crate::engine::types::ServerName;
use crate::engine::url::ServerUrl;
use crate::state::lockfile;
use std::ffi::OsString;

pub(super) struct Seen {
    pub(super) setup: Setup,
    pub(super) launch: Launch,
    pub(super) listing: Listing,
    pins: ServerPins,
}

impl Seen {
    /// Starts the server and lists its tools.
    pub(super) fn new(target: &Target) -> Result<Self, Fault> {
        let mut setup = Setup::new(target)?;
        if setup.command.is_empty() && setup.url.is_none() && setup.file.is_none() {
            (setup.command, setup.url) = kept(&setup)?;
        }
        let start = Start::prepare(&setup, target)?;
        let launch = launch::examined(&setup, start.path());
        let listing = lister::list(start.start()?, &setup.server)?;
        Ok(Self {
            launch,
            pins: setup.server_pins(),
            listing,
            setup,
        })
    }

    /// Everything about the server.
    pub(super) fn plan(&self, tools: &[Json<'_>]) -> Plan {
        self.beside(&self.pins, tools)
    }

    /// The same beside what the lockfile holds by now.
    pub(super) fn plan_after(&self, tools: &[Json<'_>]) -> Result<Plan, Fault> {
        let loaded = lockfile::load(&self.setup.lockfile);
        let (mut pins, _) = loaded.map_err(|e| Fault::Failed(e.to_string()))?;
        let pins = pins.servers.remove(&self.setup.server).unwrap_or_default();
        Ok(self.beside(&pins, tools))
    }

    fn beside(&self, pins: &ServerPins, tools: &[Json<'_>]) -> Plan {
        let observed = Observed {
            launch: Some(&self.launch),
            identity: Some(&self.listing.identity),
            tools,
        };
        plan_server(pins, &observed)
    }

    /// What of it is about these tools. A name that nobody knows is a typing
    /// mistake: it must not read as "all is well".
    pub(super) fn plan_of(&self, tools: &[Json<'_>], names: &[String]) -> Result<Plan, Fault> {
        let plan = self.plan(tools);
        let known: Vec<&str> = plan.drift.entries.iter().map(|e| e.name.as_str()).collect();
        for name in names {
            if known.contains(&name.as_str()) || self.pins.removed.contains_key(name) {
                continue;
            }
            let near = nearest(name, known.iter().copied());
            let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            let server = &self.setup.server;
            return Err(Fault::Usage(format!(
                "`{server}` lists no tool `{name}`, and none is pinned or removed{near}"
            )));
        }
        Ok(plan.only(names))
    }

    pub(super) fn is_known(&self) -> bool {
        self.setup.pins.servers.contains_key(&self.setup.server)
    }
}

/// The command line or URL that lockgate itself kept when the server was pinned; with
/// a policy, the policy says how a server is started.
fn kept(setup: &Setup) -> Result<(Vec<OsString>, Option<ServerUrl>), Fault> {
    let pins = setup.pins.servers.get(&setup.server);
    let launch = pins.and_then(|pins| pins.launch.as_ref());
    if let Some(launch) = launch.filter(|launch| !launch.command.is_empty()) {
        let command = launch.command.iter().map(OsString::from).collect();
        return Ok((command, None));
    }
    if let Some(url) = launch.and_then(|launch| launch.url.as_deref()) {
        let url = ServerUrl::parse(url)
            .map_err(|e| Fault::Failed(format!("the pinned URL of `{}`: {e}", setup.server)))?;
        return Ok((Vec::new(), Some(url)));
    }
    let server = &setup.server;
    if pins.is_some() {
        return Err(Fault::Usage(format!(
            "`{server}` is pinned without its command line or URL: say `-- COMMAND ARG...` or `--url URL`"
        )));
    }
    let known = setup.pins.servers.keys().map(ServerName::as_str);
    let near = nearest(server.as_str(), known);
    let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
    Err(Fault::Usage(format!(
        "no server `{server}` is pinned in `{}`: {near}say `-- COMMAND ARG...` or `--url URL` to list one",
        setup.lockfile.display()
    )))
}
