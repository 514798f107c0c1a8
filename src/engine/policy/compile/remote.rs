//! The keys of a remote server.

use super::Compiler;
use crate::engine::guard::address::Allowed;
use crate::engine::policy::raw::{List, RawCredential, RawOAuth, RawServer, Text};
use crate::engine::policy::{Credential, OAuth, OAuthClient, TokenPlace, shown};
use crate::engine::url::{ServerUrl, is_reserved_header};

impl Compiler<'_> {
    /// A server is started or dialled, not both, and what belongs to the other
    /// way would not be enforced.
    pub(super) fn one_way(&mut self, server: &RawServer) {
        let name = server.name.span.clone();
        if let (Some(url), Some(_)) = (&server.url, &server.command) {
            let message = "a server has a `command` or a `url`, not both";
            let help = "remove one, or make two servers of it";
            self.problems.error(url.span.clone(), message, help);
        } else if server.url.is_some() && (server.cwd.is_some() || !server.env.is_empty()) {
            let message = "`env` and `cwd` are for servers with a `command`";
            let help = "remove them; a remote server gets `headers`";
            self.problems.error(name, message, help);
        } else if server.command.is_some() {
            for (key, given) in [
                ("headers", !server.headers.is_empty()),
                ("addresses", server.addresses.is_some()),
                ("oauth", server.oauth.is_some()),
            ] {
                if given {
                    let message = format!("`{key}` is for servers with a `url`");
                    let help = "remove it; a process gets `env`";
                    self.problems.error(name.clone(), message, help);
                }
            }
        }
    }

    pub(super) fn url(&mut self, url: &Text) -> Option<ServerUrl> {
        match ServerUrl::parse(&url.value) {
            Ok(url) => Some(url),
            Err(why) => {
                // Not quoted: it may hold a secret.
                let message = "this is no URL of a server";
                self.problems
                    .error(url.span.clone(), message, why.to_string());
                None
            }
        }
    }

    pub(super) fn header(&mut self, name: &Text, value: RawCredential) -> (String, Credential) {
        let quoted = shown::quoted(&name.value);
        match is_reserved_header(&name.value) {
            None => {
                let message = format!("{quoted} is no name of a header");
                let help = "expected letters, digits and `-`";
                self.problems.error(name.span.clone(), message, help);
            }
            Some(true) => {
                let message = format!("lockgate sets {quoted} itself");
                let help = "remove it: a second value would contradict the message";
                self.problems.error(name.span.clone(), message, help);
            }
            Some(false) => {}
        }
        (name.value.to_ascii_lowercase(), self.credential(value))
    }

    pub(super) fn credential(&mut self, value: RawCredential) -> Credential {
        match value {
            RawCredential::Given(value) => Credential::Given(self.given(value)),
            // A path that cannot be read was told, and no policy comes of it.
            RawCredential::File(path) => Credential::File(self.path(&path).unwrap_or_default()),
        }
    }

    /// `addresses`, beside the URL whose host they are about.
    pub(super) fn addresses(&mut self, url: Option<&Text>, list: &List) -> Vec<Allowed> {
        let url = url.and_then(|url| ServerUrl::parse(&url.value).ok());
        if url.is_some_and(|url| url.names_its_address()) {
            let message = "the URL says itself which address it is";
            let help = "remove `addresses`: they are for names that have to be looked up";
            self.problems.error(list.span.clone(), message, help);
        }
        let mut all = Vec::new();
        for text in &list.value {
            match Allowed::parse(&text.value) {
                Ok(allowed) => all.push(allowed),
                Err(why) => {
                    let message = format!("{} is no part of a network", shown::quoted(&text.value));
                    self.problems
                        .error(text.span.clone(), message, why.to_string());
                }
            }
        }
        all
    }

    pub(super) fn oauth(
        &mut self,
        raw: RawOAuth,
        server: &Text,
        headers: &[(Text, RawCredential)],
    ) -> Option<OAuth> {
        let authorization = |name: &Text| name.value.eq_ignore_ascii_case("authorization");
        if let Some((name, _)) = headers.iter().find(|(name, _)| authorization(name)) {
            let message = "`oauth` sets the header `Authorization` itself";
            self.problems
                .error(name.span.clone(), message, "remove one of the two");
        }
        if raw.login.as_ref().is_some_and(|login| login.value) {
            return Some(OAuth::Login(self.login(raw, server)));
        }
        if let Some(port) = &raw.redirect_port {
            let message = "`redirect_port` is where a browser comes back to";
            let help = "remove it, or say `login = true`";
            self.problems.error(port.span.clone(), message, help);
        }
        self.client(raw, server).map(OAuth::Client)
    }

    /// Tokens that lockgate gets as a client of its own.
    fn client(&mut self, raw: RawOAuth, server: &Text) -> Option<OAuthClient> {
        let span = || server.span.clone();
        let place = match (&raw.token_url, &raw.issuer) {
            (Some(url), None) => self.token_place(url).map(TokenPlace::Endpoint),
            (None, Some(issuer)) => self.issuer(issuer).map(TokenPlace::Issuer),
            _ => {
                let message = "`oauth` needs a `token_url` or an `issuer`, one of them";
                let help = "an `issuer` is asked for its token endpoint; if a person logs in \
                            (`lockgate login`), say `login = true`";
                self.problems.error(span(), message, help);
                None
            }
        };
        let mut needed = |value: &Option<Text>, key: &str, help: &str| {
            if value.as_ref().is_none_or(|text| text.value.is_empty()) {
                let message = format!("`oauth` needs a `{key}`");
                self.problems.error(span(), message, help.to_owned());
            }
        };
        let help = "write the one that the authorization server has given lockgate";
        needed(&raw.client_id, "client_id", help);
        if raw.client_secret.is_none() {
            needed(&None, "client_secret", "write `{ from = \"VARIABLE\" }`");
        }
        let at = raw.token_url.as_ref().or(raw.issuer.as_ref());
        let addresses = raw.addresses.map(|list| self.addresses(at, &list));
        Some(OAuthClient {
            addresses,
            place: place?,
            client_id: raw.client_id?.value,
            client_secret: self.credential(raw.client_secret?),
            scope: raw.scope.map(|text| text.value),
            resource: raw.resource.map(|text| text.value),
            audience: raw.audience.map(|text| text.value),
            exchange: raw.exchange.is_some_and(|exchange| exchange.value),
        })
    }

    /// An authorization server, by the name that it gives itself.
    pub(super) fn issuer(&mut self, issuer: &Text) -> Option<ServerUrl> {
        let url = self.token_place(issuer);
        if url.as_ref().is_some_and(ServerUrl::has_query) {
            let message = "an issuer has no query";
            let help = "write it as the authorization server's metadata have it";
            self.problems.error(issuer.span.clone(), message, help);
        }
        url
    }

    /// Where secrets go: never without encryption over a network.
    fn token_place(&mut self, text: &Text) -> Option<ServerUrl> {
        let url = self.url(text)?;
        if url.is_secure() || url.is_loopback() {
            return Some(url);
        }
        let message = "the client's secret would go over the network without encryption";
        self.problems
            .error(text.span.clone(), message, "write an `https://` URL");
        None
    }
}
