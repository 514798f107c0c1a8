//! Streamable HTTP: the remote side of `lockgate run --url`.
//!
//! Deliberately absent: the server side (agents that connect to lockgate), and
//! redirects.

pub mod client;
pub mod headers;
pub mod mirror;
pub mod one_line;
pub mod secret;
pub mod server;
pub mod sse;
pub mod tls;
