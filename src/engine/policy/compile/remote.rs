//! The keys of a remote server.

use super::Compiler;
use crate::engine::guard::address::Allowed;
use crate::engine::policy::code::Code;
use crate::engine::policy::raw::{
    DIALLED, List, RawCredential, RawOAuth, RawServer, STARTED, Text,
};
use crate::engine::policy::{
    Algorithm, ClientKey, ClientProof, Credential, OAuth, OAuthClient, TokenPlace, shown, suggest,
};
use crate::engine::url::{ServerUrl, is_reserved_header};

impl Compiler<'_> {
    /// A server is started or dialled, not both, and what belongs to the other
    /// way would not be enforced.
    pub(super) fn one_way(&mut self, server: &RawServer) {
        let both = |keys: &[&str]| server.of_a_kind.iter().any(|k| keys.contains(&&*k.value));
        let dialled = server.url.is_some();
        let (wrong, needs, help): (&[&str], _, _) = match (&server.url, &server.command) {
            (Some(url), Some(_)) => {
                let message = "a server has a `command` or a `url`, not both";
                let help = "remove one, or make two servers of it";
                self.problems.error(url.span.clone(), message, help);
                return;
            }
            (Some(_), None) => (
                &STARTED,
                "a `command`",
                "remove it; a remote server gets `headers`",
            ),
            (None, Some(_)) => (&DIALLED, "a `url`", "remove it; a process gets `env`"),
            // The command line says which; it cannot be both.
            (None, None) if both(&STARTED) && both(&DIALLED) => (
                &DIALLED,
                "a `url`",
                "give it a `url` and remove `env` and `cwd`, or a `command` and remove this",
            ),
            (None, None) => return,
        };
        for key in &server.of_a_kind {
            if wrong.contains(&&*key.value) {
                let has = match (dialled, &server.command) {
                    (true, _) => "this one is dialled",
                    (false, Some(_)) => "this one is started",
                    (false, None) => "this one has what belongs to a `command`",
                };
                let message = format!("`{}` is for servers with {needs}, and {has}", key.value);
                let (code, span) = (Code::OTHER_KIND, key.span.clone());
                self.problems.tell(code, span, message, help);
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
        if let Some(endpoints) = &raw.default_endpoints {
            let message = "`default_endpoints` is about a login";
            let help = "remove it, or say `login = true`";
            self.problems.error(endpoints.span.clone(), message, help);
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
        if raw.client_secret.is_none() && raw.private_key.is_none() {
            let help = "write `{ from = \"VARIABLE\" }`, or give it a `private_key`";
            needed(&None, "client_secret", help);
        }
        let (raw, proof) = self.client_proof(raw);
        let at = raw.token_url.as_ref().or(raw.issuer.as_ref());
        let addresses = raw.addresses.map(|list| self.addresses(at, &list));
        Some(OAuthClient {
            addresses,
            place: place?,
            client_id: raw.client_id?.value,
            proof: proof?,
            scope: raw.scope.map(|text| text.value),
            resource: raw.resource.map(|text| text.value),
            audience: raw.audience.map(|text| text.value),
            exchange: raw.exchange.is_some_and(|exchange| exchange.value),
        })
    }

    /// What proves a client: a secret, or a key and what is said about that.
    pub(super) fn client_proof(&mut self, mut raw: RawOAuth) -> (RawOAuth, Option<ClientProof>) {
        let secret = raw.client_secret.take();
        let Some(key) = raw.private_key.take() else {
            for (name, text) in [("key_id", &raw.key_id), ("algorithm", &raw.algorithm)] {
                if let Some(text) = text {
                    let message = format!("`{name}` is about a `private_key`, and there is none");
                    let help = "remove it, or write `private_key = { file = \"PATH\" }`";
                    self.problems.error(text.span.clone(), message, help);
                }
            }
            let secret = secret.map(|secret| self.credential(secret));
            return (raw, secret.map(ClientProof::Secret));
        };
        if secret.is_some() {
            let message = "a client has a `client_secret` or a `private_key`, not both";
            let help = "keep the one that the authorization server knows";
            self.problems.error(key.span, message, help);
        }
        if let Some(id) = raw.key_id.as_ref().filter(|id| id.value.is_empty()) {
            let help = "write the `kid` by which the authorization server knows the key";
            self.problems
                .error(id.span.clone(), "a `key_id` is not empty", help);
        }
        let algorithm = raw.algorithm.take();
        let proof = ClientProof::Key(ClientKey {
            key: self.credential(key.value),
            id: raw.key_id.take().map(|id| id.value),
            algorithm: algorithm.and_then(|name| self.algorithm(&name)),
        });
        (raw, Some(proof))
    }

    /// How a key signs.
    fn algorithm(&mut self, text: &Text) -> Option<Algorithm> {
        let found = Algorithm::of(&text.value);
        if found.is_none() {
            let known: Vec<_> = Algorithm::ALL.iter().map(|a| a.name()).collect();
            let message = format!("lockgate signs with no {}", shown::quoted(&text.value));
            let help = suggest::help(&text.value, &known);
            self.problems.error(text.span.clone(), message, help);
        }
        found
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
