//! Messages: bytes to a strictly read, borrowed view.
//!
//! `reader` (bytes to document) → `envelope` (document to JSON-RPC message) →
//! `view` (what the engine looks at in a method's params and results).

mod envelope;
mod json;
mod limits;
mod method;
mod opened;
mod problem;
mod reader;
mod scan;
mod text;
mod view;

pub use envelope::{EnvelopeError, Id, Message, exact_case};
pub use json::{Document, Items, Json, Kind, Members};
pub use limits::Limits;
pub use method::{Direction, Era, KnownMethod, Method, REVISIONS, Shape, Way};
pub use opened::{Opened, Unreadable};
pub use problem::{Problem, ReadError};
pub use scan::TopLevel;
pub use text::fold_case;
pub use view::{CallTool, Named, ViewError, exact_params};
