//! From the arguments of a call to the strings that may be paths.
//!
//! One walk over the JSON, each string read by its role and shape (the table
//! in the parent), then the relative ones are also placed below every other
//! directory that the call names: `{dir: "/home/u/.ssh", file: "id_rsa"}`.

mod strings;

use super::command;
use super::role::{self, Deed, Nature, Role};
use super::shape;
use crate::engine::message::{Json, Kind};

/// Deepest JSON inside strings inside JSON.
const NESTED: usize = 4;

/// A string that may be a path, as written.
#[derive(Debug, Clone, Default)]
pub(super) struct Raw {
    /// JSON Pointer.
    pub(super) at: String,
    /// The string.
    pub(super) text: String,
    /// How it is meant.
    pub(super) manner: Manner,
}

/// What happens to what a string names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Effect {
    /// It is read, or this cannot be told.
    #[default]
    Read,
    /// It is written to, or otherwise changed.
    Change,
    /// It goes away, with all below it.
    Remove,
}

/// How a string is meant, as far as the call tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "one for each thing that a call can tell; any of them may come together"
)]
pub(super) struct Manner {
    /// Something besides the string itself says that a file is meant.
    pub(super) named: bool,
    /// What happens to what it names.
    pub(super) effect: Effect,
    /// Everything below it is read, narrowed to names where there are some.
    pub(super) walk: Option<Vec<String>>,
    /// What the walk finds is read, not only listed.
    pub(super) opens: bool,
    /// The directory that a script went to before.
    pub(super) from: Option<String>,
    /// It is what a search by name looks for.
    pub(super) sought: bool,
    /// A part of a longer string; the file system is not asked about it.
    pub(super) part: bool,
    /// Nothing of what is in it comes back: it is listed, made or taken away.
    pub(super) blind: bool,
    /// The same wherever it is, and it stays as it is: it is shut, or used.
    pub(super) kept: bool,
    /// A program that prints a secret, and what it prints.
    pub(super) tells: Option<&'static str>,
    /// It cannot be judged and why.
    pub(super) opaque: Option<&'static str>,
}

/// Collects from one call.
pub(super) struct Collector {
    nature: Nature,
    at: Vec<String>,
    pub(super) found: Vec<Raw>,
    /// Name patterns that narrow a search.
    narrowed: Vec<String>,
    /// What is looked for stands inside files: the call says so, or what it
    /// looks for is a regular expression by its form.
    inside: bool,
    /// Something asks for everything below a directory.
    deep: bool,
    nested: usize,
}

impl Collector {
    pub(super) fn new(tool: &str) -> Self {
        let nature = Nature::of(tool);
        Self {
            deep: nature.does(Deed::Descends),
            nature,
            at: Vec::new(),
            found: Vec::new(),
            narrowed: Vec::new(),
            inside: false,
            nested: 0,
        }
    }

    /// Reads all arguments.
    pub(super) fn arguments(mut self, arguments: Json<'_>, schema: Option<Json<'_>>) -> Vec<Raw> {
        self.inside = self.nature.learn(arguments, schema);
        self.value(arguments, Role::Neutral, schema);
        if self.deep {
            let narrowed = std::mem::take(&mut self.narrowed);
            for raw in &mut self.found {
                if (raw.manner.named || shape::is_anchored(&raw.text))
                    && !raw.manner.part
                    && raw.manner.walk.is_none()
                    && !is_target(&raw.at)
                {
                    raw.manner.walk = Some(if self.inside || self.nature.does(Deed::Greps) {
                        Vec::new()
                    } else {
                        narrowed.clone()
                    });
                }
            }
        }
        self.found
    }

    fn value(&mut self, value: Json<'_>, role: Role, schema: Option<Json<'_>>) {
        match value.kind() {
            Kind::String => self.string(value, role),
            Kind::Array => self.array(value, role, schema),
            Kind::Object => self.object(value, role, schema),
            Kind::Bool | Kind::Number | Kind::Null => {}
        }
    }

    fn object(&mut self, value: Json<'_>, role: Role, schema: Option<Json<'_>>) {
        let program = ["command", "cmd", "program", "executable", "bin"]
            .iter()
            .find_map(|k| value.get(k)?.as_str());
        for (key, member) in value.members() {
            self.at.push(escaped(&key));
            let inner = role::schema_of(schema, &key);
            let mine = Role::of(&key, role, &self.nature, inner);
            if member.as_bool() == Some(true) && key.to_ascii_lowercase().contains("recurs") {
                self.deep = true;
            }
            match &program {
                Some(program) if mine == Role::Command && member.kind() == Kind::Array => {
                    self.argv(Some(program), member);
                }
                _ => self.value(member, mine, inner),
            }
            self.key(&key);
            self.at.pop();
        }
    }

    /// A key can carry a path as well: `{"files": {"/etc/shadow": true}}`.
    fn key(&mut self, key: &str) {
        if key.contains(['/', '\\'])
            && key.len() <= 4096
            && shape::is_anchored(key)
            && shape::is_single(key)
        {
            self.push(key, Manner::default());
        }
    }

    fn array(&mut self, value: Json<'_>, role: Role, schema: Option<Json<'_>>) {
        if role == Role::Command || (role == Role::Neutral && looks_like_argv(value)) {
            self.argv(None, value);
            return;
        }
        let inner = role::schema_of_items(schema);
        let mut whole: Vec<String> = Vec::new();
        for (n, item) in value.items().enumerate() {
            self.at.push(n.to_string());
            self.value(item, role, inner);
            self.at.pop();
            if matches!(role, Role::Path | Role::Neutral)
                && whole.len() < 32
                && item.kind() == Kind::String
                && item.raw().len() < 256
            {
                whole.extend(item.as_str().map(std::borrow::Cow::into_owned));
            }
        }
        // `["/home/u", ".config", "gh", "hosts.yml"]`
        let relative = whole
            .iter()
            .skip(1)
            .all(|p| !shape::is_anchored(p) && !p.contains(char::is_whitespace) && !p.is_empty());
        if whole.len() > 1 && relative {
            self.push(
                &whole.join("/"),
                Manner {
                    part: true,
                    ..Manner::default()
                },
            );
        }
    }

    fn argv(&mut self, program: Option<&str>, value: Json<'_>) {
        let mut argv: Vec<String> = program
            .map(|p| p.split_whitespace().map(str::to_owned).collect())
            .unwrap_or_default();
        for (n, item) in value.items().enumerate() {
            self.at.push(n.to_string());
            match item.as_str() {
                Some(text) => argv.push(text.into_owned()),
                None => self.value(item, Role::Command, None),
            }
            self.at.pop();
        }
        // Without a program in front the first word is one of its arguments.
        if program.is_none()
            && !argv
                .first()
                .is_some_and(|first| shape::is_command(&format!("{first} x")))
        {
            argv.insert(0, "run".to_owned());
        }
        self.uses(command::uses_of_argv(&argv));
    }

    fn push(&mut self, text: &str, manner: Manner) {
        let at = self.at.iter().flat_map(|segment| ["/", segment]).collect();
        self.found.push(Raw {
            at,
            text: text.to_owned(),
            manner,
        });
    }
}

/// RFC 6901 escapes.
fn escaped(key: &str) -> String {
    if !key.contains(['~', '/']) {
        return key.to_owned();
    }
    key.replace('~', "~0").replace('/', "~1")
}

fn is_target(at: &str) -> bool {
    let key = at
        .rsplit('/')
        .find(|s| s.parse::<usize>().is_err())
        .unwrap_or_default()
        .to_ascii_lowercase();
    ["dest", "dst", "target", "output", "to", "new"]
        .iter()
        .any(|hint| key.starts_with(hint))
}

fn looks_like_argv(value: Json<'_>) -> bool {
    let mut items = value.items();
    items.next().and_then(Json::as_str).is_some_and(|first| {
        !first.contains(['/', '.']) && shape::is_command(&format!("{first} x"))
    }) && items
        .next()
        .and_then(Json::as_str)
        .is_some_and(|second| shape::is_argument(&second))
}

/// An address on the web; what is there is not on this machine.
pub(super) fn is_web(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else {
        return false;
    };
    if !matches!(
        scheme.trim().to_ascii_lowercase().as_str(),
        "http" | "https" | "ws" | "wss" | "s3" | "gs"
    ) {
        return false;
    }
    let host = rest
        .split(['/', '?', '#', ':'])
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    !matches!(
        host.as_str(),
        "localhost" | "127.0.0.1" | "[" | "0.0.0.0" | ""
    )
}
