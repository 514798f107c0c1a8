//! Remote servers: `--url URL`, `[server.NAME] url`, and their headers.

use super::run::spec;
use super::setup::Setup;
use super::{Fault, Target};
use crate::engine::guard::address::{Allowed, Reach};
use crate::engine::policy::{self, Credential, EnvValue, OAuth, OAuthClient, TokenPlace};
use crate::engine::types::{Digest, ServerName};
use crate::engine::url::{ServerUrl, is_reserved_header};
use crate::transport::child::{Child, ChildSpec};
use crate::transport::http::client::oauth::{Client, ClientProof, Kept, Key, Tokens};
use crate::transport::http::client::{Bridge, Credentials, Dialer, Proof};
use crate::transport::http::secret::{Secret, SecretFile, Source};
use crate::transport::upstream::Upstream;
use hyper::header::HeaderName;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::sync::Arc;

/// The URL of the command line.
pub(super) fn given(target: &Target) -> Result<Option<ServerUrl>, Fault> {
    let Some(url) = &target.url else {
        return Ok(None);
    };
    // Not quoted: it may hold a secret.
    let url = ServerUrl::parse(url).map_err(|e| Fault::Usage(format!("`--url`: {e}")))?;
    Ok(Some(url))
}

/// A stable name for a server that no policy names: its host, and a digest of
/// the address.
pub(super) fn named_after(url: &ServerUrl) -> Result<ServerName, Fault> {
    let digest = Digest::of(&[url.without_query().as_bytes()]).to_string();
    let short: String = digest.chars().skip("sha256:".len()).take(8).collect();
    let stem: String = url
        .host()
        .chars()
        .map(|c| if c == ':' { '-' } else { c })
        .take(48)
        .collect();
    let stem = stem.trim_start_matches(['.', '_', '-']);
    let stem = if stem.is_empty() { "server" } else { stem };
    ServerName::new(format!("{stem}-{short}")).map_err(|e| Fault::Failed(e.to_string()))
}

/// All that it takes to start a server, or to dial it; what can be wrong with
/// it has been told.
pub(super) enum Start {
    Process(ChildSpec),
    Remote(Box<Dialer>),
}

impl Start {
    /// For a peer that shows no token of its own.
    pub(super) fn prepare(setup: &Setup, target: &Target) -> Result<Self, Fault> {
        if setup.url.is_some() {
            for_lockgate_itself(setup)?;
        }
        Self::for_agents(setup, target)
    }

    /// For agents that connect, of whom some show tokens.
    pub(super) fn for_agents(setup: &Setup, target: &Target) -> Result<Self, Fault> {
        Ok(match &setup.url {
            Some(url) => Self::Remote(Box::new(dialer(setup, target, url)?)),
            None if target.header_env.is_empty() => Self::Process(spec(setup, target)?),
            None => {
                return Err(Fault::Usage(
                    "`--header-env` is for remote servers; say `--env` for one that is started"
                        .to_owned(),
                ));
            }
        })
    }

    /// The server's `PATH`.
    pub(super) fn path(&self) -> Option<&OsString> {
        match self {
            Self::Process(spec) => spec.env.get(OsStr::new("PATH")),
            Self::Remote(..) => None,
        }
    }

    /// How a process of it is started once more; nothing, where there is none.
    pub(super) fn again(&self) -> Option<ChildSpec> {
        match self {
            Self::Process(spec) => Some(spec.clone()),
            Self::Remote(..) => None,
        }
    }

    pub(super) fn start(self) -> Result<Box<dyn Upstream>, Fault> {
        let failed = |e: &dyn std::fmt::Display| Fault::Failed(e.to_string());
        Ok(match self {
            Self::Process(spec) => Box::new(Child::spawn(&spec).map_err(|e| failed(&e))?),
            Self::Remote(dialer) => Box::new(Bridge::open(*dialer).map_err(|e| failed(&e))?),
        })
    }
}

/// Here nobody shows a token that could be exchanged.
fn for_lockgate_itself(setup: &Setup) -> Result<(), Fault> {
    let oauth = setup.entry().and_then(|s| s.oauth.as_ref());
    if !matches!(oauth, Some(OAuth::Client(client)) if client.exchange) {
        return Ok(());
    }
    Err(Fault::Usage(format!(
        "`{}` has `exchange = true` in its `oauth`: there are tokens for it only in exchange for \
         one that the agent has shown, and nobody shows one here; take `exchange` out, and \
         lockgate acts for itself",
        setup.server
    )))
}

/// The way to a remote server, of which nothing is dialled yet.
pub(super) fn dialer(setup: &Setup, target: &Target, url: &ServerUrl) -> Result<Dialer, Fault> {
    if !target.pass.is_empty() {
        return Err(Fault::Usage(
            "`--env` is for servers that lockgate starts; say `--header-env` for a remote one"
                .to_owned(),
        ));
    }
    let credentials = credentials(setup, target)?;
    let reach = reach(setup, target, url)?;
    let proof = proof(setup, url, &reach)?;
    let naked = credentials.is_empty() && proof.is_none();
    if !naked && !url.is_secure() && !url.is_loopback() {
        tracing::warn!(
            "credentials go to {} without encryption: everybody on the way can read them",
            url.origin()
        );
    }
    let dialer = Dialer::new(url, &reach, credentials, proof.unwrap_or_default());
    dialer.map_err(|e| Fault::Failed(format!("cannot reach the server: {e}")))
}

/// The same without a token, and what the server's name may stand for.
pub(super) fn naked_dialer(
    setup: &Setup,
    target: &Target,
    url: &ServerUrl,
) -> Result<(Dialer, Reach), Fault> {
    let reach = reach(setup, target, url)?;
    let credentials = credentials(setup, target)?;
    let dialer = Dialer::new(url, &reach, credentials, Proof::default());
    let dialer = dialer.map_err(|e| Fault::Failed(format!("cannot reach the server: {e}")))?;
    Ok((dialer, reach))
}

/// The addresses that the URL's name may stand for.
fn reach(setup: &Setup, target: &Target, url: &ServerUrl) -> Result<Reach, Fault> {
    let mut given = Vec::new();
    for text in &target.addresses {
        let allowed = Allowed::parse(text);
        given.push(allowed.map_err(|e| Fault::Usage(format!("`--address`: {e}")))?);
    }
    if !given.is_empty() {
        if url.names_its_address() {
            return Err(Fault::Usage(
                "`--address` is for names that have to be looked up; the URL says itself which \
                 address it is"
                    .to_owned(),
            ));
        }
        return Ok(Reach::only(given));
    }
    let written = setup.entry().and_then(|s| s.addresses.clone());
    Ok(written.map_or_else(|| url.reach(), Reach::only))
}

/// What every request to a remote server has.
fn credentials(setup: &Setup, target: &Target) -> Result<Credentials, Fault> {
    let entry = setup.entry();
    let mut wanted: BTreeMap<String, Credential> =
        entry.map(|s| s.headers.clone()).unwrap_or_default();
    let has_oauth = entry.is_some_and(|s| s.oauth.is_some());
    for word in &target.header_env {
        let (name, variable) = word
            .split_once('=')
            .ok_or_else(|| Fault::Usage("`--header-env`: expected `HEADER=VARIABLE`".to_owned()))?;
        if is_reserved_header(name) != Some(false) {
            // Not quoted: a value in its place may be a secret.
            return Err(Fault::Usage(
                "`--header-env`: expected the name of a header that lockgate does not set itself"
                    .to_owned(),
            ));
        }
        let name = name.to_ascii_lowercase();
        if has_oauth && name == "authorization" {
            let why = "`--header-env`: the server's `oauth` sets `Authorization` itself";
            return Err(Fault::Usage(why.to_owned()));
        }
        let from = EnvValue::From(variable.to_owned());
        wanted.insert(name, Credential::Given(from));
    }
    let mut credentials = Credentials::new();
    for (name, value) in &wanted {
        let source = source(value, &format!("the header `{name}`"))?;
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| Fault::Usage(format!("`{name}` is no name of a header")))?;
        let added = credentials.add(header, source);
        added.map_err(|e| Fault::Usage(e.to_string()))?;
    }
    Ok(credentials)
}

/// Where a secret is read. Its value is never part of a message.
fn source(value: &Credential, of: &str) -> Result<Source, Fault> {
    Ok(match value {
        Credential::Given(EnvValue::Literal(text)) => Secret::new(text).into(),
        Credential::Given(EnvValue::From(variable)) => {
            let text = std::env::var(variable).map_err(|_| {
                Fault::Usage(format!(
                    "variable `{variable}`, the value of {of}, is not set; set it where lockgate is started"
                ))
            })?;
            Secret::new(text).into()
        }
        Credential::File(path) => SecretFile::new(path).into(),
    })
}

/// Where tokens come from, if they are what the server wants.
fn proof(setup: &Setup, server: &ServerUrl, reach: &Reach) -> Result<Option<Proof>, Fault> {
    Ok(match setup.entry().and_then(|s| s.oauth.as_ref()) {
        None => None,
        Some(OAuth::Client(client)) => Some(got(client, server)?),
        Some(OAuth::Login(login)) => {
            let settings = super::login::settings(setup, login, server, reach)?;
            if let Some(why) = settings.missing() {
                let (name, command) = (&setup.server, &settings.command);
                tracing::warn!("`{name}`: {why}; say `{command}`");
            }
            Some(Proof::kept(Arc::new(Kept::new(settings))))
        }
    })
}

/// Tokens that lockgate gets itself.
fn got(oauth: &OAuthClient, server: &ServerUrl) -> Result<Proof, Fault> {
    let proof = client_proof(&oauth.proof)?;
    // An empty one is for authorization servers that know no resources.
    let resource = oauth.resource.as_deref().unwrap_or(server.without_query());
    let client = Client {
        id: oauth.client_id.clone(),
        proof,
        scope: oauth.scope.clone(),
        resource: Some(resource.to_owned()).filter(|r| !r.is_empty()),
        audience: oauth.audience.clone(),
        exchange: oauth.exchange,
    };
    let (TokenPlace::Endpoint(url) | TokenPlace::Issuer(url)) = &oauth.place;
    let reach = oauth.addresses.clone();
    let reach = reach.map_or_else(|| url.reach(), Reach::only);
    let tokens = Tokens::new(oauth.place.clone(), reach, client);
    let tokens =
        tokens.map_err(|e| Fault::Failed(format!("cannot reach the authorization server: {e}")))?;
    Ok(Proof::by(Arc::new(tokens)))
}

/// What proves a client; that it cannot be read is told at the start.
pub(super) fn client_proof(proof: &policy::ClientProof) -> Result<ClientProof, Fault> {
    Ok(match proof {
        policy::ClientProof::Secret(secret) => {
            let secret = source(secret, "`client_secret`")?;
            secret.read().map_err(|e| Fault::Usage(e.to_string()))?;
            ClientProof::Secret(secret)
        }
        policy::ClientProof::Key(key) => ClientProof::Key(client_key(key)?),
    })
}

/// The same of a key.
pub(super) fn client_key(key: &policy::ClientKey) -> Result<Key, Fault> {
    let source = match &key.key {
        Credential::File(path) => SecretFile::new(path).of_many_lines().into(),
        given @ Credential::Given(_) => source(given, "`private_key`")?,
    };
    let read = Key::new(source, key.id.clone(), key.algorithm);
    read.map_err(|e| Fault::Usage(e.to_string()))
}
