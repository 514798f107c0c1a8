//! `[serve]`: names and files of the listener.

use super::Compiler;
use crate::engine::policy::raw::{At, List, RawServe, RawTls, Text};
use crate::engine::policy::serve::{Serve, ServeTls};
use crate::engine::policy::{Code, shown};
use crate::engine::url::ServerUrl;

impl Compiler<'_> {
    pub(super) fn serve(&mut self, raw: RawServe) -> Serve {
        let RawServe {
            url,
            hosts,
            origins,
            tls,
            sse,
            processes,
            processes_of_server,
        } = raw;
        self.problems.turn_to(Code::SERVE);
        let url = url.and_then(|url| self.own_url(&url));
        let own = url.as_deref().and_then(|url| url.split_once("://"));
        let mut hosts = self.names(
            hosts,
            "host",
            is_host,
            "`gate.example.com`, or with its port",
        );
        hosts.extend(own.map(|(_, host)| host.to_ascii_lowercase()));
        let origin = "`https://app.example.com`, without a path";
        Serve {
            hosts,
            origins: self.names(origins, "origin", is_origin, origin),
            tls: tls.and_then(|tls| self.tls(tls)),
            sse: sse.unwrap_or(false),
            processes: self.processes("processes", processes, Serve::PROCESSES),
            processes_of_server: self.processes(
                "processes_of_server",
                processes_of_server,
                Serve::PROCESSES_OF_SERVER,
            ),
            url,
        }
    }

    /// A number of processes.
    fn processes(&mut self, key: &str, given: Option<At<u64>>, default: usize) -> usize {
        let Some(At { value, span }) = given else {
            return default;
        };
        let fits = 1..=Serve::MOST_PROCESSES;
        if let Some(value) = usize::try_from(value).ok().filter(|v| fits.contains(v)) {
            return value;
        }
        let message = format!(
            "expected `{key}` to be between 1 and {}",
            Serve::MOST_PROCESSES
        );
        let help = format!("leave it out for {default}");
        self.problems.error(span, message, &help);
        default
    }

    /// The address at which agents reach the listener.
    fn own_url(&mut self, text: &Text) -> Option<String> {
        let problem = match ServerUrl::parse(&text.value) {
            Err(e) => e.to_string(),
            Ok(url) if url.without_query().trim_end_matches('/') != url.origin() => {
                "expected scheme, host and port only: the paths are lockgate's".to_owned()
            }
            Ok(url) if url.has_query() => "expected no query".to_owned(),
            Ok(url) => return Some(url.origin().to_owned()),
        };
        let message = "this is no address of a listener";
        self.problems.error(text.span.clone(), message, problem);
        None
    }

    fn names(
        &mut self,
        list: Option<List>,
        what: &str,
        fits: fn(&str) -> bool,
        expected: &str,
    ) -> Vec<String> {
        let mut names = Vec::new();
        for text in list.into_iter().flat_map(|list| list.value) {
            if fits(&text.value) {
                names.push(text.value.to_ascii_lowercase());
                continue;
            }
            let message = format!("{} is no {what}", shown::quoted(&text.value));
            let help = format!("write it as {expected}; patterns are not taken");
            self.problems.error(text.span, message, help);
        }
        names
    }

    fn tls(&mut self, raw: At<RawTls>) -> Option<ServeTls> {
        let RawTls {
            certificate,
            key,
            client_authorities,
        } = raw.value;
        let (Some(certificate), Some(key)) = (certificate, key) else {
            let message = "`tls` needs a `certificate` and a `key`";
            let help = "name both PEM files: `tls = { certificate = \"…\", key = \"…\" }`";
            self.problems.error(raw.span, message, help);
            return None;
        };
        let client_authorities = match client_authorities {
            Some(file) => Some(self.path(&file)?),
            None => None,
        };
        Some(ServeTls {
            certificate: self.path(&certificate)?,
            key: self.path(&key)?,
            client_authorities,
        })
    }
}

/// A host as `Host` has it.
fn is_host(text: &str) -> bool {
    let url = ServerUrl::parse(&format!("https://{text}/"));
    url.is_ok_and(|url| {
        url.origin()
            .eq_ignore_ascii_case(&format!("https://{text}"))
    })
}

/// An origin as `Origin` has it (RFC 6454, section 6.2).
fn is_origin(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic();
    let (scheme, rest) = text.split_once("://").unwrap_or_default();
    !scheme.is_empty()
        && scheme
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b))
        && !rest.is_empty()
        && rest.bytes().all(plain)
        && !rest.contains(['/', '?', '#', '@', '*'])
}
