//! The processes below us: how they die with us, and how the ones that were
//! left behind are found and ended.
//!
//! A process that double-forks or calls `setsid(2)` leaves its process group,
//! so a group is not enough to end a hostile server. On Linux an orphan comes
//! to the nearest *subreaper* instead of to init; the guardian and lockgate are
//! both. Elsewhere only the process group is known, and `docs/sandbox.md` says
//! so.
//!
//! Only direct children are ever signalled. Nobody else can reap a direct
//! child, so its pid cannot be a stranger's by the time the signal is sent; when
//! it dies its own children come to us and are direct children in turn.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(crate) use linux::*;

#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
pub(crate) use other::*;
