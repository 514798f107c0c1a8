//! Logging in to a server: the authorization code of OAuth 2.1, as MCP wants it.
//!
//! The server is asked what it wants (401), says who gives tokens for it (RFC
//! 9728), that one says where (RFC 8414), a person says yes in a browser, and the
//! code that comes back is good for nobody else (PKCE). What strangers say is
//! believed about themselves only: a server's metadata have to be its own, an
//! issuer's too, and so has the answer (RFC 9207).

mod authority;
mod challenge;
mod redirect;
mod register;
mod resource;

pub(super) use challenge::Challenge;

use super::super::dial::Dialer;
use super::super::failure::Failure;
use super::answer;
use super::endpoint::{self, Question, encode};
use super::kept::{locked, tokens, union};
use super::settings::{Settings, proven};
use crate::engine::message::{Document, Kind, Limits};
use crate::engine::url::ServerUrl;
use crate::state::login::{Client, Login};
use crate::transport::http::secret::Secret;
use authority::Authority;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hyper::body::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use redirect::{Expected, Listener};
use resource::Resource;
use sha2::{Digest as _, Sha256};

/// Why nobody is logged in. It says nothing that a stranger has written.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct LoginFailed(String);

impl LoginFailed {
    fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}

impl From<&str> for LoginFailed {
    fn from(why: &str) -> Self {
        Self::new(why)
    }
}

impl From<Failure> for LoginFailed {
    fn from(failure: Failure) -> Self {
        Self::new(failure.to_string())
    }
}

/// What a person is asked to do.
#[derive(Debug)]
pub struct Asked<'a> {
    /// What to open in a browser.
    pub url: &'a str,
    /// Who asks there: scheme, host and port.
    pub origin: &'a str,
    /// What for.
    pub scope: Option<&'a str>,
}

/// What has come of it.
#[derive(Debug)]
pub struct Done {
    /// By whom: scheme, host and port.
    pub origin: String,
    /// Whether it lasts longer than its first token.
    pub refreshes: bool,
}

/// Logs in. `dialer` reaches the server without a token; `show` tells a person.
///
/// # Errors
/// Where anybody refuses, or says what cannot be believed.
pub async fn login(
    settings: &Settings,
    dialer: &Dialer,
    show: &mut (dyn FnMut(&Asked<'_>) + Send),
) -> Result<Done, LoginFailed> {
    let challenge = challenge(dialer).await?;
    let resource = described(settings, &challenge).await?;
    let authority = authorized(settings, &resource).await?;
    let before = settings.store.load();
    let before = before.unwrap_or_else(|e| {
        tracing::warn!("{e}; it is replaced");
        None
    });
    let before = before.filter(|login| login.issuer == authority.issuer);
    let scope = scope(settings, &challenge, &resource, &authority, before.as_ref());
    let scope = scope.as_deref();
    let (client, listener) = register::client(settings, &authority, before.as_ref(), scope).await?;
    let mut login = Login::new(
        &settings.server,
        &authority.issuer,
        authority.token.whole(),
        client,
    );
    login.scope = scope.map(str::to_owned);
    let said = settings.resource.clone().unwrap_or(resource.id);
    login.resource = Some(said).filter(|said| !said.is_empty());
    login.revocation_endpoint = authority
        .revocation
        .as_ref()
        .map(|url| url.whole().to_owned());
    let code = code(&login, &authority, listener, show).await?;
    redeem(settings, login, &authority, code).await
}

/// A text that nobody guesses.
fn random() -> Result<Secret, LoginFailed> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|_| "no randomness to be had")?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

/// What of the verifier everybody may know (RFC 7636).
fn s256(verifier: &Secret) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose().as_bytes()))
}

/// What the server wants, asked by a request that changes nothing.
async fn challenge(dialer: &Dialer) -> Result<Challenge, LoginFailed> {
    const VERSION: &str = "2026-07-28";
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":"login","method":"tools/list","params":{{"_meta":{{"io.modelcontextprotocol/protocolVersion":"{VERSION}","io.modelcontextprotocol/clientInfo":{{"name":"lockgate","version":"{}"}},"io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#,
        env!("CARGO_PKG_VERSION")
    );
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("mcp-protocol-version", VERSION),
        ("mcp-method", "tools/list"),
    ] {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    let response = dialer.post(Bytes::from(body), headers, &None).await?;
    if response.status() != StatusCode::UNAUTHORIZED {
        return Ok(Challenge::default());
    }
    Ok(Challenge::of(response.headers()).unwrap_or_default())
}

/// A document at this place; `None` where there is none.
async fn fetch(settings: &Settings, place: &str) -> Result<Option<Document>, LoginFailed> {
    let url = ServerUrl::parse(place).map_err(|e| format!("a bad URL was named: {e}"))?;
    let endpoint = settings.endpoint(&url)?;
    let (status, body) = endpoint.ask(Question::Get).await?;
    if status.is_server_error() {
        let why = format!("HTTP {} in place of its metadata", status.as_u16());
        return Err(endpoint.failed(&why).into());
    }
    if status != StatusCode::OK {
        return Ok(None);
    }
    // Some servers have a page for every address.
    let document = Document::read(body, &Limits::DEFAULT).ok();
    Ok(document.filter(|document| document.root().kind() == Kind::Object))
}

/// What the server says of itself.
async fn described(settings: &Settings, challenge: &Challenge) -> Result<Resource, LoginFailed> {
    let server = &settings.server;
    let places = match &challenge.metadata {
        Some(place) => vec![place.clone()],
        None => resource::places(server),
    };
    for place in places {
        if let Some(document) = fetch(settings, &place).await? {
            let read = resource::read(server, &document);
            return Ok(read.map_err(|why| format!("the server's metadata {why}"))?);
        }
    }
    if challenge.metadata.is_some() {
        return Err("the server's metadata are not where it says that they are".into());
    }
    // A server of 2025-03-26 is its own authorization server.
    Ok(Resource {
        is_told: false,
        id: server.without_query().to_owned(),
        issuers: vec![match &settings.issuer {
            Some(issuer) => issuer.whole().to_owned(),
            None => server.origin().to_owned(),
        }],
        scopes: None,
    })
}

/// Who gives tokens for the server: the one that the policy wants, else the
/// first that the server names.
async fn authorized(settings: &Settings, resource: &Resource) -> Result<Authority, LoginFailed> {
    let issuers = &resource.issuers;
    let issuer = match &settings.issuer {
        Some(wanted) if issuers.iter().any(|issuer| issuer == wanted.whole()) => wanted.clone(),
        Some(_) => {
            let why = "the server names another authorization server than the policy's `issuer`";
            return Err(why.into());
        }
        None => {
            let first = issuers.first().map(String::as_str).unwrap_or_default();
            let url = ServerUrl::parse(first);
            url.map_err(|e| format!("the server names a bad authorization server: {e}"))?
        }
    };
    if issuer.has_query() {
        return Err("the server names an authorization server with a query".into());
    }
    for place in endpoint::places(&issuer) {
        if let Some(document) = fetch(settings, &place).await? {
            let read = authority::read(settings, &issuer, &document);
            let bad = |why| format!("the metadata of {} {why}", issuer.origin());
            return Ok(read.map_err(bad)?);
        }
    }
    if resource.is_told || settings.issuer.is_some() {
        let origin = issuer.origin();
        return Err(LoginFailed::new(format!(
            "{origin} has no metadata of an authorization server"
        )));
    }
    // The server says nothing at all.
    if !settings.default_endpoints {
        return Err(
            "neither the server nor its origin has metadata, so that nobody says that codes are \
             protected (PKCE); if it is one of 2025-03-26 that you trust all the same, write \
             `default_endpoints = true` into its `oauth`"
                .into(),
        );
    }
    Ok(Authority::by_default(settings, &issuer)?)
}

/// The scopes to ask for: the policy's, or what the server wants now and has
/// wanted so far.
fn scope(
    settings: &Settings,
    challenge: &Challenge,
    resource: &Resource,
    authority: &Authority,
    before: Option<&Login>,
) -> Option<String> {
    if settings.scope.is_some() {
        return settings.scope.clone();
    }
    let asked = challenge.scope.as_deref().or(resource.scopes.as_deref());
    let before = before.map(|login| [login.scope.as_deref(), login.wanted.as_deref()]);
    let [had, wanted] = before.unwrap_or_default();
    let scope = union([had, wanted, asked])?;
    let offline = authority.offline.then_some("offline_access");
    union([Some(&scope), offline])
}

/// The code, and what proves that it is ours.
struct Code {
    code: Secret,
    verifier: Secret,
}

async fn code(
    login: &Login,
    authority: &Authority,
    listener: Listener,
    show: &mut (dyn FnMut(&Asked<'_>) + Send),
) -> Result<Code, LoginFailed> {
    let (state, verifier) = (random()?, random()?);
    let url = ask(login, authority, &state, &verifier);
    show(&Asked {
        url: &url,
        origin: authority.authorization.origin(),
        scope: login.scope.as_deref(),
    });
    let expected = Expected {
        state,
        issuer: authority.issuer.clone(),
        says_who: authority.says_who,
    };
    let code = listener.code(expected).await?;
    Ok(Code { code, verifier })
}

/// The URL that asks a person.
fn ask(login: &Login, authority: &Authority, state: &Secret, verifier: &Secret) -> String {
    let challenge = s256(verifier);
    let mut pairs = vec![
        ("response_type", "code"),
        ("client_id", &*login.client.id),
        ("redirect_uri", &*login.client.redirect),
        ("state", state.expose()),
        ("code_challenge", &*challenge),
        ("code_challenge_method", "S256"),
    ];
    pairs.extend(login.scope.as_deref().map(|scope| ("scope", scope)));
    pairs.extend(login.resource.as_deref().map(|r| ("resource", r)));
    let scope = login.scope.as_deref().unwrap_or_default();
    if scope.split(' ').any(|scope| scope == "offline_access") {
        // OpenID Connect ignores it otherwise.
        pairs.push(("prompt", "consent"));
    }
    let url = &authority.authorization;
    let and = if url.has_query() { '&' } else { '?' };
    format!("{}{and}{}", url.whole(), encode(&pairs))
}

/// Gets tokens for the code, and keeps them.
async fn redeem(
    settings: &Settings,
    mut login: Login,
    authority: &Authority,
    Code { code, verifier }: Code,
) -> Result<Done, LoginFailed> {
    let evidence = settings.evidence(&login)?;
    let (mut pairs, header) = proven(&login.client, evidence.as_ref())?;
    pairs.extend([
        ("grant_type", "authorization_code"),
        ("code", code.expose()),
        ("redirect_uri", &*login.client.redirect),
        ("code_verifier", verifier.expose()),
    ]);
    pairs.extend(login.resource.as_deref().map(|r| ("resource", r)));
    let endpoint = settings.endpoint(&authority.token)?;
    let (status, body) = endpoint.ask(Question::Form(&pairs, header)).await?;
    let advice = "if it does not know lockgate any more, log out and in again";
    let answer = answer::read(status, body);
    let answer = answer.map_err(|e| format!("no token for the server: {}", e.told(advice)))?;
    let tokens = tokens(answer, None);
    let refreshes = tokens.refresh.is_some();
    login.tokens = Some(tokens);
    let guard = locked(&settings.store).await?;
    let saved = settings.store.save(&guard, &login);
    saved.map_err(|e| e.to_string())?;
    Ok(Done {
        origin: authority.authorization.origin().to_owned(),
        refreshes,
    })
}

/// Forgets the login; says whether there was one. The authorization server is
/// told where it wants to be (RFC 7009).
///
/// # Errors
/// Where the file system says no.
pub async fn logout(settings: &Settings) -> Result<bool, LoginFailed> {
    let guard = locked(&settings.store).await?;
    let login = settings.store.load();
    let was = !matches!(login, Ok(None));
    // It is forgotten, whatever the authorization server says.
    let removed = settings.store.remove(&guard);
    removed.map_err(|e| e.to_string())?;
    match login {
        Ok(Some(login)) => {
            if let Err(failure) = revoke(settings, &login).await {
                tracing::warn!("the tokens are forgotten here, but not given up: {failure}");
            }
        }
        Ok(None) => {}
        Err(e) => tracing::warn!("{e}; it is removed, and its tokens are not given up"),
    }
    Ok(was)
}

async fn revoke(settings: &Settings, login: &Login) -> Result<(), LoginFailed> {
    let (Some(tokens), Some(url)) = (&login.tokens, &login.revocation_endpoint) else {
        return Ok(());
    };
    let url = ServerUrl::parse(url).map_err(|e| e.to_string())?;
    let client: &Client = &login.client;
    let evidence = settings.evidence(login)?;
    let (mut pairs, header) = proven(client, evidence.as_ref())?;
    // With a refresh token, those that it has got are given up as well.
    let (token, kind) = match &tokens.refresh {
        Some(refresh) => (refresh, "refresh_token"),
        None => (&tokens.access, "access_token"),
    };
    pairs.extend([("token", token.expose()), ("token_type_hint", kind)]);
    let endpoint = settings.endpoint(&url)?;
    let (status, _) = endpoint.ask(Question::Form(&pairs, header)).await?;
    if status.is_success() {
        return Ok(());
    }
    let why = format!("HTTP {} to a revocation", status.as_u16());
    Err(endpoint.failed(&why).into())
}

impl From<String> for LoginFailed {
    fn from(why: String) -> Self {
        Self(why)
    }
}

#[cfg(test)]
mod tests;
