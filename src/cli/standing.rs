//! What somebody may do with one thing, as the rules stand: for `who-can`,
//! `what-can` and records.

use super::explain::words::named;
use crate::engine::guard::paths::Access as PathAccess;
use crate::engine::policy::{Effect, Mode, PathJudge, RuleDisplay, RuleRef, Standing, Stands};

/// Whether somebody may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Can {
    /// Yes, whatever the arguments are.
    Yes,
    /// Where the conditions hold.
    If,
    /// A rule refuses all of it.
    Forbidden,
    /// Nothing permits it.
    No,
    /// Of one rule alone: it refuses where the conditions hold.
    NotIf,
}

impl Can {
    /// In a table, where the rules stand beside it.
    pub(super) fn shown(self) -> &'static str {
        match self {
            Self::Forbidden => "no",
            other => other.as_str(),
        }
    }

    /// As programs read it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::If => "if",
            Self::Forbidden => "forbidden",
            Self::No => "no",
            Self::NotIf => "not if",
        }
    }
}

/// A rule, and what is still asked.
#[derive(Debug, Clone)]
pub(super) struct Clause {
    rule: RuleRef,
    effect: Effect,
    conditions: Vec<String>,
    limit: Option<String>,
    when: Option<String>,
    /// What answers have to be.
    results: Option<String>,
}

impl Clause {
    fn new(rule: RuleDisplay, open: Vec<String>, judged: bool) -> Self {
        let mut conditions = if judged { Vec::new() } else { whom(&rule) };
        conditions.extend(open);
        conditions.extend(rule.when.clone());
        conditions.extend(rule.limit.as_ref().map(|limit| format!("at most {limit}")));
        Self {
            effect: rule.effect,
            rule: rule.rule,
            conditions,
            limit: rule.limit,
            when: rule.when,
            results: rule.results,
        }
    }

    fn refuses(&self) -> &'static str {
        match self.effect {
            Effect::Ask => "needs approval by ",
            Effect::Permit | Effect::Forbid => "forbidden by ",
        }
    }

    fn words(&self, lead: &str) -> String {
        let conditions = if self.conditions.is_empty() {
            String::new()
        } else {
            format!(": {}", self.conditions.join("; "))
        };
        let results = self.results.as_ref();
        let results = results.map_or_else(String::new, |wanted| {
            format!(", if the answer has {wanted}")
        });
        format!("{lead}{}{conditions}{results}", named(&self.rule))
    }

    /// Of a rule in audit mode.
    fn audited(&self) -> String {
        self.words(match self.effect {
            Effect::Permit => "only audited: would permit by ",
            Effect::Ask => "only audited: would need approval by ",
            Effect::Forbid => "only audited: would be forbidden by ",
        })
    }

    fn json(&self) -> serde_json::Value {
        let Self {
            rule,
            effect,
            conditions,
            limit,
            when,
            results,
        } = self;
        serde_json::json!({
            "rule": rule,
            "effect": effect,
            "conditions": conditions,
            "limit": limit,
            "when": when,
            "results": results,
        })
    }
}

/// What somebody may do with one thing.
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) can: Can,
    permits: Vec<Clause>,
    /// Rules that refuse: forbids, and whatever else is no permit.
    refusals: Vec<Clause>,
    /// Permit rules that do not hold, and why.
    missed: Vec<(RuleRef, String)>,
    /// Rules in audit mode, which change nothing.
    audited: Vec<Clause>,
}

impl Access {
    /// `judged`: it is known for whom the agent acts.
    pub(super) fn of(standings: Vec<Standing>, judged: bool) -> Self {
        let mut access = Self {
            can: Can::No,
            permits: Vec::new(),
            refusals: Vec::new(),
            missed: Vec::new(),
            audited: Vec::new(),
        };
        for Standing { rule, stands } in standings {
            let open = match stands {
                Stands::If(open) => open,
                Stands::Not(why) => {
                    if rule.effect == Effect::Permit {
                        access.missed.push((rule.rule, why));
                    }
                    continue;
                }
            };
            let clause = Clause::new(rule, open, judged);
            if clause.effect == Effect::Permit {
                access.permits.push(clause);
            } else {
                access.refusals.push(clause);
            }
        }
        let is_free = |clause: &Clause| clause.conditions.is_empty();
        access.can = if access.refusals.iter().any(is_free) {
            Can::Forbidden
        } else if access.permits.is_empty() {
            Can::No
        } else if access.refusals.is_empty() && access.permits.iter().any(is_free) {
            Can::Yes
        } else {
            Can::If
        };
        access
    }

    /// Beside it, what rules in audit mode would say.
    pub(super) fn beside(mut self, audited: Vec<Standing>, judged: bool) -> Self {
        let open = audited.into_iter().filter_map(|one| match one.stands {
            Stands::If(open) => Some(Clause::new(one.rule, open, judged)),
            Stands::Not(_) => None,
        });
        self.audited.extend(open);
        self
    }

    /// What one rule says by itself.
    pub(super) fn of_rule(standing: Standing, judged: bool) -> Self {
        if standing.rule.mode == Mode::Audit {
            return Self::of(Vec::new(), judged).beside(vec![standing], judged);
        }
        let mut access = Self::of(vec![standing], judged);
        if access.can == Can::No && !access.refusals.is_empty() {
            access.can = Can::NotIf;
        }
        access
    }

    /// Whether it depends on something that is not known.
    pub(super) fn depends(&self) -> bool {
        self.can == Can::If
    }

    /// By which rules, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = self.enforced();
        lines.extend(self.audited.iter().map(Clause::audited));
        lines
    }

    fn enforced(&self) -> Vec<String> {
        let refusals = |lead: &'static str| self.refusals.iter().map(move |c| c.words(lead));
        let missed = self.missed.iter();
        let missed = missed.map(|(rule, why)| format!("not by {}: {why}", named(rule)));
        match self.can {
            Can::Forbidden => {
                let free = self.refusals.iter().filter(|c| c.conditions.is_empty());
                free.map(|clause| clause.words(clause.refuses())).collect()
            }
            Can::No if self.missed.is_empty() => vec!["nothing permits it".to_owned()],
            Can::No => missed.collect(),
            Can::Yes => {
                // An answer passes that one of them takes: where each that holds
                // wants something of it, the others count.
                let is_free = |c: &&Clause| c.conditions.is_empty();
                let free = self.permits.iter().filter(is_free);
                let all = free.clone().all(|clause| clause.results.is_some());
                let shown = self.permits.iter().filter(|c| all || is_free(c));
                shown.map(|clause| clause.words("")).collect()
            }
            Can::NotIf => refusals("").collect(),
            Can::If => {
                let permits = self.permits.iter().map(|clause| clause.words(""));
                permits.chain(refusals("unless ")).collect()
            }
        }
    }

    /// As programs read it.
    pub(super) fn json(&self) -> serde_json::Value {
        let all = |clauses: &[Clause]| clauses.iter().map(Clause::json).collect::<Vec<_>>();
        let missed = self.missed.iter();
        let missed: Vec<_> = missed
            .map(|(rule, why)| serde_json::json!({ "rule": rule, "why": why }))
            .collect();
        serde_json::json!({
            "can": self.can.as_str(),
            "permits": all(&self.permits),
            "refusals": all(&self.refusals),
            "missed": missed,
            "audited": all(&self.audited),
        })
    }
}

/// For whom a rule is, beside the agent.
fn whom(rule: &RuleDisplay) -> Vec<String> {
    let listed = |what: &str, names: &[String]| {
        let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
        format!("{what} {}", names.join(", "))
    };
    let users = rule.users.iter().map(|all| listed("for user", all));
    let groups = rule.groups.iter().map(|all| listed("for group", all));
    let scopes = Some(&rule.scopes).filter(|scopes| !scopes.is_empty());
    let scopes = scopes.map(|all| listed("with scope", all));
    users.chain(groups).chain(scopes).collect()
}

/// Where no argument is known, no path is asked about.
#[derive(Debug)]
pub(super) struct AnyPath;

impl PathJudge for AnyPath {
    fn within(&self, _: &str, _: PathAccess) -> Result<(), String> {
        Err("no path is known".to_owned())
    }
}

/// Columns, padded to their widest cell; the last one is not.
pub(super) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = head.iter().map(|cell| (*cell).to_owned()).collect();
    let all = || std::iter::once(&head).chain(rows);
    let width = |column: usize| {
        let cells = all().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let last = head.len().saturating_sub(1);
    let lines = all().map(|row| {
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = if column < last { width(column) } else { 0 };
            format!("{cell:<width$}")
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        format!("  {}", line.trim_end())
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The rows of one subject: its first cells stand in the first line only.
pub(super) fn rows(name: &str, can: &str, lines: &[String]) -> Vec<Vec<String>> {
    let row = |(n, line): (usize, &String)| {
        let shown = |cell: &str| if n == 0 { cell } else { "" }.to_owned();
        vec![shown(name), shown(can), line.clone()]
    };
    lines.iter().enumerate().map(row).collect()
}
