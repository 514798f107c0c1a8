//! From recorded requests to what is learned from.

use super::value::Value;
use crate::engine::guard::paths::PathGuard;
use crate::engine::mask;
use crate::engine::message::Json;
use crate::traffic::Entry;
use std::collections::BTreeMap;

/// Longest example in a comment, in characters.
const EXAMPLE: usize = 80;

/// Why nothing is learned of a name.
pub(super) const ODD_NAME: &str = "its name has a letter that no name in a rule has";

/// Whether a rule would take a name as it is: `*` makes a pattern of it.
pub(super) fn is_plain_name(name: &str) -> bool {
    !name.is_empty() && !name.contains('*') && !name.contains(char::is_control)
}

/// A call of a tool.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) agent: String,
    pub(super) user: Option<String>,
    pub(super) server: String,
    pub(super) tool: String,
    pub(super) time: String,
    pub(super) arguments: Value,
    /// Arguments that are paths, by their pointers.
    pub(super) paths: BTreeMap<String, Reached>,
    /// Its arguments, masked.
    pub(super) example: String,
}

/// What an argument that is a path may stand for.
#[derive(Debug, Clone)]
pub(super) struct Reached {
    pub(super) places: Vec<String>,
    /// The tool changes what is there.
    pub(super) writes: bool,
}

impl Call {
    /// Reads a recorded call; the error says why nothing is learned from it.
    pub(super) fn of(
        entry: &Entry,
        guard: &PathGuard,
        schema: Option<Json<'_>>,
    ) -> Result<Self, String> {
        if let Some(why) = entry.obscured() {
            return Err(why.to_owned());
        }
        // A policy takes some letters in a tool's name for a mistake.
        if !is_plain_name(&entry.name) || entry.name.contains(['?', '[', ']', '{', '}']) {
            return Err(ODD_NAME.to_owned());
        }
        let root = entry.arguments.as_ref().map(|document| document.root());
        let arguments = root.map_or_else(|| Value::Map(BTreeMap::new()), Value::of);
        if arguments.holds_secret("") {
            return Err("it holds a secret".to_owned());
        }
        let example = root.map(|root| serde_json::to_string(&mask::mask(root)));
        let example: String = example.and_then(Result::ok).unwrap_or_default();
        let clipped: String = example.chars().take(EXAMPLE).collect();
        Ok(Self {
            agent: entry.agent.to_string(),
            user: entry.user.clone(),
            server: entry.server.to_string(),
            tool: entry.name.clone(),
            time: entry.time.clone(),
            paths: root.map_or_else(BTreeMap::new, |root| {
                paths(&entry.name, root, guard, schema)
            }),
            example: if clipped.len() < example.len() {
                format!("{clipped}…")
            } else {
                clipped
            },
            arguments,
        })
    }
}

/// What the name of an argument that is a path contains. The guard takes more
/// names for one, to be safe: `repo` may be a directory, and is most often not.
const PATH_NAMES: [&str; 10] = [
    "path", "file", "dir", "folder", "source", "dest", "cwd", "root", "uri", "location",
];

/// Whether the value at a pointer is a path by the name of its argument.
fn is_named_path(at: &str) -> bool {
    let name = at
        .rsplit('/')
        .find(|part| !part.chars().all(|c| c.is_ascii_digit()));
    let name = name.unwrap_or_default().to_lowercase();
    PATH_NAMES.iter().any(|word| name.contains(word))
}

/// The strings that are paths as a whole: by their role, or since they begin
/// like one.
fn paths(
    tool: &str,
    arguments: Json<'_>,
    guard: &PathGuard,
    schema: Option<Json<'_>>,
) -> BTreeMap<String, Reached> {
    let mut strings = BTreeMap::new();
    walk(arguments, String::new(), &mut strings);
    let mut found: BTreeMap<String, Reached> = BTreeMap::new();
    for candidate in guard.candidates(tool, arguments, schema) {
        let Some(text) = strings.get(&candidate.at) else {
            continue;
        };
        let absolute = text.starts_with(['/', '~']) && !text.contains(char::is_whitespace);
        let named = candidate.is_named() && is_named_path(&candidate.at);
        let begins = ["./", "../", "file:"]
            .iter()
            .any(|start| text.starts_with(start));
        let is_path = named || absolute || (begins && candidate.is_named());
        if !is_path {
            continue;
        }
        let at = candidate.at.clone();
        let places = || guard.candidate_of_path(&candidate.at, text).spellings;
        let reached = found.entry(at).or_insert_with(|| Reached {
            places: places(),
            writes: false,
        });
        reached.writes |= candidate.is_changed();
    }
    found.retain(|_, reached| !reached.places.is_empty());
    found
}

fn walk(value: Json<'_>, at: String, strings: &mut BTreeMap<String, String>) {
    if let Some(text) = value.as_str() {
        strings.insert(at, text.into_owned());
        return;
    }
    for (n, item) in value.items().enumerate() {
        walk(item, format!("{at}/{n}"), strings);
    }
    for (key, member) in value.members() {
        let key = key.replace('~', "~0").replace('/', "~1");
        walk(member, format!("{at}/{key}"), strings);
    }
}
