//! `results` of a rule in its raw form.

use super::constraint::RawUrl;
use super::reader::{self, Entry, Keys, Reader};
use super::{At, Span};

const RESULTS: Keys = Keys {
    table: "`results`",
    known: &["max_bytes", "secrets", "urls"],
    later: &[],
};

#[derive(Debug, Default)]
pub(in crate::engine::policy) struct RawResults {
    pub(in crate::engine::policy) max_bytes: Option<At<u64>>,
    /// Where it says `secrets = "deny"`.
    pub(in crate::engine::policy) secrets: Option<Span>,
    pub(in crate::engine::policy) urls: Option<At<RawUrl>>,
}

impl Reader<'_> {
    pub(super) fn results(&mut self, entry: &Entry<'_, '_>) -> Option<At<RawResults>> {
        let mut results = RawResults::default();
        let table = self.table(entry)?;
        if table.is_empty() {
            let help = "write `results = { secrets = \"deny\" }`, `max_bytes` or `urls`";
            let message = "`results` does not say what an answer has to be";
            self.problems.error(entry.key_span.clone(), message, help);
        }
        for one in reader::entries(table) {
            match one.key {
                "max_bytes" => results.max_bytes = self.counted(&one),
                "secrets" => {
                    let denied = self.word(&one, &[("deny", ())], &["redact"]);
                    results.secrets = denied.map(|()| one.span());
                }
                "urls" => {
                    results.urls = self.url(&one).map(|value| At {
                        value,
                        span: one.span(),
                    });
                }
                _ => self.unknown(&one, &RESULTS),
            }
        }
        Some(At {
            value: results,
            span: entry.key_span.clone(),
        })
    }
}
