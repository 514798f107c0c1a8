//! Candidates: the strings of a call with every place they may stand for.
//!
//! All bounds on the work of one call are here. A call that exceeds one is
//! refused (`opaque`), never judged in part.

use super::collect::{Effect, Manner, Raw, is_web};
use super::{HostFacts, glob, lexical, shape, spell};
use crate::engine::guard::catalogue;
use std::collections::BTreeSet;

/// Most strings of one call that are judged as paths.
const CANDIDATES: usize = 50_000;
/// Most paths of one call that the file system is asked about.
const QUESTIONS: usize = 4096;
/// Most placements of relative strings below directories of the same call.
const JOINS: usize = 16_384;
/// Most directories that relative strings are placed below.
const BASES: usize = 16;
/// Most paths with wildcards of one call: each is compared with every row.
const GLOBS: usize = 1000;
/// Most components of a path with wildcards.
const GLOB_PARTS: usize = 64;
/// Most strings of one call whose chain is followed (`base`, `sub`, `file`).
const CHAIN: usize = 12;

/// A string that is or may be a path.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Where in the arguments, as a JSON Pointer.
    pub at: String,
    /// The normalised absolute spellings that it may stand for.
    pub spellings: Vec<String>,
    /// What the file system is asked: spellings, and paths whose `..` it has
    /// to follow itself.
    pub(super) asked: Vec<String>,
    /// How it is meant.
    pub(super) manner: Manner,
    /// Why it cannot be judged.
    pub(super) opaque: Option<&'static str>,
}

impl Candidate {
    /// Whether the whole string is a path, as more than the string itself says.
    pub fn is_named(&self) -> bool {
        self.manner.named && !self.manner.part && self.opaque.is_none()
    }

    /// Whether the tool changes what it names, or takes it away.
    pub fn is_changed(&self) -> bool {
        self.manner.effect != Effect::Read
    }
}

/// One raw string, spelled.
struct Spelled {
    raw: Raw,
    forms: spell::Forms,
}

/// Candidates of everything that a call holds.
pub(super) fn all(raws: Vec<Raw>, host: &HostFacts) -> Vec<Candidate> {
    if raws.len() > CANDIDATES {
        return vec![refused("", "more paths than one call may name")];
    }
    let mut seen: BTreeSet<(String, String, [bool; 3], Effect)> = BTreeSet::new();
    let spelled: Vec<Spelled> = raws
        .into_iter()
        .filter(|raw| {
            raw.manner.walk.is_some()
                || raw.manner.from.is_some()
                || raw.manner.opaque.is_some()
                || raw.manner.tells.is_some()
                || seen.insert((
                    raw.at.clone(),
                    raw.text.clone(),
                    [raw.manner.part, raw.manner.blind, raw.manner.kept],
                    raw.manner.effect,
                ))
        })
        .filter(|raw| !is_web(&raw.text))
        .map(|raw| Spelled {
            forms: spell::forms(&raw.text, host),
            raw,
        })
        .collect();
    let bases = bases(&spelled, host);
    let many = spelled.len() > 256;
    let (mut joins, mut questions, mut globs) = (0_usize, 0_usize, 0_usize);
    let mut out = Vec::with_capacity(spelled.len());
    for (n, one) in spelled.iter().enumerate() {
        let mut candidate = placed(one, &host.cwd, host, many);
        if let Some(from) = &one.raw.manner.from {
            for base in absolute(&spell::forms(from, host), host) {
                place_below(&mut candidate, one, &base, host);
            }
        }
        if one.forms.all.iter().any(|f| !lexical::is_absolute(f)) {
            // Nothing is meant below itself: `..` is not `../..`.
            let climbs = is_climb(&one.raw.text);
            for (_, _, base) in bases
                .iter()
                .filter(|(of, relative, _)| *of != n && !(climbs && *relative))
            {
                joins = joins.saturating_add(1);
                place_below(&mut candidate, one, base, host);
            }
        }
        questions = questions.saturating_add(candidate.asked.len());
        globs = globs.saturating_add(
            candidate
                .spellings
                .iter()
                .filter(|s| glob::is_glob(s))
                .count(),
        );
        out.push(candidate);
    }
    if joins > JOINS || questions > QUESTIONS || globs > GLOBS {
        // What is refused as a whole need not be judged in parts.
        out.clear();
        out.push(refused("", "more paths than one call may name"));
    }
    out.extend(chain(&spelled, host));
    out
}

fn refused(at: &str, why: &'static str) -> Candidate {
    Candidate {
        at: at.to_owned(),
        spellings: Vec::new(),
        asked: Vec::new(),
        manner: Manner::default(),
        opaque: Some(why),
    }
}

/// Every form of one string below `base`.
fn placed(one: &Spelled, base: &str, host: &HostFacts, many: bool) -> Candidate {
    let manner = one.raw.manner.clone();
    let opaque = manner.opaque.or(one
        .forms
        .unsettled
        .then_some("its encoding does not come to an end"));
    let mut candidate = Candidate {
        at: one.raw.at.clone(),
        spellings: Vec::new(),
        asked: Vec::new(),
        manner,
        opaque,
    };
    if one.raw.text.is_empty() {
        return candidate;
    }
    let ask =
        !candidate.manner.part && (!many || one.raw.text.contains(['/', '\\', '~', '$', '%']));
    for form in &one.forms.all {
        add(&mut candidate, lexical::locate(form, base, host), ask);
    }
    candidate
}

fn place_below(candidate: &mut Candidate, one: &Spelled, base: &str, host: &HostFacts) {
    let ask = !candidate.manner.part;
    for form in one.forms.all.iter().filter(|f| !f.starts_with('/')) {
        add(candidate, lexical::locate(form, base, host), ask);
    }
}

fn add(candidate: &mut Candidate, located: lexical::Located, ask: bool) {
    for (n, path) in located.paths.into_iter().enumerate() {
        // Only the first is where the server itself would look.
        let ask = ask && n == 0;
        if glob::is_glob(&path) && path.matches('/').count() > GLOB_PARTS {
            candidate.opaque = Some("a glob of too many components");
            continue;
        }
        if ask
            && path.starts_with('/')
            && path.len() <= 4096
            && !path.contains('*')
            && !candidate.asked.contains(&path)
        {
            candidate.asked.push(path.clone());
        }
        if !candidate.spellings.contains(&path) {
            candidate.spellings.push(path);
        }
    }
    if let Some(unfolded) = located.unfolded
        && ask
        && unfolded.len() <= 4096
        && !unfolded.contains('*')
        && !candidate.asked.contains(&unfolded)
    {
        candidate.asked.push(unfolded);
    }
}

fn absolute(forms: &spell::Forms, host: &HostFacts) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for path in forms
        .all
        .iter()
        .flat_map(|f| lexical::locate(f, &host.cwd, host).paths)
    {
        if !out.contains(&path) && out.len() < 4 {
            out.push(path);
        }
    }
    out
}

/// The directories that relative strings of the call may be meant below: what
/// is absolute, and in a small call whatever names a path.
///
/// Each with the string that it comes from and whether that is relative.
fn bases(spelled: &[Spelled], host: &HostFacts) -> Vec<(usize, bool, String)> {
    let mut out: Vec<(usize, bool, String)> = Vec::new();
    let relative = |s: &Spelled| s.forms.all.iter().any(|f| !lexical::is_absolute(f));
    if !spelled.iter().any(relative) {
        return out;
    }
    let small = spelled.len() <= CHAIN;
    for (n, one) in spelled.iter().enumerate().filter(|(_, s)| {
        let manner = &s.raw.manner;
        !manner.part && !manner.blind && s.raw.text.len() <= 4096
    }) {
        let absolute = one.forms.all.iter().rev().find(|f| lexical::is_absolute(f));
        let form = match absolute {
            Some(form) => form,
            None if small && one.raw.manner.named => &one.raw.text,
            None => continue,
        };
        for path in lexical::locate(form, &host.cwd, host).paths {
            let wanted = out.len() < BASES || catalogue::is_above(&lexical::compared(&path));
            let known = out.iter().any(|(_, _, base)| *base == path);
            if path != host.cwd && wanted && out.len() < 64 && !known {
                out.push((n, absolute.is_none(), path));
            }
        }
    }
    out
}

/// Whether a string only goes up: `..`, `../..`.
fn is_climb(text: &str) -> bool {
    text.split(['/', '\\'])
        .all(|part| matches!(part, "" | "." | ".."))
}

/// `{"base": "/home/u", "sub": ".config/gh", "file": "hosts.yml"}` in order.
fn chain(spelled: &[Spelled], host: &HostFacts) -> Option<Candidate> {
    let links: Vec<&Spelled> = spelled
        .iter()
        .filter(|s| {
            !s.raw.manner.part
                && !s.raw.manner.kept
                && !glob::is_glob(&s.raw.text)
                && s.raw.text.len() <= 512
        })
        .collect();
    if links.len() < 3 || links.len() > CHAIN {
        return None;
    }
    let mut path = String::new();
    for link in &links {
        if shape::is_anchored(&link.raw.text) && !link.raw.text.starts_with('.') {
            path.clear();
        }
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(&link.raw.text);
    }
    let last = links.last()?;
    let raw = Raw {
        at: last.raw.at.clone(),
        text: path,
        manner: Manner {
            part: true,
            ..last.raw.manner.clone()
        },
    };
    let forms = spell::forms(&raw.text, host);
    Some(placed(&Spelled { raw, forms }, &host.cwd, host, false))
}

/// A value that is a path by rule.
pub(super) fn of_path(at: &str, value: &str, host: &HostFacts) -> Candidate {
    let manner = Manner {
        named: true,
        ..Manner::default()
    };
    let raw = Raw {
        at: at.to_owned(),
        text: value.to_owned(),
        manner,
    };
    let forms = spell::forms(value, host);
    let mut candidate = placed(&Spelled { raw, forms }, &host.cwd, host, false);
    if value.trim().is_empty() || value.contains('\0') {
        candidate.opaque = Some("it is empty or holds NUL");
    }
    candidate
}

/// A resource uri: its path, with and without its authority, and what its
/// query names.
pub(super) fn of_uri(uri: &str, host: &HostFacts) -> Vec<Candidate> {
    if is_web(uri) {
        return Vec::new();
    }
    let named = Manner {
        named: true,
        ..Manner::default()
    };
    let raw = |text: &str, part: bool| Raw {
        at: "/uri".to_owned(),
        text: text.to_owned(),
        manner: Manner {
            part,
            ..named.clone()
        },
    };
    let mut raws = vec![raw(uri, false)];
    let whole = uri.split(['?', '#']).next().unwrap_or(uri);
    raws.push(raw(whole, false));
    if let Some((_, rest)) = whole.split_once("://")
        && let Some((_, path)) = rest.split_once('/')
    {
        raws.push(raw(path, true));
        raws.push(raw(&format!("/{path}"), false));
    }
    for value in uri.split(['?', '#', '&', '=', ';', '!']).skip(1) {
        raws.push(raw(value, true));
    }
    for inner in super::uri::inner(uri)
        .into_iter()
        .chain(super::uri::page(uri))
    {
        raws.push(raw(inner, false));
    }
    all(raws, host)
}
