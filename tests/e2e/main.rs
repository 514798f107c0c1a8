//! Real servers and real clients, directly and through `lockgate run`: nothing
//! honest is lost or changed, and what is refused never reaches the server.
//!
//! The servers and clients come from npm and `PyPI` (`tests/peers`), rmcp is
//! linked in. `LOCKGATE_TEST_KEEP=1` keeps the files of a failed test.

#[cfg(test)]
#[path = "../support/mod.rs"]
mod support;

#[cfg(test)]
mod attacks;
#[cfg(test)]
mod authority;
#[cfg(test)]
mod client;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod conformance_login;
#[cfg(test)]
mod eras;
#[cfg(test)]
mod fragile;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod hostile_http;
#[cfg(test)]
#[path = "../../benches/http/http.rs"]
mod http;
#[cfg(test)]
mod load;
#[cfg(test)]
mod login;
#[cfg(test)]
mod matrix;
#[cfg(test)]
mod mismatch;
#[cfg(test)]
mod old_http;
#[cfg(test)]
mod remote;
#[cfg(test)]
mod rmcp;
#[cfg(test)]
mod scripted;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod served;
#[cfg(test)]
mod server;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod wire;
