//! `subscriptions/listen`, of what a legacy server tells on its own.
//!
//! A stream is acknowledged when the server has answered for each resource that
//! nobody listened to before; the engine has judged those requests then. A
//! resource is subscribed to once, for as long as anybody listens to it.

use super::super::splice::{self, Refusal};
use super::super::{Ids, Steps};
use super::Request;
use crate::engine::message::{Id, Json, Kind, KnownMethod};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Most streams.
const STREAMS: usize = 256;
/// Most resources of one stream.
const URIS: usize = 256;
/// Most bytes of a uri.
const URI: usize = 8 * 1024;
/// Most bytes of all that streams name.
const BYTES: usize = 8 * 1024 * 1024;
/// How long a server may take to answer for a resource.
const PATIENCE: Duration = Duration::from_secs(30);

/// The lists whose changes are told: filter, capability, notification.
const LISTS: [(&str, &str, KnownMethod); 3] = [
    ("toolsListChanged", "tools", KnownMethod::ToolsChanged),
    ("promptsListChanged", "prompts", KnownMethod::PromptsChanged),
    (
        "resourcesListChanged",
        "resources",
        KnownMethod::ResourcesChanged,
    ),
];

/// All streams.
#[derive(Debug, Default)]
pub(super) struct Listening {
    streams: BTreeMap<Id, Stream>,
    resources: BTreeMap<String, Resource>,
}

/// One stream.
#[derive(Debug)]
struct Stream {
    lists: Vec<(&'static str, KnownMethod)>,
    uris: BTreeSet<String>,
    acknowledged: bool,
}

/// A resource that somebody listens to.
#[derive(Debug)]
struct Resource {
    streams: BTreeSet<Id>,
    /// The request that the server has not answered, and until when.
    asked: Option<(Id, Duration)>,
}

impl Listening {
    /// Whether a stream has that id.
    pub(super) fn has(&self, id: &Id) -> bool {
        self.streams.contains_key(id)
    }

    /// Opens a stream for an agent.
    pub(super) fn open(
        &mut self,
        ids: &mut Ids,
        request: &Request<'_>,
        capabilities: Option<Json<'_>>,
        now: Duration,
        steps: &mut Steps,
    ) -> Result<(), Refusal> {
        let filter = request.params.get("notifications");
        let filter = filter.filter(|f| f.kind() == Kind::Object);
        let filter =
            filter.ok_or_else(|| Refusal::params("expected `notifications` to be an object"))?;
        if self.streams.len() >= STREAMS {
            return Err(Refusal::busy());
        }
        let offered = |of: &str, what: &str| {
            let what = capabilities.and_then(|c| c.get(of)?.get(what)?.as_bool());
            what == Some(true)
        };
        let lists = LISTS.iter().filter(|(name, of, _)| {
            let wanted = filter.get(name).and_then(Json::as_bool) == Some(true);
            wanted && offered(of, "listChanged")
        });
        let lists = lists.map(|(name, _, method)| (*name, *method)).collect();
        let mut uris = uris(filter)?;
        if !offered("resources", "subscribe") {
            uris.clear();
        }
        let named = self.streams.values().flat_map(|stream| &stream.uris);
        let bytes: usize = named.chain(&uris).map(String::len).sum();
        if bytes > BYTES {
            return Err(Refusal::busy());
        }
        for uri in &uris {
            let resource = self.resources.entry(uri.clone()).or_insert_with(|| {
                let id = ids.next();
                steps.engine(about(&id, KnownMethod::SubscribeResource, uri));
                Resource {
                    streams: BTreeSet::new(),
                    asked: Some((id, now.saturating_add(PATIENCE))),
                }
            });
            resource.streams.insert(request.id.clone());
        }
        let stream = Stream {
            lists,
            uris,
            acknowledged: false,
        };
        self.streams.insert(request.id.clone(), stream);
        self.acknowledge(request.id, steps);
        Ok(())
    }

    /// Tells an agent what it will be told, once that is known.
    fn acknowledge(&mut self, id: &Id, steps: &mut Steps) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        let waits = |uri: &String| self.resources.get(uri).is_some_and(|r| r.asked.is_some());
        if stream.acknowledged || stream.uris.iter().any(waits) {
            return;
        }
        stream.acknowledged = true;
        let mut filter: Vec<String> = stream
            .lists
            .iter()
            .map(|(name, _)| format!(r#""{name}":true"#))
            .collect();
        if !stream.uris.is_empty() {
            let uris: Vec<String> = stream.uris.iter().map(|uri| splice::quoted(uri)).collect();
            filter.push(format!(r#""resourceSubscriptions":[{}]"#, uris.join(",")));
        }
        let params = format!(
            r#"{{"_meta":{{"{}":{}}},"notifications":{{{}}}}}"#,
            splice::SUBSCRIPTION,
            id.to_json(),
            filter.join(",")
        );
        let method = KnownMethod::ListenAcknowledged.name();
        steps.agent(Some(id), splice::notification(method, Some(&params)));
    }

    /// The server has answered one of our requests.
    pub(super) fn settled(&mut self, ids: &mut Ids, id: &Id, granted: bool, steps: &mut Steps) {
        let asked = |r: &Resource| r.asked.as_ref().is_some_and(|(asked, _)| asked == id);
        let found = self.resources.iter().find(|(_, r)| asked(r));
        let Some(uri) = found.map(|(uri, _)| uri.clone()) else {
            return;
        };
        let Some(resource) = self.resources.get_mut(&uri) else {
            return;
        };
        resource.asked = None;
        let streams = resource.streams.clone();
        if !granted {
            self.resources.remove(&uri);
            for stream in &streams {
                if let Some(stream) = self.streams.get_mut(stream) {
                    stream.uris.remove(&uri);
                }
            }
        } else if streams.is_empty() {
            self.leave(ids, &uri, steps);
        }
        for stream in &streams {
            self.acknowledge(stream, steps);
        }
    }

    /// An agent does not listen any more.
    pub(super) fn close(&mut self, ids: &mut Ids, id: &Id, steps: &mut Steps) {
        let Some(stream) = self.streams.remove(id) else {
            return;
        };
        for uri in stream.uris {
            let Some(resource) = self.resources.get_mut(&uri) else {
                continue;
            };
            resource.streams.remove(id);
            // What is being asked for is left when it is granted.
            if resource.streams.is_empty() && resource.asked.is_none() {
                self.leave(ids, &uri, steps);
            }
        }
    }

    fn leave(&mut self, ids: &mut Ids, uri: &str, steps: &mut Steps) {
        self.resources.remove(uri);
        steps.engine(about(&ids.next(), KnownMethod::UnsubscribeResource, uri));
    }

    /// Tells every stream that wants to know of a change.
    pub(super) fn told(
        &self,
        method: KnownMethod,
        root: Json<'_>,
        params: Option<Json<'_>>,
        steps: &mut Steps,
    ) {
        let uri = params.and_then(|p| p.get("uri")).and_then(Json::as_str);
        let wants = |stream: &Stream| match method {
            // It may be a part of what was subscribed to.
            KnownMethod::ResourceUpdated => uri
                .as_ref()
                .is_some_and(|uri| stream.uris.iter().any(|u| uri.starts_with(u.as_str()))),
            _ => stream.lists.iter().any(|(_, m)| *m == method),
        };
        // Who has not asked for it is not to be told: that is no loss.
        let open = self.streams.iter().filter(|(_, s)| s.acknowledged);
        for (id, _) in open.filter(|(_, stream)| wants(stream)) {
            steps.agent(Some(id), on_stream(id, root, params));
        }
    }

    pub(super) fn deadline(&self) -> Option<Duration> {
        let asked = self.resources.values().filter_map(|r| r.asked.as_ref());
        asked.map(|(_, until)| *until).min()
    }

    /// A resource that the server does not answer for is not told of.
    pub(super) fn expire(&mut self, ids: &mut Ids, now: Duration, steps: &mut Steps) {
        let asked = self.resources.values().filter_map(|r| r.asked.as_ref());
        let late: Vec<Id> = asked
            .filter(|(_, until)| *until <= now)
            .map(|(id, _)| id.clone())
            .collect();
        for id in late {
            steps.engine(splice::cancelled(&id));
            self.settled(ids, &id, false, steps);
        }
    }

    /// The session is over: streams end as the revision has it.
    pub(super) fn end(&mut self, steps: &mut Steps) {
        for id in self.streams.keys() {
            let subscription = splice::SUBSCRIPTION;
            let result = format!(
                r#"{{"resultType":"complete","_meta":{{"{subscription}":{}}}}}"#,
                id.to_json()
            );
            steps.agent(Some(id), splice::result(id, &result));
        }
        self.streams.clear();
        self.resources.clear();
    }
}

/// The resources that a filter names.
fn uris(filter: Json<'_>) -> Result<BTreeSet<String>, Refusal> {
    let named = filter.get("resourceSubscriptions");
    if named.is_some_and(|n| n.kind() != Kind::Array) {
        return Err(Refusal::params(
            "expected `resourceSubscriptions` to be an array",
        ));
    }
    let mut uris = BTreeSet::new();
    for uri in named.into_iter().flat_map(Json::items) {
        let uri = uri.as_str().filter(|uri| uri.len() <= URI);
        let uri = uri.ok_or_else(|| {
            Refusal::params("expected `resourceSubscriptions` to hold strings of at most 8 KiB")
        })?;
        uris.insert(uri.into_owned());
    }
    if uris.len() > URIS {
        return Err(Refusal::busy());
    }
    Ok(uris)
}

/// Our own request about a resource.
fn about(id: &Id, method: KnownMethod, uri: &str) -> Vec<u8> {
    let params = format!(r#"{{"uri":{}}}"#, splice::quoted(uri));
    splice::request(id, method.name(), Some(&params))
}

/// A notification as it travels on one stream.
fn on_stream(id: &Id, root: Json<'_>, params: Option<Json<'_>>) -> Vec<u8> {
    let id = id.to_json();
    let subscription = [(splice::SUBSCRIPTION, id.as_str())];
    let fresh = format!(r#"{{"{}":{id}}}"#, splice::SUBSCRIPTION);
    let meta = params.and_then(|p| p.get("_meta"));
    let meta = meta.filter(|m| m.kind() == Kind::Object);
    let meta = meta.map_or(fresh, |meta| splice::with(meta, &subscription));
    let params = params.map_or_else(
        || format!(r#"{{"_meta":{meta}}}"#),
        |params| splice::with(params, &[("_meta", &meta)]),
    );
    splice::with(root, &[("params", &params)]).into_bytes()
}
