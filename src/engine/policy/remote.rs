//! How lockgate proves itself to a remote server.

use super::{Algorithm, EnvValue};
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
pub enum OAuth {
    /// For itself, or in exchange for a principal's token.
    Client(OAuthClient),
    /// By `lockgate login`: somebody has logged in with a browser.
    Login(OAuthLogin),
}

/// Tokens that lockgate gets without anybody at a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthClient {
    /// Whom to ask.
    pub place: TokenPlace,
    /// Which addresses that name may stand for, where it is said.
    pub addresses: Option<Vec<Allowed>>,
    /// Who lockgate is there.
    pub client_id: String,
    /// What proves it.
    pub proof: ClientProof,
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

/// A login that `lockgate login` has made, for all who reach the server.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OAuthLogin {
    /// The authorization server that the server has to name; the first one that
    /// it names, where nothing is said.
    pub issuer: Option<ServerUrl>,
    /// Which addresses its names may stand for, where it is said.
    pub addresses: Option<Vec<Allowed>>,
    /// Who lockgate is there; registered on the way, where nothing is said.
    pub client: Option<LoginClient>,
    /// The scopes to ask for, and no others; the server's where it is not said.
    pub scope: Option<String>,
    /// For which resource (RFC 8707); empty for none; the server's own where it
    /// is not said.
    pub resource: Option<String>,
    /// A server without any metadata has its endpoints where 2025-03-26 says,
    /// though nobody says that they protect codes.
    pub default_endpoints: bool,
    /// The port of this machine that the browser comes back to.
    pub redirect_port: Option<u16>,
}

/// Who lockgate is to an authorization server, as the operator knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginClient {
    /// Registered by hand there.
    Registered {
        /// Under this name.
        id: String,
        /// What proves it, where there is any.
        proof: Option<ClientProof>,
    },
    /// Described by a document (Client ID Metadata Document).
    Document {
        /// The document's URL.
        url: ServerUrl,
        /// Whose public half it names, if any.
        key: Option<ClientKey>,
    },
}

/// What proves a client to an authorization server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientProof {
    /// A secret that both know.
    Secret(Credential),
    /// A key of its own.
    Key(ClientKey),
}

impl ClientProof {
    /// Where it is read.
    pub fn source(&self) -> &Credential {
        match self {
            Self::Secret(secret) => secret,
            Self::Key(key) => &key.key,
        }
    }
}

/// A key by which a client proves itself (`private_key_jwt`, RFC 7523).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientKey {
    /// Where it is read, in PEM.
    pub key: Credential,
    /// By what name the authorization server knows it.
    pub id: Option<String>,
    /// How it signs, where that is not what one expects of it.
    pub algorithm: Option<Algorithm>,
}

/// Whether these are scopes as RFC 6749 (3.3) has them.
pub fn is_scope(text: &str) -> bool {
    let token = |word: &str| {
        let fits = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        !word.is_empty() && word.bytes().all(fits)
    };
    text.split(' ').all(token)
}
