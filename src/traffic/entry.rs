//! One line of a recording.

use super::answered::Answered;
use super::scrub::{self, Scrubbed};
use crate::engine::heard::{Heard, Subject};
use crate::engine::message::{Document, Json, Kind, Limits};
use crate::engine::policy::RuleRef;
use crate::engine::principal::{Groups, Principal};
use crate::engine::record::{Record, RecordVerdict};
use crate::engine::types::{AgentName, ServerName};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The version of the format.
pub const FORMAT: u64 = 1;

/// One request that was judged.
#[derive(Debug, Clone)]
pub struct Entry {
    /// When, as RFC 3339.
    pub time: String,
    /// Who asked.
    pub agent: AgentName,
    /// For whom.
    pub user: Option<String>,
    /// In which groups that user is.
    pub groups: Groups,
    /// What the token was good for; `None` without a token.
    pub scopes: Option<BTreeSet<Arc<str>>>,
    /// On which server.
    pub server: ServerName,
    /// The method of the request.
    pub method: String,
    /// What it is about.
    pub subject: Subject,
    /// The tool, prompt, uri, or what the server asked.
    pub name: String,
    /// Its arguments; of a completion, `argument` and `context`.
    pub arguments: Option<Arc<Document>>,
    /// How many strings were replaced by placeholders, the name included.
    pub hidden: usize,
    /// The arguments were too large to be recorded.
    pub omitted: bool,
    /// It was asked for in one message with others, and judged with them.
    pub together: bool,
    /// Whether it passed.
    pub permitted: bool,
    /// Why not.
    pub reason: Option<String>,
    /// The rules that determined it: id, file, line.
    pub rules: Vec<RuleRef>,
    /// Digest of the policy that was in force.
    pub policy: Option<String>,
    /// Digest of the lockfile.
    pub lockfile: Option<String>,
    /// What ties its answer to it.
    pub mark: Option<String>,
    /// Its answer, where the recording has it.
    pub answer: Option<Answered>,
}

/// Whether a decision is one that a recording keeps, and whether it permits.
/// What waits is decided later.
pub fn outcome(record: &Record) -> Option<bool> {
    match record.verdict {
        RecordVerdict::Forward | RecordVerdict::Rewrite => Some(true),
        RecordVerdict::Deny | RecordVerdict::Drop => Some(false),
        RecordVerdict::Hold | RecordVerdict::Absorb => None,
    }
}

/// A request without its secrets, before it is judged: a decision takes the
/// message with it.
#[derive(Debug)]
pub struct Draft {
    method: &'static str,
    subject: Subject,
    name: String,
    arguments: Option<String>,
    hidden: usize,
    omitted: usize,
    groups: Groups,
    scopes: Option<BTreeSet<Arc<str>>>,
}

impl Draft {
    /// Takes what was heard; arguments of more than `most` bytes are left out.
    pub fn of(heard: &Heard<'_>, most: usize) -> Self {
        let (name, secret) = match heard.subject {
            Subject::Resource => scrub::scrub_uri(&heard.name),
            Subject::Tool | Subject::Prompt | Subject::Ask => (heard.name.clone(), false),
        };
        let mut draft = Self {
            method: heard.method,
            subject: heard.subject,
            name,
            arguments: None,
            hidden: usize::from(secret),
            omitted: 0,
            groups: heard.groups.clone(),
            scopes: heard.scopes.clone(),
        };
        let size = |(_, value): &(&str, Json<'_>)| value.raw().len();
        let size = heard
            .arguments
            .iter()
            .map(size)
            .fold(0, usize::saturating_add);
        if size > most {
            draft.omitted = size;
            return draft;
        }
        draft.arguments = match heard.arguments.as_slice() {
            [] => None,
            [("arguments", value)] => Some(draft.scrubbed(*value)),
            parts => {
                let parts = parts
                    .iter()
                    .map(|(key, value)| format!("\"{key}\":{}", draft.scrubbed(*value)));
                let parts: Vec<_> = parts.collect();
                Some(format!("{{{}}}", parts.join(",")))
            }
        };
        draft
    }

    fn scrubbed(&mut self, value: Json<'_>) -> String {
        let Scrubbed { text, hidden } = scrub::scrub(value);
        self.hidden = self.hidden.saturating_add(hidden);
        text
    }

    /// The line, without its end.
    /// `together`: with others of the same message. `mark`: what ties an answer to
    /// it.
    pub fn line(
        &self,
        record: &Record,
        time: &str,
        stamps: [Option<&str>; 2],
        (together, mark): (bool, Option<&str>),
    ) -> String {
        let mut head = Map::new();
        let mut put = |key: &str, value: Value| drop(head.insert(key.to_owned(), value));
        put("v", json!(FORMAT));
        put("time", json!(time));
        put("agent", json!(&*record.agent));
        if let Some(user) = &record.user {
            put("user", json!(&**user));
        }
        match &self.groups {
            Groups::Unknown => put("groups", Value::Null),
            Groups::Known(groups) if groups.is_empty() => {}
            Groups::Known(groups) => put("groups", json!(texts(groups))),
        }
        if let Some(scopes) = &self.scopes {
            put("scopes", json!(texts(scopes)));
        }
        put("server", json!(&*record.server));
        put("method", json!(self.method));
        put("subject", json!(self.subject.word()));
        put("name", json!(self.name));
        if self.hidden > 0 {
            put("hidden", json!(self.hidden));
        }
        if self.omitted > 0 {
            put("omitted", json!(self.omitted));
        }
        if together {
            put("together", json!(true));
        }
        if let Some(mark) = mark {
            put("mark", json!(mark));
        }
        let permitted = outcome(record) == Some(true);
        put("verdict", json!(if permitted { "permit" } else { "deny" }));
        if let Some(reason) = record.reason.filter(|_| !permitted) {
            put("reason", json!(reason));
        }
        put("rules", json!(record.rules));
        for (key, digest) in ["policy", "lockfile"].into_iter().zip(stamps) {
            if let Some(digest) = digest {
                put(key, json!(digest));
            }
        }
        let head = Value::Object(head).to_string();
        match &self.arguments {
            // Spelled as they came: a number is not read and written again.
            Some(arguments) => {
                let head = head.strip_suffix('}').unwrap_or(&head);
                format!("{head},\"arguments\":{arguments}}}")
            }
            None => head,
        }
    }
}

fn texts(of: &BTreeSet<Arc<str>>) -> Vec<&str> {
    of.iter().map(|text| &**text).collect()
}

/// Why a line is no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// It is of another version of lockgate.
    #[error("expected version {FORMAT} of the format, found {0}")]
    Version(String),
    /// It is not what a recording holds.
    #[error("expected an entry of a recording: {0}")]
    Form(String),
}

impl Entry {
    /// Reads a line.
    pub fn read(line: &str) -> Result<Self, EntryError> {
        let form = |why: &str| EntryError::Form(why.to_owned());
        let document = Document::read(line.as_bytes().to_vec(), &Limits::DEFAULT)
            .map_err(|e| EntryError::Form(e.to_string()))?;
        let root = document.root();
        check_version(root)?;
        let text = |key: &str| root.get(key).and_then(Json::as_str).map(String::from);
        let needed = |key: &str| text(key).ok_or_else(|| form(&format!("`{key}` is missing")));
        let arguments = root.get("arguments").map(|value| {
            Document::read(value.raw().as_bytes().to_vec(), &Limits::DEFAULT)
                .map_err(|e| EntryError::Form(e.to_string()))
        });
        let arguments = arguments.transpose()?;
        if arguments
            .as_ref()
            .is_some_and(|a| a.root().kind() != Kind::Object)
        {
            return Err(form("`arguments` is no object"));
        }
        let count = |key: &str| {
            root.get(key)
                .and_then(|v| v.raw().parse().ok())
                .unwrap_or(0)
        };
        let permitted = match needed("verdict")?.as_str() {
            "permit" => true,
            "deny" => false,
            _ => return Err(form("`verdict` is neither `permit` nor `deny`")),
        };
        let name = |key: &str| needed(key);
        Ok(Self {
            time: needed("time")?,
            agent: AgentName::new(name("agent")?).map_err(|_| form("`agent` is no name"))?,
            user: text("user"),
            groups: match root.get("groups") {
                Some(value) if value.is_null() => Groups::Unknown,
                value => Groups::Known(set(value)),
            },
            scopes: root.get("scopes").map(|value| set(Some(value))),
            server: ServerName::new(name("server")?).map_err(|_| form("`server` is no name"))?,
            method: needed("method")?,
            subject: Subject::of(&needed("subject")?).ok_or_else(|| form("odd `subject`"))?,
            name: needed("name")?,
            arguments: arguments.map(Arc::new),
            hidden: count("hidden"),
            omitted: root.get("omitted").is_some(),
            together: root.get("together").is_some(),
            permitted,
            reason: text("reason"),
            rules: root.get("rules").map(rules).unwrap_or_default(),
            policy: text("policy"),
            lockfile: text("lockfile"),
            mark: text("mark"),
            answer: None,
        })
    }

    /// Whoever asked, as a transport would have proved it.
    pub fn principal(&self) -> Option<Principal> {
        let plain = Groups::default();
        if self.user.is_none() && self.scopes.is_none() && self.groups == plain {
            return None;
        }
        Some(Principal {
            user: self.user.as_deref().map(Arc::from),
            groups: self.groups.clone(),
            scopes: self.scopes.clone(),
            ..Principal::named(self.agent.clone())
        })
    }

    /// Why it can be neither judged nor learned from, if it cannot.
    pub fn obscured(&self) -> Option<&'static str> {
        let marked = |document: &Arc<Document>| scrub::is_placeholder(document.text());
        if self.omitted {
            Some("its arguments were too large to be recorded")
        } else if self.hidden > 0
            || scrub::is_placeholder(&self.name)
            || self.arguments.as_ref().is_some_and(marked)
        {
            Some("a secret in it was not recorded")
        } else {
            None
        }
    }
}

/// Every line begins with it.
pub(super) fn check_version(line: Json<'_>) -> Result<(), EntryError> {
    match line.get("v").map(Json::raw) {
        Some("1") => Ok(()),
        Some(other) => Err(EntryError::Version(other.chars().take(20).collect())),
        None => Err(EntryError::Form("`v` is missing".to_owned())),
    }
}

fn set(value: Option<Json<'_>>) -> BTreeSet<Arc<str>> {
    let items = value.into_iter().flat_map(Json::items);
    items
        .filter_map(|item| Some(Arc::from(&*item.as_str()?)))
        .collect()
}

pub(super) fn rules(value: Json<'_>) -> Vec<RuleRef> {
    let text = |rule: Json<'_>, key: &str| rule.get(key).and_then(Json::as_str).map(String::from);
    let rule = |rule: Json<'_>| {
        Some(RuleRef {
            id: text(rule, "id")?,
            file: text(rule, "file").unwrap_or_default(),
            line: rule.get("line")?.raw().parse().ok()?,
        })
    };
    value.items().filter_map(rule).collect()
}
