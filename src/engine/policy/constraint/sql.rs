//! `sql`: which kinds of statements, over which tables.
//!
//! The attack answered: `WITH x AS (DELETE ...) SELECT`, `SELECT pg_read_file()`,
//! `EXPLAIN ANALYZE DELETE`, `SELECT 1; DROP TABLE t` all begin like a query. A
//! real parser reads the text (`parse`), after a look at its tokens for what one
//! database reads and another does not; a walk over the whole tree (`walk`)
//! collects kinds, tables and functions. What neither knows cannot be told, and
//! that includes every function that is not known to compute only.
//!
//! Deliberately absent: what a view, a trigger or an operator does inside of
//! the database. Its own grants are the wall.

mod functions;
mod parse;
mod walk;

use super::{Holding, all_or_none, and};
use crate::engine::policy::pattern::Pattern;
use crate::engine::policy::seen::SqlSeen;
pub(in crate::engine::policy) use parse::Dialect;
use std::fmt;
pub(in crate::engine::policy) use walk::Statement;
use walk::{Name, Part};

/// What a policy says of SQL.
#[derive(Debug, Clone)]
pub(in crate::engine::policy) struct Queries {
    dialect: Dialect,
    /// `None`: any kind that is known.
    statements: Option<Vec<Statement>>,
    /// `None`: any tables.
    tables: Option<Vec<Table>>,
    /// Functions beside those that compute only, in lower case.
    functions: Vec<String>,
}

/// A table of a policy: a pattern for each part of its name.
#[derive(Debug, Clone)]
struct Table {
    parts: Vec<Pattern>,
    told: String,
}

impl Queries {
    /// Takes what a policy lists; the error is the number of the first table
    /// that is none.
    pub(in crate::engine::policy) fn new(
        dialect: Dialect,
        statements: Option<Vec<Statement>>,
        tables: Option<&[&str]>,
        functions: &[&str],
    ) -> Result<Self, usize> {
        let table = |(n, text): (usize, &&str)| Table::parse(text).ok_or(n);
        let tables = tables.map(|texts| texts.iter().enumerate().map(table).collect());
        Ok(Self {
            dialect,
            statements,
            tables: tables.transpose()?,
            functions: functions.iter().map(|f| f.to_ascii_lowercase()).collect(),
        })
    }

    pub(super) fn judge(&self, text: &str) -> Option<Holding> {
        let statements = parse::parse(text, self.dialect)?;
        let found = walk::walk(&statements, self.dialect)?;
        if !found.functions.iter().all(|name| self.computes(name)) {
            return None;
        }
        let kinds = match &self.statements {
            None => Holding::Yes,
            Some(listed) => {
                all_or_none(found.kinds.iter().map(|kind| listed.contains(kind).into()))
            }
        };
        let tables = match &self.tables {
            None => Holding::Yes,
            Some(_) if found.hidden => Holding::Unknown,
            Some(listed) => all_or_none(found.tables.iter().map(|name| self.table(listed, name))),
        };
        match and(kinds, tables) {
            Holding::Unknown => None,
            plain => Some(plain),
        }
    }

    fn computes(&self, name: &Name) -> bool {
        let whole = name.joined();
        if self.functions.contains(&whole) {
            return true;
        }
        let own = match whole.strip_prefix("pg_catalog.") {
            Some(own) if self.dialect == Dialect::Postgres => own,
            _ => &whole,
        };
        !name.is_quoted() && functions::computes(own)
    }

    fn table(&self, listed: &[Table], name: &Name) -> Holding {
        if listed.iter().any(|table| table.fits(name, self.dialect)) {
            Holding::Yes
        } else if listed.iter().any(|table| table.may_fit(name)) {
            Holding::Unknown
        } else {
            Holding::No
        }
    }
}

/// What a text does, for whoever writes a constraint.
pub(in crate::engine::policy) fn seen(text: &str, dialect: Dialect) -> Option<SqlSeen> {
    let found = walk::walk(&parse::parse(text, dialect)?, dialect)?;
    let nothing = Queries::new(dialect, None, None, &[]).ok()?;
    if found.hidden || !found.functions.iter().all(|name| nothing.computes(name)) {
        return None;
    }
    let tables = found.tables.iter().map(|name| Table::naming(name, dialect));
    Some(SqlSeen {
        statements: found.kinds.iter().map(|kind| kind.name()).collect(),
        tables: tables.collect::<Option<_>>()?,
    })
}

impl Table {
    /// The very name; `None` where a policy cannot write it.
    fn naming(name: &Name, dialect: Dialect) -> Option<String> {
        let part = |part: &Part| match dialect {
            Dialect::Postgres if part.quoted => part.text.clone(),
            Dialect::Postgres | Dialect::Sqlite => part.text.to_lowercase(),
            Dialect::Mysql | Dialect::Generic => part.text.clone(),
        };
        let parts: Vec<_> = name.parts.iter().map(part).collect();
        let plain = |part: &String| !part.contains(['*', '.']);
        let text = parts.join(".");
        let table = Self::parse(&text).filter(|_| parts.iter().all(plain))?;
        table.fits(name, dialect).then_some(text)
    }

    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<_> = text.split('.').collect();
        let odd = |c: char| c.is_control() || c.is_whitespace() || "\"'`[]();".contains(c);
        let fits = |part: &&str| !part.is_empty() && !part.contains(odd);
        (parts.len() <= 4 && parts.iter().all(fits)).then(|| Self {
            parts: parts
                .into_iter()
                .map(|p| Pattern::new(p.to_owned()))
                .collect(),
            told: text.to_owned(),
        })
    }

    /// Whether it is this name, as the database compares them.
    fn fits(&self, name: &Name, dialect: Dialect) -> bool {
        let fits = |(pattern, part): (&Pattern, &Part)| match dialect {
            Dialect::Postgres if part.quoted => pattern.matches(&part.text),
            Dialect::Postgres => pattern.matches(&part.text.to_lowercase()),
            Dialect::Sqlite => lower(pattern).matches(&part.text.to_lowercase()),
            Dialect::Mysql | Dialect::Generic => pattern.matches(&part.text),
        };
        self.parts.len() == name.parts.len() && self.parts.iter().zip(&name.parts).all(fits)
    }

    /// Whether some database may take it for this name: in another case, or
    /// with a schema that one of them leaves out.
    fn may_fit(&self, name: &Name) -> bool {
        let from_the_right = self.parts.iter().rev().zip(name.parts.iter().rev());
        let fits =
            |(pattern, part): (&Pattern, &Part)| lower(pattern).matches(&part.text.to_lowercase());
        from_the_right.into_iter().all(fits)
    }
}

fn lower(pattern: &Pattern) -> Pattern {
    Pattern::new(pattern.as_str().to_lowercase())
}

impl fmt::Display for Queries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(statements) = &self.statements {
            f.write_str("statements ")?;
            super::listed(f, statements.iter().map(|kind| kind.name()))?;
        }
        if let Some(tables) = &self.tables {
            let and = if self.statements.is_some() {
                " over "
            } else {
                ""
            };
            write!(f, "{and}tables ")?;
            super::listed(f, tables.iter().map(|table| table.told.as_str()))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
