//! One walk over parsed SQL: kinds of statements, tables, functions.
//!
//! A name that a `WITH` defines is no table, but only where it is surely in
//! sight: behind its definition, and never as the target of a change.

use super::parse::Dialect;
use core::ops::ControlFlow;
use sqlparser::ast::{
    self, Delete, Expr, FromTable, Ident, InTarget, Insert, ObjectName, ObjectNamePart, OnInsert,
    Query, Select, SetExpr, TableFactor, TableObject, TableWithJoins, Visit, Visitor,
};
use std::collections::BTreeSet;

/// A kind of statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine::policy) enum Statement {
    Select,
    Insert,
    Update,
    Delete,
    Create,
    Alter,
    Drop,
    Truncate,
    Explain,
    Transaction,
}

impl Statement {
    /// Their names in a policy.
    pub(in crate::engine::policy) const ALL: [(&'static str, Self); 10] = [
        ("select", Self::Select),
        ("insert", Self::Insert),
        ("update", Self::Update),
        ("delete", Self::Delete),
        ("create", Self::Create),
        ("alter", Self::Alter),
        ("drop", Self::Drop),
        ("truncate", Self::Truncate),
        ("explain", Self::Explain),
        ("transaction", Self::Transaction),
    ];

    pub(super) fn name(self) -> &'static str {
        let mut all = Self::ALL.iter();
        all.find(|(_, kind)| *kind == self)
            .map_or("", |(name, _)| name)
    }
}

/// One part of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) text: String,
    pub(super) quoted: bool,
}

/// A name with its schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) parts: Vec<Part>,
}

impl Name {
    fn of(name: &ObjectName) -> Option<Self> {
        let parts = name.0.iter().map(|part| match part {
            ObjectNamePart::Identifier(ident) => Some(Part {
                text: ident.value.clone(),
                quoted: ident.quote_style.is_some(),
            }),
            ObjectNamePart::Function(_) => None,
        });
        let parts: Vec<_> = parts.collect::<Option<_>>()?;
        (!parts.is_empty()).then_some(Self { parts })
    }

    /// In lower case, with dots.
    pub(super) fn joined(&self) -> String {
        let parts: Vec<_> = self
            .parts
            .iter()
            .map(|p| p.text.to_ascii_lowercase())
            .collect();
        parts.join(".")
    }

    pub(super) fn is_quoted(&self) -> bool {
        self.parts.iter().any(|part| part.quoted)
    }
}

/// What statements are about.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) kinds: BTreeSet<Statement>,
    pub(super) tables: Vec<Name>,
    pub(super) functions: Vec<Name>,
    /// Some tables are named where the walk does not look.
    pub(super) hidden: bool,
}

/// Walks; `None` where something is not known.
pub(super) fn walk(statements: &[ast::Statement], dialect: Dialect) -> Option<Found> {
    let mut walker = Walker {
        found: Found::default(),
        scopes: Vec::new(),
        called: false,
        dialect,
    };
    for statement in statements {
        if statement.visit(&mut walker).is_break() {
            return None;
        }
    }
    Some(walker.found)
}

/// A query, and what its `WITH` defines.
struct Scope {
    /// The names, and where in memory their queries stand.
    names: Vec<(Ident, usize)>,
    /// How many of them are in sight.
    visible: usize,
    recursive: bool,
}

struct Walker {
    found: Found,
    scopes: Vec<Scope>,
    /// The relation that comes next is a function.
    called: bool,
    dialect: Dialect,
}

type Flow = ControlFlow<()>;
const ON: Flow = ControlFlow::Continue(());
const LOST: Flow = ControlFlow::Break(());

fn known(known: bool) -> Flow {
    if known { ON } else { LOST }
}

/// Whether all parts of a body are walked. `TABLE name` is not: the tree has no
/// relation there.
fn is_known(body: &SetExpr) -> bool {
    let mut open = vec![body];
    while let Some(part) = open.pop() {
        match part {
            SetExpr::SetOperation { left, right, .. } => open.extend([&**left, &**right]),
            SetExpr::Select(_)
            | SetExpr::Query(_)
            | SetExpr::Values(_)
            | SetExpr::Insert(_)
            | SetExpr::Update(_)
            | SetExpr::Delete(_) => {}
            SetExpr::Merge(_) | SetExpr::Table(_) => return false,
        }
    }
    true
}

fn address(query: &Query) -> usize {
    std::ptr::from_ref(query).addr()
}

impl Walker {
    fn is(&mut self, kind: Statement) {
        self.found.kinds.insert(kind);
    }

    fn table(&mut self, name: &ObjectName) -> Flow {
        match Name::of(name) {
            Some(name) => {
                self.found.tables.push(name);
                ON
            }
            None => LOST,
        }
    }

    fn function(&mut self, name: &ObjectName) -> Flow {
        match Name::of(name) {
            Some(name) => {
                self.found.functions.push(name);
                ON
            }
            None => LOST,
        }
    }

    /// What a statement changes is a table, whatever `WITH` says.
    fn targets(&mut self, tables: &[TableWithJoins]) -> Flow {
        for table in tables {
            let joined = table.joins.iter().map(|join| &join.relation);
            for factor in joined.chain([&table.relation]) {
                match factor {
                    TableFactor::Table { name, .. } => self.table(name)?,
                    TableFactor::Derived { .. } => {}
                    _ => return LOST,
                }
            }
        }
        ON
    }

    fn insert(&mut self, insert: &Insert) -> Flow {
        self.is(Statement::Insert);
        // `OUTPUT ... INTO` names a table where nobody looks.
        let odd = insert.output.is_some()
            || insert.settings.is_some()
            || insert.format_clause.is_some()
            || insert.multi_table_insert_type.is_some();
        known(!odd)?;
        if insert.replace_into || insert.or.is_some() || insert.overwrite {
            self.is(Statement::Delete);
        }
        match insert.on {
            Some(OnInsert::OnConflict(_) | OnInsert::DuplicateKeyUpdate(_)) => {
                self.is(Statement::Update);
            }
            Some(_) => return LOST,
            None => {}
        }
        match &insert.table {
            TableObject::TableName(name) => self.table(name),
            _ => LOST,
        }
    }

    fn delete(&mut self, delete: &Delete) -> Flow {
        self.is(Statement::Delete);
        known(delete.output.is_none() && delete.settings.is_none())?;
        match &delete.from {
            FromTable::WithFromKeyword(tables) if delete.tables.is_empty() => self.targets(tables),
            _ => LOST,
        }
    }

    /// Whether a name is surely one that a `WITH` defines.
    fn is_defined(&self, name: &ObjectName) -> bool {
        let [ObjectNamePart::Identifier(ident)] = name.0.as_slice() else {
            return false;
        };
        let same = |other: &Ident| match (ident.quote_style, other.quote_style) {
            (None, None) if matches!(self.dialect, Dialect::Postgres | Dialect::Sqlite) => {
                ident.value.eq_ignore_ascii_case(&other.value)
            }
            (one, another) => one == another && ident.value == other.value,
        };
        let in_sight = |scope: &Scope| {
            let mut names = scope.names.iter().take(scope.visible);
            names.any(|(name, _)| same(name))
        };
        self.scopes.iter().any(in_sight)
    }
}

impl Visitor for Walker {
    type Break = ();

    fn pre_visit_statement(&mut self, statement: &ast::Statement) -> Flow {
        match statement {
            ast::Statement::Query(_) => self.is(Statement::Select),
            ast::Statement::Insert(insert) => return self.insert(insert),
            ast::Statement::Update(update) => {
                self.is(Statement::Update);
                known(update.output.is_none() && update.settings.is_none())?;
                return self.targets(std::slice::from_ref(&update.table));
            }
            ast::Statement::Delete(delete) => return self.delete(delete),
            // Whether it runs what it explains is a matter of options.
            ast::Statement::Explain { .. } => self.is(Statement::Explain),
            ast::Statement::StartTransaction { statements, .. } if statements.is_empty() => {
                self.is(Statement::Transaction);
            }
            ast::Statement::Commit { .. } | ast::Statement::Rollback { .. } => {
                self.is(Statement::Transaction);
            }
            ast::Statement::CreateTable(_)
            | ast::Statement::CreateIndex(_)
            | ast::Statement::CreateView(_) => {
                self.found.hidden = true;
                self.is(Statement::Create);
            }
            ast::Statement::AlterTable(_) => {
                self.found.hidden = true;
                self.is(Statement::Alter);
            }
            ast::Statement::Drop { .. } => {
                self.found.hidden = true;
                self.is(Statement::Drop);
            }
            ast::Statement::Truncate(_) => {
                self.found.hidden = true;
                self.is(Statement::Truncate);
            }
            _ => return LOST,
        }
        ON
    }

    fn pre_visit_query(&mut self, query: &Query) -> Flow {
        let odd = query.for_clause.is_some()
            || query.settings.is_some()
            || query.format_clause.is_some()
            || !query.pipe_operators.is_empty();
        known(!odd && is_known(&query.body))?;
        if !query.locks.is_empty() {
            self.is(Statement::Update);
        }
        let at = address(query);
        if let Some(outer) = self.scopes.last_mut()
            && let Some(n) = outer.names.iter().position(|(_, query)| *query == at)
        {
            outer.visible = n.saturating_add(usize::from(outer.recursive));
        }
        let with = query.with.iter();
        let names = with.flat_map(|with| &with.cte_tables);
        known(names.clone().all(|cte| cte.from.is_none()))?;
        let names: Vec<_> = names
            .map(|cte| (cte.alias.name.clone(), address(&cte.query)))
            .collect();
        self.scopes.push(Scope {
            names,
            visible: 0,
            recursive: query.with.as_ref().is_some_and(|with| with.recursive),
        });
        ON
    }

    fn post_visit_query(&mut self, query: &Query) -> Flow {
        self.scopes.pop();
        let at = address(query);
        if let Some(outer) = self.scopes.last_mut()
            && let Some(n) = outer.names.iter().position(|(_, query)| *query == at)
        {
            outer.visible = n.saturating_add(1);
        }
        ON
    }

    fn pre_visit_select(&mut self, select: &Select) -> Flow {
        if select.into.is_some() {
            self.is(Statement::Create);
        }
        known(select.lateral_views.is_empty() && select.optimizer_hints.is_empty())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Flow {
        match factor {
            TableFactor::Table {
                args: Some(args),
                name,
                ..
            } => {
                self.called = true;
                known(args.settings.is_none())?;
                self.function(name)
            }
            TableFactor::Table { version, .. } => known(version.is_none()),
            TableFactor::Derived { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::UNNEST { .. } => ON,
            _ => LOST,
        }
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> Flow {
        if std::mem::take(&mut self.called) || self.is_defined(relation) {
            return ON;
        }
        self.table(relation)
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Flow {
        match expr {
            Expr::Function(function) => {
                known(!function.uses_odbc_syntax)?;
                self.function(&function.name)
            }
            // `x IN name` reads a table in SQLite.
            Expr::In { target, .. } => {
                known(matches!(target, InTarget::List(_) | InTarget::Subquery(_)))
            }
            Expr::BinaryOp { op, .. } => known(!matches!(
                op,
                ast::BinaryOperator::Custom(_) | ast::BinaryOperator::PGCustomBinaryOperator(_)
            )),
            Expr::OuterJoin(_) | Expr::Prior(_) | Expr::Lambda(_) | Expr::Prefixed { .. } => LOST,
            _ => ON,
        }
    }
}
