//! `[serve]` in its raw form.

use super::reader::{self, Entry, Keys, Reader};
use super::{At, List, Text};

pub(super) const SERVE: Keys = Keys {
    table: "`[serve]`",
    known: &[
        "url",
        "hosts",
        "origins",
        "tls",
        "sse",
        "processes",
        "processes_of_server",
    ],
    later: &["listen", "limits", "http3"],
};
const TLS: Keys = Keys {
    table: "`tls`",
    known: &["certificate", "key", "client_authorities"],
    later: &["acme"],
};

#[derive(Debug, Default)]
pub(in crate::engine::policy) struct RawServe {
    pub(in crate::engine::policy) url: Option<Text>,
    pub(in crate::engine::policy) hosts: Option<List>,
    pub(in crate::engine::policy) origins: Option<List>,
    pub(in crate::engine::policy) tls: Option<At<RawTls>>,
    pub(in crate::engine::policy) sse: Option<bool>,
    pub(in crate::engine::policy) processes: Option<At<u64>>,
    pub(in crate::engine::policy) processes_of_server: Option<At<u64>>,
}

#[derive(Debug, Default)]
pub(in crate::engine::policy) struct RawTls {
    pub(in crate::engine::policy) certificate: Option<Text>,
    pub(in crate::engine::policy) key: Option<Text>,
    pub(in crate::engine::policy) client_authorities: Option<Text>,
}

impl Reader<'_> {
    pub(super) fn serve(&mut self, entry: &Entry<'_, '_>) -> RawServe {
        let mut serve = RawServe::default();
        for one in self.table(entry).into_iter().flat_map(reader::entries) {
            match one.key {
                "url" => serve.url = self.text(&one),
                "hosts" => serve.hosts = self.full_list(&one),
                "origins" => serve.origins = self.full_list(&one),
                "sse" => serve.sse = self.boolean(&one).map(|b| b.value),
                "tls" => serve.tls = self.tls(&one),
                "processes" => serve.processes = self.count_at(&one),
                "processes_of_server" => serve.processes_of_server = self.count_at(&one),
                _ => self.unknown(&one, &SERVE),
            }
        }
        serve
    }

    fn count_at(&mut self, entry: &Entry<'_, '_>) -> Option<At<u64>> {
        let value = self.count(entry)?;
        let span = entry.span();
        Some(At { value, span })
    }

    fn tls(&mut self, entry: &Entry<'_, '_>) -> Option<At<RawTls>> {
        let mut value = RawTls::default();
        for one in reader::entries(self.table(entry)?) {
            match one.key {
                "certificate" => value.certificate = self.text(&one),
                "key" => value.key = self.text(&one),
                "client_authorities" => value.client_authorities = self.text(&one),
                _ => self.unknown(&one, &TLS),
            }
        }
        let span = entry.span();
        Some(At { value, span })
    }
}
