//! Bounds on one message. Everything that a peer can make larger has one.

/// Bounds that the strict reader enforces on one message.
///
/// The defaults are far above what MCP peers send (the largest message seen
/// from published servers is a 10 MB tool result) and far below what would
/// hurt: the reader's own memory is at most 16 bytes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest message in bytes, without its line end.
    pub bytes: usize,
    /// Deepest nesting of arrays and objects.
    pub depth: usize,
    /// Most members of one object, and most items of one array.
    pub members: usize,
    /// Most values (keys included) of one message.
    pub values: usize,
    /// Longest number, in bytes.
    pub number: usize,
}

impl Limits {
    /// The documented defaults.
    pub const DEFAULT: Self = Self {
        bytes: 64 * 1024 * 1024,
        depth: 96,
        members: 1_000_000,
        values: 4_000_000,
        number: 256,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
