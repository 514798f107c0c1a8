//! Walks through the pages of a list, to tell a tool that stands twice in a
//! list from a page that was fetched twice.
//!
//! An agent may fetch a page again, and may walk twice at the same time. Only
//! the server knows what its cursors mean, so a page belongs to the walk that
//! it continues, or to the one that has it already. Two definitions of one
//! name on different pages of one walk are a duplicate; in different walks
//! they are not, and each is compared with its pin.

use crate::engine::types::Digest;
use std::collections::BTreeMap;

/// One walk.
#[derive(Debug, Default)]
pub(in crate::engine) struct Walk {
    /// The cursors of its pages, as digests; the first page has none.
    pages: Vec<Option<Digest>>,
    /// The cursor of the page that would continue it.
    next: Option<Digest>,
    /// By digest of a name: the page that it stands on.
    names: BTreeMap<Digest, usize>,
}

impl Walk {
    /// Most pages of one list.
    pub(in crate::engine) const PAGES: usize = 1000;
    /// Most names of one list.
    const NAMES: usize = 20_000;

    /// Turns to a page; gives its number.
    pub(in crate::engine) fn turn(&mut self, cursor: Option<&str>) -> usize {
        let cursor = cursor.map(digest);
        let again = self.pages.iter().position(|page| *page == cursor);
        again.unwrap_or_else(|| {
            // Further pages count as the last one, on which no name stands twice.
            if self.pages.len() < Self::PAGES {
                self.pages.push(cursor);
            }
            self.pages.len().saturating_sub(1)
        })
    }

    /// Notes the name of a tool of a page. Whether it is new there; `None`
    /// where there is no room.
    pub(in crate::engine) fn stands(&mut self, name: &str, page: usize) -> Option<bool> {
        let name = digest(name);
        if let Some(before) = self.names.get(&name) {
            return Some(*before == page);
        }
        if self.names.len() >= Self::NAMES {
            return None;
        }
        self.names.insert(name, page);
        Some(true)
    }

    /// Which cursor continues it.
    pub(in crate::engine) fn goes_on(&mut self, cursor: Option<&str>) {
        self.next = cursor.map(digest);
    }

    /// Whether it began at the first page.
    pub(in crate::engine) fn is_whole(&self) -> bool {
        self.pages.first().is_some_and(Option::is_none)
    }
}

/// The walks of an agent that may still go on.
#[derive(Debug, Default)]
pub(in crate::engine) struct Walks(Vec<Walk>);

impl Walks {
    /// So many at a time; the oldest is forgotten.
    const MOST: usize = 8;

    /// Takes out the walk to which a page belongs, or a new one.
    pub(in crate::engine) fn take(&mut self, cursor: Option<&str>) -> Walk {
        let Some(cursor) = cursor.map(digest) else {
            return Walk::default();
        };
        let continued = |walk: &Walk| walk.next == Some(cursor);
        let repeated = |walk: &Walk| walk.pages.contains(&Some(cursor));
        let found = self.0.iter().rposition(continued);
        let found = found.or_else(|| self.0.iter().rposition(repeated));
        found.map_or_else(Walk::default, |at| self.0.remove(at))
    }

    /// Puts it back.
    pub(in crate::engine) fn put(&mut self, walk: Walk) {
        if self.0.len() >= Self::MOST {
            self.0.remove(0);
        }
        self.0.push(walk);
    }
}

fn digest(text: &str) -> Digest {
    Digest::of(&[text.as_bytes()])
}
