//! One constraint in its raw form.

use super::reader::{self, Entry, Keys, Reader};
use super::{Access, At, Decimal, List, Literal, Text};
use toml::de::{DeTable, DeValue};

/// What one value has to be.
#[derive(Debug)]
pub(in crate::engine::policy) enum RawConstraint {
    OneOf(Vec<At<Literal>>),
    Equals(Literal),
    Matches(String),
    Glob(String),
    Min(Decimal, String),
    Max(Decimal, String),
    MinLen(u64),
    MaxLen(u64),
    MinItems(u64),
    MaxItems(u64),
    Path(Access),
    Host(List),
    Url(RawUrl),
    Email(RawEmail),
    Command(RawCommand),
    Sql(RawSql),
    Secrets,
    Each(RawAll),
    AnyOf(Vec<RawAll>),
    Not(RawAll),
}

/// Constraints that must hold together.
pub(in crate::engine::policy) type RawAll = Vec<At<RawConstraint>>;

/// `url = ...`
#[derive(Debug)]
pub(in crate::engine::policy) enum RawUrl {
    Patterns(List),
    Parts {
        schemes: Option<List>,
        hosts: Option<List>,
        ports: Option<Vec<At<u64>>>,
        paths: Option<List>,
        private: bool,
    },
}

/// `email = ...`
#[derive(Debug)]
pub(in crate::engine::policy) enum RawEmail {
    Patterns(List),
    Domains(Option<List>),
}

/// `command = { ... }`
#[derive(Debug, Default)]
pub(in crate::engine::policy) struct RawCommand {
    pub(in crate::engine::policy) programs: Option<List>,
    pub(in crate::engine::policy) args: Option<List>,
    pub(in crate::engine::policy) shell: bool,
}

/// `sql = { ... }`
#[derive(Debug, Default)]
pub(in crate::engine::policy) struct RawSql {
    pub(in crate::engine::policy) statements: Option<List>,
    pub(in crate::engine::policy) tables: Option<List>,
    pub(in crate::engine::policy) functions: Option<List>,
    pub(in crate::engine::policy) dialect: Option<Text>,
}

const CONSTRAINT: Keys = Keys {
    table: "a constraint",
    known: &[
        "one_of",
        "equals",
        "matches",
        "glob",
        "min",
        "max",
        "min_len",
        "max_len",
        "min_items",
        "max_items",
        "absent",
        "path",
        "host",
        "url",
        "email",
        "command",
        "sql",
        "secrets",
        "each",
        "any_of",
        "not",
        "optional",
    ],
    later: &[],
};
const URL: Keys = Keys {
    table: "`url`",
    known: &["schemes", "hosts", "ports", "paths", "private"],
    later: &[],
};
const EMAIL: Keys = Keys {
    table: "`email`",
    known: &["domains"],
    later: &[],
};
const COMMAND: Keys = Keys {
    table: "`command`",
    known: &["programs", "args", "shell"],
    later: &[],
};
const SQL: Keys = Keys {
    table: "`sql`",
    known: &["statements", "tables", "functions", "dialect"],
    later: &[],
};

impl Reader<'_> {
    pub(super) fn constraint(&mut self, entry: &Entry<'_, '_>) -> Option<RawConstraint> {
        Some(match entry.key {
            "one_of" => self.one_of(entry)?,
            "equals" => RawConstraint::Equals(self.literal(entry)?.value),
            "matches" => RawConstraint::Matches(self.text(entry)?.value),
            "glob" => RawConstraint::Glob(self.text(entry)?.value),
            "min" => {
                let (number, spelled) = self.number(entry)?;
                RawConstraint::Min(number, spelled)
            }
            "max" => {
                let (number, spelled) = self.number(entry)?;
                RawConstraint::Max(number, spelled)
            }
            "min_len" => RawConstraint::MinLen(self.count(entry)?),
            "max_len" => RawConstraint::MaxLen(self.count(entry)?),
            "min_items" => RawConstraint::MinItems(self.count(entry)?),
            "max_items" => RawConstraint::MaxItems(self.count(entry)?),
            "path" => {
                let words = [("read", Access::Read), ("write", Access::Write)];
                RawConstraint::Path(self.word(entry, &words, &[])?)
            }
            "secrets" => {
                self.word(entry, &[("deny", ())], &[])?;
                RawConstraint::Secrets
            }
            "host" => RawConstraint::Host(self.text_or_list(entry)?),
            "url" => RawConstraint::Url(self.url(entry)?),
            "email" => RawConstraint::Email(self.email(entry)?),
            "command" => RawConstraint::Command(self.command(entry)?),
            "sql" => RawConstraint::Sql(self.sql(entry)?),
            "each" => RawConstraint::Each(self.nested(entry)?),
            "not" => RawConstraint::Not(self.nested(entry)?),
            "any_of" => self.any_of(entry)?,
            _ => {
                self.unknown(entry, &CONSTRAINT);
                return None;
            }
        })
    }

    /// The same with its place.
    pub(super) fn spanned(&mut self, entry: &Entry<'_, '_>) -> Option<At<RawConstraint>> {
        self.constraint(entry).map(|value| At {
            value,
            span: entry.key_span.start..entry.span().end,
        })
    }

    fn one_of(&mut self, entry: &Entry<'_, '_>) -> Option<RawConstraint> {
        let DeValue::Array(items) = entry.value.get_ref() else {
            let help = "write `one_of = [\"a\", \"b\"]`, or `equals` for a single value";
            self.problems
                .error(entry.span(), "expected `one_of` to be a list", help);
            return None;
        };
        let mut literals = Vec::new();
        for value in items {
            let item = Entry {
                key: entry.key,
                key_span: entry.key_span.clone(),
                value,
            };
            literals.push(self.literal(&item)?);
        }
        Some(RawConstraint::OneOf(literals))
    }

    /// A table of constraints inside of a constraint. As deep as the parser
    /// lets a policy be, which is bounded.
    fn nested(&mut self, entry: &Entry<'_, '_>) -> Option<RawAll> {
        let table = self.table(entry)?;
        if table.is_empty() {
            let message = format!("`{}` says nothing about the value", entry.key);
            let help = "write a constraint into it, such as `{ max_len = 100 }`";
            self.problems.error(entry.span(), message, help);
            return None;
        }
        let mut all = Vec::new();
        let mut whole = true;
        for one in reader::entries(table) {
            if matches!(one.key, "optional" | "absent") {
                let message = format!("`{}` is about an argument, not about a value", one.key);
                let help = "write it beside the pointer's own constraints";
                self.problems.error(one.key_span.clone(), message, help);
                whole = false;
                continue;
            }
            match self.spanned(&one) {
                Some(constraint) => all.push(constraint),
                None => whole = false,
            }
        }
        // A hole would make it another constraint.
        whole.then_some(all)
    }

    fn any_of(&mut self, entry: &Entry<'_, '_>) -> Option<RawConstraint> {
        let items = match entry.value.get_ref() {
            DeValue::Array(items) if !items.is_empty() => items,
            _ => {
                let help = "write `any_of = [{ equals = \"a\" }, { glob = \"b/*\" }]`";
                let message = "expected `any_of` to be a list of constraints";
                self.problems.error(entry.span(), message, help);
                return None;
            }
        };
        let mut all = Vec::new();
        for value in items {
            let item = Entry {
                key: entry.key,
                key_span: entry.key_span.clone(),
                value,
            };
            all.push(self.nested(&item));
        }
        Some(RawConstraint::AnyOf(
            all.into_iter().collect::<Option<_>>()?,
        ))
    }

    fn text_or_list(&mut self, entry: &Entry<'_, '_>) -> Option<List> {
        if let DeValue::Array(_) = entry.value.get_ref() {
            return self.full_list(entry);
        }
        self.text(entry).map(|text| At {
            span: text.span.clone(),
            value: vec![text],
        })
    }

    /// Where a table stands in the place of a text or a list.
    fn parts<'t, 'i>(&mut self, entry: &Entry<'t, 'i>) -> Option<&'t DeTable<'i>> {
        let DeValue::Table(table) = entry.value.get_ref() else {
            return None;
        };
        if table.is_empty() {
            let message = format!("`{}` says nothing about the value", entry.key);
            let help = "write into it what the value has to be";
            self.problems.error(entry.span(), message, help);
        }
        Some(table)
    }

    fn url(&mut self, entry: &Entry<'_, '_>) -> Option<RawUrl> {
        let Some(table) = self.parts(entry) else {
            return self.text_or_list(entry).map(RawUrl::Patterns);
        };
        let (mut schemes, mut hosts, mut paths, mut ports) = (None, None, None, None);
        let mut private = false;
        for one in reader::entries(table) {
            match one.key {
                "schemes" => schemes = self.full_list(&one),
                "hosts" => hosts = self.full_list(&one),
                "paths" => paths = self.full_list(&one),
                "ports" => ports = self.counts(&one),
                "private" => private = self.boolean(&one)?.value,
                _ => self.unknown(&one, &URL),
            }
        }
        Some(RawUrl::Parts {
            schemes,
            hosts,
            ports,
            paths,
            private,
        })
    }

    fn counts(&mut self, entry: &Entry<'_, '_>) -> Option<Vec<At<u64>>> {
        let items = match entry.value.get_ref() {
            DeValue::Array(items) if !items.is_empty() => items,
            _ => {
                let message = format!("expected `{}` to be a list of numbers", entry.key);
                let help = format!("write `{} = [443]`", entry.key);
                self.problems.error(entry.span(), message, help);
                return None;
            }
        };
        let mut counts = Vec::new();
        for value in items {
            let item = Entry {
                key: entry.key,
                key_span: entry.key_span.clone(),
                value,
            };
            counts.extend(self.count(&item).map(|count| At {
                value: count,
                span: value.span(),
            }));
        }
        Some(counts)
    }

    fn email(&mut self, entry: &Entry<'_, '_>) -> Option<RawEmail> {
        let Some(table) = self.parts(entry) else {
            return self.text_or_list(entry).map(RawEmail::Patterns);
        };
        let mut domains = None;
        for one in reader::entries(table) {
            match one.key {
                "domains" => domains = self.full_list(&one),
                _ => self.unknown(&one, &EMAIL),
            }
        }
        Some(RawEmail::Domains(domains))
    }

    fn command(&mut self, entry: &Entry<'_, '_>) -> Option<RawCommand> {
        let mut command = RawCommand::default();
        for one in reader::entries(self.table(entry)?) {
            match one.key {
                "programs" => command.programs = self.full_list(&one),
                "args" => command.args = self.list(&one),
                "shell" => command.shell = self.boolean(&one)?.value,
                _ => self.unknown(&one, &COMMAND),
            }
        }
        Some(command)
    }

    fn sql(&mut self, entry: &Entry<'_, '_>) -> Option<RawSql> {
        let mut sql = RawSql::default();
        for one in reader::entries(self.table(entry)?) {
            match one.key {
                "statements" => sql.statements = self.full_list(&one),
                "tables" => sql.tables = self.list(&one),
                "functions" => sql.functions = self.full_list(&one),
                "dialect" => sql.dialect = self.text(&one),
                _ => self.unknown(&one, &SQL),
            }
        }
        Some(sql)
    }
}
