//! What the end-to-end tests stand on: the real peers, a home of its own for
//! every process, lockgate's command line, and processes that cannot outlive
//! their test.

pub(crate) mod home;
pub(crate) mod lockgate;
pub(crate) mod need;
pub(crate) mod peers;
pub(crate) mod process;
