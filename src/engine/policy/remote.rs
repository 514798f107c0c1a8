//! How lockgate proves itself to a remote server.

use super::EnvValue;
use crate::engine::guard::address::Allowed;
use crate::engine::url::ServerUrl;

/// Where something secret comes from that lockgate shows to a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// Known from the start.
    Given(EnvValue),
    /// The text of a file, by its absolute path; it may change while lockgate
    /// runs.
    File(String),
}

/// Whom to ask for tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenPlace {
    /// The token endpoint.
    Endpoint(ServerUrl),
    /// An authorization server, whose metadata name the token endpoint.
    Issuer(ServerUrl),
}

/// A server's `oauth`: lockgate is a client of its authorization server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuth {
    /// Whom to ask.
    pub place: TokenPlace,
    /// Which addresses that name may stand for, where it is said.
    pub addresses: Option<Vec<Allowed>>,
    /// Who lockgate is there.
    pub client_id: String,
    /// What proves it.
    pub client_secret: Credential,
    /// The scopes to ask for, separated by spaces.
    pub scope: Option<String>,
    /// For which resource (RFC 8707); the server's URL where it is not said.
    pub resource: Option<String>,
    /// For which audience, where the authorization server wants it said so.
    pub audience: Option<String>,
    /// The principal's own token is exchanged for one (RFC 8693), instead of
    /// all principals being lockgate.
    pub exchange: bool,
}
