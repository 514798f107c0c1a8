//! `host`, `url` and `email`: patterns of places compiled.

use super::Compiler;
use crate::engine::policy::constraint::{Emails, Hosts, UrlParts, UrlPattern};
use crate::engine::policy::diagnostic::Span;
use crate::engine::policy::raw::{At, List, RawEmail, RawUrl, Text};
use crate::engine::policy::shown;

impl Compiler<'_> {
    pub(super) fn hosts(&mut self, list: &List) -> Option<Hosts> {
        let texts: Vec<_> = list.value.iter().map(|text| text.value.as_str()).collect();
        match Hosts::new(&texts) {
            Ok(hosts) => Some(hosts),
            Err((n, help)) => self.no_place(list.value.get(n), &list.span, "host", help),
        }
    }

    /// Tells of a text that is none.
    fn no_place<T>(
        &mut self,
        text: Option<&Text>,
        whole: &Span,
        what: &str,
        help: &str,
    ) -> Option<T> {
        let span = text.map_or(whole, |text| &text.span).clone();
        let quoted = text.map_or_else(String::new, |text| shown::quoted(&text.value));
        let article = if what.starts_with(['a', 'e']) {
            "an"
        } else {
            "a"
        };
        let message = format!("expected {article} {what}, found {quoted}");
        self.problems.error(span, message, help);
        None
    }

    pub(super) fn urls(&mut self, raw: RawUrl, span: &Span) -> Option<Vec<UrlPattern>> {
        match raw {
            RawUrl::Patterns(list) => {
                let mut patterns = Vec::new();
                for text in &list.value {
                    match UrlPattern::parse(&text.value) {
                        Ok(pattern) => patterns.push(pattern),
                        Err(help) => {
                            return self.no_place(Some(text), span, "pattern of URLs", &help);
                        }
                    }
                }
                Some(patterns)
            }
            RawUrl::Parts {
                schemes,
                hosts,
                ports,
                paths,
                private,
            } => {
                let ports = self.ports(ports.unwrap_or_default())?;
                let texts = |list: &Option<List>| -> Vec<Text> {
                    list.iter()
                        .flat_map(|list| list.value.iter().cloned())
                        .collect()
                };
                let (schemes, hosts, paths) = (texts(&schemes), texts(&hosts), texts(&paths));
                let wanted = UrlParts {
                    schemes: words(&schemes),
                    hosts: words(&hosts),
                    ports,
                    paths: words(&paths),
                    private,
                };
                match UrlPattern::of(&wanted) {
                    Ok(pattern) => Some(vec![pattern]),
                    Err((list, n, help)) => {
                        let (texts, what) = match list {
                            "schemes" => (&schemes, "scheme"),
                            "hosts" => (&hosts, "host"),
                            _ => (&paths, "path of a URL"),
                        };
                        self.no_place(texts.get(n), span, what, &help)
                    }
                }
            }
        }
    }

    fn ports(&mut self, raw: Vec<At<u64>>) -> Option<Vec<u16>> {
        let mut ports = Vec::new();
        for port in raw {
            match u16::try_from(port.value) {
                Ok(number) if number > 0 => ports.push(number),
                _ => {
                    let help = "write a number from 1 to 65535";
                    self.problems.error(port.span, "this is no port", help);
                    return None;
                }
            }
        }
        Some(ports)
    }

    pub(super) fn emails(&mut self, raw: RawEmail, span: &Span) -> Option<Emails> {
        let (list, texts) = match raw {
            RawEmail::Patterns(list) => {
                let texts = list.value.iter().map(|text| text.value.clone()).collect();
                (list, texts)
            }
            RawEmail::Domains(list) => {
                let list = list?;
                let texts: Vec<_> = list
                    .value
                    .iter()
                    .map(|d| format!("*@{}", d.value))
                    .collect();
                (list, texts)
            }
        };
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        match Emails::new(&texts) {
            Ok(emails) => Some(emails),
            Err((n, help)) => self.no_place(list.value.get(n), span, "address", help),
        }
    }
}

fn words(texts: &[Text]) -> Vec<&str> {
    texts.iter().map(|text| text.value.as_str()).collect()
}
