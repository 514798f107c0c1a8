//! What a tool does and what an argument is for, told by their names.
//!
//! A name is only a hint that decides how closely a string is read, never
//! whether an absolute path counts: see the decision table in the parent.

mod purpose;

use crate::engine::message::Json;
use std::collections::BTreeMap;
use std::sync::LazyLock;

pub(crate) use purpose::{Purpose, changes, purpose};

/// What a string is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Names a file, a directory or a uri.
    Path,
    /// A glob or a name to look for.
    Pattern,
    /// A command line, or words of one.
    Command,
    /// Program text.
    Code,
    /// Text that is stored, sent or shown.
    Content,
    /// A description of workloads, such as those of Kubernetes.
    Manifest,
    /// What to leave out, or what to look for inside files.
    Aside,
    /// Cannot be told.
    Neutral,
}

/// What a tool does, as far as its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    /// Runs what it is given.
    Executes,
    /// Stores or sends text that it is given.
    Writes,
    /// Changes files in any way.
    Changes,
    /// Takes files away from where they are.
    Removes,
    /// Goes through everything below a directory.
    Descends,
    /// Looks inside files.
    Greps,
    /// Looks at text or code without running it.
    Reviews,
    /// Searches something that its name does not call files.
    Seeks,
    /// Works in the pages of a browser.
    Browses,
    /// Keeps a graph of named things; the names are no files.
    Relates,
    /// Runs SQL.
    Queries,
    /// Copies, and leaves alone what it copies.
    Copies,
}

/// All that a tool does.
#[derive(Debug, Clone, Default)]
pub(super) struct Nature(Vec<Deed>);

/// A set of the word lists below, a bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Lists(u32);

/// Gives each list of words its bit, and all of them to the lexicon.
macro_rules! lists {
    (@bits $bit:expr;) => {};
    (@bits $bit:expr; $(#[$doc:meta])* $name:ident $($rest:tt)*) => {
        $(#[$doc])*
        const $name: Lists = Lists(1 << ($bit));
        lists!(@bits $bit + 1; $($rest)*);
    };
    ($($(#[$doc:meta])* $name:ident = $words:literal;)*) => {
        lists!(@bits 0_u32; $($(#[$doc])* $name)*);
        const LISTS: &[(Lists, &str)] = &[$(($name, $words)),*];
    };
}

lists! {
    EXECUTES = "
        exec execute run shell bash sh zsh terminal command commands cmd powershell pwsh python
        eval evaluate repl script spawn subprocess console ssh interpreter jupyter notebook cell
        sandbox tmux kubectl node ruby perl osascript applescript
    ";
    WRITES = "
        write create edit update append save insert add commit post send comment put replace
        patch draft remember store modify reply publish tag push upsert
    ";
    CHANGES = "
        move rename delete remove copy mv cp rm mkdir touch chmod install download extract unzip
        link symlink overwrite truncate set
    ";
    DESCENDS = "
        tree recursive recursively search find grep glob ripgrep rg walk archive zip tar
        compress backup copy cp move mv sync upload index scan ingest crawl pack bundle snapshot
        rename concat collect harvest inventory export
    ";
    REVIEWS = "
        review lint format explain highlight parse analyze analyse check translate convert
        summarize summarise embed count validate render preview
    ";
    PATHS = "
        path paths file files filename filenames filepath filepaths dir dirs directory
        directories folder folders root roots cwd src source sources dst dest destination target
        targets location uri uris url urls database db dbpath workspace workdir repo repository
        attachment attachments image images document documents keyfile cert certificate config
        revision rev ref object input output from to base link href resource archive mount
        volume volumes kubeconfig identity logfile entry entries
    ";
    PATTERNS = "pattern patterns glob globs include includes wildcard mask matching extension";
    COMMANDS = "
        command commands cmd cmds cmdline script scripts args argv arguments shell bash exec
        executable program entrypoint flags commandline stdin keys keystrokes
    ";
    CODES = "code snippet expression expr js javascript python cell function eval";
    CONTENTS = "
        content contents text texts body message messages msg description title summary comment
        comments prompt markdown html note notes string str observation observations thought
        thoughts question answer reason reasoning explanation context instructions subject
        caption details label abstract diff patch replacement old new after before remarks plan
        task readme changelog doc docs labels tags term terms word words keyword keywords topic
        topics status assignees
    ";
    ASIDES = "
        exclude excludes excluded excluding ignore ignores ignored skip omit without branch
        branches substring
    ";
    /// Tools of a knowledge graph, such as `create_relations` and `open_nodes`.
    RELATES = "nodes entity entities relation relations observation observations";
    /// Words of arguments that are paths whatever else their name says.
    NAMES_PATHS = "path paths file files dir directory folder uri";
    /// Words of tools that look for files by name.
    NAMES_FILES = "file files filename filenames name names path paths dir directory directories glob find";
    REMOVES = "move rename delete remove mv rm rmdir unlink erase";
    GREPS = "grep ripgrep rg ack";
    SEARCHES = "search";
    /// What a search looks into, where it does not look for names.
    INSIDES = "code content contents text regex";
    EXPRESSIONS = "regex regexp";
    SEEKS = "search query rag retrieve recall";
    BROWSES = "browser playwright puppeteer";
    MODES = "type mode kind";
    /// Ends of an edge, and what they are called.
    EDGES = "from to name names";
    /// What a search inside files looks for.
    SOUGHT = "pattern patterns query regex search expression";
    /// The branch that a pull request comes from.
    HEAD = "head";
    MANIFESTS = "manifest manifests yaml";
    QUERIES = "q query queries search phrase";
    /// Words of arguments that hold SQL.
    STATEMENTS = "sql statement statements stmt";
    /// Words of tools that run it.
    DATABASES = "
        sql sqlite mysql mariadb postgres postgresql pg psql duckdb db database oracle mssql
        clickhouse bigquery snowflake redshift trino
    ";
    /// The last word of such tools: `read_query`.
    RUNS_QUERY = "query queries";
    /// What is copied and stays as it is.
    SOURCES = "source sources src from input inputs";
    COPIES = "copy cp duplicate";
}

/// Which lists each word is on. Every argument of every call is looked up in
/// all of them, so that it has to be one search.
static LEXICON: LazyLock<BTreeMap<&'static str, Lists>> = LazyLock::new(|| {
    let mut lexicon = BTreeMap::<_, Lists>::new();
    for (list, words) in LISTS {
        for word in words.split_ascii_whitespace() {
            lexicon.entry(word).or_default().0 |= list.0;
        }
    }
    lexicon
});

/// What is known of the words of a name: `newText`, `new_text` and `new-text`
/// are two words.
#[derive(Debug, Clone, Copy, Default)]
struct Words {
    /// The lists that any of them is on.
    any: Lists,
    /// The lists that the last one is on.
    last: Lists,
    count: usize,
}

impl Words {
    fn of(name: &str) -> Self {
        let mut words = Self::default();
        let mut word = String::new();
        let mut was_lower = false;
        for c in name.chars().take(128) {
            if !c.is_alphanumeric() {
                words.end(&mut word);
                continue;
            }
            if c.is_uppercase() && was_lower {
                words.end(&mut word);
            }
            was_lower = c.is_lowercase() || c.is_ascii_digit();
            if c.is_ascii() {
                word.push(c.to_ascii_lowercase());
            } else {
                word.extend(c.to_lowercase());
            }
        }
        words.end(&mut word);
        words
    }

    fn end(&mut self, word: &mut String) {
        if word.is_empty() {
            return;
        }
        self.last = LEXICON.get(word.as_str()).copied().unwrap_or_default();
        self.any.0 |= self.last.0;
        self.count = self.count.saturating_add(1);
        word.clear();
    }

    fn any(self, of: Lists) -> bool {
        self.any.0 & of.0 != 0
    }

    fn last(self, of: Lists) -> bool {
        self.last.0 & of.0 != 0
    }
}

/// Whether `word` is one of a list written as text.
pub(super) fn listed(list: &str, word: &str) -> bool {
    // A search over the text is several times as fast as splitting it.
    let (list, word) = (list.as_bytes(), word.as_bytes());
    let ends = |at: usize| list.get(at).is_none_or(u8::is_ascii_whitespace);
    !word.is_empty()
        && memchr::memmem::find_iter(list, word).any(|at| {
            let before = at.checked_sub(1);
            before.is_none_or(ends) && ends(at.saturating_add(word.len()))
        })
}

impl Nature {
    /// Reads a tool's name.
    pub(super) fn of(tool: &str) -> Self {
        let words = Words::of(tool);
        let greps = words.any(GREPS)
            || (words.any(SEARCHES) && words.any(INSIDES))
            || (words.any(EXPRESSIONS) && !words.any(NAMES_FILES));
        let deeds = [
            (Deed::Executes, words.any(EXECUTES)),
            (Deed::Writes, words.any(WRITES)),
            (Deed::Changes, words.any(WRITES) || words.any(CHANGES)),
            (Deed::Removes, words.any(REMOVES)),
            (Deed::Descends, words.any(DESCENDS)),
            (Deed::Greps, greps),
            (Deed::Reviews, words.any(REVIEWS)),
            (Deed::Seeks, words.any(SEEKS) && !words.any(NAMES_FILES)),
            (Deed::Browses, words.any(BROWSES)),
            (Deed::Relates, words.any(RELATES)),
            (Deed::Copies, words.any(COPIES) && !words.any(REMOVES)),
            (
                Deed::Queries,
                words.any(DATABASES) || words.last(RUNS_QUERY),
            ),
        ];
        Self(
            deeds
                .into_iter()
                .filter_map(|(deed, does)| does.then_some(deed))
                .collect(),
        )
    }

    /// Whether the arguments say what the name leaves open: `start_search` with
    /// `searchType: "content"` looks inside files. Where the schema has that
    /// argument it is believed from here on; a caller can always invent one.
    pub(super) fn learn(&mut self, arguments: Json<'_>, schema: Option<Json<'_>>) -> bool {
        if !self.does(Deed::Seeks) {
            return false;
        }
        let mut inside = false;
        for (key, value) in arguments.members() {
            let chooses = Words::of(&key).last(MODES);
            let says_so = |v: &str| listed("content contents text grep regex", &v.to_lowercase());
            if chooses && value.as_str().is_some_and(|v| says_so(&v)) {
                inside = true;
                if schema_of(schema, &key).is_some() {
                    self.0.push(Deed::Greps);
                }
            }
        }
        inside
    }

    /// Whether the tool does that.
    pub(super) fn does(&self, deed: Deed) -> bool {
        self.0.contains(&deed)
    }
}

impl Role {
    /// The role of an argument by its name; `outer` is that of the object or
    /// array around it, and its schema may say more.
    pub(super) fn of(key: &str, outer: Self, nature: &Nature, schema: Option<Json<'_>>) -> Self {
        let by_name = Self::named(Words::of(key), nature);
        if by_name == Self::Neutral || by_name == Self::Content {
            if schema.is_some_and(says_path) {
                return Self::Path;
            }
            if by_name == Self::Neutral {
                return outer;
            }
        }
        by_name
    }

    fn named(words: Words, nature: &Nature) -> Self {
        if words.any(ASIDES) {
            return Self::Aside;
        }
        let is = |list: Lists| words.last(list);
        if is(HEAD) && words.count == 1 {
            return Self::Aside;
        }
        if nature.does(Deed::Relates) && is(EDGES) && !words.any(NAMES_PATHS) {
            return Self::Aside;
        }
        if nature.does(Deed::Greps) && is(SOUGHT) && words.count == 1 {
            return Self::Aside;
        }
        if is(CODES) {
            return Self::Code;
        }
        if is(COMMANDS) {
            return Self::Command;
        }
        if is(PATTERNS) {
            return Self::Pattern;
        }
        if is(CONTENTS) {
            return Self::Content;
        }
        if is(MANIFESTS) {
            return Self::Manifest;
        }
        if is(PATHS) || words.any(NAMES_PATHS) {
            return Self::Path;
        }
        Self::Neutral
    }
}

/// Whether the schema of one argument says that it is a path.
fn says_path(schema: Json<'_>) -> bool {
    let text = |key: &str| {
        schema
            .get(key)
            .and_then(Json::as_str)
            .map(|s| s.to_lowercase())
    };
    if let Some(format) = text("format")
        && matches!(
            format.as_str(),
            "path" | "file-path" | "filepath" | "directory-path" | "uri" | "file" | "uri-reference"
        )
    {
        return true;
    }
    text("description").is_some_and(|d| {
        [
            "path to ",
            "path of ",
            "file path",
            "filepath",
            "file name",
            "filename",
            "absolute path",
            "relative path",
            "directory to ",
            "file to ",
        ]
        .iter()
        .any(|hint| d.contains(hint))
    })
}

/// Whether text under this name may be typed into a terminal.
pub(super) fn is_typed(key: &str) -> bool {
    listed("text string str term words body", &key.to_lowercase())
}

/// Whether an argument holds what a search looks for.
pub(super) fn is_query(key: &str) -> bool {
    Words::of(key).last(QUERIES)
}

/// Whether an argument holds SQL by its name.
pub(super) fn is_statement(key: &str) -> bool {
    Words::of(key).any(STATEMENTS)
}

/// Whether an argument names what is copied from.
pub(super) fn is_source(key: &str) -> bool {
    Words::of(key).any(SOURCES)
}

/// The schema of a member, and of an item.
pub(super) fn schema_of<'a>(schema: Option<Json<'a>>, key: &str) -> Option<Json<'a>> {
    schema?.get("properties")?.get(key)
}

/// The schema of an array's items.
pub(super) fn schema_of_items(schema: Option<Json<'_>>) -> Option<Json<'_>> {
    schema?.get("items")
}
