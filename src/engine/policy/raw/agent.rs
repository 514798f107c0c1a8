//! `[agent.NAME]` in its raw form.

use super::reader::{self, Entry, Keys, Reader};
use super::{At, RawAgent, RawJwt, RawMtls, RawStdio, Text};
use toml::de::{DeTable, DeValue};

pub(super) const AGENT: Keys = Keys {
    table: "`[agent.NAME]`",
    known: &["stdio", "key", "jwt", "mtls"],
    later: &["user"],
};
const STDIO: Keys = Keys {
    table: "`stdio`",
    known: &["uid", "parent"],
    later: &["digest"],
};
pub(super) const JWT: Keys = Keys {
    table: "`jwt`",
    known: &[
        "issuer",
        "audience",
        "subject",
        "client",
        "algorithms",
        "jwks_url",
        "groups",
        "skew",
    ],
    later: &[],
};
const MTLS: Keys = Keys {
    table: "`mtls`",
    known: &["spiffe", "subject"],
    later: &[],
};

impl Reader<'_> {
    pub(super) fn agent(&mut self, name: Text, table: &DeTable<'_>) -> RawAgent {
        let mut agent = RawAgent {
            name,
            stdio: None,
            keys: Vec::new(),
            jwt: None,
            mtls: None,
        };
        for entry in reader::entries(table) {
            match entry.key {
                "stdio" => agent.stdio = self.stdio(&entry),
                "key" => agent.keys = self.keys(&entry),
                "jwt" => agent.jwt = self.jwt(&entry),
                "mtls" => agent.mtls = self.mtls(&entry),
                _ => self.unknown(&entry, &AGENT),
            }
        }
        if table.is_empty() {
            let message = format!("nothing says who is the agent `{}`", agent.name.value);
            let help = "write `stdio = true` for an agent that starts `lockgate run`, or a `key`, `jwt` or `mtls` for one that connects";
            self.problems.error(agent.name.span.clone(), message, help);
        }
        agent
    }

    fn stdio(&mut self, entry: &Entry<'_, '_>) -> Option<RawStdio> {
        let DeValue::Table(table) = entry.value.get_ref() else {
            return self.boolean(entry).map(|b| RawStdio::Plain(b.value));
        };
        let (mut uid, mut parent) = (None, None);
        for one in reader::entries(table) {
            match one.key {
                "uid" => {
                    uid = self.count(&one).map(|value| At {
                        value,
                        span: one.span(),
                    });
                }
                "parent" => parent = self.text(&one),
                _ => self.unknown(&one, &STDIO),
            }
        }
        if table.is_empty() {
            let help = "write `stdio = true`, or demand a `uid` or a `parent`";
            self.problems.error(entry.span(), "`stdio` is empty", help);
        }
        Some(RawStdio::Launch { uid, parent })
    }

    /// One hash, or a list while a key is rotated.
    fn keys(&mut self, entry: &Entry<'_, '_>) -> Vec<Text> {
        match entry.value.get_ref() {
            DeValue::Array(_) => self.full_list(entry).map_or_else(Vec::new, |l| l.value),
            _ => self.text(entry).into_iter().collect(),
        }
    }

    fn jwt(&mut self, entry: &Entry<'_, '_>) -> Option<RawJwt> {
        let mut jwt = RawJwt {
            span: entry.key_span.clone(),
            issuer: None,
            audience: None,
            subject: None,
            client: None,
            algorithms: None,
            jwks_url: None,
            groups: None,
            skew: None,
        };
        let table = self.table(entry)?;
        for one in reader::entries(table) {
            match one.key {
                "issuer" => jwt.issuer = self.text(&one),
                "audience" => jwt.audience = self.text(&one),
                "subject" => jwt.subject = self.text(&one),
                "client" => jwt.client = self.text(&one),
                "algorithms" => jwt.algorithms = self.full_list(&one),
                "jwks_url" => jwt.jwks_url = self.text(&one),
                "groups" => jwt.groups = self.text(&one),
                "skew" => {
                    jwt.skew = self.count(&one).map(|value| At {
                        value,
                        span: one.span(),
                    });
                }
                _ => self.unknown(&one, &JWT),
            }
        }
        if !table.contains_key("issuer") {
            let help = "write `issuer = \"https://...\"`, just as its tokens have it in `iss`";
            let message = "`jwt` does not say who signs the tokens";
            self.problems.error(jwt.span.clone(), message, help);
        }
        Some(jwt)
    }

    fn mtls(&mut self, entry: &Entry<'_, '_>) -> Option<RawMtls> {
        let mut mtls = RawMtls {
            span: entry.key_span.clone(),
            spiffe: None,
            subject: None,
        };
        let table = self.table(entry)?;
        for one in reader::entries(table) {
            match one.key {
                "spiffe" => mtls.spiffe = self.text(&one),
                "subject" => mtls.subject = self.text(&one),
                _ => self.unknown(&one, &MTLS),
            }
        }
        let is_one = table.contains_key("spiffe") != table.contains_key("subject");
        if !is_one {
            let help = "write `spiffe = \"spiffe://...\"` or `subject = \"CN=...\"`, one of them";
            let message = "`mtls` says which certificate is meant in one way";
            self.problems.error(mtls.span.clone(), message, help);
        }
        Some(mtls)
    }
}
