//! Attacks on a live listener, and what it has to do, over bare sockets: each
//! test looks at what the client was told, and at what the server received.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::format_push_string,
    reason = "a test fails by panicking, and need not be fast"
)]

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "what other tests need is in it, too")]
mod support;

mod collisions;
mod credentials;
mod door;
mod ends;
mod gate;
#[path = "../identity/issuer.rs"]
#[expect(dead_code, reason = "what other tests need is in it, too")]
mod issuer;
mod mirrored;
mod old;
mod raw;
#[path = "../e2e/scripted.rs"]
#[expect(dead_code, reason = "what other tests need is in it, too")]
mod scripted;
mod sessions;
#[path = "../identity/sign.rs"]
#[expect(dead_code, reason = "what other tests need is in it, too")]
mod sign;
mod slow;
mod smuggling;
mod startup;
mod tls;
mod tokens;
mod upstream;
#[path = "../e2e/wire.rs"]
#[expect(dead_code, reason = "what other tests need is in it, too")]
mod wire;
