//! Judgement of candidates: the catalogue, lockgate's own files, the policy's
//! secrets, and trees that hold any of them.

use super::candidate::Candidate;
use super::collect::{Effect, Manner};
use super::glob::{self, Component};
use super::{HostFacts, PathFact, PathFacts, PathGuard, lexical};
use crate::engine::guard::catalogue::{self, Kind, Pattern, Place, Setting};
use crate::engine::mask::may_be_content;
use crate::engine::types::Finding;

/// A secret place is reached for.
const SECRET: &str = "secret-place";
/// Lockgate's own files, or what decides which servers a client starts.
const SELF: &str = "self-protection";
/// It could not be told what is reached for.
const UNRESOLVABLE: &str = "unresolvable-path";

/// Host facts in the form in which paths are compared.
#[derive(Debug, Clone, Default)]
pub(super) struct Whereabouts {
    home: Vec<String>,
    cwd: Vec<String>,
    own: Vec<Vec<String>>,
    /// `/root` is another account's home.
    foreign_root: bool,
}

impl Whereabouts {
    pub(super) fn of(host: &HostFacts) -> Self {
        let (home, cwd) = (lexical::compared(&host.home), lexical::compared(&host.cwd));
        let under_root = |p: &[String]| p.first().is_some_and(|first| first == "root");
        let is_root = host.variables.get("EUID").is_some_and(|id| id == "0");
        Self {
            foreign_root: !is_root && !under_root(&home) && !under_root(&cwd),
            own: host
                .own
                .iter()
                .map(|own| lexical::compared(&lexical::folded(own)))
                .filter(|own| !own.is_empty())
                .collect(),
            home,
            cwd,
        }
    }

    /// How many leading components only say where the user or the server is.
    fn prefix(&self, path: &[String]) -> usize {
        [&self.home, &self.cwd]
            .into_iter()
            .filter(|p| path.starts_with(p))
            .map(Vec::len)
            .max()
            .unwrap_or(0)
    }

    fn is_home(&self, path: &[String]) -> bool {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        (!path.is_empty() && path == self.home)
            || matches!(
                names.as_slice(),
                ["home" | "users", _]
                    | ["root"]
                    | ["var", "root"]
                    | ["export", "home", _]
                    | ["mnt", _, "users", _]
            )
    }

    /// How many leading components are somebody's home directory.
    fn home_of(&self, path: &[String]) -> Option<usize> {
        if !self.home.is_empty() && path.starts_with(&self.home) {
            return Some(self.home.len());
        }
        (1..=4).find(|n| path.get(..*n).is_some_and(|head| self.is_home(head)))
    }

    /// Whether a path is a file of a project rather than of a person or the
    /// system: its name alone tells nothing.
    fn is_project(&self, path: &[String]) -> bool {
        let skip = self.prefix(path);
        let Some((_, folders)) = path.get(skip..).and_then(<[String]>::split_last) else {
            return false;
        };
        let open = path.first().is_some_and(|first| {
            matches!(
                first.as_str(),
                "tmp" | "srv" | "opt" | "workspace" | "workspaces" | "app"
            )
        });
        let own =
            |part: &String| part.starts_with('.') || matches!(part.as_str(), "library" | "appdata");
        let Some((_, before)) = path.split_last() else {
            return false;
        };
        (skip > 0 || open) && !self.is_home(before) && !folders.iter().any(own)
    }

    /// Whether a directory is somebody's, or holds somebody's home.
    fn is_personal(&self, path: &[String]) -> bool {
        self.home_of(path).is_some()
            || self.home.starts_with(path)
            || matches!(path, [only] if matches!(only.as_str(), "home" | "users" | "mnt"))
    }

    /// Whether secret places of a person or the system lie below.
    fn holds_secrets(&self, path: &[String]) -> bool {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        let top = matches!(names.as_slice(), [] | ["home" | "users" | "mnt"]);
        let desktop = path
            .split_last_chunk::<1>()
            .is_some_and(|(before, [last])| {
                self.is_home(before) && matches!(last.as_str(), "library" | "appdata")
            })
            || path
                .split_last_chunk::<2>()
                .is_some_and(|(before, [_, last])| {
                    self.is_home(before)
                        && matches!(
                            last.as_str(),
                            "application support" | "roaming" | "local" | "containers"
                        )
                });
        top || desktop
            || self.is_home(path)
            || self.home.starts_with(path)
            || catalogue::is_above(path)
    }
}

/// Whether a directory may be proposed as a root: it is neither somebody's home
/// nor above one, no secret place lies in it or around it, and nothing of
/// lockgate's own.
pub(super) fn is_harmless_root(guard: &PathGuard, dir: &str) -> bool {
    let path = lexical::compared(dir);
    let place = &guard.place;
    let own = |own: &Vec<String>| own.starts_with(&path) || path.starts_with(own);
    let candidate = guard.candidate_of_path("", dir);
    let facts = PathFacts::without_links(&guard.questions(std::slice::from_ref(&candidate)));
    !place.holds_secrets(&path)
        && !place.own.iter().any(own)
        && inspect(guard, &[candidate], &facts).is_empty()
}

/// All findings, at most one of a code for a candidate.
pub(super) fn inspect(
    guard: &PathGuard,
    candidates: &[Candidate],
    facts: &PathFacts,
) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for candidate in candidates {
        let mut add = |code: &'static str, detail: String| {
            if !findings
                .iter()
                .any(|f| f.code == code && f.at == candidate.at)
            {
                findings.push(Finding {
                    code,
                    at: candidate.at.clone(),
                    detail,
                });
            }
        };
        if let Some(why) = candidate.opaque {
            add(
                UNRESOLVABLE,
                format!("cannot tell which path is meant: {why}"),
            );
        }
        if let Some(what) = candidate.manner.tells.filter(|_| guard.rules.defaults) {
            add(SECRET, format!("{what} (secret-printer)"));
        }
        for path in &candidate.spellings {
            if let Some((code, detail)) = examine(guard, path, &candidate.manner) {
                add(code, detail);
            }
        }
        for question in &candidate.asked {
            match facts.0.get(question) {
                Some(PathFact::Resolved(path)) if path == question => {}
                Some(PathFact::Resolved(path)) => {
                    if let Some((code, detail)) = examine(guard, path, &candidate.manner) {
                        add(
                            code,
                            format!("{detail}, reached through {}", shown(question)),
                        );
                    }
                }
                Some(PathFact::Unknown(why)) => {
                    add(
                        UNRESOLVABLE,
                        format!("cannot tell where {} leads: {why}", shown(question)),
                    );
                }
                None => add(
                    UNRESOLVABLE,
                    format!(
                        "the file system was not asked where {} leads",
                        shown(question)
                    ),
                ),
            }
        }
    }
    findings
}

/// A path for people; long ones are cut.
pub(super) fn shown(path: &str) -> String {
    // What follows a `?` is a query as often as a part of a glob, and may be a
    // credential.
    let (place, query) = path.split_once('?').unwrap_or((path, ""));
    if may_be_content(query) {
        return format!("{} and a query", quoted(place));
    }
    quoted(path)
}

/// Quoted, without what a terminal obeys, and not too long.
fn quoted(path: &str) -> String {
    let mut text: String = path
        .chars()
        .take(120)
        .flat_map(char::escape_debug)
        .collect();
    if path.chars().nth(120).is_some() {
        text.push('…');
    }
    format!("`{text}`")
}

/// What the catalogue has to know beside the path itself.
fn setting(
    place: &Whereabouts,
    parts: &[String],
    first_glob: Option<usize>,
    manner: &Manner,
) -> Setting {
    let above = first_glob.and_then(|at| parts.get(..at));
    Setting {
        skip: place.prefix(parts),
        home: place.home_of(parts),
        // Below a home a word that is looked for is aimed at what is there.
        sought: manner.sought && above.is_some_and(|above| !place.holds_secrets(above)),
        changed: manner.effect >= Effect::Change,
    }
}

/// The rows that a path, or what it is a copy of, belongs to.
fn places_of(parts: &[String], globs: bool, setting: Setting) -> Vec<&'static Place> {
    let mut places = catalogue::at(parts, setting);
    if globs {
        places.extend(catalogue::aimed_at(parts, setting));
        for original in catalogue::originals(parts).iter().take(2) {
            let copied = catalogue::aimed_at(original, setting);
            places.extend(copied.into_iter().filter(|p| p.kind != Kind::GuardedWrites));
        }
    }
    places
}

fn examine(guard: &PathGuard, path: &str, manner: &Manner) -> Option<(&'static str, String)> {
    let place = &guard.place;
    let parts = lexical::compared(path);
    let own = |own: &Vec<String>| {
        parts.starts_with(own) || (manner.effect == Effect::Remove && own.starts_with(&parts))
    };
    if place.own.iter().any(own) {
        return Some((SELF, format!("{} belongs to lockgate", shown(path))));
    }
    let first_glob = parts.iter().position(|p| glob::is_glob(p));
    let setting = setting(place, &parts, first_glob, manner);
    let places = places_of(&parts, first_glob.is_some(), setting);
    // What guards lockgate is said first: it is the graver of two reasons.
    for found in &places {
        if found.kind == Kind::Guarded || (found.kind == Kind::GuardedWrites && setting.changed) {
            return Some((
                SELF,
                format!("{} is {} ({})", shown(path), found.what, found.id),
            ));
        }
    }
    if secret_by_policy(guard, &parts) {
        return Some((
            SECRET,
            format!("{} is a secret place of the policy", shown(path)),
        ));
    }
    if !guard.rules.defaults || manner.kept || (manner.blind && place.is_project(&parts)) {
        return None;
    }
    let named = manner.named
        || path
            .trim_start_matches(guard.host.cwd.as_str())
            .matches('/')
            .count()
            > 1;
    for found in &places {
        if found.kind == Kind::Secret || (found.kind == Kind::Generic && named) {
            return Some((
                SECRET,
                format!(
                    "{} is a secret place: {} ({})",
                    shown(path),
                    found.what,
                    found.id
                ),
            ));
        }
    }
    if place.foreign_root && parts.first().is_some_and(|first| first == "root") {
        return Some((
            SECRET,
            format!(
                "{} is a secret place: the home of root (root-home)",
                shown(path)
            ),
        ));
    }
    walked(place, &parts, manner).then(|| {
        (
            SECRET,
            format!(
                "going through all of {} reaches secret places (secret-tree)",
                shown(path)
            ),
        )
    })
}

fn secret_by_policy(guard: &PathGuard, parts: &[String]) -> bool {
    guard.rules.secret.iter().any(|text| {
        let pattern = Pattern::parse(text).with_below();
        pattern.fits(parts)
            || catalogue::originals(parts).iter().any(|p| pattern.fits(p))
            || (parts.iter().any(|p| glob::is_glob(p)) && pattern.may_fit(parts))
    })
}

/// Whether a tree is gone through that holds secret places.
fn walked(place: &Whereabouts, parts: &[String], manner: &Manner) -> bool {
    if let Some(names) = &manner.walk
        && place.holds_secrets(parts)
        && !parts.iter().any(|p| glob::is_glob(p) && p.contains("**"))
    {
        let bringing = |name: &String| {
            let name = name.to_lowercase();
            let last = name
                .rsplit(['/', '\\'])
                .find(|p| !p.is_empty())
                .unwrap_or_default();
            catalogue::in_search(last, !glob::is_glob(last))
                || (manner.opens && catalogue::in_read(last, parts, place.is_personal(parts)))
        };
        if names.is_empty() || names.iter().any(bringing) {
            return true;
        }
    }
    if let Some(at) = parts.iter().position(|p| p.contains("**")) {
        let (root, below) = parts.split_at_checked(at).unwrap_or_default();
        let last = below.last().map(String::as_str).unwrap_or_default();
        if place.holds_secrets(root) && catalogue::in_search(last, false) {
            return true;
        }
    }
    // `cat .*` reads every hidden file there is.
    if manner.walk.is_some()
        && parts
            .last()
            .is_some_and(|last| glob::is_glob(last) && glob::is_all_hidden(last))
    {
        return true;
    }
    // `~/.*` reaches into every hidden directory of a home.
    parts.iter().enumerate().any(|(at, part)| {
        glob::is_glob(part)
            && Component::parse(part).is_hidden_glob()
            && Component::parse(part).literals() < 3
            && parts.get(..at).is_some_and(|before| place.is_home(before))
    })
}
