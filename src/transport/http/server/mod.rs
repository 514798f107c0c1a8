//! The listener: agents reach servers over Streamable HTTP, in both eras.
//!
//! A request's way, top-down: `listen` (connections, bounds) → `door` (`Host`,
//! `Origin`) → `site` (which server, which principal) → `exchange` (one HTTP
//! exchange) → `metadata` (do headers and body say the same) → `session` (the
//! pump judges) → the server. What comes back finds its way by `streams`.
//!
//! hyper itself, without a framework: there are five paths, and each bound has
//! to be seen where it is set.

mod body;
mod child;
mod door;
mod ear;
mod ending;
mod entrance;
mod eras;
mod exchange;
mod handshake;
mod io;
mod listen;
mod long;
mod metadata;
mod names;
mod old;
mod processes;
mod queue;
mod refusals;
mod reply;
mod room;
mod session;
mod sessions;
mod site;
mod starter;
mod stream;
mod streams;
mod workers;

pub use door::{Closed, Door};
pub use entrance::Admits;
pub use listen::Listener;
pub use processes::Bounds;
pub use site::{Engines, Parts, Site, Way, Who};
