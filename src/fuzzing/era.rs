//! The bridge between the eras, in front of the engine.

use super::{Recorded, guard, resolved};
use crate::engine::message::{Direction, Document, Id, Json, Limits, Message, Opened, TopLevel};
use crate::engine::pin::ServerPins;
use crate::engine::policy::Policy;
use crate::engine::seal::{KEY, Seal};
use crate::engine::types::{AgentName, ServerName};
use crate::engine::{Context, Engine, Session};
use crate::proxy::era::{Act, Adapter, Bridge, Heard, Interpreter, Passed, Step, Terms};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// A session across the eras. The first byte says which side is which (`M`, `L`), or
/// that it has to be found out (`C`, and `S` for a server that is spoken for); lines
/// that begin with `<` come from the server, `~` lets time pass, `!` closes the
/// stream of the request with the id that follows, all others come from the
/// agent, with the last state that it was given for `$S`. What is sent is read
/// strictly, and nobody is answered who did not ask, or more than once.
pub fn era(data: &[u8]) {
    let (way, data) = match data {
        [way @ (b'M' | b'C' | b'S'), data @ ..] => (*way, data),
        data => (b'L', data),
    };
    let Some(mut world) = World::new(way) else {
        return;
    };
    for line in data.split(|b| *b == b'\n').take(200) {
        world.line(line);
    }
    match &mut world.between {
        Between::Adapter(_, adapter) => {
            let steps = adapter.end();
            world.follow(steps);
        }
        Between::Interpreter(interpreter) => {
            let acts = interpreter.end(world.now);
            world.act(acts);
        }
    }
}

enum Between {
    Adapter(Bridge, Box<Adapter>),
    Interpreter(Box<Interpreter>),
}

struct World {
    between: Between,
    engine: Engine,
    session: Session,
    now: Duration,
    state: String,
    /// How many answers the agent may get, by id.
    open: BTreeMap<Option<Id>, usize>,
    asked: BTreeSet<Id>,
}

impl World {
    fn new(way: u8) -> Option<Self> {
        let agent = AgentName::new("agent").ok()?;
        let server = ServerName::new("server").ok()?;
        let seal = Arc::new(Seal::new(&[7; KEY]));
        let principal: Arc<str> = Arc::from("p");
        let pins = ServerPins::default();
        let policy = Policy::baseline();
        let engine = Engine::new(policy, agent, server.clone(), pins, guard())
            .sealing(Arc::clone(&seal), Arc::clone(&principal));
        let terms = Terms {
            nonce: "fuzz".to_owned(),
            seal,
            principal,
            server,
        };
        let session = Session::new("fuzz");
        let adapter = |bridge, terms| Between::Adapter(bridge, Adapter::new(bridge, terms).into());
        let (between, session) = match way {
            b'M' => (adapter(Bridge::ModernAgent, terms), session),
            b'C' | b'S' => {
                let interpreter = Interpreter::new(terms, way == b'S');
                (Between::Interpreter(interpreter.into()), session.doubting())
            }
            _ => (adapter(Bridge::LegacyAgent, terms), session),
        };
        Some(Self {
            between,
            engine,
            session,
            now: Duration::ZERO,
            state: String::new(),
            open: BTreeMap::new(),
            asked: BTreeSet::new(),
        })
    }

    fn line(&mut self, line: &[u8]) {
        match line {
            [b'<', line @ ..] => self.judge(Direction::ToAgent, line.to_vec()),
            [b'~', ..] => self.wait(),
            [b'!', id @ ..] => {
                let document = Document::read(id.to_vec(), &Limits::DEFAULT);
                let id = document.ok().and_then(|d| Id::of(d.root()));
                if let (Some(id), Between::Adapter(_, adapter)) = (id, &mut self.between) {
                    let steps = adapter.closed(&id);
                    self.follow(steps);
                }
            }
            line => self.agent_says(line),
        }
    }

    fn wait(&mut self) {
        self.now = self.now.saturating_add(Duration::from_mins(1));
        match &mut self.between {
            Between::Adapter(_, adapter) => {
                let steps = adapter.tick(self.now);
                self.follow(steps);
            }
            Between::Interpreter(interpreter) => {
                let acts = interpreter.tick(self.now);
                self.act(acts);
            }
        }
        let next = match &self.between {
            Between::Adapter(_, adapter) => adapter.deadline(),
            Between::Interpreter(interpreter) => interpreter.deadline(),
        };
        assert!(next.is_none_or(|at| at > self.now), "a deadline that stays");
    }

    fn agent_says(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line).replace("$S", &self.state);
        let line = if line.windows(2).any(|two| two == b"$S") {
            text.into_bytes()
        } else {
            line.to_vec()
        };
        let read = Document::read(line.clone(), &Limits::DEFAULT);
        let id = match read.as_ref().map(|d| Message::read(d.root())) {
            Ok(Ok(Message::Request { id, .. })) => Some(Some(id)),
            Ok(Ok(_)) => None,
            _ => Some(TopLevel::of(&line).id().cloned()),
        };
        if let Some(id) = id {
            let open = self.open.entry(id).or_default();
            *open = open.saturating_add(1);
        }
        match &mut self.between {
            Between::Adapter(_, adapter) => {
                let steps = adapter.from_agent(line, self.now);
                self.follow(steps);
            }
            Between::Interpreter(interpreter) => {
                let opened = self.engine.open(Direction::ToServer, line);
                match interpreter.from_agent(opened, self.now) {
                    Heard::AsIs(opened) => self.decide(opened),
                    Heard::Acts(acts) => self.act(acts),
                }
            }
        }
    }

    fn act(&mut self, acts: Vec<Act>) {
        for act in acts {
            match act {
                Act::Judge(opened) => self.decide(*opened),
                Act::Tell(told) => self.told(told.as_ref().to_vec()),
                // Recorded, and nothing else.
                Act::Lost(_) => {}
            }
        }
    }

    fn follow(&mut self, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::ToEngine(bytes) => self.judge(Direction::ToServer, bytes),
                Step::ToAgent { bytes, .. } => self.told(bytes),
                Step::Lost(_) => {}
            }
        }
    }

    fn judge(&mut self, direction: Direction, bytes: Vec<u8>) {
        self.decide(self.engine.open(direction, bytes));
    }

    /// As the pump does it: a message, then those that waited for it.
    fn decide(&mut self, opened: Opened) {
        let mut waiting = VecDeque::from([opened]);
        let mut turns = 0_usize;
        while let Some(opened) = waiting.pop_front() {
            turns = turns.saturating_add(1);
            assert!(turns < 1000, "released messages go round in circles");
            let opened = self.engine.inquire(&self.session, opened);
            let facts = resolved(opened.questions());
            let now = self.now;
            let context = Context {
                now,
                facts,
                ..Context::default()
            };
            let mut decision = self.engine.decide(&mut self.session, opened, &context);
            waiting.extend(decision.take_released());
            let cleared = decision.clear(&(), &Recorded);
            for (to, frame) in cleared.unwrap_or_default() {
                if to != Direction::ToAgent {
                    continue;
                }
                match &mut self.between {
                    Between::Adapter(_, adapter) => {
                        let steps = adapter.to_agent(frame.bytes(), self.now);
                        self.follow(steps);
                    }
                    Between::Interpreter(interpreter) => {
                        match interpreter.to_agent(frame, self.now) {
                            Passed::AsIs(frame) => self.told(frame.into_bytes()),
                            Passed::Acts(acts) => self.act(acts),
                        }
                    }
                }
            }
        }
    }

    /// What must hold of whatever the agent gets.
    fn told(&mut self, bytes: Vec<u8>) {
        let document = Document::read(bytes, &Limits::DEFAULT);
        assert!(document.is_ok(), "sends what nobody can read");
        let Ok(document) = document else { return };
        let message = Message::read(document.root());
        assert!(message.is_ok(), "sends what is no message");
        match message {
            Ok(Message::Request { id, .. }) => {
                if let Between::Adapter(bridge, _) = &self.between {
                    let legacy = *bridge == Bridge::LegacyAgent;
                    assert!(legacy, "a modern agent gets a request");
                    assert!(
                        self.asked.insert(id),
                        "the agent is asked twice under one id"
                    );
                }
            }
            Ok(Message::Response { id, result }) => {
                let kind = result.get("resultType").and_then(Json::as_str);
                let modern = matches!(self.between, Between::Adapter(Bridge::ModernAgent, _));
                assert!(!modern || kind.is_some(), "a result of no type");
                let state = result.get("requestState").and_then(Json::as_str);
                self.state = state.unwrap_or_default().into_owned();
                self.answered(Some(&id));
            }
            Ok(Message::Failure { id, .. }) => self.answered(id.as_ref()),
            Ok(Message::Notification { .. }) | Err(_) => {}
        }
    }

    fn answered(&mut self, id: Option<&Id>) {
        let open = self.open.get_mut(&id.cloned()).filter(|open| **open > 0);
        assert!(open.is_some(), "an answer that nobody waits for: {id:?}");
        if let Some(open) = open {
            *open = open.saturating_sub(1);
        }
    }
}
