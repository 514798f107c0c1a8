//! The path guard: what a call reaches for, and whether it may.
//!
//! Answers A2 (a turned agent harvests secrets with permitted tools) and A4
//! (it rewrites what protects it). Works with no policy. Deliberately absent:
//! reading the file system (facts come in as values), hard links, and what a
//! program will compute; those are the sandbox's.
//!
//! Which strings are paths, by the role of the argument (its name, its schema)
//! and the shape of the value:
//!
//! | role | read as |
//! |---|---|
//! | path (`path`, `file`, `source`, `uri`, `db`…; schema says path or uri) | always a path; parts of lists, `rev:path`, `flag=path` as well |
//! | pattern (`pattern`, `glob`, `include`) | a glob, and what narrows a search |
//! | command (`command`, `args`…, any string of a tool that executes) | every word, script and substitution in it |
//! | code (`code`, `expression`…) | its string literals, glued, joined and decoded, and what libraries open for it; nothing where the tool only reviews |
//! | SQL (`sql`, `statement`; the query of a tool that runs queries) | what it opens, writes and runs, by position |
//! | content (`content`, `message`, `newText`…) | nothing where the tool writes or sends; else only a single word that starts as an absolute path |
//! | manifest (`manifest`, `yaml`) | a path in one line; of a longer one only `hostPath` |
//! | aside (`exclude…`; what `grep` looks for; names in a knowledge graph) | only an absolute path; nothing where `grep` looks for it, or where it is a node of a graph |
//! | neutral (any other name) | what an open `search` looks for: only a place; else a single word with a path's characters; a path with spaces that goes on after them; a command line; SQL; JSON |
//!
//! Prose that mentions a path is therefore not an access, under any name.

mod candidate;
mod code;
mod collect;
mod command;
mod expand;
pub(super) mod glob;
mod judge;
mod lexical;
mod role;
mod shape;
mod spell;
mod sql;
mod uri;
mod within;
mod words;

#[cfg(test)]
mod tests;

use crate::engine::message::Json;
use crate::engine::types::Finding;
use std::collections::{BTreeMap, BTreeSet};

pub use candidate::Candidate;
pub(crate) use role::{Purpose, changes, purpose};

/// What programs that print secrets print, and which document says so.
pub fn printers() -> impl Iterator<Item = (&'static str, &'static str)> {
    command::printers()
}

/// What the guard has to know of the machine; gathered once, outside.
#[derive(Debug, Clone, Default)]
pub struct HostFacts {
    /// The user's home directory, absolute.
    pub home: String,
    /// The server's working directory, absolute.
    pub cwd: String,
    /// Environment variables that a path may mention, by name. `EUID` is `0`
    /// where lockgate runs as root: then `/root` is nobody else's.
    pub variables: BTreeMap<String, String>,
    /// Whether file names are compared without case (macOS, Windows).
    pub case_insensitive: bool,
    /// Lockgate's own files and directories: policy, lockfile, audit, program.
    pub own: Vec<String>,
}

/// The `[paths]` table in its checked form. Absolute, `${workspace}` expanded.
#[derive(Debug, Clone, Default)]
pub struct PathRules {
    /// Where `path = "read"` may point.
    pub read: Vec<String>,
    /// Where `path = "write"` may point.
    pub write: Vec<String>,
    /// Secret places beside the built-in catalogue (globs).
    pub secret: Vec<String>,
    /// Whether the built-in catalogue applies (`"+defaults"`).
    pub defaults: bool,
}

/// What a `path` constraint asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Under one of `[paths] read` or `write`.
    Read,
    /// Under one of `[paths] write`.
    Write,
}

/// What the file system said: path to resolved path. Every question of
/// [`PathGuard::questions`] has to have its answer: a path without one is
/// refused as `unresolvable-path`.
#[derive(Debug, Clone, Default)]
pub struct PathFacts(pub BTreeMap<String, PathFact>);

impl PathFacts {
    /// The answers of a file system without symbolic links, for callers that
    /// have none at hand (`lockgate explain` for another machine).
    pub fn without_links(questions: &BTreeSet<String>) -> Self {
        let answer = |q: &String| (q.clone(), PathFact::Resolved(lexical::folded(q)));
        Self(questions.iter().map(answer).collect())
    }
}

/// What one path resolves to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathFact {
    /// Symbolic links of the deepest existing ancestor resolved.
    Resolved(String),
    /// Could not be told (a loop, no permission): the guard denies.
    Unknown(String),
}

/// Judges paths against the catalogue of secret places and the policy's roots.
#[derive(Debug, Clone)]
pub struct PathGuard {
    host: HostFacts,
    rules: PathRules,
    place: judge::Whereabouts,
}

impl PathGuard {
    /// Takes the facts and the rules; the catalogue is shared and split at its
    /// first use, so that this costs microseconds.
    pub fn new(host: HostFacts, rules: PathRules) -> Self {
        let place = judge::Whereabouts::of(&host);
        let secret = rules.secret.iter().map(|s| s.to_lowercase()).collect();
        Self {
            host,
            rules: PathRules { secret, ..rules },
            place,
        }
    }

    /// Every string of `arguments` that is or may be a path. `schema` is the
    /// pinned input schema, where there is one.
    pub fn candidates(
        &self,
        tool: &str,
        arguments: Json<'_>,
        schema: Option<Json<'_>>,
    ) -> Vec<Candidate> {
        candidate::all(
            collect::Collector::new(tool).arguments(arguments, schema),
            &self.host,
        )
    }

    /// The same for a resource uri.
    pub fn candidates_of_uri(&self, uri: &str) -> Vec<Candidate> {
        candidate::of_uri(uri, &self.host)
    }

    /// A value under a `path` constraint: always a path, whatever its shape.
    pub fn candidate_of_path(&self, at: &str, value: &str) -> Candidate {
        candidate::of_path(at, value, &self.host)
    }

    /// The absolute paths whose resolution `inspect` and `within` need.
    pub fn questions(&self, candidates: &[Candidate]) -> BTreeSet<String> {
        let mut questions: BTreeSet<String> = candidates
            .iter()
            .flat_map(|c| c.asked.iter().cloned())
            .collect();
        if !questions.is_empty() {
            questions.extend(self.rules.read.iter().chain(&self.rules.write).cloned());
        }
        questions
    }

    /// What reaches a secret place or lockgate's own files, lexically or
    /// resolved. Codes: `secret-place`, `self-protection`, `unresolvable-path`.
    pub fn inspect(&self, candidates: &[Candidate], facts: &PathFacts) -> Vec<Finding> {
        judge::inspect(self, candidates, facts)
    }

    /// Whether `dir` may be proposed as one of the roots in `[paths]`.
    pub fn is_harmless_root(&self, dir: &str) -> bool {
        judge::is_harmless_root(self, dir)
    }

    /// Whether a value under a `path` constraint lies within the roots, both
    /// lexically and resolved, and in no secret place. The error says why not.
    pub fn within(&self, value: &str, access: Access, facts: &PathFacts) -> Result<(), String> {
        within::within(self, value, access, facts)
    }
}
