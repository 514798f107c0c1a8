//! What texts with a grammar of their own have in common: SQL and command lines.
//!
//! What the constraints cannot be asked about (`PRAGMA`, `$(...)`) is listed
//! as it is, or left out where it is much: a bound on its length would let
//! anything pass. So is a program that runs whatever it is given.

use super::limit::{Command, Limit, Sql};
use super::text::{Told, count, round};
use crate::engine::message::{Document, Limits};
use crate::engine::policy::seen;
use std::collections::{BTreeMap, BTreeSet};

/// Most texts that are listed as they are.
const LISTED: usize = 8;
/// Longest of them, in characters.
const LONG: usize = 400;
/// Most arguments that are listed although each came once, and at all.
const FEW: usize = 8;
const MANY: usize = 24;
/// Most alternatives.
const ALTERNATIVES: usize = 8;

/// Why nothing is learned of some texts.
const UNREAD: &str = "has text that no constraint can be asked about: write a rule by hand";

/// Where an argument stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tool<'a> {
    pub(super) server: &'a str,
    pub(super) name: &'a str,
}

/// The dialect of an argument that is SQL, by the names of the argument, the
/// tool and the server.
fn dialect(argument: &str, tool: Tool<'_>) -> Option<&'static str> {
    let argument = argument.to_lowercase();
    let around = format!("{} {}", tool.server, tool.name).to_lowercase();
    let words: Vec<&str> = around.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let any = |parts: &[&str]| parts.iter().any(|part| around.contains(part));
    let database =
        any(&["sql", "postgres"]) || words.iter().any(|w| matches!(*w, "db" | "database" | "pg"));
    let named = argument.contains("sql")
        || (database
            && matches!(
                argument.as_str(),
                "query" | "queries" | "statement" | "statements"
            ));
    let dialect = if any(&["postgres", "psql"]) || words.contains(&"pg") {
        "postgres"
    } else if any(&["sqlite"]) {
        "sqlite"
    } else if any(&["mysql", "mariadb"]) {
        "mysql"
    } else {
        "generic"
    };
    named.then_some(dialect)
}

/// SQL; `None`: it is none.
pub(super) fn sql(
    argument: &str,
    texts: &BTreeSet<&str>,
    tool: Tool<'_>,
) -> Option<Result<Told, &'static str>> {
    let dialect = dialect(argument, tool)?;
    let mut kinds: BTreeMap<BTreeSet<&'static str>, BTreeSet<String>> = BTreeMap::new();
    let mut unread = BTreeSet::new();
    for text in texts {
        match seen::sql(text, dialect) {
            Some(seen) => kinds
                .entry(seen.statements)
                .or_default()
                .extend(seen.tables),
            None => drop(unread.insert(*text)),
        }
    }
    let tables: BTreeSet<&String> = kinds.values().flatten().collect();
    let names: BTreeSet<&str> = kinds.keys().flatten().copied().collect();
    let mut note = count(texts.len(), "text");
    if !names.is_empty() {
        let names: Vec<&str> = names.into_iter().collect();
        note = format!(
            "{note} of SQL: {} over {}",
            names.join(", "),
            count(tables.len(), "table")
        );
    }
    let alternatives = kinds.into_iter().map(|(statements, tables)| {
        vec![Limit::Sql(Sql {
            dialect,
            statements,
            tables,
        })]
    });
    Some(together(alternatives.collect(), &unread, texts, note))
}

/// One of the alternatives, or one of the texts that nobody has read.
fn together(
    mut alternatives: Vec<Vec<Limit>>,
    unread: &BTreeSet<&str>,
    texts: &BTreeSet<&str>,
    mut note: String,
) -> Result<Told, &'static str> {
    let length = |text: &&str| text.chars().count();
    if !unread.is_empty() {
        let odd = |text: &&str| {
            length(text) > LONG || text.contains(|c: char| c.is_control() && !"\n\t".contains(c))
        };
        if unread.len() > LISTED || unread.iter().any(odd) {
            return Err(UNREAD);
        }
        if !alternatives.is_empty() {
            note = format!(
                "{note}; {} listed as it stands",
                count(unread.len(), "text")
            );
        }
        alternatives.push(vec![Limit::texts(unread.iter().copied())]);
    }
    if alternatives.len() > ALTERNATIVES {
        return Err(UNREAD);
    }
    let longest = texts.iter().map(length).max().unwrap_or(0);
    let mut limits = vec![Limit::MaxLen(round(longest))];
    match <[Vec<Limit>; 1]>::try_from(alternatives) {
        Ok([only]) if matches!(only.as_slice(), [Limit::OneOf(_)]) => limits = only,
        Ok([only]) => limits.extend(only),
        Err(several) => limits.push(Limit::AnyOf(several)),
    }
    Ok(Told { limits, note })
}

/// Whether an argument is a command line by its name.
fn names_a_command(argument: &str) -> bool {
    let name = argument.to_lowercase().replace('-', "_");
    matches!(
        name.as_str(),
        "command" | "cmd" | "command_line" | "commandline" | "cmdline" | "shell_command" | "argv"
    )
}

/// Arguments that programs were given, and how many in all.
#[derive(Default)]
struct Uses<'c> {
    distinct: BTreeSet<&'c str>,
    all: usize,
    shell: bool,
}

/// Command lines; `None`: they are none.
pub(super) fn lines(argument: &str, texts: &BTreeSet<&str>) -> Option<Result<Told, &'static str>> {
    if !names_a_command(argument) {
        return None;
    }
    let read = texts.iter().map(|text| {
        let json = serde_json::Value::from(*text).to_string();
        (*text, commands(&json))
    });
    let read: Vec<_> = read.collect();
    let unread: BTreeSet<&str> = read
        .iter()
        .filter_map(|(text, commands)| commands.is_none().then_some(*text))
        .collect::<BTreeSet<_>>();
    let (alternatives, programs) = grouped(read.iter().filter_map(|(_, c)| c.as_deref()));
    let note = told(texts.len(), "command line", &programs);
    Some(together(alternatives, &unread, texts, note))
}

/// Argument vectors, each as JSON; `None`: they are none, or some cannot be read.
pub(super) fn vectors(argument: &str, lists: &[String]) -> Option<Told> {
    if !names_a_command(argument) {
        return None;
    }
    let read: Option<Vec<_>> = lists.iter().map(|json| commands(json)).collect();
    let read = read?;
    let (mut alternatives, programs) = grouped(read.iter().map(Vec::as_slice));
    let note = told(lists.len(), "argument list", &programs);
    let limits = if alternatives.len() == 1 {
        alternatives.pop()?
    } else {
        vec![Limit::AnyOf(alternatives)]
    };
    Some(Told { limits, note })
}

fn told(number: usize, what: &str, programs: &BTreeSet<String>) -> String {
    let named: Vec<_> = programs.iter().map(|name| format!("`{name}`")).collect();
    if named.is_empty() {
        return count(number, what);
    }
    format!("{} of {}", count(number, what), named.join(", "))
}

/// The commands of a value, as JSON, if all programs are worth listing.
fn commands(json: &str) -> Option<Vec<Vec<String>>> {
    let document = Document::read(json.as_bytes().to_vec(), &Limits::DEFAULT).ok()?;
    let commands = seen::commands(document.root())?;
    let fine = |command: &Vec<String>| {
        let runs = command.first().is_some_and(|p| seen::is_runner(p));
        // A `*` in a list of arguments is a pattern.
        !runs && !command.iter().any(|word| word.contains('*'))
    };
    commands.iter().all(fine).then_some(commands)
}

/// A constraint for each set of programs that came in one line.
fn grouped<'c>(
    lines: impl Iterator<Item = &'c [Vec<String>]>,
) -> (Vec<Vec<Limit>>, BTreeSet<String>) {
    let mut groups: BTreeMap<BTreeSet<&str>, Uses<'_>> = BTreeMap::new();
    for line in lines {
        let programs = line.iter().filter_map(|command| command.first());
        let uses = groups
            .entry(programs.map(String::as_str).collect())
            .or_default();
        uses.shell |= line.len() > 1;
        for argument in line.iter().flat_map(|command| command.iter().skip(1)) {
            uses.all = uses.all.saturating_add(1);
            uses.distinct.insert(argument);
        }
    }
    let named = groups.keys().flatten().map(|name| (*name).to_owned());
    let named = named.collect();
    let limits = groups.into_iter().map(|(programs, uses)| {
        let again = uses.all >= uses.distinct.len().saturating_mul(2);
        let few = uses.distinct.len() <= if again { MANY } else { FEW };
        let texts = |texts: BTreeSet<&str>| texts.into_iter().map(str::to_owned).collect();
        vec![Limit::Command(Command {
            programs: texts(programs),
            args: few.then(|| texts(uses.distinct)),
            shell: uses.shell,
        })]
    });
    (limits.collect(), named)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(found: Option<Result<Told, &'static str>>) -> String {
        match found {
            None => "not these".to_owned(),
            Some(Err(why)) => why.to_owned(),
            Some(Ok(told)) => {
                let limits: Vec<_> = told.limits.iter().map(Limit::told).collect();
                limits.join(", ")
            }
        }
    }

    #[test]
    fn sql_is_of_the_kinds_and_tables_that_were_seen() {
        let tool = |server| Tool {
            server,
            name: "query",
        };
        for (server, argument, texts, expected) in [
            (
                "pg",
                "query",
                &["SELECT 1 FROM Orders", "select a from b.c"][..],
                r#"max_len = 20, sql = { statements = ["select"], tables = ["b.c", "orders"], dialect = "postgres" }"#,
            ),
            (
                "x",
                "sql",
                &["select a from b", "delete from c"],
                r#"max_len = 20, any_of = [{ sql = { statements = ["delete"], tables = ["c"], dialect = "generic" } }, { sql = { statements = ["select"], tables = ["b"], dialect = "generic" } }]"#,
            ),
            (
                "sqlite",
                "query",
                &["select a from b", "pragma table_info(b)"],
                r#"max_len = 20, any_of = [{ sql = { statements = ["select"], tables = ["b"], dialect = "sqlite" } }, { equals = "pragma table_info(b)" }]"#,
            ),
            ("sqlite", "query", &["pragma a"], r#"equals = "pragma a""#),
            ("wiki", "query", &["select a from b"], "not these"),
            (
                "pg",
                "query",
                &["select pg_read_file('/x')"],
                r#"equals = "select pg_read_file('/x')""#,
            ),
        ] {
            let texts: BTreeSet<&str> = texts.iter().copied().collect();
            let told = shown(sql(argument, &texts, tool(server)));
            assert_eq!(told, expected, "{texts:?}");
        }
        let many: Vec<String> = (0..9).map(|n| format!("pragma a{n}")).collect();
        let many = many.iter().map(String::as_str).collect();
        assert_eq!(shown(sql("sql", &many, tool("x"))), UNREAD);
    }

    #[test]
    fn commands_are_of_the_programs_that_were_seen() {
        for (texts, expected) in [
            (
                &["git status", "git log --oneline"][..],
                r#"max_len = 20, command = { programs = ["git"], args = ["--oneline", "log", "status"] }"#,
            ),
            (
                &["git status && git diff", "ls"],
                r#"max_len = 50, any_of = [{ command = { programs = ["git"], args = ["diff", "status"], shell = true } }, { command = { programs = ["ls"], args = [] } }]"#,
            ),
            (
                &["ls a", "python -c 1"],
                r#"max_len = 20, any_of = [{ command = { programs = ["ls"], args = ["a"] } }, { equals = "python -c 1" }]"#,
            ),
            (
                &["ls a b c d e", "ls f g h i j"],
                r#"max_len = 20, command = { programs = ["ls"] }"#,
            ),
        ] {
            let texts: BTreeSet<&str> = texts.iter().copied().collect();
            assert_eq!(shown(lines("command", &texts)), expected, "{texts:?}");
        }
        let list = |text: &str| vec![text.to_owned()];
        let told = vectors("command", &list(r#"["git","log"]"#)).unwrap();
        assert_eq!(
            told.limits[0].told(),
            r#"command = { programs = ["git"], args = ["log"] }"#
        );
        assert!(vectors("command", &list(r#"["sh","-c","x"]"#)).is_none());
        assert!(vectors("words", &list(r#"["git"]"#)).is_none());
    }
}
