//! `lockgate serve`: HTTP in front of servers.

mod makers;
mod reloader;

use super::reload::Watch;
use super::remote::Start;
use super::run::{meta, open_tape, tell_other_launch};
use super::setup::{Revision, Setup, Shared, new_seal};
use super::{Fault, Target, say};
use crate::audit::AuditLog;
use crate::engine::policy::{Agent, Launch, Serve, ServeTls};
use crate::engine::principal::Principal;
use crate::engine::types::ServerName;
use crate::identity::Gate;
use crate::proxy::evidence::SharedLog;
use crate::telemetry::log::{Held, drain};
use crate::transport::http::server::{Admits, Bounds, Door, Listener, Parts, Site, Way, Who};
use crate::transport::http::tls::{Tls, TlsFiles};
use clap::Args;
use makers::{Makers, Ruled};
use reloader::Reloader;
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::signal::unix::{SignalKind, signal};

/// `lockgate serve [--config F] [--listen ADDR] [--url U | -- CMD ARG...]`
#[derive(Debug, Clone, Args)]
pub(super) struct ServeArgs {
    #[command(flatten)]
    pub(super) target: Target,
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8400")]
    listen: SocketAddr,
    /// Record what is asked for, arguments included, for `learn` and `replay`:
    /// appended to this file, which only you may read
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

pub(super) fn run(args: &ServeArgs) -> Result<ExitCode, Fault> {
    let failed = |e: &dyn std::fmt::Display| Fault::Failed(e.to_string());
    let Served { setups, only } =
        served(Revision::read(&args.target)?, &args.target)?.recorded(args);
    let ruled = Arc::new(Ruled::new(setups)?);
    let first = ruled.first()?;
    super::test::check_strict(first)?;
    let serve = &first.policy.serve;
    keep_out(args, first)?;
    let door = door(args.listen, serve)?;
    let (socket, address) = bind(args.listen)?;
    let origin = origin(address, serve);
    let admits = Admits {
        who: Arc::new(who(args, first, &origin)?),
        policy: Arc::clone(&first.policy),
    };
    let tls = serve.tls.as_ref().map(tls).transpose()?;
    let mut ways = BTreeMap::new();
    for (name, setup) in &ruled.setups {
        ways.insert(name.clone(), way(setup, &args.target)?);
        tell_other_launch(setup);
    }
    first.tell_findings();
    more_descriptors();
    let tape = args.record.as_deref().map(open_tape).transpose()?;
    let log = AuditLog::open(&first.audit_dir(), meta(first), SystemTime::now())
        .map_err(|e| failed(&e))?;
    let log = SharedLog::new(log);
    let seal = Arc::new(new_seal()?);
    let shared = Shared {
        seal: Arc::clone(&seal),
        quotas: Arc::default(),
    };
    let makers = Arc::new(Makers::new(Arc::clone(&ruled), shared, tape));
    let standing = Arc::default();
    let watch = Watch::new(first, log.clone(), Arc::clone(&standing));
    let reloader = watch.map(|watch| Reloader {
        watch,
        args: args.clone(),
        origin: origin.clone(),
        admits: admits.clone(),
        makers: Arc::clone(&makers),
    });
    let site = Site::new(Parts {
        door,
        servers: ways,
        only,
        admits,
        engines: makers,
        standing,
        log: log.clone(),
        origin,
        seal,
        sse: serve.sse,
        bridged: ruled.bridged(),
        processes: Bounds {
            all: serve.processes,
            of_server: serve.processes_of_server,
        },
    })
    .map_err(|e| failed(&e))?;
    let served = listen(socket, tls, site, reloader);
    let closed = log.close("the listener was stopped");
    served?;
    closed.map_err(|e| failed(&e))?;
    Ok(ExitCode::SUCCESS)
}

/// The address at which agents reach the listener.
fn origin(listen: SocketAddr, serve: &Serve) -> String {
    let scheme = if serve.tls.is_some() { "https" } else { "http" };
    let own = || format!("{scheme}://{listen}");
    serve.url.clone().unwrap_or_else(own)
}

/// Where others reach the listener, nobody is let in without a proof.
fn keep_out(args: &ServeArgs, setup: &Setup) -> Result<(), Fault> {
    let mut agents = setup.policy.agents.values();
    if args.listen.ip().is_loopback() || agents.any(Agent::is_remote) {
        return Ok(());
    }
    Err(strangers(args.listen))
}

fn strangers(listen: SocketAddr) -> Fault {
    Fault::Usage(format!(
        "`--listen {listen}`: others reach this address, and no agent of the policy has a \
         credential: give it a `key` (`lockgate key new`), `jwt` or `mtls`, or listen on 127.0.0.1"
    ))
}

/// Who acts: whoever proves it, or where nobody can, whoever is on this machine.
fn who(args: &ServeArgs, setup: &Setup, origin: &str) -> Result<Who, Fault> {
    let gate = Gate::new(&setup.policy, Some(origin)).map_err(|e| Fault::Policy(e.to_string()))?;
    if gate.demands() {
        return Ok(Who::Proved(Box::new(gate)));
    }
    if !args.listen.ip().is_loopback() {
        return Err(strangers(args.listen));
    }
    let agent = setup.policy.agents.get(&setup.agent);
    if let Some(launch) = agent.map(|agent| agent.stdio.as_ref()) {
        if launch.is_none_or(|launch| *launch != Launch::default()) {
            return Err(Fault::Usage(format!(
                "nobody who connects can prove to be `{}`: give it a `key` (`lockgate key new`), \
                 `jwt` or `mtls`",
                setup.agent
            )));
        }
        tracing::warn!(
            "whoever reaches {} on this machine acts as `{}`; to ask for proof, give it a `key` \
             (`lockgate key new`)",
            args.listen,
            setup.agent
        );
    }
    let everybody = Principal::named(setup.agent.clone());
    Ok(Who::Everybody(Arc::new(everybody)))
}

/// The names by which the listener may be called.
fn door(listen: SocketAddr, serve: &Serve) -> Result<Door, Fault> {
    let loopback = listen.ip().is_loopback();
    let mut hosts = serve.hosts.clone();
    if !loopback && !listen.ip().is_unspecified() {
        hosts.push(listen.ip().to_string());
    }
    if !loopback && hosts.is_empty() {
        return Err(Fault::Usage(format!(
            "`--listen {listen}`: no name is known by which agents may call it: say `url` or \
             `hosts` in `[serve]` of the policy"
        )));
    }
    if !loopback && serve.tls.is_none() {
        tracing::warn!(
            "credentials come in without encryption: give `[serve]` a `tls`, or see to it that \
             whatever stands in front speaks it"
        );
    }
    Ok(Door::new(&hosts, &serve.origins, loopback))
}

fn tls(serve: &ServeTls) -> Result<Tls, Fault> {
    let files = TlsFiles {
        certificate: serve.certificate.clone().into(),
        key: serve.key.clone().into(),
        client_authorities: serve.client_authorities.clone().map(Into::into),
    };
    Tls::load(&files, &[b"http/1.1"]).map_err(|e| Fault::Failed(e.to_string()))
}

/// Binds before anything is said about the address: a port may be chosen here.
fn bind(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Fault> {
    let bound = TcpListener::bind(address).and_then(|socket| {
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        Ok((socket, address))
    });
    bound.map_err(|e| {
        Fault::Failed(format!(
            "cannot listen on {address}: {e}; another address can be given with `--listen`"
        ))
    })
}

fn listen(
    socket: TcpListener,
    tls: Option<Tls>,
    site: Site,
    reloader: Option<Reloader>,
) -> Result<(), Fault> {
    let failed = |e: std::io::Error| Fault::Failed(e.to_string());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(failed)?;
    let served = runtime.block_on(async {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let listener = Listener::new(socket, tls, site).map_err(failed)?;
        let stop = stop().map_err(failed)?;
        say(&format!(
            "lockgate: listening on {scheme}://{}",
            listener.address().map_err(failed)?
        ));
        // From here on the log must not stop whoever writes to it.
        let held = Held::begin();
        let writer = std::thread::Builder::new().name("log".to_owned());
        let writer = writer.spawn(move || drain(&held)).map_err(failed)?;
        if let Some(reloader) = reloader {
            tokio::spawn(reloader.run(listener.site()));
        }
        listener.serve(stop).await;
        Held::end_draining();
        // What it still holds is written when it ends.
        let _ = writer.join();
        Ok(())
    });
    runtime.shutdown_background();
    served
}

/// Ready when somebody wants lockgate to stop.
fn stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            _ = hangup.recv() => {}
        }
    })
}

/// The servers that are meant.
struct Served {
    setups: BTreeMap<ServerName, Setup>,
    /// The one of the command line.
    only: Option<ServerName>,
}

impl Served {
    /// The same, where the recording is one of lockgate's own files.
    fn recorded(mut self, args: &ServeArgs) -> Self {
        for setup in self.setups.values_mut() {
            setup.recording.clone_from(&args.record);
        }
        self
    }
}

fn served(revision: Revision, target: &Target) -> Result<Served, Fault> {
    // Where agents prove who they are, whoever starts the listener is none of
    // them, and which one is named here does not matter.
    let proved = revision.remote_agent().map(|name| name.to_string());
    let target = &Target {
        agent: target.agent.clone().or(proved),
        ..target.clone()
    };
    let named = target.server.is_some() || target.url.is_some() || !target.command.is_empty();
    if named {
        let setup = Setup::of(revision, target)?;
        let only = Some(setup.server.clone());
        let setups = BTreeMap::from([(setup.server.clone(), setup)]);
        return Ok(Served { setups, only });
    }
    let mut setups = BTreeMap::new();
    for name in revision.servers() {
        let target = Target {
            server: Some(name.to_string()),
            ..target.clone()
        };
        setups.insert(name, Setup::of(revision.clone(), &target)?);
    }
    let mut all = setups.keys();
    let only = match (all.next(), all.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    };
    Ok(Served { setups, only })
}

fn way(setup: &Setup, target: &Target) -> Result<Way, Fault> {
    let target = Target {
        server: Some(setup.server.to_string()),
        ..target.clone()
    };
    Ok(match Start::for_agents(setup, &target)? {
        Start::Process(spec) => Way::Process(spec),
        Start::Remote(dialer) => Way::Remote(Arc::new(*dialer)),
    })
}

/// Each connection is a descriptor, and so are the pipes of each server.
fn more_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(e) = setrlimit(Resource::Nofile, wanted) {
        tracing::warn!("no more than the usual number of connections can be served: {e}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn all_servers_go_by_one_revision() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("gate.toml");
        let policy = |rule: &str| {
            format!(
                "version = 1\n[agent.a]\nstdio = true\n[server.x]\ncommand = [\"x\"]\n\
                 [server.y]\ncommand = [\"y\"]\n[server.z]\ncommand = [\"z\"]\n\
                 [[rule]]\nid = \"{rule}\"\neffect = \"permit\"\ntools = [\"*\"]\n"
            )
        };
        fs::write(&file, policy("before")).unwrap();
        let target = Target {
            config: Some(file.clone()),
            ..Target::default()
        };
        let revision = Revision::read(&target).unwrap();
        fs::write(&file, policy("after")).unwrap();
        let served = served(revision.clone(), &target).unwrap();
        assert_eq!(served.setups.len(), 3);
        for setup in served.setups.values() {
            assert!(Arc::ptr_eq(&setup.policy, &revision.policy));
            assert_eq!(setup.policy.digest(), revision.policy.digest());
        }
    }
}
