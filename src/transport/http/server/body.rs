//! The body of a request, and what its headers say about media types.

use crate::engine::message::{Limits, TopLevel};
use crate::transport::http::one_line::one_line;
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use hyper::header::{ACCEPT, HeaderMap, HeaderName};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// How long the body of a request may take to come, and so much more for each
/// megabyte of it that has come.
const BODY: Duration = Duration::from_secs(30);

/// Why a body was not read.
pub(super) enum Unread {
    Late,
    Broken,
    TooLarge(TopLevel),
    Busy,
}

/// Bytes of a body that are not counted: as many as connections are bounded.
const SMALL: usize = 64 * 1024;
/// Most bytes of larger bodies of one principal.
const OF_ONE: usize = 256 * 1024 * 1024;
/// And of all.
const OF_ALL: usize = 4 * OF_ONE;

/// The memory that the bodies of requests take, from their first byte until
/// their answer begins: many large ones at once must not be all there is.
#[derive(Debug, Default)]
pub(super) struct Bodies(Mutex<(usize, BTreeMap<Arc<str>, usize>)>);

/// One body's share.
#[derive(Debug)]
pub(super) struct Share {
    bodies: Arc<Bodies>,
    principal: Arc<str>,
    bytes: usize,
}

impl Share {
    pub(super) fn new(bodies: &Arc<Bodies>, principal: &Arc<str>) -> Self {
        Self {
            bodies: Arc::clone(bodies),
            principal: Arc::clone(principal),
            bytes: 0,
        }
    }

    /// How much is counted.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The body has become so large.
    fn grow(&mut self, bytes: usize) -> Result<(), Unread> {
        if bytes <= SMALL {
            return Ok(());
        }
        let more = bytes.saturating_sub(self.bytes);
        let mut taken = self.bodies.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, each) = &mut *taken;
        let mine = each.get(&self.principal).copied().unwrap_or_default();
        let (all_then, mine_then) = (all.saturating_add(more), mine.saturating_add(more));
        if all_then > OF_ALL || mine_then > OF_ONE {
            return Err(Unread::Busy);
        }
        *all = all_then;
        each.insert(Arc::clone(&self.principal), mine_then);
        self.bytes = bytes;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.bytes == 0 {
            return;
        }
        let mut taken = self.bodies.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, each) = &mut *taken;
        *all = all.saturating_sub(self.bytes);
        if let Some(mine) = each.get_mut(&self.principal) {
            *mine = mine.saturating_sub(self.bytes);
            if *mine == 0 {
                each.remove(&self.principal);
            }
        }
    }
}

/// Reads a body, within bounds of size and time.
pub(super) async fn read(mut body: Incoming, share: &mut Share) -> Result<Vec<u8>, Unread> {
    let most = Limits::DEFAULT.bytes;
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    // What is announced is not believed beyond this.
    let mut bytes = Vec::with_capacity(announced.min(SMALL));
    let mut deadline = Instant::now() + BODY;
    let mut counted = 0;
    loop {
        let frame = match timeout_at(deadline, body.frame()).await {
            Err(_) => return Err(Unread::Late),
            Ok(None) => return Ok(bytes),
            Ok(Some(Err(_))) => return Err(Unread::Broken),
            Ok(Some(Ok(frame))) => frame,
        };
        let Some(data) = frame.data_ref() else {
            continue;
        };
        if bytes.len().saturating_add(data.len()) > most || announced > most {
            bytes.extend_from_slice(data);
            return Err(Unread::TooLarge(TopLevel::of(&bytes)));
        }
        share.grow(bytes.len().saturating_add(data.len()))?;
        bytes.extend_from_slice(data);
        while bytes.len().saturating_sub(counted) > 1024 * 1024 {
            counted = counted.saturating_add(1024 * 1024);
            deadline += BODY;
        }
    }
}

/// A message on one line, as the engine wants it. One that cannot be brought
/// there stays as it is, for the engine to refuse.
pub(super) fn on_one_line(bytes: Vec<u8>) -> Vec<u8> {
    if memchr::memchr2(b'\r', b'\n', &bytes).is_none() {
        return bytes;
    }
    one_line(bytes.clone()).unwrap_or(bytes)
}

/// A media type without its parameters.
pub(super) fn essence(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    if values.next().is_some() {
        return None;
    }
    let essence = value.split(';').next().unwrap_or_default();
    Some(essence.trim().to_ascii_lowercase())
}

/// Whether a client takes this media type.
pub(super) fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let group = kind.split('/').next().unwrap_or_default();
    let takes = |range: &str| {
        let range = range.split(';').next().unwrap_or_default().trim();
        let range = range.to_ascii_lowercase();
        range == "*/*" || range == kind || range.strip_suffix("/*") == Some(group)
    };
    let values = headers.get_all(ACCEPT).iter();
    let mut values = values.filter_map(|v| v.to_str().ok());
    values.any(|value| value.split(',').any(takes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_memory() {
        let bodies = Arc::<Bodies>::default();
        let share = |name: &str| Share::new(&bodies, &Arc::from(name));
        let (mut one, mut two, mut other) = (share("a"), share("a"), share("b"));
        assert!(one.grow(OF_ONE).is_ok());
        assert!(two.grow(SMALL).is_ok());
        assert!(two.grow(SMALL + 1).is_err());
        assert!(other.grow(OF_ONE).is_ok());
        drop(one);
        assert!(two.grow(OF_ONE).is_ok());
        assert!(two.grow(OF_ONE + 1).is_err());
        drop((two, other));
        let names = ["c", "d", "e", "f", "g"];
        let full = names.map(|name| {
            let mut share = share(name);
            (share.grow(OF_ONE).is_ok(), share)
        });
        assert_eq!(full.map(|(fits, _)| fits), [true, true, true, true, false]);
        let taken = bodies.0.lock().unwrap();
        assert!(taken.0 == 0 && taken.1.is_empty());
    }
}
