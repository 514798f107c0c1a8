//! How much one server may put into the lockfile before anyone has looked.
//!
//! The lockfile is shared: what one server fills it with, every start of every
//! other server reads. A person who approves is not bounded.

use super::ToolPin;
use std::collections::BTreeMap;

/// Room for pins of first use of one server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstUseRoom {
    tools: usize,
    bytes: usize,
}

impl Default for FirstUseRoom {
    fn default() -> Self {
        Self {
            tools: Self::TOOLS,
            bytes: Self::BYTES,
        }
    }
}

impl FirstUseRoom {
    /// Most tools: ten times the largest list seen from published servers.
    pub const TOOLS: usize = 2_000;
    /// Most bytes of their pins, as they stand in the lockfile.
    pub const BYTES: usize = 8 * 1024 * 1024;

    /// What is left beside pins that are there.
    pub fn beside(pins: &BTreeMap<String, ToolPin>) -> Option<Self> {
        let mut room = Self::default();
        pins.iter()
            .all(|(name, pin)| room.take(name, pin))
            .then_some(room)
    }

    /// Bytes that are taken.
    pub fn taken(&self) -> usize {
        Self::BYTES.saturating_sub(self.bytes)
    }

    /// Takes room for a pin; false if there is none.
    pub fn take(&mut self, name: &str, pin: &ToolPin) -> bool {
        let left = self.bytes.checked_sub(size(name, pin));
        let Some((tools, bytes)) = self.tools.checked_sub(1).zip(left) else {
            return false;
        };
        *self = Self { tools, bytes };
        true
    }

    /// Gives the room of a pin back.
    pub fn give_back(&mut self, name: &str, pin: &ToolPin) {
        self.tools = self.tools.saturating_add(1).min(Self::TOOLS);
        let bytes = self.bytes.saturating_add(size(name, pin));
        self.bytes = bytes.min(Self::BYTES);
    }
}

/// Bytes that a pin takes in the lockfile, about.
fn size(name: &str, pin: &ToolPin) -> usize {
    // A digest in hexadecimal, and what stands around it.
    const DIGEST: usize = 80;
    let fields = pin.digest.fields.keys();
    let fields = fields.fold(0_usize, |sum, field| {
        sum.saturating_add(field.len()).saturating_add(DIGEST)
    });
    name.len()
        .saturating_mul(2)
        .saturating_add(pin.definition.len())
        .saturating_add(fields)
        .saturating_add(2 * DIGEST)
}
