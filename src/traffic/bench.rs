//! Judging recorded requests again, by the engine that stands behind `run`.
//!
//! Each request is judged alone, in a session of its own: what depends on what
//! went before it is not seen here. The server is taken to be as it is pinned.

use super::entry::Entry;
use crate::engine::guard::paths::PathFacts;
use crate::engine::heard::Subject;
use crate::engine::message::{Direction, Opened};
use crate::engine::policy::{ByFacts, RuleRef, UnixTime};
use crate::engine::reason::Reason;
use crate::engine::record::RecordVerdict;
use crate::engine::{Context, Engine, Session};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Denials that come of the request, the policy and the pins alone. All others
/// came of what the session or the server was like at that moment.
const OF_ITSELF: [Reason; 11] = [
    Reason::InvalidParams,
    Reason::UnpinnedTool,
    Reason::SecretPlace,
    Reason::SelfProtection,
    Reason::UnresolvablePath,
    Reason::UndeclaredArgument,
    Reason::SchemaViolation,
    Reason::SchemaUnusable,
    Reason::Forbidden,
    Reason::NotPermitted,
    Reason::InsufficientScope,
];

/// Why the recorded verdict says nothing about policy and pins, if so.
pub fn circumstance(entry: &Entry) -> Option<&'static str> {
    let of_itself = |code: &str| OF_ITSELF.iter().any(|reason| reason.code() == code);
    let code = entry.reason.as_deref().unwrap_or_default();
    if entry.permitted {
        None
    } else if !of_itself(code) {
        Some("what denied it was the session or the server of that moment")
    } else if entry.together {
        Some("it was denied together with others of its message")
    } else {
        None
    }
}

/// Judges recorded requests.
#[derive(Debug)]
pub struct Bench<'a> {
    /// The engine of the agent in front of the server.
    pub engine: &'a Engine,
    /// Whether a tool without a pin may yet get one (`tofu`).
    pub first_use: bool,
    /// Asks the file system about paths.
    pub resolve: fn(&BTreeSet<String>) -> PathFacts,
}

/// What comes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Whether it passes.
    pub permitted: bool,
    /// Why not: a stable code.
    pub reason: Option<String>,
    /// Why not, for people.
    pub detail: Option<String>,
    /// The rules that determined it.
    pub rules: Vec<RuleRef>,
    /// What came of its answer, where it passed and that is known.
    pub answer: Option<AnswerJudged>,
}

/// What comes of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerJudged {
    /// The agent gets it.
    Passes,
    /// The agent gets an error in its place.
    Withheld {
        /// What was expected, for people.
        why: Option<String>,
        /// The rules that expected it.
        rules: Vec<RuleRef>,
    },
    /// That cannot be told, and why.
    Untold(&'static str),
}

impl AnswerJudged {
    /// What the recording says; `None` where it has no answer, or something else
    /// than the policy has withheld it.
    pub fn recorded(entry: &Entry) -> Option<Self> {
        let answer = entry.answer.as_ref()?;
        if answer.permitted {
            return Some(Self::Passes);
        }
        let of_policy = answer.reason.as_deref() == Some(Reason::ResultRefused.code());
        of_policy.then(|| Self::Withheld {
            why: None,
            rules: answer.rules.clone(),
        })
    }
}

impl Bench<'_> {
    /// Judges one.
    pub fn judge(&self, entry: &Entry) -> Judged {
        let mut session = Session::new("bench");
        if let Some(principal) = entry.principal() {
            session = session.acting(Arc::new(principal));
        }
        let direction = match entry.subject {
            Subject::Ask => Direction::ToAgent,
            Subject::Tool | Subject::Prompt | Subject::Resource => Direction::ToServer,
        };
        let tool = (entry.subject == Subject::Tool).then_some(entry.name.as_str());
        self.engine.assume_pinned(&mut session, tool);
        let opened = self.engine.open(direction, message(entry).into_bytes());
        let opened: Opened = self.engine.inquire(&session, opened);
        let context = Context {
            now: Duration::ZERO,
            time: moment(&entry.time),
            facts: (self.resolve)(opened.questions()),
        };
        let decision = self.engine.decide(&mut session, opened, &context);
        let record = decision.record();
        let permitted = match record.verdict {
            RecordVerdict::Forward | RecordVerdict::Rewrite => true,
            RecordVerdict::Hold => self.first_use,
            RecordVerdict::Deny | RecordVerdict::Drop | RecordVerdict::Absorb => false,
        };
        Judged {
            permitted,
            reason: record.reason.filter(|_| !permitted).map(str::to_owned),
            detail: record.detail.clone().filter(|_| !permitted),
            rules: record.rules.clone(),
            answer: permitted.then(|| answered(&session, entry)).flatten(),
        }
    }
}

/// What comes of the answer to a request that has passed.
fn answered(session: &Session, entry: &Entry) -> Option<AnswerJudged> {
    let demands = session.demanded();
    let Some(answer) = &entry.answer else {
        let why = "the recording does not have it";
        return (!demands.is_empty()).then_some(AnswerJudged::Untold(why));
    };
    let mut judged = AnswerJudged::Passes;
    for one in demands {
        match one.judge_facts(&answer.facts) {
            ByFacts::Met => {}
            ByFacts::Unmet(unmet) => {
                return Some(AnswerJudged::Withheld {
                    why: Some(unmet.why),
                    rules: unmet.rules,
                });
            }
            ByFacts::Untold => {
                judged = AnswerJudged::Untold("that takes more than the recording has of it");
            }
        }
    }
    Some(judged)
}

/// When a request was recorded, for rules that hold at certain hours. `None`
/// where it is not a time as recordings have it.
fn moment(time: &str) -> Option<UnixTime> {
    let number = |from: usize, to: usize| time.get(from..to)?.parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    if !time.ends_with('Z') || year < 1970 || !(1..=12).contains(&month) || day < 1 {
        return None;
    }
    // Years begin in March, so that the odd day is the last of one.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    let days = days.checked_sub(719_468)?;
    Some(UnixTime(days * 86_400 + hour * 3600 + minute * 60 + second))
}

/// The request as a message. Arguments stay spelled as they came.
fn message(entry: &Entry) -> String {
    let arguments = entry.arguments.as_ref().map(|document| document.text());
    let name = Value::from(entry.name.as_str()).to_string();
    let params = match (entry.method.as_str(), entry.subject) {
        (_, Subject::Ask) => return asking(&entry.name),
        ("completion/complete", subject) => {
            let reference = if subject == Subject::Prompt {
                json!({ "type": "ref/prompt", "name": entry.name })
            } else {
                json!({ "type": "ref/resource", "uri": entry.name })
            };
            let rest = arguments.and_then(|text| text.strip_prefix('{'));
            let rest = rest.filter(|rest| *rest != "}");
            let rest = rest.map_or_else(|| "}".to_owned(), |rest| format!(",{rest}"));
            format!("{{\"ref\":{reference}{rest}")
        }
        (_, Subject::Resource) => {
            let method = json!("resources/read");
            return request(&method, &format!("{{\"uri\":{name}}}"));
        }
        (_, Subject::Tool | Subject::Prompt) => {
            let arguments = arguments.map(|text| format!(",\"arguments\":{text}"));
            format!("{{\"name\":{name}{}}}", arguments.unwrap_or_default())
        }
    };
    request(&json!(entry.method), &params)
}

fn asking(name: &str) -> String {
    let (method, mode) = match name.split_once('#') {
        Some((method, mode)) => (method, Some(mode)),
        None => (name, None),
    };
    let params = mode.map_or_else(|| json!({}), |mode| json!({ "mode": mode }));
    request(&json!(method), &params.to_string())
}

fn request(method: &Value, params: &str) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":{method},\"params\":{params}}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back() {
        for (time, expected) in [
            ("1970-01-01T00:00:00.000000Z", Some(0)),
            ("2000-02-29T12:00:00.000000Z", Some(951_825_600)),
            ("2026-11-25T02:51:53.333343Z", Some(1_795_575_113)),
            ("2026-11-25T02:51:53+01:00", None),
            ("yesterday", None),
        ] {
            assert_eq!(moment(time).map(|time| time.0), expected, "{time}");
        }
    }
}
