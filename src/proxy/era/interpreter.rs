//! Between one agent and one server on one connection: finds out which eras they
//! speak, and lets an adapter translate if they differ.
//!
//! The agent's first message tells its era, and the server's answers tell its own.
//! Where both are of one era, nothing waits, nothing is asked and nothing is read
//! again. Only when a server refuses a handshake, or answers a request of
//! 2026-07-28 as that revision does not, it is asked (`server/discover`), and the
//! agent's messages wait meanwhile. What the server has is not sent again unless
//! it was refused unseen.

use super::acts::{Act, ForAgent, Heard, Passed, act, acts, judge};
use super::opens::Opens;
use super::told::{self, Told, question, was_withheld};
use super::trial::{Asking, Flight, Outcome, Trial};
use super::{Adapter, Bridge, Ids, Step, Terms};
use crate::engine::decision::{Cleared, Frame};
use crate::engine::message::{Document, Id, KnownMethod, Limits, Method, Opened};
use crate::engine::route::{Kind, Route};
use std::time::Duration;

/// How long a server that has answered may take to say which era it speaks.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one may take that has not answered anything yet, and may still start.
const START: Duration = Duration::from_mins(1);

/// See the module.
#[derive(Debug)]
pub struct Interpreter {
    stage: Stage,
    terms: Terms,
    ids: Ids,
    /// An agent that asks a legacy server for its eras is told that it speaks
    /// 2026-07-28.
    speaks_for: bool,
}

#[derive(Debug)]
enum Stage {
    /// Nobody has said anything that tells.
    Open,
    /// The server has the agent's handshake.
    Greeted { id: Id, message: Vec<u8> },
    /// It has refused it, and is asked.
    Turning(Box<Turning>),
    /// It has requests of 2026-07-28.
    Trial(Box<Trial>),
    /// It does not speak 2026-07-28, and the agent was told so.
    LegacyServer,
    /// Both are of one era.
    Alike,
    /// They are not.
    Bridged(Box<Adapter>),
}

/// A handshake that the server has refused, on its way to a modern server.
#[derive(Debug)]
struct Turning {
    adapter: Adapter,
    id: Id,
    /// What the agent is told if it is none.
    refusal: Cleared<Frame>,
    until: Duration,
    held: Vec<Opened>,
}

impl Interpreter {
    /// For one connection. `speaks_for`: an agent that asks a legacy server for its
    /// eras is answered by a bridge.
    pub fn new(terms: Terms, speaks_for: bool) -> Self {
        Self {
            stage: Stage::Open,
            // Apart from those of the adapter, which come after them.
            ids: Ids::new(&format!("{}-asks", terms.nonce)),
            terms,
            speaks_for,
        }
    }

    /// A message of the agent.
    pub fn from_agent(&mut self, opened: Opened, now: Duration) -> Heard {
        match &mut self.stage {
            Stage::Alike => Heard::AsIs(opened),
            Stage::Bridged(adapter) => translated(adapter, opened, now),
            Stage::Turning(turning) => {
                turning.held.push(opened);
                Heard::Acts(Vec::new())
            }
            Stage::Trial(trial) if trial.is_asking() => {
                trial.held.push(opened);
                Heard::Acts(Vec::new())
            }
            Stage::Open | Stage::Greeted { .. } | Stage::Trial(_) | Stage::LegacyServer => {
                self.begins(opened, now)
            }
        }
    }

    /// A line of the agent was too long to be kept: the engine refuses it.
    pub fn cannot_read(&mut self, id: Option<&Id>) {
        if let Stage::Bridged(adapter) = &mut self.stage {
            adapter.cannot_read(id);
        }
    }

    /// A message of the agent, as long as it is not known what the server speaks.
    fn begins(&mut self, opened: Opened, now: Duration) -> Heard {
        let text = opened.text().unwrap_or_default();
        match (Opens::of(&opened), &mut self.stage) {
            (Opens::Handshake(id), _) => {
                let message = text.as_bytes().to_vec();
                self.stage = Stage::Greeted { id, message };
            }
            (Opens::Modern(id, method), Stage::Open | Stage::LegacyServer) => {
                let known = matches!(self.stage, Stage::LegacyServer);
                if known && method != Method::Known(KnownMethod::Discover) {
                    return self.translate(opened, now);
                }
                let mut trial = Box::new(Trial::new(now));
                let kept = trial.add(id, method, text);
                self.stage = if kept {
                    Stage::Trial(trial)
                } else {
                    Stage::Alike
                };
            }
            (Opens::Modern(id, method), Stage::Trial(trial)) => {
                let kept = trial.add(id, method, text);
                if !kept {
                    self.stage = Stage::Alike;
                }
            }
            (Opens::Cancelled(id), Stage::Trial(trial)) => trial.forget(&id),
            (Opens::Legacy, Stage::Open) | (Opens::Modern(..), Stage::Greeted { .. }) => {
                self.stage = Stage::Alike;
            }
            _ => {}
        }
        Heard::AsIs(opened)
    }

    /// The first request of 2026-07-28 to a server that is known not to speak it.
    fn translate(&mut self, opened: Opened, now: Duration) -> Heard {
        let mut adapter = Box::new(self.adapter(Bridge::ModernAgent));
        let heard = translated(&mut adapter, opened, now);
        self.stage = Stage::Bridged(adapter);
        heard
    }

    fn adapter(&self, bridge: Bridge) -> Adapter {
        Adapter::new(bridge, self.terms.clone())
    }

    /// Something that the engine has cleared for the agent.
    pub fn to_agent(&mut self, frame: Cleared<Frame>, now: Duration) -> Passed {
        match &mut self.stage {
            Stage::Alike | Stage::Open | Stage::LegacyServer => Passed::AsIs(frame),
            Stage::Bridged(adapter) => Passed::Acts(acts(adapter.to_agent(frame.bytes(), now))),
            Stage::Greeted { id, .. } => {
                if answers(frame.route(), id) {
                    self.greeted(frame, now)
                } else {
                    Passed::AsIs(frame)
                }
            }
            Stage::Turning(_) => Passed::Acts(self.turning(&frame, now)),
            Stage::Trial(_) => self.tried(frame, now),
        }
    }

    /// The server answers the handshake.
    fn greeted(&mut self, frame: Cleared<Frame>, now: Duration) -> Passed {
        // What has no such word in it is no error: it is not read again.
        let may_be_error = memchr::memmem::find(frame.bytes(), br#""error""#).is_some();
        let told = if may_be_error {
            Told::of(frame.bytes())
        } else {
            Told::Result
        };
        let stage = std::mem::replace(&mut self.stage, Stage::Open);
        let Stage::Greeted { id, message } = stage else {
            return Passed::AsIs(frame);
        };
        match told {
            Told::Result | Told::ModernResult => {
                self.stage = Stage::Alike;
                return Passed::AsIs(frame);
            }
            Told::Nothing => return Passed::AsIs(frame),
            Told::Error | Told::ModernError => {}
        }
        let mut adapter = self.adapter(Bridge::LegacyAgent);
        let mut asks = Vec::new();
        for step in adapter.from_agent(message, now) {
            match step {
                Step::ToEngine(bytes) => asks.push(judge(bytes)),
                // It was no handshake that could be passed on.
                Step::ToAgent { .. } => return Passed::AsIs(frame),
                Step::Lost(lost) => asks.push(Act::Lost(lost)),
            }
        }
        self.stage = Stage::Turning(Box::new(Turning {
            adapter,
            id,
            refusal: frame,
            until: now.saturating_add(PATIENCE),
            held: Vec::new(),
        }));
        Passed::Acts(asks)
    }

    /// Something for the agent while a server that refused its handshake is asked.
    fn turning(&mut self, frame: &Cleared<Frame>, now: Duration) -> Vec<Act> {
        let Stage::Turning(turning) = &mut self.stage else {
            return Vec::new();
        };
        let mut done = Vec::new();
        let mut speaks = None;
        for step in turning.adapter.to_agent(frame.bytes(), now) {
            match step {
                Step::ToAgent { about, bytes } if about.as_ref() == Some(&turning.id) => {
                    speaks = Some(Told::of(&bytes) == Told::Result);
                    done.push(Act::Tell(ForAgent::own(bytes)));
                }
                step => done.push(act(step)),
            }
        }
        match speaks {
            None => done,
            Some(true) => {
                let stage = std::mem::replace(&mut self.stage, Stage::Open);
                if let Stage::Turning(turning) = stage {
                    self.stage = Stage::Bridged(Box::new(turning.adapter));
                    self.resume(turning.held, now, &mut done);
                }
                done
            }
            Some(false) => self.not_turned(now),
        }
    }

    /// It was no modern server either: its own word to the handshake counts.
    fn not_turned(&mut self, now: Duration) -> Vec<Act> {
        let mut done = Vec::new();
        let stage = std::mem::replace(&mut self.stage, Stage::Open);
        if let Stage::Turning(turning) = stage {
            done.push(Act::Tell(turning.refusal.into()));
            self.resume(turning.held, now, &mut done);
        }
        done
    }

    /// What has waited goes on.
    fn resume(&mut self, held: Vec<Opened>, now: Duration, done: &mut Vec<Act>) {
        for opened in held {
            match self.from_agent(opened, now) {
                Heard::AsIs(opened) => done.push(Act::Judge(Box::new(opened))),
                Heard::Acts(acts) => done.extend(acts),
            }
        }
    }

    /// Something for a modern agent, as long as it is not known what the server speaks.
    fn tried(&mut self, frame: Cleared<Frame>, now: Duration) -> Passed {
        let Stage::Trial(trial) = &mut self.stage else {
            return Passed::AsIs(frame);
        };
        match trial.hears(frame) {
            Outcome::Pass(frame) => {
                if trial.flights.is_empty() && !trial.is_asking() {
                    self.stage = Stage::Open;
                }
                Passed::AsIs(frame)
            }
            Outcome::Modern(frame) => {
                self.stage = Stage::Alike;
                Passed::AsIs(frame)
            }
            Outcome::Kept => Passed::Acts(Vec::new()),
            Outcome::Legacy => Passed::Acts(self.is_legacy(now)),
            Outcome::Ask => {
                let id = self.ids.next();
                let asks = Box::new(question(&id));
                let until = now.saturating_add(PATIENCE);
                trial.asking = Some(Asking { id, until });
                Passed::Acts(vec![Act::Judge(asks)])
            }
            Outcome::Answered(told) => Passed::Acts(match told.discovered() {
                Some(true) => self.is_modern(now),
                Some(false) => self.is_legacy(now),
                None => self.is_what_it_says(Stage::Open, now),
            }),
        }
    }

    /// The server speaks 2026-07-28, although its answers did not show it. What was
    /// withheld because of that is judged again.
    fn is_modern(&mut self, now: Duration) -> Vec<Act> {
        let mut done = Vec::new();
        if let Stage::Trial(trial) = &mut self.stage {
            for flight in &mut trial.flights {
                let withheld = flight.answer.take_if(|answer| was_withheld(answer.bytes()));
                if withheld.is_some() {
                    done.push(judge(std::mem::take(&mut flight.message)));
                }
            }
        }
        done.extend(self.is_what_it_says(Stage::Alike, now));
        done
    }

    /// What the server has answered is passed on as it is.
    fn is_what_it_says(&mut self, next: Stage, now: Duration) -> Vec<Act> {
        let mut done = Vec::new();
        let stage = std::mem::replace(&mut self.stage, next);
        if let Stage::Trial(trial) = stage {
            let answers = trial.flights.into_iter().filter_map(|f| f.answer);
            done.extend(answers.map(|frame| Act::Tell(frame.into())));
            self.resume(trial.held, now, &mut done);
        }
        done
    }

    /// The server does not speak 2026-07-28.
    fn is_legacy(&mut self, now: Duration) -> Vec<Act> {
        self.legacy_from_now(now, true)
    }

    /// The same. `awaits`: what it has not answered, it may still answer.
    fn legacy_from_now(&mut self, now: Duration, awaits: bool) -> Vec<Act> {
        let mut done = Vec::new();
        let stage = std::mem::replace(&mut self.stage, Stage::LegacyServer);
        let Stage::Trial(trial) = stage else {
            return done;
        };
        let mut adapter = Box::new(self.adapter(Bridge::ModernAgent));
        let mut begun = self.speaks_for;
        for flight in trial.flights {
            if flight.asks_for_eras() && !self.speaks_for {
                // It is not spoken for: an agent that knows the other era begins
                // anew, and loses nothing that a bridge could not carry.
                begun |= awaits && flight.answer.is_none();
                done.push(Act::Tell(not_spoken_for(&flight.id, flight.answer)));
                continue;
            }
            begun = true;
            if !awaits || flight.may_repeat() || !adapter.adopt(&flight.message) {
                done.extend(acts(adapter.from_agent(flight.message, now)));
            } else if let Some(answer) = flight.answer {
                done.extend(acts(adapter.to_agent(answer.bytes(), now)));
            }
        }
        if begun {
            self.stage = Stage::Bridged(adapter);
        }
        self.resume(trial.held, now, &mut done);
        done
    }

    /// Whether a server that has ended may be one that does so when it is asked in
    /// an era that it does not know: it was asked for what it is and has at most,
    /// which changes nothing, and has answered nothing.
    pub fn may_start_again(&self) -> bool {
        let Stage::Trial(trial) = &self.stage else {
            return false;
        };
        let harmless = |flight: &Flight| flight.answer.is_none() && flight.only_asks();
        !trial.is_asking() && !trial.flights.is_empty() && trial.flights.iter().all(harmless)
    }

    /// It was started again, and knows nothing of what it was asked.
    pub fn started_again(&mut self, now: Duration) -> Vec<Act> {
        self.legacy_from_now(now, false)
    }

    /// When `tick` has something to do.
    pub fn deadline(&self) -> Option<Duration> {
        match &self.stage {
            Stage::Bridged(adapter) => adapter.deadline(),
            Stage::Turning(turning) => Some(turning.until),
            Stage::Trial(trial) => {
                // A server that is spoken for may say nothing at all.
                let asked = self.speaks_for && trial.flights.iter().any(Flight::asks_for_eras);
                let silent = asked.then(|| trial.began.saturating_add(START));
                trial.asking.as_ref().map(|asking| asking.until).or(silent)
            }
            Stage::Open | Stage::Greeted { .. } | Stage::LegacyServer | Stage::Alike => None,
        }
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Duration) -> Vec<Act> {
        if self.deadline().is_none_or(|at| at > now) {
            return Vec::new();
        }
        match &mut self.stage {
            Stage::Bridged(adapter) => acts(adapter.tick(now)),
            Stage::Turning(_) => self.never_turned(now),
            Stage::Trial(_) => self.is_legacy(now),
            Stage::Open | Stage::Greeted { .. } | Stage::LegacyServer | Stage::Alike => Vec::new(),
        }
    }

    /// A server that refused the handshake has said nothing since. What it says
    /// later answers nobody.
    fn never_turned(&mut self, now: Duration) -> Vec<Act> {
        let mut done = Vec::new();
        let stage = std::mem::replace(&mut self.stage, Stage::Open);
        if let Stage::Turning(mut turning) = stage {
            drop(turning.adapter.end());
            self.stage = Stage::Bridged(Box::new(turning.adapter));
            done.push(Act::Tell(turning.refusal.into()));
            self.resume(turning.held, now, &mut done);
        }
        done
    }

    /// The session is over, and what the engine had to say about it was given to
    /// `to_agent`: what still waits is answered.
    pub fn end(&mut self, now: Duration) -> Vec<Act> {
        match &mut self.stage {
            Stage::Bridged(adapter) => acts(adapter.end()),
            Stage::Turning(_) => self.not_turned(now),
            Stage::Trial(_) => self.is_what_it_says(Stage::Alike, now),
            Stage::Open | Stage::Greeted { .. } | Stage::LegacyServer | Stage::Alike => Vec::new(),
        }
    }

    /// Whether there is room for what the agent may send next.
    pub fn wants_agent(&self) -> bool {
        match &self.stage {
            Stage::Turning(_) => false,
            Stage::Trial(trial) => !trial.is_asking(),
            _ => true,
        }
    }

    /// Whether something may still have to go to the server that the agent has said.
    pub fn is_holding(&self) -> bool {
        match &self.stage {
            Stage::Greeted { .. } | Stage::Turning(_) => true,
            Stage::Trial(trial) => !trial.flights.is_empty(),
            Stage::Bridged(adapter) => adapter.is_holding(),
            Stage::Open | Stage::LegacyServer | Stage::Alike => false,
        }
    }
}

/// A message of the agent, by an adapter.
fn translated(adapter: &mut Adapter, opened: Opened, now: Duration) -> Heard {
    if let Err(unreadable) = opened.message() {
        adapter.cannot_read(unreadable.id.as_ref());
        return Heard::AsIs(opened);
    }
    let bytes = opened.into_unjudged().unwrap_or_default();
    Heard::Acts(acts(adapter.from_agent(bytes, now)))
}

/// What an agent is told that asks a legacy server for its eras: the server's own
/// word, if it is what the revision says.
fn not_spoken_for(id: &Id, answer: Option<Cleared<Frame>>) -> ForAgent {
    let says_so = |frame: &Cleared<Frame>| {
        let document = Document::read(frame.bytes().to_vec(), &Limits::DEFAULT).ok();
        let code = document.as_ref().and_then(|d| {
            let code = d.root().get("error")?.get("code")?;
            code.as_number()
        });
        code == Some("-32601")
    };
    match answer.filter(says_so) {
        Some(frame) => frame.into(),
        None => ForAgent::own(told::legacy_server(id)),
    }
}

fn answers(route: &Route, id: &Id) -> bool {
    route.kind == Kind::Answer && route.id.as_ref() == Some(id)
}
