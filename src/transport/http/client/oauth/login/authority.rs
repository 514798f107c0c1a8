//! What an authorization server says of itself (RFC 8414, `OpenID` Connect).

use super::super::settings::Settings;
use crate::engine::message::{Document, Json, Kind};
use crate::engine::url::ServerUrl;
use crate::state::login::Method;

/// An authorization server, as far as a login depends on it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) issuer: String,
    pub(super) authorization: ServerUrl,
    pub(super) token: ServerUrl,
    pub(super) registration: Option<ServerUrl>,
    pub(super) revocation: Option<ServerUrl>,
    /// How clients may prove themselves, where it is said.
    pub(super) methods: Option<Vec<Method>>,
    /// It gives refresh tokens to whoever asks for `offline_access`.
    pub(super) offline: bool,
    /// It reads documents about clients.
    pub(super) documents: bool,
    /// It says in each answer who it is (RFC 9207).
    pub(super) says_who: bool,
}

/// Reads the metadata that were found where this issuer's are.
pub(super) fn read(
    settings: &Settings,
    issuer: &ServerUrl,
    document: &Document,
) -> Result<Authority, String> {
    let root = document.root();
    let text = |key: &str| root.get(key).and_then(Json::as_str);
    // Another's metadata would send code and secret to somebody else.
    if text("issuer").as_deref() != Some(issuer.whole()) {
        return Err("are of another issuer".to_owned());
    }
    let texts = |key: &str| {
        let list = root.get(key).filter(|list| list.kind() == Kind::Array)?;
        let items = list.items().filter_map(Json::as_str);
        Some(items.map(String::from).collect::<Vec<String>>())
    };
    let has = |key: &str, wanted: &str| {
        let list = texts(key).unwrap_or_default();
        list.iter().any(|text| text == wanted)
    };
    let url = |key: &str| -> Result<Option<ServerUrl>, String> {
        let Some(url) = text(key) else {
            return Ok(None);
        };
        let url = ServerUrl::parse(&url).map_err(|e| format!("have a bad `{key}`: {e}"))?;
        if !settings.is_safe(&url) {
            return Err(format!("have a `{key}` without encryption"));
        }
        Ok(Some(url))
    };
    let needed = |key: &str| url(key)?.ok_or_else(|| format!("have no `{key}`"));
    if !has("code_challenge_methods_supported", "S256") {
        // Without it, whoever sees the code can use it.
        return Err("do not say that it protects codes (PKCE with S256)".to_owned());
    }
    if texts("response_types_supported").is_some() && !has("response_types_supported", "code") {
        return Err("do not offer a login by code".to_owned());
    }
    let flag = |key: &str| root.get(key).and_then(Json::as_bool) == Some(true);
    let methods = texts("token_endpoint_auth_methods_supported");
    let methods = methods.map(|all| all.iter().filter_map(|text| method(text)).collect());
    Ok(Authority {
        issuer: issuer.whole().to_owned(),
        authorization: needed("authorization_endpoint")?,
        token: needed("token_endpoint")?,
        registration: url("registration_endpoint")?,
        revocation: url("revocation_endpoint")?,
        methods,
        offline: has("scopes_supported", "offline_access"),
        documents: flag("client_id_metadata_document_supported"),
        says_who: flag("authorization_response_iss_parameter_supported"),
    })
}

/// A way for a client to prove itself that lockgate knows.
pub(super) fn method(text: &str) -> Option<Method> {
    Some(match text {
        "none" => Method::None,
        "client_secret_basic" => Method::Basic,
        "client_secret_post" => Method::Post,
        "private_key_jwt" => Method::Key,
        _ => return None,
    })
}

impl Authority {
    /// One that says nothing of itself, as 2025-03-26 has it ("Fallbacks for Servers
    /// without Metadata Discovery"): at fixed places of the server's own origin.
    pub(super) fn by_default(settings: &Settings, origin: &ServerUrl) -> Result<Self, String> {
        let at = |path: &str| {
            let url = ServerUrl::parse(&format!("{}/{path}", origin.origin()));
            let url = url.map_err(|e| format!("the server's origin is no place to ask: {e}"))?;
            if !settings.is_safe(&url) {
                return Err("the server would be asked without encryption".to_owned());
            }
            Ok(url)
        };
        Ok(Self {
            issuer: origin.origin().to_owned(),
            authorization: at("authorize")?,
            token: at("token")?,
            registration: Some(at("register")?),
            revocation: None,
            methods: None,
            offline: false,
            documents: false,
            says_who: false,
        })
    }

    /// How a client with a secret proves itself, by what is offered.
    pub(super) fn by_secret(&self) -> Option<Method> {
        let Some(methods) = &self.methods else {
            return Some(Method::Basic);
        };
        let wanted = [Method::Basic, Method::Post];
        wanted.into_iter().find(|wanted| methods.contains(wanted))
    }

    /// Whether a client may prove itself by a key. Where nothing is said, the
    /// operator knows.
    pub(super) fn takes_keys(&self) -> bool {
        let methods = self.methods.as_ref();
        methods.is_none_or(|methods| methods.contains(&Method::Key))
    }

    /// How lockgate registers itself: without a secret where it can.
    pub(super) fn preferred(&self) -> Option<Method> {
        match &self.methods {
            None => Some(Method::None),
            Some(methods) if methods.contains(&Method::None) => Some(Method::None),
            Some(_) => self.by_secret(),
        }
    }
}
