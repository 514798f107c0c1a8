//! One agent in front of one server, over HTTP.
//!
//! The same pump as on stdio, behind a lock that is never held while anything
//! is waited for. Every message of either side comes through one of two doors,
//! `from_agent` and `from_server`; what the pump then clears goes on its way at
//! once. No task runs for a session in which nothing happens.

use super::child::Process;
use super::names::{cancelled, rename, token};
use super::queue::{Outlet, Room};
use super::sessions::Place;
use super::stream::Inlet;
use super::streams::{About, Streams};
use crate::engine::message::{
    Direction, Document, Id, KnownMethod, Limits, Message, Method, Opened, TopLevel,
};
use crate::engine::principal::Principal;
use crate::engine::route::Route;
use crate::engine::types::ServerName;
use crate::proxy::era::{Adapter, Step};
use crate::proxy::evidence::SharedLog;
use crate::proxy::pump::{Lost, Outgoing, Pump};
use crate::state::lockfile::FirstUse;
use crate::transport::http::client::Remote;
use crate::transport::http::mirror::Mirror;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What stands behind a session.
#[derive(Debug)]
pub(super) enum Upstream {
    /// Not there yet.
    Coming,
    Process(Process),
    Remote(Remote),
    Gone,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) pump: Pump<SharedLog, FirstUse>,
    pub(super) upstream: Upstream,
    pub(super) streams: Streams,
    /// Translates, where the agent and the server are of two eras.
    pub(super) adapter: Option<Adapter>,
    /// Which arguments the server's tools want in headers.
    pub(super) mirror: Mirror,
    /// Names for requests of the stateless era.
    names: i64,
    /// When the pump is woken next, if somebody sees to it.
    woken: Option<Duration>,
    /// Somebody waits until more of the agent can be taken.
    pub(super) awaited: bool,
}

impl State {
    /// Whether the agent should wait before it says more.
    pub(super) fn is_full(&self) -> bool {
        let behind = match &self.upstream {
            Upstream::Process(process) => process.is_full(),
            Upstream::Remote(remote) => remote.is_full(),
            Upstream::Coming | Upstream::Gone => false,
        };
        behind || !self.pump.wants_agent()
    }
}

/// How agents speak in a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Streamable HTTP of 2025-03-26 to 2025-11-25.
    Legacy,
    /// The stateless era: one for all requests of a principal.
    Modern,
    /// HTTP+SSE of 2024-11-05: everything comes on one stream.
    Old,
}

/// One session, or what stands in for it in the stateless era.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) principal: Arc<Principal>,
    pub(super) server: ServerName,
    pub(super) kind: Kind,
    pub(super) room: Arc<Room>,
    began: Instant,
    state: Mutex<State>,
    /// Milliseconds after `began`.
    used: AtomicU64,
    pub(super) over: AtomicBool,
    /// How many messages are judged that take long.
    pub(super) long: AtomicUsize,
    /// Given back when nothing holds the session any more: its process does.
    place: Option<Place>,
}

impl Session {
    pub(super) fn new(
        principal: Arc<Principal>,
        server: ServerName,
        kind: Kind,
        (pump, adapter): (Pump<SharedLog, FirstUse>, Option<Adapter>),
        place: Option<Place>,
    ) -> Arc<Self> {
        let room = Arc::new(match kind {
            Kind::Modern => Room::shared(),
            Kind::Legacy | Kind::Old => Room::for_one(),
        });
        let state = State {
            pump,
            upstream: Upstream::Coming,
            streams: Streams::new(kind),
            adapter,
            mirror: Mirror::default(),
            names: 0,
            woken: None,
            awaited: false,
        };
        Arc::new(Self {
            principal,
            server,
            kind,
            room,
            began: Instant::now(),
            state: Mutex::new(state),
            used: AtomicU64::new(0),
            over: AtomicBool::new(false),
            long: AtomicUsize::new(0),
            place,
        })
    }

    /// What stands behind it from now on.
    pub(super) fn attach(&self, upstream: Upstream) {
        self.lock().upstream = upstream;
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // Every value in it is whole after every step.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// It has ended; nothing comes of it any more.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    pub(super) fn use_it(&self) {
        let now = u64::try_from(self.now().as_millis()).unwrap_or(u64::MAX);
        self.used.store(now, Ordering::Relaxed);
    }

    /// How long nobody has used it, if nothing is under way.
    pub(super) fn idle(&self) -> Option<Duration> {
        if self.is_judging() || !self.lock().streams.is_idle() {
            return None;
        }
        Some(self.unused())
    }

    /// How long nobody has used it, whatever is under way.
    pub(super) fn unused(&self) -> Duration {
        let used = Duration::from_millis(self.used.load(Ordering::Relaxed));
        self.now().saturating_sub(used)
    }

    /// Whether it is a process that stands for a principal in the stateless era.
    pub(super) fn is_modern_process(&self) -> bool {
        self.place.as_ref().is_some_and(Place::is_of_process)
    }

    /// A request of the agent. What answers it comes out of the inlet.
    pub(super) fn ask(
        self: &Arc<Self>,
        opened: Opened,
        id: &Id,
        principal: &Arc<Principal>,
    ) -> Inlet {
        self.use_it();
        let mut state = self.lock();
        let number = state.streams.number();
        let (opened, id, token, own) = if self.kind == Kind::Modern {
            state.names = state.names.saturating_add(1);
            let name = Id::Number(state.names);
            let (opened, own) = rename(opened, &name);
            let token = own.token.is_some().then(|| name.clone());
            (opened, name, token, Some(own))
        } else {
            let token = token(&opened);
            (opened, id.clone(), token, None)
        };
        let (outlet, inlet) = Inlet::new(Arc::clone(self), number, Some(id.clone()));
        if self.is_over() {
            // It has ended while the agent waited for room: nobody would answer.
            return inlet;
        }
        let listen = Method::Known(KnownMethod::Listen);
        let lasts =
            matches!(opened.message(), Ok(Message::Request { method, .. }) if method == listen);
        let begun = (outlet.clone(), number, Arc::clone(principal));
        let registered = state.streams.begin(&id, begun, lasts, token, own);
        let aside = (!registered).then_some(outlet);
        if state.pump.renew(principal).is_err() {
            // Not judged at all; whoever asks is told that there is no session.
            state.streams.end(&id);
            return inlet;
        }
        match (aside, state.adapter.is_some()) {
            (Some(aside), true) => self.hear_twice(&mut state, opened, &id, &aside),
            (aside, _) => self.hear(&mut state, opened, aside.as_ref()),
        }
        inlet
    }

    /// A request whose id is in use, where an adapter says so: the answer is for
    /// it, and not for the one that has the id.
    fn hear_twice(self: &Arc<Self>, state: &mut State, opened: Opened, id: &Id, aside: &Outlet) {
        let now = self.now();
        let (Some(adapter), Some(bytes)) = (&mut state.adapter, opened.into_unjudged()) else {
            return;
        };
        for step in adapter.from_agent(bytes, now) {
            match step {
                Step::ToAgent { about, bytes } if about.as_ref() == Some(id) => {
                    aside.send(bytes.into(), true, None, false);
                }
                other => self.step(state, vec![other], false),
            }
        }
        self.pass_on(state, None, None);
    }

    /// Anything else of the agent. What is wrong with it comes out of the inlet.
    pub(super) fn tell(self: &Arc<Self>, opened: Opened, principal: &Arc<Principal>) -> Inlet {
        self.use_it();
        let mut state = self.lock();
        let (outlet, inlet) = Inlet::new(Arc::clone(self), 0, None);
        let cancelled = cancelled(&opened);
        if self.kind == Kind::Modern && cancelled.is_some() {
            // Here a request is cancelled by closing its stream. The name that this gives is the
            // agent's own; on the way to the server it would be somebody else's.
            tracing::debug!("a cancellation that is no closed stream: ignored");
            return inlet;
        }
        if state.pump.renew(principal).is_ok() {
            self.hear(&mut state, opened, Some(&outlet));
            // It gets no answer any more (MCP, Cancellation).
            if let Some(id) = cancelled {
                state.streams.end(&id);
            }
        }
        inlet
    }

    /// A message of an agent that reads all answers on one stream.
    pub(super) fn put(self: &Arc<Self>, opened: Opened, principal: &Arc<Principal>) {
        self.use_it();
        let mut state = self.lock();
        if state.pump.renew(principal).is_ok() {
            self.hear(&mut state, opened, None);
        }
    }

    /// A message that was too long to be read to its end.
    pub(super) fn too_large(self: &Arc<Self>, scan: &TopLevel) -> Inlet {
        self.use_it();
        let (outlet, inlet) = Inlet::new(Arc::clone(self), 0, None);
        let mut state = self.lock();
        let now = self.now();
        state.pump.receive_too_large(Direction::ToServer, scan, now);
        self.pass_on(&mut state, None, Some(&outlet));
        inlet
    }

    /// A message of the server. `about`: the request on whose response it came;
    /// where that one's stream is full, it comes back.
    pub(super) fn from_server(
        self: &Arc<Self>,
        line: Vec<u8>,
        about: Option<&Id>,
    ) -> Option<Outlet> {
        let mut state = self.lock();
        if state.mirror.may_learn(&line)
            && let Ok(document) = Document::read(line.clone(), &Limits::DEFAULT)
        {
            state.mirror.learn(&document);
        }
        let opened = Opened::read(Direction::ToAgent, line, &Limits::DEFAULT);
        state.pump.receive_opened(opened, self.now());
        self.pass_on(&mut state, about, None);
        state.streams.full(about)
    }

    /// A line of the server that was too long to be kept.
    pub(super) fn from_server_too_large(self: &Arc<Self>, scan: &TopLevel) {
        let mut state = self.lock();
        let now = self.now();
        state.pump.receive_too_large(Direction::ToAgent, scan, now);
        self.pass_on(&mut state, None, None);
    }

    /// Judges a message of the agent, as the server will read it.
    fn hear(self: &Arc<Self>, state: &mut State, opened: Opened, aside: Option<&Outlet>) {
        let now = self.now();
        let translates = state.adapter.is_some() && opened.message().is_ok();
        if !translates {
            state.pump.receive_opened(opened, now);
            self.pass_on(state, None, aside);
        } else if let (Some(adapter), Some(bytes)) = (&mut state.adapter, opened.into_unjudged()) {
            let steps = adapter.from_agent(bytes, now);
            self.step(state, steps, false);
            self.pass_on(state, None, None);
        }
    }

    /// Does what an adapter wants to be done. `by_us`: it comes of an answer of
    /// lockgate's own.
    pub(super) fn step(&self, state: &mut State, steps: Vec<Step>, by_us: bool) {
        for step in steps {
            match step {
                Step::ToEngine(bytes) => {
                    // It may have waited, and others may have said something since.
                    let asker = state.streams.asker(&bytes);
                    let latest = state.pump.principal().filter(|_| asker.is_some());
                    if let Some(asker) = asker
                        && state.pump.renew(&asker).is_err()
                    {
                        // Nobody is judged in another's name.
                        tracing::error!("a request of another principal is not judged");
                        continue;
                    }
                    state.pump.receive(Direction::ToServer, bytes, self.now());
                    // It was one of the session's own.
                    let _ = latest.map(|latest| state.pump.renew(&latest));
                }
                Step::ToAgent { about, bytes } => {
                    let route = Route::read(&bytes);
                    let about = about.as_ref().map_or(About::Nothing, About::Request);
                    state.streams.deliver(bytes, &route, about, by_us);
                    self.record_lost(state);
                }
                Step::Lost(lost) => state.pump.lost(lost, self.now()),
            }
        }
    }

    /// Sends what was cleared on its way. `aside` gets the answer to a message
    /// of the agent that no stream belongs to.
    pub(super) fn pass_on(
        self: &Arc<Self>,
        state: &mut State,
        about: Option<&Id>,
        aside: Option<&Outlet>,
    ) {
        loop {
            let cleared = state.pump.flush();
            if cleared.is_empty() {
                break;
            }
            for sent in cleared {
                match sent.to {
                    Direction::ToServer => to_server(state, sent),
                    Direction::ToAgent => self.to_agent(state, sent, about, aside),
                }
            }
        }
        if state.awaited && !state.is_full() {
            state.awaited = false;
            self.room.changed.notify_waiters();
        }
        self.be_woken(state);
    }

    fn to_agent(
        &self,
        state: &mut State,
        sent: Outgoing,
        about: Option<&Id>,
        aside: Option<&Outlet>,
    ) {
        let Outgoing {
            frame, returned, ..
        } = sent;
        if let Some(aside) = aside.filter(|_| returned) {
            aside.send(frame.into_bytes().into(), true, None, true);
        } else if let Some(adapter) = &mut state.adapter {
            let steps = adapter.to_agent(frame.bytes(), self.now());
            self.step(state, steps, returned);
        } else {
            let about = match (about, &state.upstream) {
                (Some(id), _) => About::Request(id),
                (None, Upstream::Process(_)) => About::Unknown,
                (None, _) => About::Nothing,
            };
            let route = frame.route().clone();
            let bytes = frame.into_bytes();
            state.streams.deliver(bytes, &route, about, returned);
            self.record_lost(state);
        }
    }

    /// What no stream has taken is recorded.
    fn record_lost(&self, state: &mut State) {
        for lost in state.streams.lost() {
            tracing::debug!("a message of the server is lost: {}", lost.why);
            state.pump.lost(lost, self.now());
        }
    }

    /// Something of the server, or for it, has come to nothing.
    pub(super) fn lose(self: &Arc<Self>, lost: Lost) {
        let mut state = self.lock();
        state.pump.lost(lost, self.now());
        self.pass_on(&mut state, None, None);
    }

    /// Sees to it that the pump is woken when its time has come.
    fn be_woken(self: &Arc<Self>, state: &mut State) {
        let adapter = state.adapter.as_ref().and_then(Adapter::deadline);
        let due = state.pump.deadline().into_iter().chain(adapter).min();
        let Some(due) = due else {
            state.woken = None;
            return;
        };
        if state.woken.is_some_and(|at| at <= due) {
            return;
        }
        state.woken = Some(due);
        let session = Arc::downgrade(self);
        let wait = due.saturating_sub(self.now());
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            if let Some(session) = session.upgrade() {
                session.at_rest().await;
                let mut state = session.lock();
                state.woken = None;
                let now = session.now();
                state.pump.tick(now);
                let steps = state.adapter.as_mut().map(|a| a.tick(now));
                session.step(&mut state, steps.unwrap_or_default(), false);
                session.pass_on(&mut state, None, None);
            }
        });
    }

    /// The policy has changed: the agent is told of what that changes, without
    /// another message of it.
    pub(super) async fn revised(self: &Arc<Self>) {
        self.at_rest().await;
        let mut state = self.lock();
        state.pump.tick(self.now());
        self.pass_on(&mut state, None, None);
    }

    /// The agent opens a stream for what belongs to no request; `None` if there
    /// is one already.
    pub(super) fn listen(self: &Arc<Self>) -> Option<Inlet> {
        self.use_it();
        let mut state = self.lock();
        let number = state.streams.number();
        let (outlet, inlet) = Inlet::new(Arc::clone(self), number, None);
        let open = state.streams.listen(outlet, number);
        // Its drop asks for the lock.
        drop(state);
        open.then_some(inlet)
    }

    /// The agent comes back to a stream; `None` if there is none such.
    pub(super) fn resume(self: &Arc<Self>, at: (u64, u64)) -> Option<Inlet> {
        self.use_it();
        let mut state = self.lock();
        let (outlet, mut inlet) = Inlet::new(Arc::clone(self), at.0, None);
        let resumed = state.streams.resume(at, outlet);
        drop(state);
        inlet.belongs_to(resumed?.request);
        Some(inlet)
    }
}

fn to_server(state: &mut State, sent: Outgoing) {
    match &mut state.upstream {
        Upstream::Process(process) => process.send(sent.frame, sent.returned),
        Upstream::Remote(remote) => {
            let subject = sent.by.and_then(|by| by.token.clone());
            remote.send(sent.frame.into_bytes(), subject);
        }
        // The record says what it was; who waits is told by the end.
        Upstream::Coming | Upstream::Gone => drop(sent.frame),
    }
}

#[cfg(test)]
mod tests;
