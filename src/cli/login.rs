//! `lockgate login` and `logout`: a person says yes in a browser.
//!
//! What was logged in to is used by all who reach the server by this policy, so
//! that the policy has to say that there is a login (`oauth = { login = true }`).

use super::remote::{client_key, client_proof, naked_dialer};
use super::setup::{Revision, Setup};
use super::{Fault, Target, say, tell};
use crate::engine::guard::address::Reach;
use crate::engine::policy::{LoginClient, OAuth, OAuthLogin};
use crate::engine::url::ServerUrl;
use crate::state::login::Store;
use crate::transport::http::client::Dialer;
use crate::transport::http::client::oauth::login::{self, Asked, LoginFailed};
use crate::transport::http::client::oauth::{ClientProof, KnownClient, Settings};
use clap::Args;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// `lockgate login [SERVER] [--config F] [--url U] [--no-browser]`
#[derive(Debug, Args)]
pub(super) struct LoginArgs {
    #[command(flatten)]
    pub(super) which: Which,
    /// Only print the URL to open
    #[arg(long)]
    no_browser: bool,
}

/// `lockgate logout [SERVER] [--config F] [--url U]`
#[derive(Debug, Args)]
pub(super) struct LogoutArgs {
    #[command(flatten)]
    pub(super) which: Which,
}

/// Which server is meant.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// The server, as the policy names it
    #[arg(value_name = "SERVER")]
    server: Option<String>,
    /// The policy file [default: `$LOCKGATE_CONFIG`, then the user's own]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The server's endpoint, if the policy leaves that open
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// What the URL's name may stand for, as with `run` (repeatable)
    #[arg(long = "address", value_name = "NETWORK", requires = "url")]
    addresses: Vec<String>,
}

impl Which {
    pub(super) fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    fn found(&self) -> Result<Found, Fault> {
        let target = Target {
            config: self.config.clone(),
            server: self.server.clone(),
            url: self.url.clone(),
            addresses: self.addresses.clone(),
            ..Target::default()
        };
        // Nobody acts here for an agent.
        let revision = Revision::read(&target)?;
        let agent = revision.any_agent().map(|agent| agent.to_string());
        let named = Target {
            agent,
            ..target.clone()
        };
        let setup = Setup::of(revision, &named)?;
        let url = setup.url.clone().ok_or_else(|| {
            Fault::Usage(format!(
                "`{}` is no remote server, and there is nothing to log in to",
                setup.server
            ))
        })?;
        let Some(OAuth::Login(oauth)) = setup.entry().and_then(|s| s.oauth.clone()) else {
            return Err(Fault::Usage(format!(
                "the policy does not say that one logs in to `{0}`: write `oauth = {{ login = \
                 true }}` into its `[server.{0}]`",
                setup.server
            )));
        };
        let (dialer, reach) = naked_dialer(&setup, &target, &url)?;
        let settings = settings(&setup, &oauth, &url, &reach)?;
        Ok(Found {
            server: setup.server.to_string(),
            settings,
            dialer,
        })
    }
}

struct Found {
    server: String,
    settings: Settings,
    dialer: Dialer,
}

/// What the policy says about a login.
pub(super) fn settings(
    setup: &Setup,
    oauth: &OAuthLogin,
    server: &ServerUrl,
    reach: &Reach,
) -> Result<Settings, Fault> {
    if !server.is_secure() && !server.is_loopback() {
        return Err(Fault::Usage(format!(
            "`{}` has a login, whose token would go to {} without encryption: give it an \
             `https://` URL",
            setup.server,
            server.origin()
        )));
    }
    let client = match &oauth.client {
        None => None,
        Some(LoginClient::Document { url, key }) => Some(KnownClient::Document {
            url: url.whole().to_owned(),
            proof: match key {
                Some(key) => Some(ClientProof::Key(client_key(key)?)),
                None => None,
            },
        }),
        Some(LoginClient::Registered { id, proof }) => Some(KnownClient::Registered {
            id: id.clone(),
            proof: proof.as_ref().map(client_proof).transpose()?,
        }),
    };
    Ok(Settings {
        server: server.clone(),
        reach: reach.clone(),
        issuer: oauth.issuer.clone(),
        addresses: oauth.addresses.clone().map(Reach::only),
        client,
        scope: oauth.scope.clone(),
        resource: oauth.resource.clone(),
        default_endpoints: oauth.default_endpoints,
        redirect_port: oauth.redirect_port,
        store: Store::new(&setup.places.logins(), &setup.server, server),
        command: command(setup),
    })
}

/// The command that logs in, for people.
fn command(setup: &Setup) -> String {
    let hint = setup.policy.hint("login", &setup.server);
    // Here the server is a word of its own.
    let hint = match hint.rsplit_once(" --server ") {
        Some((before, server)) => format!("{before} {server}"),
        None => hint,
    };
    if setup.entry().is_some_and(|entry| entry.url.is_some()) {
        return hint;
    }
    // Which one, the command line said; it may hold a secret.
    format!("{hint} --url URL")
}

pub(super) fn login(args: &LoginArgs) -> Result<ExitCode, Fault> {
    let found = args.which.found()?;
    let mut show = |asked: &Asked<'_>| {
        let scope = asked.scope.unwrap_or("whatever it gives");
        say(&format!(
            "lockgate asks {} to let it reach `{}` (scopes: {scope}). Open this, and say yes if \
             you mean it:",
            asked.origin, found.server
        ));
        tell(asked.url);
        if !args.no_browser && !open(asked.url) {
            say("(no browser could be started here)");
        }
    };
    let done = wait(login::login(&found.settings, &found.dialer, &mut show))?;
    let lasts = if done.refreshes {
        "it is refreshed as long as it is used"
    } else {
        "it lasts as long as its token, which cannot be refreshed"
    };
    say(&format!(
        "logged in to `{}` by {}; {lasts}",
        found.server, done.origin
    ));
    Ok(ExitCode::SUCCESS)
}

pub(super) fn logout(args: &LogoutArgs) -> Result<ExitCode, Fault> {
    let found = args.which.found()?;
    let was = wait(login::logout(&found.settings))?;
    let told = if was {
        "logged out of"
    } else {
        "nobody was logged in to"
    };
    say(&format!("{told} `{}`", found.server));
    Ok(ExitCode::SUCCESS)
}

fn wait<T>(work: impl Future<Output = Result<T, LoginFailed>>) -> Result<T, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Fault::Failed(e.to_string()))?;
    let done = runtime.block_on(work);
    // A look-up of a name cannot be stopped, and is not waited for.
    runtime.shutdown_background();
    done.map_err(|e| Fault::Failed(e.to_string()))
}

/// Opens a browser. The URL is one word of a command line, which no shell reads,
/// and begins with `http`.
fn open(url: &str) -> bool {
    let program = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let started = Command::new(program)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.is_ok()
}
