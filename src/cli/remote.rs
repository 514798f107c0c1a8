//! Remote servers: `--url URL`, `[server.NAME] url`, and their headers.

use super::run::spec;
use super::setup::Setup;
use super::{Fault, Target};
use crate::engine::policy::EnvValue;
use crate::engine::types::{Digest, ServerName};
use crate::engine::url::{ServerUrl, is_reserved_header};
use crate::transport::child::{Child, ChildSpec};
use crate::transport::http::client::Bridge;
use crate::transport::upstream::Upstream;
use hyper::HeaderMap;
use hyper::header::{HeaderName, HeaderValue};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};

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
    Remote(ServerUrl, HeaderMap),
}

impl Start {
    pub(super) fn prepare(setup: &Setup, target: &Target) -> Result<Self, Fault> {
        Ok(match &setup.url {
            Some(url) => Self::Remote(url.clone(), credentials(setup, target, url)?),
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

    pub(super) fn start(self) -> Result<Box<dyn Upstream>, Fault> {
        let failed = |e: &dyn std::fmt::Display| Fault::Failed(e.to_string());
        Ok(match self {
            Self::Process(spec) => Box::new(Child::spawn(&spec).map_err(|e| failed(&e))?),
            Self::Remote(url, headers) => {
                Box::new(Bridge::open(&url, headers).map_err(|e| failed(&e))?)
            }
        })
    }
}

/// What every request to a remote server has.
fn credentials(setup: &Setup, target: &Target, url: &ServerUrl) -> Result<HeaderMap, Fault> {
    if !target.pass.is_empty() {
        return Err(Fault::Usage(
            "`--env` is for servers that lockgate starts; say `--header-env` for a remote one"
                .to_owned(),
        ));
    }
    let mut wanted: BTreeMap<String, EnvValue> =
        setup.entry().map(|s| s.headers.clone()).unwrap_or_default();
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
        wanted.insert(
            name.to_ascii_lowercase(),
            EnvValue::From(variable.to_owned()),
        );
    }
    if !wanted.is_empty() && !url.is_secure() && !url.is_loopback() {
        tracing::warn!(
            "credentials go to {} without encryption: everybody on the way can read them",
            url.origin()
        );
    }
    headers(&wanted)
}

/// The headers with their values. A value is never part of a message.
fn headers(wanted: &BTreeMap<String, EnvValue>) -> Result<HeaderMap, Fault> {
    let mut headers = HeaderMap::new();
    for (name, value) in wanted {
        let value = match value {
            EnvValue::Literal(text) => text.clone(),
            EnvValue::From(variable) => std::env::var(variable).map_err(|_| {
                Fault::Usage(format!(
                    "variable `{variable}`, the value of the header `{name}`, is not set; set it where lockgate is started"
                ))
            })?,
        };
        let header = HeaderName::from_bytes(name.as_bytes());
        let value = HeaderValue::from_str(&value);
        let (Ok(header), Ok(value)) = (header, value) else {
            return Err(Fault::Usage(format!(
                "the value of the header `{name}` does not fit into one: expected visible ASCII on one line"
            )));
        };
        headers.insert(header, value);
    }
    Ok(headers)
}
