//! What a recording keeps of answers: facts that `results` asks for.
//!
//! An answer is content of the server's, and often of third parties: none of its
//! text is kept. A digest tells equal ones apart from others; there is none where
//! a secret was found, since a short one could be guessed from it.

use super::entry::{EntryError, rules};
use crate::engine::message::{Document, Json, Limits};
use crate::engine::policy::{ResultFacts, RuleRef};
use crate::engine::record::Record;
use crate::engine::types::Digest;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// An answer that was judged.
#[derive(Debug, Clone)]
pub struct Answered {
    /// What is kept of it.
    pub facts: ResultFacts,
    /// Whether it passed.
    pub permitted: bool,
    /// Why not.
    pub reason: Option<String>,
    /// The rules that determined it.
    pub rules: Vec<RuleRef>,
}

/// An answer before it is judged.
#[derive(Debug)]
pub(super) struct AnswerDraft {
    facts: ResultFacts,
    digest: Option<Digest>,
}

impl AnswerDraft {
    /// Takes a `result` or an `error`.
    pub(super) fn of(answer: Json<'_>) -> Self {
        let facts = ResultFacts::of(answer);
        let whole = facts.secrets.is_empty() && !facts.partial;
        Self {
            digest: whole.then(|| Digest::of(&[answer.raw().as_bytes()])),
            facts,
        }
    }

    /// The line, without its end. `mark`: of the request that it answers.
    pub(super) fn line(&self, record: &Record, permitted: bool, time: &str, mark: &str) -> String {
        let mut line = Map::new();
        let mut put = |key: &str, value: Value| drop(line.insert(key.to_owned(), value));
        put("v", json!(super::FORMAT));
        put("time", json!(time));
        put("answers", json!(mark));
        put("bytes", json!(self.facts.bytes));
        if let Some(digest) = &self.digest {
            put("digest", json!(digest.to_string()));
        }
        put("secrets", json!(self.facts.secrets));
        put("urls", json!(self.facts.origins));
        for (key, holds) in [
            ("odd_urls", self.facts.odd_urls),
            ("partial", self.facts.partial),
        ] {
            if holds {
                put(key, json!(true));
            }
        }
        put("verdict", json!(if permitted { "permit" } else { "deny" }));
        if let Some(reason) = record.reason.filter(|_| !permitted) {
            put("reason", json!(reason));
        }
        put("rules", json!(record.rules));
        Value::Object(line).to_string()
    }
}

impl Answered {
    /// Reads a line, if it is about an answer: the mark of its request, and what
    /// came of it.
    pub(super) fn read(line: &str) -> Result<Option<(String, Self)>, EntryError> {
        let document = Document::read(line.as_bytes().to_vec(), &Limits::DEFAULT)
            .map_err(|e| EntryError::Form(e.to_string()))?;
        let root = document.root();
        let Some(mark) = root.get("answers").and_then(Json::as_str) else {
            return Ok(None);
        };
        super::entry::check_version(root)?;
        let form = |key: &str| EntryError::Form(format!("`{key}` is missing, or odd"));
        let texts = |key: &str| -> BTreeSet<String> {
            let items = root.get(key).into_iter().flat_map(Json::items);
            items
                .filter_map(|item| Some(item.as_str()?.into_owned()))
                .collect()
        };
        let bytes = root.get("bytes").and_then(|v| v.raw().parse().ok());
        let verdict = root.get("verdict").and_then(Json::as_str);
        let permitted = match verdict.as_deref() {
            Some("permit") => true,
            Some("deny") => false,
            _ => return Err(form("verdict")),
        };
        let answered = Self {
            facts: ResultFacts {
                bytes: bytes.ok_or_else(|| form("bytes"))?,
                secrets: texts("secrets"),
                origins: texts("urls"),
                odd_urls: root.get("odd_urls").is_some(),
                partial: root.get("partial").is_some(),
            },
            permitted,
            reason: root.get("reason").and_then(Json::as_str).map(String::from),
            rules: root.get("rules").map(rules).unwrap_or_default(),
        };
        Ok(Some((mark.into_owned(), answered)))
    }
}
