//! Attacks on a live listener, and what it has to do, over bare sockets: each
//! test looks at what the client was told, and at what the server received.
//!
//! Which addresses are dialled for a server (redirects, names that change their
//! mind) is the same as for `run`: `tests/e2e/hostile_http.rs` and
//! `src/transport/http/client/dial/tests.rs`.

#[cfg(test)]
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "what other tests need is in it, too")]
mod support;

#[cfg(test)]
mod collisions;
#[cfg(test)]
mod credentials;
#[cfg(test)]
mod door;
#[cfg(test)]
mod ends;
#[cfg(test)]
mod evidence;
#[cfg(test)]
mod exchanged;
#[cfg(test)]
mod gate;
#[cfg(test)]
#[path = "../identity/issuer.rs"]
#[expect(dead_code, reason = "what other tests need is in it, too")]
mod issuer;
#[cfg(test)]
mod mirrored;
#[cfg(test)]
mod news;
#[cfg(test)]
mod old;
#[cfg(test)]
mod processes;
#[cfg(test)]
mod raw;
#[cfg(test)]
mod recording;
#[cfg(test)]
mod reload;
#[cfg(test)]
#[path = "../e2e/scripted.rs"]
#[expect(dead_code, reason = "what other tests need is in it, too")]
mod scripted;
#[cfg(test)]
mod sessions;
#[cfg(test)]
#[path = "../identity/sign.rs"]
#[expect(dead_code, reason = "what other tests need is in it, too")]
mod sign;
#[cfg(test)]
mod slow;
#[cfg(test)]
mod smuggling;
#[cfg(test)]
mod startup;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod upstream;
#[cfg(test)]
#[path = "../e2e/wire.rs"]
#[expect(dead_code, reason = "what other tests need is in it, too")]
mod wire;
