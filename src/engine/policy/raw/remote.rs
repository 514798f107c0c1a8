//! The keys of a remote server, and where secrets of lockgate's own come from.

use super::reader::{self, Entry, Keys, Reader};
use super::{At, GIVEN, HEADER, List, RawEnv, Text};
use toml::de::DeValue;

/// Where a secret that lockgate itself shows to a server comes from.
pub(in crate::engine::policy) enum RawCredential {
    Given(RawEnv),
    File(Text),
}

#[derive(Default)]
pub(in crate::engine::policy) struct RawOAuth {
    pub(in crate::engine::policy) token_url: Option<Text>,
    pub(in crate::engine::policy) issuer: Option<Text>,
    pub(in crate::engine::policy) client_id: Option<Text>,
    pub(in crate::engine::policy) client_secret: Option<RawCredential>,
    pub(in crate::engine::policy) private_key: Option<At<RawCredential>>,
    pub(in crate::engine::policy) key_id: Option<Text>,
    pub(in crate::engine::policy) algorithm: Option<Text>,
    pub(in crate::engine::policy) scope: Option<Text>,
    pub(in crate::engine::policy) resource: Option<Text>,
    pub(in crate::engine::policy) audience: Option<Text>,
    pub(in crate::engine::policy) addresses: Option<List>,
    pub(in crate::engine::policy) exchange: Option<At<bool>>,
    pub(in crate::engine::policy) login: Option<At<bool>>,
    pub(in crate::engine::policy) default_endpoints: Option<At<bool>>,
    pub(in crate::engine::policy) redirect_port: Option<At<u16>>,
}

const OAUTH: Keys = Keys {
    table: "`oauth`",
    known: &[
        "token_url",
        "issuer",
        "client_id",
        "client_secret",
        "private_key",
        "key_id",
        "algorithm",
        "scope",
        "resource",
        "audience",
        "addresses",
        "exchange",
        "login",
        "redirect_port",
        "default_endpoints",
    ],
    later: &["grant"],
};

impl Reader<'_> {
    /// A table of headers.
    pub(super) fn credentials(&mut self, entry: &Entry<'_, '_>) -> Vec<(Text, RawCredential)> {
        let mut all = Vec::new();
        for one in self.table(entry).into_iter().flat_map(reader::entries) {
            let name = At {
                value: one.key.to_owned(),
                span: one.key_span.clone(),
            };
            all.extend(self.credential(&one, HEADER).map(|value| (name, value)));
        }
        all
    }

    fn credential(&mut self, entry: &Entry<'_, '_>, what: &str) -> Option<RawCredential> {
        let DeValue::Table(table) = entry.value.get_ref() else {
            return self.one_given(entry, what).map(RawCredential::Given);
        };
        let mut inner = reader::entries(table);
        match (inner.next(), inner.next()) {
            (Some(only), None) if only.key == "file" => self.text(&only).map(RawCredential::File),
            (Some(first), Some(second)) if [first.key, second.key].contains(&"file") => {
                let message = "a value comes from a `file` or `from` a variable, not both";
                self.problems
                    .error(entry.span(), message, "keep one of them");
                None
            }
            _ => self.one_given(entry, what).map(RawCredential::Given),
        }
    }

    pub(super) fn oauth(&mut self, entry: &Entry<'_, '_>) -> RawOAuth {
        let mut oauth = RawOAuth::default();
        for one in self.table(entry).into_iter().flat_map(reader::entries) {
            match one.key {
                "token_url" => oauth.token_url = self.text(&one),
                "issuer" => oauth.issuer = self.text(&one),
                "client_id" => oauth.client_id = self.text(&one),
                "client_secret" => oauth.client_secret = self.secret(&one),
                "private_key" => {
                    let key = self.secret(&one);
                    let span = one.span();
                    oauth.private_key = key.map(|value| At { value, span });
                }
                "key_id" => oauth.key_id = self.text(&one),
                "algorithm" => oauth.algorithm = self.text(&one),
                "scope" => oauth.scope = self.text(&one),
                "resource" => oauth.resource = self.text(&one),
                "audience" => oauth.audience = self.text(&one),
                "addresses" => oauth.addresses = self.full_list(&one),
                "exchange" => oauth.exchange = self.boolean(&one),
                "login" => oauth.login = self.boolean(&one),
                "default_endpoints" => oauth.default_endpoints = self.boolean(&one),
                "redirect_port" => oauth.redirect_port = self.port(&one),
                _ => self.unknown(&one, &OAUTH),
            }
        }
        oauth
    }

    /// A secret, which no policy holds itself.
    fn secret(&mut self, entry: &Entry<'_, '_>) -> Option<RawCredential> {
        if matches!(entry.value.get_ref(), DeValue::String(_)) {
            let message = "what proves a client is not written in a policy";
            let help = "write `{ from = \"VARIABLE\" }` or `{ file = \"PATH\" }`";
            self.problems.error(entry.span(), message, help);
            return None;
        }
        self.credential(entry, "a secret")
    }

    /// A value that is written down or comes from lockgate's own environment.
    pub(super) fn one_given(&mut self, entry: &Entry<'_, '_>, what: &str) -> Option<RawEnv> {
        if matches!(entry.value.get_ref(), DeValue::String(_)) {
            return self.text(entry).map(RawEnv::Literal);
        }
        let DeValue::Table(table) = entry.value.get_ref() else {
            self.not_given(entry.span(), what);
            return None;
        };
        let mut from = None;
        for inner in reader::entries(table) {
            match inner.key {
                "from" => from = self.text(&inner),
                _ => self.unknown(&inner, &GIVEN),
            }
        }
        if table.is_empty() {
            self.not_given(entry.span(), what);
        }
        from.map(RawEnv::From)
    }
}
