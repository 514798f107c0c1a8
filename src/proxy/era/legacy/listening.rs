//! What a legacy agent is told of changes: one `subscriptions/listen` at a time,
//! issued anew when the agent subscribes or unsubscribes. The old stream ends
//! only when the new one is acknowledged, so nothing is missed.

use super::super::splice::{self, Edit, Refusal};
use super::super::{Ids, Steps};
use crate::engine::message::{Id, Json, KnownMethod};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// Most resources that an agent subscribes to.
const URIS: usize = 1000;
/// Most changes that wait.
const WAITING: usize = 1000;
/// Most bytes of a uri.
const URI: usize = 8 * 1024;
/// How long a server may take to acknowledge.
const PATIENCE: Duration = Duration::from_secs(30);
/// After this a stream that has ended is opened again.
const PAUSE: Duration = Duration::from_secs(5);

/// The stream of changes.
#[derive(Debug, Default)]
pub(super) struct Listening {
    /// The lists whose changes the server tells, as the filter names them.
    lists: Vec<&'static str>,
    /// The server tells changes of resources.
    resources: bool,
    /// The agent is ready to be told.
    begun: bool,
    uris: BTreeSet<String>,
    current: Option<Id>,
    opening: Option<Opening>,
    waiting: VecDeque<Change>,
    reopen: Option<Duration>,
}

#[derive(Debug)]
struct Opening {
    id: Id,
    /// What it is opened for; nothing if only to be there.
    change: Option<Change>,
    until: Duration,
}

/// The agent subscribes or unsubscribes.
#[derive(Debug)]
struct Change {
    id: Id,
    uri: String,
    add: bool,
}

impl Listening {
    /// What the server says it can tell.
    pub(super) fn offered(&mut self, capabilities: Json<'_>) {
        let has = |of: &str, what: &str| {
            let what = capabilities.get(of).and_then(|c| c.get(what));
            what.and_then(Json::as_bool) == Some(true)
        };
        let lists = [
            ("tools", "toolsListChanged"),
            ("prompts", "promptsListChanged"),
            ("resources", "resourcesListChanged"),
        ];
        let offered = lists.iter().filter(|(of, _)| has(of, "listChanged"));
        self.lists = offered.map(|(_, filter)| *filter).collect();
        self.resources = has("resources", "subscribe");
    }

    /// The agent is ready.
    pub(super) fn begin(&mut self) {
        self.begun = true;
        if !self.lists.is_empty() && self.current.is_none() {
            self.reopen = Some(Duration::ZERO);
        }
    }

    /// Whether a request of that id waits here.
    pub(super) fn waits(&self, id: &Id) -> bool {
        let opening = self.opening.as_ref().and_then(|o| o.change.as_ref());
        opening
            .into_iter()
            .chain(&self.waiting)
            .any(|c| c.id == *id)
    }

    /// The agent subscribes or unsubscribes; `step` follows.
    pub(super) fn change(&mut self, id: &Id, uri: &str, add: bool) -> Result<(), Refusal> {
        if !self.resources {
            return Err(Refusal::method("the server does not tell of resources"));
        }
        let full = add && self.uris.len() >= URIS;
        if self.waiting.len() >= WAITING || full || uri.len() > URI {
            return Err(Refusal::busy());
        }
        self.waiting.push_back(Change {
            id: id.clone(),
            uri: uri.to_owned(),
            add,
        });
        Ok(())
    }

    /// Does what is to be done next.
    pub(super) fn step(&mut self, ids: &mut Ids, meta: &str, now: Duration, steps: &mut Steps) {
        while self.opening.is_none() {
            let Some(change) = self.waiting.pop_front() else {
                break;
            };
            if self.uris.contains(&change.uri) == change.add {
                steps.agent(Some(&change.id), splice::result(&change.id, "{}"));
                continue;
            }
            let mut uris = self.uris.clone();
            if change.add {
                uris.insert(change.uri.clone());
            } else {
                uris.remove(&change.uri);
            }
            if uris.is_empty() && self.lists.is_empty() {
                self.uris = uris;
                if let Some(old) = self.current.take() {
                    steps.engine(splice::cancelled(&old));
                }
                steps.agent(Some(&change.id), splice::result(&change.id, "{}"));
                continue;
            }
            steps.engine(self.open(ids, meta, &uris, Some(change), now));
        }
        let due = self.reopen.is_some_and(|at| at <= now);
        if due && self.opening.is_none() && self.current.is_none() && self.begun {
            self.reopen = None;
            if !(self.uris.is_empty() && self.lists.is_empty()) {
                let uris = self.uris.clone();
                steps.engine(self.open(ids, meta, &uris, None, now));
            }
        }
    }

    fn open(
        &mut self,
        ids: &mut Ids,
        meta: &str,
        uris: &BTreeSet<String>,
        change: Option<Change>,
        now: Duration,
    ) -> Vec<u8> {
        let mut filter: Vec<String> = self
            .lists
            .iter()
            .map(|list| format!(r#""{list}":true"#))
            .collect();
        if !uris.is_empty() {
            let uris: Vec<String> = uris.iter().map(|uri| splice::quoted(uri)).collect();
            filter.push(format!(r#""resourceSubscriptions":[{}]"#, uris.join(",")));
        }
        // `meta` is a whole params object that holds nothing else.
        let meta = meta.strip_suffix('}').unwrap_or_default();
        let params = format!(r#"{meta},"notifications":{{{}}}}}"#, filter.join(","));
        let id = ids.next();
        let listen = KnownMethod::Listen.name();
        let bytes = splice::request(&id, listen, Some(&params));
        self.opening = Some(Opening {
            id,
            change,
            until: now.saturating_add(PATIENCE),
        });
        bytes
    }

    /// The server acknowledges a stream.
    pub(super) fn acknowledged(&mut self, params: Option<Json<'_>>, steps: &mut Steps) {
        let Some(opening) = self
            .opening
            .take_if(|o| subscription(params).as_ref() == Some(&o.id))
        else {
            return;
        };
        self.reopen = None;
        if let Some(old) = self.current.replace(opening.id) {
            steps.engine(splice::cancelled(&old));
        }
        let Some(change) = opening.change else {
            return;
        };
        let filter = params.and_then(|p| p.get("notifications"));
        let honoured = filter.and_then(|f| f.get("resourceSubscriptions"));
        let mut honoured = honoured.into_iter().flat_map(Json::items);
        if !change.add {
            self.uris.remove(&change.uri);
        } else if honoured.any(|uri| uri.as_str().as_deref() == Some(&change.uri)) {
            self.uris.insert(change.uri);
        } else {
            let refusal = Refusal::params("the server does not tell of this resource");
            steps.refuse(&change.id, &refusal);
            return;
        }
        steps.agent(Some(&change.id), splice::result(&change.id, "{}"));
    }

    /// A stream has ended, or was never opened.
    pub(super) fn answered(
        &mut self,
        id: &Id,
        error: Option<Json<'_>>,
        now: Duration,
        steps: &mut Steps,
    ) {
        if self.current.as_ref() == Some(id) {
            self.current = None;
            self.reopen = Some(now.saturating_add(PAUSE));
        }
        let Some(opening) = self.opening.take_if(|o| o.id == *id) else {
            return;
        };
        match (opening.change, error) {
            (Some(change), Some(error)) => {
                let error = super::told_error(error);
                steps.agent(Some(&change.id), splice::failure(&change.id, &error));
            }
            (Some(change), None) => {
                let ended = Refusal::late("the server has ended the subscription");
                steps.refuse(&change.id, &ended);
            }
            // A server that refuses is left alone; one that ends it is not.
            (None, Some(_)) => {}
            (None, None) => self.reopen = Some(now.saturating_add(PAUSE)),
        }
    }

    /// A change as the agent's revision tells it, if it came on our stream.
    pub(super) fn told(&self, root: Json<'_>, params: Option<Json<'_>>) -> Option<Vec<u8>> {
        let whole = || root.raw().as_bytes().to_vec();
        let Some(on) = subscription(params) else {
            return Some(whole());
        };
        if self.current.as_ref() != Some(&on) {
            return None;
        }
        let params = params?;
        let edit = |key: &str, value: Json<'_>| match key {
            "_meta" => Edit::Put(splice::without(value, &[splice::SUBSCRIPTION])),
            _ => Edit::Keep,
        };
        let params = splice::object(params, edit, &[]);
        Some(splice::with(root, &[("params", &params)]).into_bytes())
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        let idle = self.begun && self.current.is_none();
        match &self.opening {
            Some(opening) => Some(opening.until),
            None => self.reopen.filter(|_| idle),
        }
    }

    /// Gives up on a stream that is not acknowledged.
    pub(super) fn expire(&mut self, now: Duration, steps: &mut Steps) {
        let Some(opening) = self.opening.take_if(|o| o.until <= now) else {
            return;
        };
        steps.engine(splice::cancelled(&opening.id));
        if let Some(change) = opening.change {
            let late = Refusal::late("the server does not acknowledge the subscription");
            steps.refuse(&change.id, &late);
        }
    }

    /// The session is over.
    pub(super) fn end(&mut self, why: &Refusal, steps: &mut Steps) {
        let opening = self.opening.take().and_then(|o| o.change);
        for change in opening.into_iter().chain(self.waiting.drain(..)) {
            steps.refuse(&change.id, why);
        }
    }
}

/// The stream that a notification came on.
fn subscription(params: Option<Json<'_>>) -> Option<Id> {
    let meta = params?.get("_meta")?;
    meta.get(splice::SUBSCRIPTION).and_then(Id::of)
}
