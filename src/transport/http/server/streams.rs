//! Which message goes out on which stream of a session.
//!
//! An answer goes to the request that it answers, and to nothing else. What the
//! server says besides goes with the request that it is about, if that can be
//! told; else to the stream that the agent keeps open for it; else it waits.

use super::queue::Outlet;
use super::session::Kind as SessionKind;
use super::stream::Replay;
use crate::engine::message::{Direction, Document, Id, Limits, TopLevel};
use crate::engine::principal::Principal;
use crate::engine::route::{Kind, Route};
use crate::proxy::pump::Lost;
use hyper::body::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Messages that wait for a stream to go out on.
const WAITING: usize = 64;
/// And their bytes; one message may be larger.
const WAITING_BYTES: usize = 1024 * 1024;
/// Where an answer to a subscription names it.
const SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// A request of the agent that has not been answered.
#[derive(Debug)]
struct Open {
    outlet: Outlet,
    number: u64,
    /// Who asked, and with which token.
    by: Arc<Principal>,
    /// Events that went out on it.
    events: u64,
    /// It is a subscription, whose answer is its end.
    lasts: bool,
    /// Its progress token.
    token: Option<Id>,
    /// What the agent itself called it, where it had to be renamed.
    own: Option<Own>,
}

/// How an agent of the stateless era names its request, as JSON. Agents of one
/// principal share a server, and their ids may be the same.
#[derive(Debug, Clone)]
pub(super) struct Own {
    pub(super) id: String,
    pub(super) token: Option<String>,
}

/// What a message of the server is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About<'a> {
    /// The request on whose response it came, or that it belongs to.
    Request(&'a Id),
    /// No request: it came on a stream for such messages.
    Nothing,
    /// A server that runs here does not say.
    Unknown,
}

/// A stream that the agent has come back to.
#[derive(Debug)]
pub(super) struct Resumed {
    /// The request that it belongs to, if that is still open.
    pub(super) request: Option<Id>,
}

#[derive(Debug)]
pub(super) struct Streams {
    open: BTreeMap<Id, Open>,
    /// The stream for what belongs to no request.
    general: Option<(Outlet, u64)>,
    /// Which stream that is, open or not, and how many events went out on it.
    general_at: (u64, u64),
    waiting: VecDeque<Bytes>,
    /// Everything goes out on the general stream.
    single: bool,
    /// What can be asked for again, where events have ids.
    replay: Option<Replay>,
    numbers: u64,
    /// What no stream has taken, until it is recorded.
    lost: Vec<Lost>,
}

impl Streams {
    /// In a session of this kind.
    pub(super) fn new(kind: SessionKind) -> Self {
        Self {
            single: kind == SessionKind::Old,
            open: BTreeMap::new(),
            general: None,
            general_at: (0, 0),
            waiting: VecDeque::new(),
            replay: (kind == SessionKind::Legacy).then(Replay::default),
            numbers: 0,
            lost: Vec::new(),
        }
    }

    /// A number for another stream.
    pub(super) fn number(&mut self) -> u64 {
        self.numbers = self.numbers.saturating_add(1);
        self.numbers
    }

    /// Nobody reads here, and nobody waits for an answer: an agent that has left
    /// keeps nothing alive for ever.
    pub(super) fn is_idle(&self) -> bool {
        let left = |open: &Open| open.outlet.is_closed();
        self.open.values().all(left) && self.general.is_none()
    }

    /// The stream of a request, or the one that belongs to none, if it is full.
    pub(super) fn full(&self, about: Option<&Id>) -> Option<Outlet> {
        let outlet = match about {
            Some(id) => self.open.get(id).map(|open| &open.outlet),
            None => self.general.as_ref().map(|(outlet, _)| outlet),
        };
        outlet.filter(|outlet| outlet.is_full()).cloned()
    }

    /// Cuts off whoever has read nothing for so long while others wait.
    pub(super) fn cut_off_stalled(&mut self, long: Duration) -> Vec<Id> {
        if self.open.len() < 2 {
            return Vec::new();
        }
        let stalled = self.open.iter().filter(|(_, o)| o.outlet.is_stalled(long));
        let stalled = stalled.map(|(id, open)| {
            open.outlet.cut_off();
            id.clone()
        });
        stalled.collect()
    }

    /// Whose request a message is. An answer has an id of the server's.
    pub(super) fn asker(&self, message: &[u8]) -> Option<Arc<Principal>> {
        let scan = TopLevel::of(message);
        let id = scan.id().filter(|_| scan.is_call())?.clone();
        Some(Arc::clone(&self.open.get(&id)?.by))
    }

    /// A request comes in. `false` if one of that id is open already.
    pub(super) fn begin(
        &mut self,
        id: &Id,
        (outlet, number, by): (Outlet, u64, Arc<Principal>),
        lasts: bool,
        token: Option<Id>,
        own: Option<Own>,
    ) -> bool {
        if self.open.contains_key(id) {
            return false;
        }
        let open = Open {
            outlet,
            number,
            by,
            events: 0,
            lasts,
            token,
            own,
        };
        self.open.insert(id.clone(), open);
        true
    }

    /// The agent has left a stream: whether it belonged to an open request.
    pub(super) fn left(&mut self, number: u64, request: Option<&Id>) -> bool {
        let general = self.general.as_ref();
        // The agent may have come back to it on another connection meanwhile.
        if general.is_some_and(|(outlet, n)| *n == number && outlet.is_closed()) {
            self.general = None;
        }
        let open = request.and_then(|id| self.open.get(id));
        open.is_some_and(|open| open.number == number && open.outlet.is_closed())
    }

    /// A request ends without an answer.
    pub(super) fn end(&mut self, id: &Id) {
        self.remove(id);
    }

    fn remove(&mut self, id: &Id) {
        self.open.remove(id);
        if self.open.is_empty() {
            // An empty map keeps a node, and most sessions are idle.
            self.open = BTreeMap::new();
        }
    }

    /// The agent opens a stream for what belongs to no request.
    pub(super) fn listen(&mut self, outlet: Outlet, number: u64) -> bool {
        if self
            .general
            .as_ref()
            .is_some_and(|(open, _)| !open.is_closed())
        {
            return false;
        }
        self.general_at = (number, 0);
        self.general = Some((outlet, number));
        for bytes in std::mem::take(&mut self.waiting) {
            self.say(bytes);
        }
        true
    }

    /// The agent comes back to a stream that broke, and gets what it missed.
    /// `None` if there is no such stream any more.
    pub(super) fn resume(
        &mut self,
        (stream, after): (u64, u64),
        outlet: Outlet,
    ) -> Option<Resumed> {
        let missed = self.replay.as_ref()?.after((stream, after));
        let is_general = self.general_at.0 == stream;
        let id = self.open.iter().find(|(_, open)| open.number == stream);
        let id = id.map(|(id, _)| id.clone());
        if missed.is_empty() && id.is_none() && !is_general {
            return None;
        }
        for (n, bytes, last) in missed {
            // A reader that is gone again will come back once more.
            outlet.send(bytes, last, Some((stream, n)), false);
        }
        if let Some(open) = id.as_ref().and_then(|id| self.open.get_mut(id)) {
            open.outlet = outlet;
        } else if is_general {
            self.general = Some((outlet, stream));
            for bytes in std::mem::take(&mut self.waiting) {
                self.say(bytes);
            }
        }
        Some(Resumed { request: id })
    }

    /// Streams without an end of their own end.
    pub(super) fn hang_up(&mut self) {
        self.general = None;
        self.open.retain(|_, open| !open.lasts);
    }

    /// Everything ends.
    pub(super) fn close(&mut self) {
        self.open.clear();
        self.general = None;
        self.waiting.clear();
    }

    /// Sends what was cleared, or made of what was cleared, to the agent.
    /// `by_us`: it is an answer of lockgate's own.
    pub(super) fn deliver(&mut self, bytes: Vec<u8>, route: &Route, about: About<'_>, by_us: bool) {
        if self.single {
            self.say(bytes.into());
            return;
        }
        let by_token = |open: &Open| open.token.is_some() && open.token == route.id;
        let to = match route.kind {
            Kind::Answer | Kind::Subscribed => route.id.clone(),
            Kind::Progress => self
                .open
                .iter()
                .find(|(_, o)| by_token(o))
                .map(|(id, _)| id.clone()),
            Kind::Request | Kind::Cancelled | Kind::Note => None,
        };
        let guesses = about == About::Unknown;
        let about = match about {
            About::Request(id) if self.open.contains_key(id) => Some(id.clone()),
            _ => None,
        };
        let last = route.kind == Kind::Answer;
        match to.or(about) {
            Some(id) => self.reply(&id, bytes, route, by_us),
            // Its request was cancelled, or its agent has left: that is recorded.
            None if last => tracing::debug!("an answer found nobody who waits for it"),
            None => {
                let bytes = Bytes::from(bytes);
                match self.likely(route.kind).filter(|_| guesses) {
                    Some(id) => self.push(&id, bytes, false, false),
                    None => self.say(bytes),
                }
            }
        }
    }

    /// The request that a message is most likely about, of which nothing is
    /// known: the only one that is open.
    fn likely(&self, kind: Kind) -> Option<Id> {
        let general = self.general.is_some();
        // Nobody reads a stream that the agent has left, while it reads another.
        let read = |open: &Open| !(general && open.outlet.is_closed());
        let mut open = self.open.iter().filter(|(_, open)| read(open));
        let (first, _) = open.next()?;
        let only = open.next().is_none();
        // Without a stream of its own, a request of the server had better go
        // out on any than on none.
        let any = !general && (kind == Kind::Request || self.replay.is_none());
        (only || any).then(|| first.clone())
    }

    fn reply(&mut self, id: &Id, bytes: Vec<u8>, route: &Route, by_us: bool) {
        let Some(open) = self.open.get(id) else {
            return;
        };
        let bytes = match &open.own {
            None => bytes,
            Some(own) => renamed(bytes, route, own),
        };
        let last = route.kind == Kind::Answer;
        self.push(id, Bytes::from(bytes), last, by_us);
    }

    fn push(&mut self, id: &Id, bytes: Bytes, last: bool, by_us: bool) {
        let Some(open) = self.open.get_mut(id) else {
            return;
        };
        // The first event primes the client and says nothing.
        open.events = open.events.saturating_add(1);
        let at = self.replay.is_some().then_some((open.number, open.events));
        let plain = last && open.events == 1 && !open.outlet.is_closed();
        if let (Some(replay), Some(at), false) = (&mut self.replay, at, plain) {
            replay.keep(at, bytes.clone(), last);
        }
        // A reader that is gone may come back for what is kept.
        open.outlet.send(bytes, last, at, by_us);
        if last {
            self.remove(id);
        }
    }

    /// Says something on the stream that belongs to no request.
    fn say(&mut self, bytes: Bytes) {
        let Some((outlet, _)) = &self.general else {
            self.wait(bytes);
            return;
        };
        let (stream, n) = self.general_at;
        let at = (stream, n.saturating_add(1));
        self.general_at = at;
        if let Some(replay) = &mut self.replay {
            replay.keep(at, bytes.clone(), false);
        }
        let at = self.replay.is_some().then_some(at);
        outlet.send(bytes, false, at, false);
    }

    fn lose_oldest(&mut self) {
        let why = "the agent opens no stream for what the server says on its own, and no more of it is kept";
        if let Some(oldest) = self.waiting.pop_front() {
            self.lose(&oldest, why);
        }
    }

    fn lose(&mut self, bytes: &[u8], why: &'static str) {
        let lost = Lost::undelivered(Direction::ToAgent, bytes.to_vec(), why);
        self.lost.push(lost);
    }

    /// What has come to nothing since the last time.
    pub(super) fn lost(&mut self) -> Vec<Lost> {
        std::mem::take(&mut self.lost)
    }

    fn wait(&mut self, bytes: Bytes) {
        if self.replay.is_none() {
            let why = "it belongs to no request, and the stateless era has no other stream";
            return self.lose(&bytes, why);
        }
        if self.waiting.len() >= WAITING {
            self.lose_oldest();
        }
        let size = |waiting: &VecDeque<Bytes>| waiting.iter().map(Bytes::len).sum::<usize>();
        while !self.waiting.is_empty()
            && size(&self.waiting).saturating_add(bytes.len()) > WAITING_BYTES
        {
            self.lose_oldest();
        }
        self.waiting.push_back(bytes);
    }
}

/// A frame with the names that the agent itself gave.
fn renamed(bytes: Vec<u8>, route: &Route, own: &Own) -> Vec<u8> {
    let name = match route.kind {
        Kind::Progress => own.token.as_ref().unwrap_or(&own.id),
        _ => &own.id,
    };
    let mut places = Vec::new();
    match (&route.at, route.kind) {
        (Some(at), Kind::Answer) => {
            places.push(at.clone());
            // Short, if it is the end of a subscription.
            if bytes.len() < 4096 && memchr::memmem::find(&bytes, SUBSCRIPTION.as_bytes()).is_some()
            {
                places.extend(subscription(&bytes));
            }
        }
        (Some(at), Kind::Progress | Kind::Subscribed) => places.push(at.clone()),
        // A refusal of lockgate's own.
        (None, Kind::Answer) => {
            let document = Document::read(bytes.clone(), &Limits::DEFAULT).ok();
            places.extend(document.and_then(|d| Some(d.root().get("id")?.span())));
        }
        _ => {}
    }
    places.sort_by_key(|place| std::cmp::Reverse(place.start));
    let mut bytes = bytes;
    for place in places {
        if place.end <= bytes.len() {
            bytes.splice(place, name.bytes());
        }
    }
    bytes
}

fn subscription(bytes: &[u8]) -> Option<std::ops::Range<usize>> {
    let document = Document::read(bytes.to_vec(), &Limits::DEFAULT).ok()?;
    let meta = document.root().get("result")?.get("_meta")?;
    Some(meta.get(SUBSCRIPTION)?.span())
}
