//! What `results` asks of an answer, as a recording keeps it: without the answer.
//!
//! Its size, which detectors found a secret value, and where its URLs lead,
//! without their paths. What a constraint asks beyond that cannot be told.

use super::{Alternative, Demands, Results, Unmet, urls};
use crate::engine::guard::values;
use crate::engine::message::{Json, Kind};
use crate::engine::policy::constraint::{Constraint, Holding, judge_origin, url_seen};
use crate::engine::policy::tally::reasons;
use std::collections::BTreeSet;

/// Longest answer that is looked into, in bytes.
const LONGEST: usize = 4 << 20;
/// Most origins that are kept.
const ORIGINS: usize = 64;

/// Facts about an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResultFacts {
    /// Its size, as the server spells it.
    pub bytes: u64,
    /// The detectors that found a secret value in it.
    pub secrets: BTreeSet<String>,
    /// Scheme, host and port of every URL in it, as `https://host:port`.
    pub origins: BTreeSet<String>,
    /// It has a URL that parsers may read differently.
    pub odd_urls: bool,
    /// It was too long, or had too much in it, to be looked at as a whole.
    pub partial: bool,
}

/// How an answer stands to demands, by its facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ByFacts {
    /// It satisfies them.
    Met,
    /// It does not.
    Unmet(Unmet),
    /// That takes more than the facts.
    Untold,
}

impl ResultFacts {
    /// Looks at the `result` of an answer, or at its `error`.
    pub fn of(answer: Json<'_>) -> Self {
        let mut facts = Self {
            bytes: u64::try_from(answer.raw().len()).unwrap_or(u64::MAX),
            partial: answer.raw().len() > LONGEST,
            ..Self::default()
        };
        if !facts.partial {
            facts.look(answer);
        }
        facts
    }

    /// As deep as a message may be.
    fn look(&mut self, value: Json<'_>) {
        match value.kind() {
            Kind::String => self.text(value),
            Kind::Array => value.items().for_each(|item| self.look(item)),
            Kind::Object => {
                let mut members = value.members();
                while let Some((key, value)) = members.next_pair() {
                    self.text(key);
                    self.look(value);
                }
            }
            Kind::Null | Kind::Bool | Kind::Number => {}
        }
    }

    fn text(&mut self, value: Json<'_>) {
        let Some(text) = value.as_str() else {
            self.odd_urls = true;
            return;
        };
        let found = values::find(&text).into_iter();
        self.secrets.extend(found.map(|v| v.detector.to_owned()));
        for url in urls::find(&text) {
            let Some(seen) = url_seen(url) else {
                self.odd_urls = true;
                continue;
            };
            let port = seen
                .port
                .map_or_else(String::new, |port| format!(":{port}"));
            let origin = format!("{}://{}{port}", seen.scheme, seen.host.name);
            if self.origins.len() < ORIGINS || self.origins.contains(&origin) {
                self.origins.insert(origin);
            } else {
                self.partial = true;
            }
        }
    }
}

impl Demands {
    /// Holds an answer against them, as far as its facts go.
    pub fn judge_facts(&self, facts: &ResultFacts) -> ByFacts {
        let mut failed = Vec::new();
        let mut untold = false;
        for one in &self.binding {
            match one.wants.by_facts(facts) {
                Some(why) if why.is_empty() => return ByFacts::Met,
                Some(why) => failed.push((one.rule.clone(), why)),
                None => untold = true,
            }
        }
        if untold {
            return ByFacts::Untold;
        }
        if failed.is_empty() {
            return ByFacts::Met;
        }
        let (rules, why) = reasons(failed);
        let modes = self.binding.iter().map(|one: &Alternative| one.mode);
        ByFacts::Unmet(Unmet {
            rules,
            modes: modes.collect(),
            why,
        })
    }
}

impl Results {
    /// Why an answer with these facts is not as they want it; nothing if it is,
    /// and `None` where that cannot be told.
    fn by_facts(&self, facts: &ResultFacts) -> Option<String> {
        let mut failed = Vec::new();
        let mut untold = false;
        if let Some(most) = self.max_bytes.filter(|most| facts.bytes > *most) {
            let bytes = facts.bytes;
            failed.push(format!("expected at most {most} bytes, found {bytes}"));
        }
        if self.no_secrets {
            match (facts.secrets.is_empty(), facts.partial) {
                (false, _) => failed.push("expected no secret value, found one".to_owned()),
                (true, partial) => untold |= partial,
            }
        }
        if let Some(like) = &self.urls {
            let origins = facts.origins.iter();
            let mut answers: Vec<_> = origins.map(|origin| leads(like, origin)).collect();
            if facts.odd_urls {
                answers.push(Holding::No);
            }
            if answers.contains(&Holding::No) {
                failed.push(format!("expected every URL to be {like}, found another"));
            } else {
                untold |= facts.partial || answers.contains(&Holding::Unknown);
            }
        }
        let told = !failed.is_empty() || !untold;
        told.then(|| failed.join(", "))
    }
}

/// Whether a URL of this origin satisfies a constraint, whatever its path is.
fn leads(like: &Constraint, origin: &str) -> Holding {
    match like {
        Constraint::Url(patterns) => judge_origin(patterns, origin),
        _ => Holding::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::message::{Document, Limits};
    use crate::engine::policy::constraint::{UrlParts, UrlPattern};
    use crate::engine::policy::results::Answered;
    use std::cell::OnceCell;

    /// What the facts tell is what the answer itself would have told.
    #[test]
    fn facts_never_tell_anything_else_than_the_answer() {
        let url = |parts: &UrlParts<'_>| Constraint::Url(vec![UrlPattern::of(parts).unwrap()]);
        let hosts = UrlParts {
            hosts: vec!["a.example"],
            ..UrlParts::default()
        };
        let paths = UrlParts {
            paths: vec!["/x/**"],
            ..hosts.clone()
        };
        let wants = |max_bytes, no_secrets, urls| Results {
            max_bytes,
            no_secrets,
            urls,
        };
        let all = [
            wants(Some(30), false, None),
            wants(None, true, None),
            wants(None, false, Some(url(&hosts))),
            wants(None, false, Some(url(&paths))),
            wants(Some(60), true, Some(url(&hosts))),
        ];
        let mut told = 0;
        for text in [
            "plain",
            "see https://a.example/x/y.",
            "see https://a.example/z and more, and more",
            "https://a.example:444/ or http://a.example",
            "https://b.example/x/y",
            "http://me@a.example/",
            "https:a.example",
            "ghp_0123456789abcdefghij0123456789abcdef",
        ] {
            let json = serde_json::json!({ "content": [{ "text": text }], text: 1 });
            let json = json.to_string().into_bytes();
            let document = Document::read(json, &Limits::DEFAULT).unwrap();
            let facts = ResultFacts::of(document.root());
            let answer = Answered {
                value: document.root(),
                has_secret: OnceCell::new(),
            };
            for (n, wants) in all.iter().enumerate() {
                if let Some(by_facts) = wants.by_facts(&facts) {
                    let by_answer = wants.refusal(&answer).unwrap_or_default();
                    assert_eq!(by_facts.is_empty(), by_answer.is_empty(), "{text} {n}");
                    told += 1;
                }
            }
        }
        // Not told: paths, where the place is the right one.
        assert_eq!(told, 8 * 5 - 2);
    }
}
