//! What the operator says about a login, and whom it lets lockgate talk to.
//!
//! Where to ask for what is said by the server and by its authorization server,
//! which are strangers (A1). So that no server makes lockgate knock at the doors
//! of the house it stands in, what they name has to be public, unless the
//! operator has named that host or its addresses.

use super::super::failure::Failure;
use super::super::names::{LookUp, System};
use super::endpoint::{Endpoint, basic};
use super::{ClientProof, Evidence, assertion};
use crate::engine::guard::address::{Allowed, Reach};
use crate::engine::url::ServerUrl;
use crate::state::login::{Client, Login, Method, Store};
use hyper::header::HeaderValue;
use std::sync::Arc;

/// A server that somebody logs in to.
#[derive(Debug)]
pub struct Settings {
    /// The server.
    pub server: ServerUrl,
    /// What its name may stand for.
    pub reach: Reach,
    /// The authorization server that it has to name.
    pub issuer: Option<ServerUrl>,
    /// What the names of authorization servers may stand for.
    pub addresses: Option<Reach>,
    /// Who lockgate is, where the operator knows.
    pub client: Option<KnownClient>,
    /// The scopes to ask for, and no others.
    pub scope: Option<String>,
    /// For which resource; empty for none.
    pub resource: Option<String>,
    /// A server without any metadata has its endpoints where 2025-03-26 says.
    pub default_endpoints: bool,
    /// The port that the browser comes back to.
    pub redirect_port: Option<u16>,
    /// Where the login is kept.
    pub store: Store,
    /// The command that logs in, for people.
    pub command: String,
}

/// Who lockgate is, as the operator knows.
#[derive(Debug)]
pub enum KnownClient {
    /// Registered by hand.
    Registered {
        /// Under this name.
        id: String,
        /// What proves it.
        proof: Option<ClientProof>,
    },
    /// Described by a document.
    Document {
        /// The document's URL.
        url: String,
        /// What proves it: a key, if anything.
        proof: Option<ClientProof>,
    },
}

/// What a form and a header say of the client.
pub(super) type Proven<'a> = (Vec<(&'a str, &'a str)>, Option<HeaderValue>);

impl Settings {
    /// A way to something that a stranger has named.
    pub(super) fn endpoint(&self, url: &ServerUrl) -> Result<Endpoint, Failure> {
        let told = |why: &dyn std::fmt::Display| {
            Failure::Login(format!("{} is not asked: {why}", url.origin()))
        };
        if !self.is_safe(url) {
            return Err(told(&"it would be without encryption"));
        }
        let look_up: Arc<dyn LookUp> = Arc::new(System);
        Endpoint::new(url, &self.reach_of(url), look_up).map_err(|e| told(&e))
    }

    /// Whether what is said there stays between two.
    pub(super) fn is_safe(&self, url: &ServerUrl) -> bool {
        url.is_secure() || (url.is_loopback() && self.is_at_home())
    }

    /// Whether the operator deals with this machine anyway.
    fn is_at_home(&self) -> bool {
        let issuer = self.issuer.as_ref();
        self.server.is_loopback() || issuer.is_some_and(ServerUrl::is_loopback)
    }

    fn reach_of(&self, url: &ServerUrl) -> Reach {
        let same = |known: &ServerUrl| known.host().eq_ignore_ascii_case(url.host());
        if same(&self.server) {
            return self.reach.clone();
        }
        if let Some(addresses) = &self.addresses {
            return addresses.clone();
        }
        if self.issuer.as_ref().is_some_and(same) || (url.is_loopback() && self.is_at_home()) {
            return url.reach();
        }
        Reach::only(vec![Allowed::Public])
    }

    /// Why requests will not be answered before somebody has logged in.
    pub fn missing(&self) -> Option<String> {
        match self.store.load() {
            Err(e) => Some(e.to_string()),
            Ok(None) => Some("nobody has logged in to it".to_owned()),
            Ok(Some(login)) => {
                let ended = login.tokens.is_none().then_some("its login has ended");
                self.misfit(&login).or(ended).map(str::to_owned)
            }
        }
    }

    /// Why a login is not one for this server as the policy has it now.
    pub(super) fn misfit(&self, login: &Login) -> Option<&'static str> {
        let client = &login.client;
        let same_client = match &self.client {
            None => client.registered,
            Some(KnownClient::Registered { id, .. }) => !client.registered && *id == client.id,
            Some(KnownClient::Document { url, .. }) => client.registered || *url == client.id,
        };
        let differs = |set: &Option<String>, kept: &Option<String>| {
            let set = set.as_deref();
            set.is_some_and(|set| set != kept.as_deref().unwrap_or_default())
        };
        let issuer = self.issuer.as_ref();
        if login.server != self.server.without_query() {
            Some("the login is one for another server")
        } else if issuer.is_some_and(|issuer| issuer.whole() != login.issuer) {
            Some("the login is one of another issuer than the policy's")
        } else if !same_client {
            Some("the login is one of another client than the policy's")
        } else if differs(&self.scope, &login.scope) {
            Some("the login has other scopes than the policy's")
        } else if differs(&self.resource, &login.resource) {
            Some("the login is one for another resource than the policy's")
        } else {
            None
        }
    }

    /// What proves the client of a login, if anything does.
    pub(super) fn evidence(&self, login: &Login) -> Result<Option<Evidence>, Failure> {
        let client = &login.client;
        if client.registered {
            return Ok(client.secret.clone().map(Evidence::Secret));
        }
        let known = self.client.as_ref();
        let proof = known.and_then(|known| match known {
            KnownClient::Registered { proof, .. } | KnownClient::Document { proof, .. } => {
                proof.as_ref()
            }
        });
        let evidence = proof.map(|proof| proof.evidence(&client.id, &login.issuer));
        evidence.transpose()
    }
}

/// How evidence is shown: HTTP Basic, or in the form.
pub(super) fn shown<'a>(id: &'a str, evidence: &'a Evidence) -> Result<Proven<'a>, Failure> {
    Ok(match evidence {
        Evidence::Secret(secret) => {
            let header = basic(id, secret.expose()).ok_or(Failure::Credentials)?;
            (Vec::new(), Some(header))
        }
        Evidence::Assertion(assertion) => (
            vec![
                ("client_id", id),
                ("client_assertion_type", assertion::KIND),
                ("client_assertion", assertion.expose()),
            ],
            None,
        ),
    })
}

/// What proves the client at the token endpoint.
pub(super) fn proven<'a>(
    client: &'a Client,
    evidence: Option<&'a Evidence>,
) -> Result<Proven<'a>, Failure> {
    let id = ("client_id", client.id.as_str());
    match (client.method, evidence) {
        (Method::Post, Some(Evidence::Secret(secret))) => {
            Ok((vec![id, ("client_secret", secret.expose())], None))
        }
        (Method::Basic, Some(evidence @ Evidence::Secret(_)))
        | (Method::Key, Some(evidence @ Evidence::Assertion(_))) => shown(&client.id, evidence),
        // The policy proves it in another way by now than when it logged in.
        (Method::Key, _) | (_, Some(Evidence::Assertion(_))) => Err(Failure::Credentials),
        (Method::None, _) | (Method::Basic | Method::Post, None) => Ok((vec![id], None)),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::engine::types::ServerName;

    fn url(text: &str) -> ServerUrl {
        ServerUrl::parse(text).unwrap()
    }

    /// Of a server of which nothing else is said.
    pub(in super::super) fn settings(server: &str) -> Settings {
        let server = url(server);
        let name = ServerName::new("s").unwrap();
        Settings {
            reach: server.reach(),
            issuer: None,
            addresses: None,
            client: None,
            scope: None,
            resource: None,
            default_endpoints: false,
            redirect_port: None,
            store: Store::new("/nowhere".as_ref(), &name, &server),
            command: String::new(),
            server,
        }
    }

    #[test]
    fn a_server_names_nobody_in_the_house() {
        let may = |settings: &Settings, text: &str, address: &str| {
            let url = url(text);
            let reached = settings.reach_of(&url).judge(address.parse().unwrap());
            settings.is_safe(&url) && reached.is_ok()
        };
        let public = settings("https://mcp.example/mcp");
        for (named, address, expected) in [
            ("https://idp.example/", "93.184.216.34", true),
            ("https://idp.example/", "10.0.0.1", false),
            ("https://idp.example/", "127.0.0.1", false),
            ("https://10.0.0.1/", "10.0.0.1", false),
            ("https://127.0.0.1:8443/", "127.0.0.1", false),
            ("https://localhost/", "127.0.0.1", false),
            ("https://93.184.216.34/", "93.184.216.34", true),
            ("http://idp.example/", "93.184.216.34", false),
            ("http://127.0.0.1/", "127.0.0.1", false),
        ] {
            assert_eq!(may(&public, named, address), expected, "{named}");
        }
        let mut inside = settings("https://mcp.example/mcp");
        inside.addresses = Some(Reach::only(vec![Allowed::Private]));
        assert!(may(&inside, "https://idp.corp.example/", "10.0.0.1"));
        assert!(!may(&inside, "https://idp.corp.example/", "127.0.0.1"));
        let mut named = settings("https://mcp.example/mcp");
        named.issuer = Some(url("https://10.0.0.1/t"));
        assert!(may(&named, "https://10.0.0.1/t/token", "10.0.0.1"));
        assert!(!may(&named, "https://10.0.0.2/t/token", "10.0.0.2"));
        let here = settings("http://127.0.0.1:3000/mcp");
        assert!(may(&here, "http://localhost:4000/token", "127.0.0.1"));
        assert!(!may(&here, "http://10.0.0.1/token", "10.0.0.1"));
        assert!(!may(&here, "https://10.0.0.1/token", "10.0.0.1"));
    }

    #[test]
    fn a_login_is_good_for_what_it_was_made_for() {
        let client = Client {
            id: "c".to_owned(),
            secret: None,
            secret_ends: None,
            method: Method::None,
            registered: true,
            redirect: String::new(),
        };
        let server = url("https://mcp.example/mcp");
        let mut login = Login::new(&server, "https://i.example", "https://i.example/t", client);
        login.scope = Some("a b".to_owned());
        login.resource = Some("https://mcp.example".to_owned());
        let misfit = |change: &dyn Fn(&mut Settings)| {
            let mut settings = settings("https://mcp.example/mcp");
            change(&mut settings);
            settings.misfit(&login)
        };
        assert_eq!(misfit(&|_| {}), None);
        let known = |id: &str| KnownClient::Registered {
            id: id.to_owned(),
            proof: None,
        };
        for (change, told) in [
            (
                (&|s: &mut Settings| s.server = url("https://mcp.example/other"))
                    as &dyn Fn(&mut Settings),
                "another server",
            ),
            (
                &|s| s.issuer = Some(url("https://j.example")),
                "another issuer",
            ),
            (&|s| s.client = Some(known("c")), "another client"),
            (&|s| s.scope = Some("a".to_owned()), "other scopes"),
            (&|s| s.resource = Some(String::new()), "another resource"),
        ] {
            let why = misfit(change);
            assert!(why.is_some_and(|why| why.contains(told)), "{told}: {why:?}");
        }
    }
}
