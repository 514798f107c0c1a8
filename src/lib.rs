//! lockgate, the MCP firewall: one binary between an AI agent and the MCP
//! servers it uses. `ARCHITECTURE.md` has the map.

pub mod audit;
pub mod cli;
pub mod engine;
#[doc(hidden)]
pub mod fuzzing;
pub mod identity;
pub mod layout;
pub mod learn;
pub mod proxy;
pub mod sandbox;
pub mod state;
pub mod telemetry;
pub mod traffic;
pub mod transport;
