//! What one session knows of the server's tools. The server says how many
//! there are and how large: count and bytes are bounded, for the agent's walk
//! through the list and for lockgate's own alike.

use super::walk::Walks;
use crate::engine::message::{Document, Json, Limits};
use crate::engine::pin::{FirstUseRoom, ServerPins, ToolPin};
use crate::engine::reason::Reason;
use crate::engine::schema::{Schema, Unusable};
use crate::engine::types::Digest;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

/// What this session knows of the server's tools.
#[derive(Debug, Default)]
pub(in crate::engine) struct Tools {
    /// Only [`Tools::remember`] adds to it.
    /// Sessions that have seen the same share it.
    pub(in crate::engine) known: Arc<BTreeMap<String, Known>>,
    /// What names and definitions of these take.
    bytes: usize,
    /// There is more than is remembered.
    pub(in crate::engine) overflow: bool,
    /// By name: the definition for which a tool is withheld. It is inspected
    /// once, however often the server lists it.
    pub(in crate::engine) withheld: BTreeMap<String, Digest>,
    /// All pages have been seen since the list last changed.
    pub(in crate::engine) complete: bool,
    /// The agent's own walks through the pages.
    pub(in crate::engine) walks: Walks,
    /// A full list has been seen before: what is new now was not there then.
    pub(in crate::engine) settled: bool,
    /// Pins of first use made in this session.
    pub(in crate::engine) first_use: ServerPins,
    /// What they may still take.
    pub(in crate::engine) room: FirstUseRoom,
    unsaved: Unsaved,
}

/// Pins of first use that the lockfile does not have yet.
#[derive(Debug, Default)]
struct Unsaved {
    pins: BTreeMap<String, ToolPin>,
    /// They have to be kept before anything else happens. Not at each page:
    /// the whole lockfile is written each time.
    due: bool,
}

impl Tools {
    /// Most tools that are remembered.
    const MOST: usize = 20_000;
    /// Most bytes of their names and definitions.
    const BYTES: usize = 32 * 1024 * 1024;

    /// Remembers how a tool stands; a reason where it cannot be remembered.
    pub(in crate::engine) fn remember(&mut self, name: &str, known: Known) -> Result<(), Reason> {
        let all = Arc::make_mut(&mut self.known);
        if let Some(before) = all.remove(name) {
            self.bytes = self.bytes.saturating_sub(before.bytes(name));
        }
        let bytes = self.bytes.saturating_add(known.bytes(name));
        if all.len() >= Self::MOST || bytes > Self::BYTES {
            self.withheld.remove(name);
            self.overflow = true;
            return Err(Reason::TooManyTools);
        }
        self.bytes = bytes;
        all.insert(name.to_owned(), known);
        Ok(())
    }

    /// Pins a tool on first use, if there is room.
    pub(in crate::engine) fn pin_first_use(&mut self, name: String, pin: ToolPin) -> bool {
        if !self.room.take(&name, &pin) {
            return false;
        }
        self.first_use.tools.insert(name.clone(), pin.clone());
        self.unsaved.pins.insert(name, pin);
        true
    }

    /// All pages have been seen.
    pub(in crate::engine) fn seen(&mut self, shared: &Shared) {
        self.complete = true;
        self.settled = true;
        shared.share(&mut self.known);
    }

    /// A walk ends here, or the agent does something with what it was shown.
    pub(in crate::engine) fn pins_are_due(&mut self) {
        self.unsaved.due = true;
    }

    /// The pins that have to be kept now.
    pub(in crate::engine) fn take_due(&mut self) -> BTreeMap<String, ToolPin> {
        if self.unsaved.due {
            std::mem::take(&mut self.unsaved).pins
        } else {
            BTreeMap::new()
        }
    }

    /// Forgets what was seen: the list has changed, or cannot be trusted.
    pub(in crate::engine) fn forget(&mut self) {
        self.known = Arc::default();
        self.bytes = 0;
        self.overflow = false;
        self.withheld.clear();
        self.complete = false;
        self.walks = Walks::default();
    }

    /// Forgets pins of first use that nobody kept and nobody relied on.
    pub(in crate::engine) fn forget_unsaved(&mut self) {
        for (name, pin) in std::mem::take(&mut self.unsaved).pins {
            self.first_use.tools.remove(&name);
            self.room.give_back(&name, &pin);
        }
    }

    /// Forgets all pins of first use of this session.
    pub(in crate::engine) fn forget_first_use(&mut self) {
        self.unsaved = Unsaved::default();
        self.first_use = ServerPins::default();
        self.room = FirstUseRoom::default();
        self.settled = false;
    }
}

/// Definitions that sessions share: a thousand sessions of a server hold each
/// once, and compile it once. What a session is told of one does not depend on
/// whether another has it.
#[derive(Debug, Default)]
pub(in crate::engine) struct Shared {
    tools: Mutex<BTreeMap<Digest, Weak<Tool>>>,
    /// What the last session has seen.
    known: Mutex<Weak<BTreeMap<String, Known>>>,
}

impl Shared {
    /// Puts what another session has seen in the place of what is the same.
    fn share(&self, known: &mut Arc<BTreeMap<String, Known>>) {
        let mut last = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match last.upgrade() {
            Some(seen) if seen == *known => *known = seen,
            _ => *last = Arc::downgrade(known),
        }
    }

    /// The definition of these bytes.
    pub(in crate::engine) fn tool(&self, digest: Digest, text: &str) -> Arc<Tool> {
        // Every entry is whole after every step.
        let mut all = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        let known = all.get(&digest).and_then(Weak::upgrade);
        // Two spellings have one digest, and each is its own bytes.
        if let Some(tool) = known.filter(|tool| tool.text == text) {
            return tool;
        }
        if all.len() >= Tools::MOST {
            all.retain(|_, tool| tool.strong_count() > 0);
        }
        let tool = Arc::new(Tool::new(digest, text));
        if all.len() < Tools::MOST {
            all.insert(digest, Arc::downgrade(&tool));
        }
        tool
    }
}

/// How a listed tool stands in this session.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::engine) enum Known {
    /// As pinned.
    Verified(Arc<Tool>),
    /// Not to be listed or called.
    Withheld(Reason, String),
}

impl Known {
    fn bytes(&self, name: &str) -> usize {
        // The maps and what stands around a definition.
        const AROUND: usize = 256;
        let held = match self {
            Self::Verified(tool) => tool.text.len(),
            Self::Withheld(_, detail) => detail.len(),
        };
        name.len().saturating_add(held).saturating_add(AROUND)
    }
}

/// A verified definition.
#[derive(Debug)]
pub(in crate::engine) struct Tool {
    pub(in crate::engine) digest: Digest,
    pub(in crate::engine) text: String,
    parsed: OnceLock<Option<Parsed>>,
}

impl PartialEq for Tool {
    fn eq(&self, other: &Self) -> bool {
        self.digest == other.digest && self.text == other.text
    }
}

impl Eq for Tool {}

#[derive(Debug)]
pub(in crate::engine) struct Parsed {
    document: Document,
    schema: Result<Schema, Unusable>,
}

impl Tool {
    fn new(digest: Digest, text: &str) -> Self {
        Self {
            digest,
            text: text.to_owned(),
            parsed: OnceLock::new(),
        }
    }

    /// Parsed and compiled at the first call, not for each of a thousand tools.
    pub(in crate::engine) fn parsed(&self) -> Option<&Parsed> {
        let parse = || {
            let bytes = self.text.clone().into_bytes();
            let document = Document::read(bytes, &Limits::DEFAULT).ok()?;
            let schema = document.root().get("inputSchema").map(Schema::compile);
            let schema = schema?;
            Some(Parsed { document, schema })
        };
        self.parsed.get_or_init(parse).as_ref()
    }
}

impl Parsed {
    pub(in crate::engine) fn input_schema(&self) -> Option<Json<'_>> {
        self.document.root().get("inputSchema")
    }

    pub(in crate::engine) fn schema(&self) -> Result<&Schema, &Unusable> {
        self.schema.as_ref()
    }
}
