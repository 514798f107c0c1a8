//! Who lockgate is to an authorization server: as the operator knows, by the
//! URL of a document, as it has registered itself before, or by registering now.

use super::super::ClientProof;
use super::super::endpoint::Question;
use super::super::kept::now;
use super::super::settings::{KnownClient, Settings};
use super::authority::{Authority, method};
use super::{Listener, LoginFailed};
use crate::engine::message::{Document, Json, Limits};
use crate::state::login::{Client, Login, Method};
use crate::transport::http::secret::Secret;
use serde_json::json;

/// Longest name of a client, or secret, in bytes.
const LONGEST: usize = 4096;

/// Who lockgate is here, and where the browser comes back to.
pub(super) async fn client(
    settings: &Settings,
    authority: &Authority,
    before: Option<&Login>,
    scope: Option<&str>,
) -> Result<(Client, Listener), LoginFailed> {
    let known = |id: &str, method, redirect: String| Client {
        id: id.to_owned(),
        secret: None,
        secret_ends: None,
        method,
        registered: false,
        redirect,
    };
    match &settings.client {
        Some(KnownClient::Registered { id, proof }) => {
            let method = by(authority, proof.as_ref())?;
            let listener = Listener::bind(settings.redirect_port).await?;
            return Ok((known(id, method, listener.redirect()), listener));
        }
        Some(KnownClient::Document { url, proof }) if authority.documents => {
            let method = by(authority, proof.as_ref())?;
            let listener = Listener::bind(settings.redirect_port).await?;
            return Ok((known(url, method, listener.redirect()), listener));
        }
        Some(KnownClient::Document { .. }) | None => {}
    }
    // A registration is good at one authorization server, for one way back.
    let before = before.map(|login| (&login.issuer, &login.client));
    let before = before.filter(|(issuer, client)| {
        let lives = client.secret_ends.is_none_or(|ends| ends > now());
        **issuer == authority.issuer && client.registered && lives
    });
    if let Some((_, client)) = before
        && let Some(listener) = Listener::again(&client.redirect, settings.redirect_port).await
    {
        return Ok((client.clone(), listener));
    }
    let listener = Listener::bind(settings.redirect_port).await?;
    let client = register(settings, authority, &listener, scope).await?;
    Ok((client, listener))
}

/// How a client proves itself with what the operator has given it.
fn by(authority: &Authority, proof: Option<&ClientProof>) -> Result<Method, &'static str> {
    match proof {
        None => Ok(Method::None),
        Some(ClientProof::Secret(_)) => {
            let method = authority.by_secret();
            method.ok_or("the authorization server takes no client's secret")
        }
        Some(ClientProof::Key(_)) if authority.takes_keys() => Ok(Method::Key),
        Some(ClientProof::Key(_)) => {
            Err("the authorization server takes no client's key (`private_key_jwt`)")
        }
    }
}

/// Dynamic registration (RFC 7591).
async fn register(
    settings: &Settings,
    authority: &Authority,
    listener: &Listener,
    scope: Option<&str>,
) -> Result<Client, LoginFailed> {
    let url = authority.registration.as_ref();
    let url = url.ok_or(
        "the authorization server does not register clients itself: register lockgate there by \
         hand, and write `client_id` and `issuer` into `oauth` of the policy",
    )?;
    let wanted = authority.preferred();
    let wanted = wanted.ok_or("the authorization server knows no way to prove a client")?;
    let redirect = listener.redirect();
    let mut document = json!({
        "client_name": "lockgate",
        "redirect_uris": [redirect],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "token_endpoint_auth_method": wanted,
        "application_type": "native",
    });
    if let (Some(scope), Some(document)) = (scope, document.as_object_mut()) {
        document.insert("scope".to_owned(), json!(scope));
    }
    let endpoint = settings.endpoint(url)?;
    let (status, body) = endpoint.ask(Question::Json(document.to_string())).await?;
    if !status.is_success() {
        let code = error_of(body);
        return Err(LoginFailed::new(format!(
            "the authorization server does not register lockgate (HTTP {}{code}): register it \
             there by hand, and write `client_id` and `issuer` into `oauth` of the policy",
            status.as_u16()
        )));
    }
    Ok(registered(authority, body, redirect)?)
}

/// The error of RFC 7591, if it is one.
fn error_of(body: Vec<u8>) -> String {
    const CODES: [&str; 4] = [
        "invalid_redirect_uri",
        "invalid_client_metadata",
        "invalid_software_statement",
        "unapproved_software_statement",
    ];
    let document = Document::read(body, &Limits::DEFAULT).ok();
    let error = document.as_ref().and_then(|d| d.root().get("error"));
    let error = error.and_then(Json::as_str);
    let known = CODES
        .into_iter()
        .find(|code| error.as_deref() == Some(code));
    known.map_or_else(String::new, |code| format!(", `{code}`"))
}

fn registered(
    authority: &Authority,
    body: Vec<u8>,
    redirect: String,
) -> Result<Client, &'static str> {
    let document = Document::read(body, &Limits::DEFAULT);
    let document = document.map_err(|_| "the registration cannot be read")?;
    let root = document.root();
    let text = |key: &str| root.get(key).and_then(Json::as_str);
    let fits = |text: &str| {
        let plain = text.bytes().all(|b| (0x20..0x7f).contains(&b));
        !text.is_empty() && text.len() <= LONGEST && plain
    };
    let id = text("client_id").filter(|id| fits(id));
    let id = id.ok_or("the registration has no `client_id`")?;
    let secret = text("client_secret").filter(|secret| fits(secret));
    let said = text("token_endpoint_auth_method");
    let method = match (said.as_deref().map(method), &secret) {
        (Some(None | Some(Method::Key)), _) => {
            return Err("the registration asks for a proof that lockgate has not");
        }
        (Some(Some(Method::Basic | Method::Post)), None) => {
            return Err("the registration asks for a secret and gives none");
        }
        (Some(Some(method)), _) => method,
        (None, None) => Method::None,
        (None, Some(_)) => authority.by_secret().unwrap_or(Method::Basic),
    };
    let ends = root
        .get("client_secret_expires_at")
        .and_then(Json::as_number);
    let ends = ends.and_then(|ends| ends.parse().ok());
    Ok(Client {
        id: id.into_owned(),
        secret_ends: ends.filter(|ends| *ends > 0 && secret.is_some()),
        secret: secret.map(Secret::new),
        method,
        registered: true,
        redirect,
    })
}
