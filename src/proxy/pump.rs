//! The one pump: a line comes in, what may be sent comes out.
//!
//! It does no I/O of its own on either side, so that every transport can
//! drive it. A message's life, top-down: `receive` → open (strict reader) →
//! facts (file system) → `Engine::decide`, called from one line → obligations
//! → record → `flush`: commit the records, then clear what they permit.
//! Messages leave in the order in which they were decided.

use crate::engine::decision::{Cleared, Decision, Evidence, Frame, Obligation};
use crate::engine::guard::paths::PathFacts;
use crate::engine::message::{Direction, Opened, TopLevel};
use crate::engine::pin::{ToolPin, visible};
use crate::engine::policy::UnixTime;
use crate::engine::principal::{OtherPrincipal, Principal};
use crate::engine::reason::Reason;
use crate::engine::record::{Record, RecordVerdict};
use crate::engine::{Context, Engine, Session};
use crate::traffic::Tape;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Where records go.
pub trait Recorder {
    /// Proof that records are durable.
    type Proof: Evidence;

    /// Takes a record; it counts once a commit covers it.
    fn append(
        &mut self,
        record: &Record,
    ) -> Result<<Self::Proof as Evidence>::Ticket, RecordFailed>;

    /// Makes all that was appended durable.
    fn commit(&mut self) -> Result<Self::Proof, RecordFailed>;
}

/// A record could not be kept. What it was about does not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RecordFailed(pub String);

/// Where pins of first use are kept.
pub trait PinStore {
    /// Adds pins of this server to the lockfile. The error says why not.
    fn save(&mut self, pins: &BTreeMap<String, ToolPin>) -> Result<(), String>;
}

/// Asks the file system about paths.
pub type Resolve = fn(&BTreeSet<String>) -> PathFacts;

/// Asks the wall clock.
pub type Clock = fn() -> Option<UnixTime>;

/// Says what judges, where that can change while a connection lasts.
pub trait Judges: fmt::Debug + Send {
    /// What judges from now on, if it is another engine than before. Asked
    /// before each message, and never while one is judged.
    fn newer(&mut self) -> Option<Arc<Engine>>;

    /// How often to ask where no message comes, while somebody wants to be told
    /// of changes. `None`: whoever changes something says so.
    fn interval(&self) -> Option<Duration> {
        None
    }
}

/// Something that may be sent now.
#[derive(Debug)]
pub struct Outgoing {
    /// Where to.
    pub to: Direction,
    /// What.
    pub frame: Cleared<Frame>,
    /// It answers the very peer that it goes to, a refusal for instance: that
    /// peer, and nobody else, has to wait until it is read.
    pub returned: bool,
    /// On whose behalf the server gets it, with the token of the very message
    /// that it is, or that has caused it.
    pub by: Option<Arc<Principal>>,
}

/// A message that has come to nothing where nobody judges.
#[derive(Clone, PartialEq, Eq)]
pub struct Lost {
    /// Where it was going.
    pub way: Direction,
    /// Itself, as far as it is there.
    pub bytes: Vec<u8>,
    /// Why.
    pub reason: Reason,
    /// The same for people.
    pub why: Cow<'static, str>,
}

impl Lost {
    /// One that there is no way for.
    pub fn undelivered(way: Direction, bytes: Vec<u8>, why: impl Into<Cow<'static, str>>) -> Self {
        let (reason, why) = (Reason::Undelivered, why.into());
        Self {
            way,
            bytes,
            reason,
            why,
        }
    }
}

impl fmt::Debug for Lost {
    /// Shows no content: it can be secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lost({:?}, {} bytes)", self.reason, self.bytes.len())
    }
}

/// The pump of one connection.
#[derive(Debug)]
pub struct Pump<R: Recorder, P> {
    engine: Arc<Engine>,
    judges: Option<Box<dyn Judges>>,
    /// When that was asked last.
    asked: Duration,
    session: Session,
    recorder: R,
    pins: P,
    resolve: Resolve,
    /// A recording, where somebody asked for one. It has no say in anything.
    tape: Option<Tape>,
    clock: Clock,
    decided: Vec<(Decision, <R::Proof as Evidence>::Ticket)>,
    /// Refusals of what could not be recorded.
    refused: Vec<Outgoing>,
    /// How often a person was told on standard error.
    told: usize,
    /// A person was told that nothing can be recorded any more.
    told_unrecorded: bool,
}

/// So often a person is told of a denial on standard error. It is bounded,
/// since a client need not read there, and a full pipe would stop the loop.
const TOLD: usize = 100;

impl<R: Recorder, P: PinStore> Pump<R, P> {
    /// A pump for one connection.
    pub fn new(
        engine: impl Into<Arc<Engine>>,
        session: Session,
        recorder: R,
        pins: P,
        resolve: Resolve,
    ) -> Self {
        Self {
            engine: engine.into(),
            judges: None,
            asked: Duration::ZERO,
            session,
            recorder,
            pins,
            resolve,
            tape: None,
            // Until one is given, the time cannot be told.
            clock: || None,
            decided: Vec::new(),
            refused: Vec::new(),
            told: 0,
            told_unrecorded: false,
        }
    }

    /// The same, and what is judged is recorded.
    #[must_use]
    pub fn recording(mut self, tape: Option<Tape>) -> Self {
        self.tape = tape;
        self
    }

    /// With a wall clock, which rules with `when` ask.
    #[must_use]
    pub fn with_clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// With somebody who says when another engine judges.
    #[must_use]
    pub fn judged_by(self, judges: Box<dyn Judges>) -> Self {
        Self {
            judges: Some(judges),
            ..self
        }
    }

    /// Longest line that is worth keeping, in bytes.
    pub fn longest_line(&self) -> usize {
        self.engine.limits().bytes
    }

    /// Reads a line of one side.
    pub fn open(&self, direction: Direction, line: Vec<u8>) -> Opened {
        self.engine.open(direction, line)
    }

    /// Judges a line of one side.
    pub fn receive(&mut self, direction: Direction, line: Vec<u8>, now: Duration) {
        let opened = self.open(direction, line);
        self.renew_engine(now);
        self.judge(opened, now);
    }

    /// What comes next comes with another token of the same principal.
    pub fn renew(&mut self, principal: &Arc<Principal>) -> Result<(), OtherPrincipal> {
        self.session.renew(Arc::clone(principal))
    }

    /// With whose token the agent's latest message came.
    pub fn principal(&self) -> Option<Arc<Principal>> {
        self.session.acting_now()
    }

    /// Judges a message that was opened already.
    pub fn receive_opened(&mut self, opened: Opened, now: Duration) {
        self.renew_engine(now);
        self.judge(opened, now);
    }

    /// Judges a line that was too long to keep.
    pub fn receive_too_large(&mut self, direction: Direction, scan: &TopLevel, now: Duration) {
        self.renew_engine(now);
        let opened = self.engine.open_too_large(direction, scan);
        self.judge(opened, now);
    }

    /// The next moment at which `tick` has something to do.
    pub fn deadline(&self) -> Option<Duration> {
        let interval = self.judges.as_ref().and_then(|judges| judges.interval());
        let interval = interval.filter(|_| self.session.wants_news());
        let ask = interval.map(|interval| self.asked.saturating_add(interval));
        self.session.deadline().into_iter().chain(ask).min()
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Duration) {
        self.renew_engine(now);
        if let Some(decision) = self.engine.expire(&mut self.session, now) {
            self.follow(decision, now);
        }
    }

    /// The server has ended; whoever waits is told why.
    pub fn server_gone(&mut self, why: &str, now: Duration) {
        for decision in self.engine.server_gone(&mut self.session, why) {
            self.follow(decision, now);
        }
    }

    /// The server has ended, and another process of it takes its place. Nobody is
    /// told that what it was asked comes to nothing: that is for the caller.
    pub fn server_restarts(&mut self, why: &str, now: Duration) {
        for decision in self.engine.server_restarts(&mut self.session, why) {
            self.follow(decision, now);
        }
    }

    /// A message has come to nothing on its way, and nobody can be told.
    pub fn lost(&mut self, lost: Lost, now: Duration) {
        let opened = self.open(lost.way, lost.bytes);
        let (reason, why) = (lost.reason, &lost.why);
        let decision = self.engine.lost(&mut self.session, &opened, reason, why);
        self.follow(decision, now);
    }

    /// Whether something still waits for the server.
    pub fn is_waiting(&self) -> bool {
        self.session.is_waiting()
    }

    /// Requests of the agent that the server has not answered.
    pub fn unanswered(&self) -> usize {
        self.session.unanswered()
    }

    /// Whether messages of the agent have not been passed on yet.
    pub fn is_holding(&self) -> bool {
        self.session.is_holding()
    }

    /// Whether there is room for what the agent may send next; if not, what it
    /// sends is refused, so it is better not read yet.
    pub fn wants_agent(&self) -> bool {
        !self.session.held_is_full()
    }

    /// Commits the records of everything judged so far, and gives out what
    /// may be sent. Without a record there is nothing but refusals.
    pub fn flush(&mut self) -> Vec<Outgoing> {
        let mut out = std::mem::take(&mut self.refused);
        if self.decided.is_empty() && out.is_empty() {
            return out;
        }
        let decided = std::mem::take(&mut self.decided);
        match self.recorder.commit() {
            Ok(proof) => {
                for (decision, ticket) in decided {
                    let way = (decision.record().direction, decision.by().cloned());
                    // The proof covers every ticket before it; were it not so,
                    // nothing would be sent.
                    let cleared = decision.clear(&ticket, &proof).unwrap_or_default();
                    out.extend(cleared.into_iter().map(|sent| outgoing(&way, sent)));
                }
            }
            Err(failed) => {
                self.tell_unrecorded(&failed.0);
                out.extend(decided.into_iter().filter_map(|(d, _)| refuse(d)));
            }
        }
        out
    }

    /// Gives the recorder back, to be closed.
    pub fn into_recorder(self) -> R {
        self.recorder
    }

    /// Messages that waited are judged by the engine of the moment at which they
    /// are; what was decided before stays so.
    fn renew_engine(&mut self, now: Duration) {
        self.asked = now;
        let Some(newer) = self.judges.as_mut().and_then(|judges| judges.newer()) else {
            return;
        };
        let before = std::mem::replace(&mut self.engine, newer);
        for decision in self.engine.announce(&before, &mut self.session) {
            self.follow(decision, now);
        }
    }

    fn judge(&mut self, opened: Opened, now: Duration) {
        let mut waiting = VecDeque::from([opened]);
        while let Some(opened) = waiting.pop_front() {
            let opened = self.engine.inquire(&self.session, opened);
            let context = Context {
                now,
                time: (self.clock)(),
                facts: (self.resolve)(opened.questions()),
            };
            let heard = self.tape.as_ref().map(|t| t.hear(&opened, &self.session));
            let decision = self.engine.decide(&mut self.session, opened, &context);
            if let (Some(tape), Some(heard)) = (&mut self.tape, heard) {
                tape.keep(heard, decision.record());
            }
            waiting.extend(self.keep(decision));
        }
    }

    /// Carries out a decision that no message has led to.
    fn follow(&mut self, decision: Decision, now: Duration) {
        for waiting in self.keep(decision) {
            self.judge(waiting, now);
        }
    }

    /// Fulfils a decision's obligations and records it. Gives the messages
    /// that waited for it.
    fn keep(&mut self, mut decision: Decision) -> Vec<Opened> {
        let failed = self.fulfil(&decision).err();
        if let Some(why) = &failed {
            self.engine.distrust(&mut self.session, &mut decision, why);
        }
        let waiting = decision.take_released();
        self.tell(decision.record());
        match self.recorder.append(decision.record()) {
            Ok(ticket) if failed.is_none() => self.decided.push((decision, ticket)),
            Ok(_) => self.refused.extend(refuse(decision)),
            Err(unrecorded) => {
                self.tell_unrecorded(&unrecorded.0);
                self.refused.extend(refuse(decision));
            }
        }
        if let Some(why) = failed {
            tracing::error!("{why}");
        }
        waiting
    }

    /// Told once: it stays so until lockgate is started again.
    fn tell_unrecorded(&mut self, why: &str) {
        if !std::mem::replace(&mut self.told_unrecorded, true) {
            tracing::error!("{why}: nothing passes any more, since nothing can be recorded");
        }
    }

    /// Tells the person in front of the screen what their agent was refused,
    /// and what was withheld from it.
    fn tell(&mut self, record: &Record) {
        let denied = record.verdict == RecordVerdict::Deny;
        let asked = denied && record.direction == Direction::ToServer;
        // What was filtered says what; a state that was sealed is nobody's concern.
        let filtered = record.verdict == RecordVerdict::Rewrite && record.detail.is_some();
        if self.told >= TOLD || !(asked || filtered) {
            return;
        }
        self.told = self.told.saturating_add(1);
        let method = record.method.as_deref().unwrap_or("message");
        let subject = record.subject().unwrap_or_default();
        let reason = record.reason.unwrap_or("filtered");
        let detail = record.detail.as_deref().unwrap_or_default();
        // Much of it is a peer's own words: a terminal must not obey them.
        let line = visible(&format!("{method} {subject} [{reason}]: {detail}"));
        tracing::warn!("{line}");
        if self.told == TOLD {
            tracing::warn!("what else is denied is only in the audit file");
        }
    }

    fn fulfil(&mut self, decision: &Decision) -> Result<(), String> {
        for obligation in decision.obligations() {
            match obligation {
                Obligation::SavePins(pins) => self.pins.save(pins)?,
            }
        }
        Ok(())
    }
}

/// What is sent because of a message that travels that way.
fn outgoing(
    (way, by): &(Direction, Option<Arc<Principal>>),
    (to, frame): (Direction, Cleared<Frame>),
) -> Outgoing {
    Outgoing {
        to,
        frame,
        returned: to != *way,
        by: by.clone().filter(|_| to == Direction::ToServer),
    }
}

fn refuse(decision: Decision) -> Option<Outgoing> {
    let way = (decision.record().direction, decision.by().cloned());
    decision.refuse().map(|sent| outgoing(&way, sent))
}
