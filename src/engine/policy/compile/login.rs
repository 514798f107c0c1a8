//! `oauth = { login = true }`: somebody logs in with a browser.

use super::Compiler;
use crate::engine::policy::raw::{RawCredential, RawOAuth, Text};
use crate::engine::policy::{LoginClient, OAuthLogin, is_scope};

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
        if raw.client_id.is_none() && raw.client_secret.is_some() {
            let message = "`client_secret` needs the `client_id` that it proves";
            let help = "write both, or neither: then lockgate registers itself";
            self.problems.error(server.span.clone(), message, help);
        }
        if let Some(scope) = raw.scope.as_ref().filter(|scope| !is_scope(&scope.value)) {
            let message = "this is no list of scopes";
            let help = "write them with one space in between, without quotes and `\\`";
            self.problems.error(scope.span.clone(), message, help);
        }
        let issuer = raw.issuer.as_ref();
        let issuer = issuer.and_then(|issuer| self.issuer(issuer));
        let addresses = raw.addresses.as_ref();
        let addresses = addresses.map(|list| self.addresses(raw.issuer.as_ref(), list));
        OAuthLogin {
            issuer,
            addresses,
            client: self.with_secret(client, raw.client_secret),
            scope: raw.scope.map(|text| text.value),
            resource: raw.resource.map(|text| text.value),
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
                secret: None,
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
        Some(LoginClient::Document(url))
    }

    fn with_secret(
        &mut self,
        client: Option<LoginClient>,
        raw: Option<RawCredential>,
    ) -> Option<LoginClient> {
        let given = raw.map(|raw| self.credential(raw));
        Some(match client? {
            LoginClient::Registered { id, .. } => LoginClient::Registered { id, secret: given },
            document @ LoginClient::Document(_) => document,
        })
    }
}
