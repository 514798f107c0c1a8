//! `oauth = { login = true }`: somebody logs in with a browser.

use super::Compiler;
use crate::engine::policy::raw::{RawOAuth, Text};
use crate::engine::policy::{ClientProof, LoginClient, OAuthLogin, is_scope};

impl Compiler<'_> {
    pub(super) fn login(&mut self, raw: RawOAuth, server: &Text) -> OAuthLogin {
        self.only_without_login(&raw);
        // What is no good was told, and no policy comes of it.
        let client = raw.client_id.as_ref();
        let client = client.and_then(|id| self.login_client(id, raw.client_secret.is_some()));
        if let (Some(LoginClient::Registered { .. }), None) = (&client, &raw.issuer) {
            // The server says who its authorization server is: it could name
            // one of its own, and have the secret sent there.
            let message = "a `client_id` is good at one authorization server only";
            let help = "say which, with `issuer`";
            let span = raw.client_id.as_ref().map(|id| id.span.clone());
            self.problems
                .error(span.unwrap_or_else(|| server.span.clone()), message, help);
        }
        for (key, given) in [
            ("client_secret", raw.client_secret.is_some()),
            ("private_key", raw.private_key.is_some()),
        ] {
            if raw.client_id.is_none() && given {
                let message = format!("`{key}` needs the `client_id` that it proves");
                let help = "write both, or neither: then lockgate registers itself";
                self.problems.error(server.span.clone(), message, help);
            }
        }
        let (raw, proof) = self.client_proof(raw);
        if let Some(scope) = raw.scope.as_ref().filter(|scope| !is_scope(&scope.value)) {
            let message = "this is no list of scopes";
            let help = "write them with one space in between, without quotes and `\\`";
            self.problems.error(scope.span.clone(), message, help);
        }
        let issuer = raw.issuer.as_ref();
        let issuer = issuer.and_then(|issuer| self.issuer(issuer));
        let addresses = raw.addresses.as_ref();
        let addresses = addresses.map(|list| self.addresses(raw.issuer.as_ref(), list));
        let default_endpoints = self.default_endpoints(&raw);
        OAuthLogin {
            issuer,
            addresses,
            client: client.map(|client| with_proof(client, proof)),
            scope: raw.scope.map(|text| text.value),
            resource: raw.resource.map(|text| text.value),
            default_endpoints,
            redirect_port: raw.redirect_port.map(|port| port.value),
        }
    }

    /// What belongs to the other ways to a token, and would not be enforced.
    fn only_without_login(&mut self, raw: &RawOAuth) {
        let span = |text: &Option<Text>| text.as_ref().map(|text| text.span.clone());
        let exchange = raw.exchange.as_ref().filter(|exchange| exchange.value);
        for (key, span) in [
            ("token_url", span(&raw.token_url)),
            ("audience", span(&raw.audience)),
            ("exchange", exchange.map(|exchange| exchange.span.clone())),
        ] {
            let Some(span) = span else { continue };
            let message = format!("`{key}` does not go with `login = true`");
            let help = match key {
                "token_url" => {
                    "remove it: the server says whom to ask; `issuer` can hold it to one"
                }
                _ => "remove one of the two: there is one login for all who reach the server",
            };
            self.problems.error(span, message, help);
        }
    }

    /// They are the server's own, and no issuer's.
    fn default_endpoints(&mut self, raw: &RawOAuth) -> bool {
        let wanted = raw.default_endpoints.as_ref().filter(|wanted| wanted.value);
        if let (Some(wanted), Some(_)) = (wanted, &raw.issuer) {
            let message = "`default_endpoints` are the server's own, not those of an `issuer`";
            let help = "remove one of the two";
            self.problems.error(wanted.span.clone(), message, help);
        }
        wanted.is_some()
    }

    /// A name, or the URL of a document that describes lockgate.
    fn login_client(&mut self, id: &Text, has_secret: bool) -> Option<LoginClient> {
        if !id.value.contains("://") {
            if id.value.is_empty() || !id.value.bytes().all(|b| (0x20..0x7f).contains(&b)) {
                let message = "a `client_id` is visible ASCII";
                let help = "write the one that the authorization server has given lockgate, \
                            or leave it out";
                self.problems.error(id.span.clone(), message, help);
            }
            return Some(LoginClient::Registered {
                id: id.value.clone(),
                proof: None,
            });
        }
        let url = self.url(id)?;
        let has_path = url.without_query().len() > url.origin().len().saturating_add(1);
        if !url.is_secure() || !has_path {
            let message = "the URL of a client's document is `https` and has a path";
            let help = "such as `https://you.example/lockgate.json`";
            self.problems.error(id.span.clone(), message, help);
        }
        if has_secret {
            let message = "a client that is described by a document has no `client_secret`";
            let help = "remove the `client_secret`";
            self.problems.error(id.span.clone(), message, help);
        }
        Some(LoginClient::Document { url, key: None })
    }
}

/// The client with what proves it. That a document goes with no secret was told.
fn with_proof(client: LoginClient, proof: Option<ClientProof>) -> LoginClient {
    match (client, proof) {
        (LoginClient::Registered { id, .. }, proof) => LoginClient::Registered { id, proof },
        (LoginClient::Document { url, .. }, Some(ClientProof::Key(key))) => {
            let key = Some(key);
            LoginClient::Document { url, key }
        }
        (document @ LoginClient::Document { .. }, _) => document,
    }
}
