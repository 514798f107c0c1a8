//! `[[rule]]`: names resolved, patterns and constraints compiled, and what can
//! never hold told.

use super::{Compiler, shown, suggest};
use crate::engine::policy::constraint::{Constraint, glob, whole_regex};
use crate::engine::policy::diagnostic::Span;
use crate::engine::policy::literal::Literal;
use crate::engine::policy::pattern::Pattern;
use crate::engine::policy::pointer::Pointer;
use crate::engine::policy::raw::{At, List, RawArgument, RawConstraint, RawRule, Text};
use crate::engine::policy::rule::{Argument, Demand, Effect, Rule};
use crate::engine::policy::{Code, RuleRef};
use crate::engine::types::{AgentName, RuleId, ServerName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Compiler<'_> {
    pub(super) fn rules(&mut self, raw: Vec<RawRule>) -> Vec<Rule> {
        let mut lines: BTreeMap<RuleId, usize> = BTreeMap::new();
        let mut rules = Vec::new();
        self.problems.turn_to(Code::RULE);
        for rule in raw {
            let id = rule.id.as_ref().and_then(|id| self.name(id, RuleId::new));
            let line = self.line_of(rule.span.start);
            if let (Some(text), Some(id)) = (&rule.id, &id) {
                if let Some(first) = lines.get(id) {
                    let message = format!("there are two rules `{id}`");
                    let help =
                        format!("the first is in line {first}: records must tell them apart");
                    self.problems
                        .of(Code::SAME_ID)
                        .error(text.span.clone(), message, help);
                }
                lines.entry(id.clone()).or_insert(line);
            }
            rules.extend(self.rule(rule, id, line));
        }
        rules
    }

    fn rule(&mut self, raw: RawRule, id: Option<RuleId>, line: usize) -> Option<Rule> {
        self.problems.turn_to(Code::RULE);
        self.fits_together(&raw);
        let RawRule {
            span: _,
            id: _,
            effect,
            agents,
            users,
            groups,
            scopes,
            server,
            tools,
            prompts,
            resources,
            args,
            undeclared,
        } = raw;
        let users = users.map(|list| self.patterns(Some(list), &[]));
        let groups = groups.map(|list| self.patterns(Some(list), &[]));
        let scopes = scopes
            .map(|list| self.scopes(list, effect))
            .unwrap_or_default();
        let agents = agents.map(|list| self.agent_names(list));
        let server = server.map(|text| self.server_name(&text));
        let tools = self.patterns(tools, &['?', '[', ']', '{', '}']);
        let prompts = self.patterns(prompts, &[]);
        let resources = self.patterns(resources, &[]);
        let args = args.map(|args| args.value).unwrap_or_default();
        // Without an effect there is no rule, but there are its mistakes.
        let reads_as = effect.unwrap_or(Effect::Permit);
        let arguments: Vec<_> = args
            .into_iter()
            .map(|one| self.argument(one, reads_as))
            .collect();
        // A hole in any of these would make the rule another one; the policy
        // is refused for it, so the rule is left out.
        Some(Rule {
            reference: RuleRef {
                id: id?.to_string(),
                file: self.file.to_owned(),
                line,
            },
            effect: effect?,
            agents,
            users,
            groups,
            scopes,
            server: match server {
                Some(None) => return None,
                Some(name) => name,
                None => None,
            },
            tools,
            prompts,
            resources,
            arguments: arguments.into_iter().collect::<Option<_>>()?,
            undeclared: undeclared.is_some(),
        })
    }

    /// Keys that mean nothing beside each other.
    fn fits_together(&mut self, rule: &RawRule) {
        let not_tools = rule.prompts.as_ref().or(rule.resources.as_ref());
        if let (Some(args), Some(_)) = (&rule.args, not_tools) {
            let message = "`args` constrains the arguments of tools only";
            let help = "put `prompts` and `resources` into a rule of their own";
            self.problems.error(args.span.clone(), message, help);
        }
        if let (Some(span), Some(Effect::Forbid)) = (&rule.undeclared, rule.effect) {
            let help = "remove it: only a permit lets undeclared arguments pass";
            self.problems
                .error(span.clone(), "`undeclared` means nothing in a forbid", help);
        }
        if let (Some(span), None, Some(_)) = (&rule.undeclared, &rule.tools, not_tools) {
            let help = "remove it: only tools have declared arguments";
            self.problems
                .error(span.clone(), "`undeclared` is about tools", help);
        }
    }

    fn agent_names(&mut self, list: List) -> Vec<AgentName> {
        let mut names = Vec::new();
        for text in list.value {
            let known: Vec<_> = self.agents.iter().map(AgentName::as_str).collect();
            let name = AgentName::new(&*text.value).ok();
            if let Some(name) = name.filter(|name| self.agents.contains(name)) {
                names.push(name);
            } else {
                let help = undefined("agent", &text.value, &known);
                let message = format!("the policy has no agent {}", shown::quoted(&text.value));
                self.problems
                    .of(Code::UNDEFINED)
                    .error(text.span, message, help);
            }
        }
        names
    }

    fn scopes(&mut self, list: List, effect: Option<Effect>) -> BTreeSet<Arc<str>> {
        if effect == Some(Effect::Forbid) {
            let help = "remove it: a permit says which scopes it needs, and whoever lacks them is not permitted";
            let message = "`scopes` means nothing in a forbid";
            self.problems.error(list.span.clone(), message, help);
        }
        let mut scopes = BTreeSet::new();
        for text in list.value {
            // The letters of a scope token (RFC 6749, section 3.3); a wildcard
            // could not be asked for.
            let letter = |b: u8| b.is_ascii_graphic() && !b"\"\\*".contains(&b);
            if text.value.is_empty() || !text.value.bytes().all(letter) {
                let message = format!("{} is no scope", shown::quoted(&text.value));
                let help =
                    "write each scope in full, in visible ASCII without quotes, `\\` and `*`";
                self.problems.error(text.span, message, help);
            } else {
                scopes.insert(Arc::from(text.value));
            }
        }
        scopes
    }

    fn server_name(&mut self, text: &Text) -> Option<ServerName> {
        let name = ServerName::new(&*text.value)
            .ok()
            .filter(|name| self.servers.contains(name));
        if name.is_none() {
            let known: Vec<_> = self.servers.iter().map(ServerName::as_str).collect();
            let help = undefined("server", &text.value, &known);
            let message = format!("the policy has no server {}", shown::quoted(&text.value));
            self.problems
                .of(Code::UNDEFINED)
                .error(text.span.clone(), message, help);
        }
        name
    }

    fn patterns(&mut self, list: Option<List>, literal: &[char]) -> Vec<(Pattern, Span)> {
        let mut patterns = Vec::new();
        for text in list.map(|list| list.value).unwrap_or_default() {
            let quoted = shown::quoted(&text.value);
            if text.value.is_empty() || text.value.contains(char::is_control) {
                let help = "write a name, with `*` for any run of characters";
                self.problems.of(Code::BAD_PATTERN).error(
                    text.span,
                    format!("{quoted} never matches"),
                    help,
                );
            } else if text.value.contains(literal) {
                let help = "`*` is the only wildcard in a name; list the others one by one";
                self.problems.of(Code::BAD_PATTERN).error(
                    text.span,
                    format!("{quoted} is no pattern"),
                    help,
                );
            } else {
                patterns.push((Pattern::new(text.value), text.span));
            }
        }
        patterns
    }

    fn argument(&mut self, raw: RawArgument, effect: Effect) -> Option<Argument> {
        let pointer = match Pointer::parse(&raw.pointer.value) {
            Ok(pointer) => pointer,
            Err(why) => {
                let message = format!("{} is no JSON Pointer", shown::quoted(&raw.pointer.value));
                let help = if raw.pointer.value.starts_with('/') {
                    why.to_owned()
                } else {
                    format!("{why}: write `/{}`", raw.pointer.value.replace('.', "/"))
                };
                self.problems
                    .of(Code::BAD_POINTER)
                    .error(raw.pointer.span, message, help);
                return None;
            }
        };
        self.problems.turn_to(Code::CONSTRAINT);
        let demand = self.demand(raw.absent, raw.optional, raw.constraints, effect)?;
        Some(Argument {
            pointer,
            span: raw.pointer.span,
            demand,
        })
    }

    fn demand(
        &mut self,
        absent: Option<At<bool>>,
        optional: Option<At<bool>>,
        raw: Vec<At<RawConstraint>>,
        effect: Effect,
    ) -> Option<Demand> {
        if let Some(absent) = absent {
            if !absent.value {
                let help = "leave `absent` out, and say what the argument has to be";
                self.problems
                    .error(absent.span, "`absent = false` constrains nothing", help);
            } else if !raw.is_empty() || optional.is_some() {
                let help = "`absent` stands alone; `optional = true` lets a missing argument pass";
                self.problems.error(
                    absent.span,
                    "an argument that is absent is nothing else",
                    help,
                );
            }
            return Some(Demand::Absent);
        }
        let constraints: Vec<_> = raw
            .into_iter()
            .map(|constraint| self.constraint(constraint, effect))
            .collect();
        let constraints: Vec<_> = constraints.into_iter().collect::<Option<_>>()?;
        self.contradictions(&constraints);
        Some(Demand::Present {
            optional: optional.is_some_and(|optional| optional.value),
            constraints,
        })
    }

    fn constraint(&mut self, raw: At<RawConstraint>, effect: Effect) -> Option<(Constraint, Span)> {
        let At { value, span } = raw;
        let constraint = match value {
            RawConstraint::OneOf(literals) => self.one_of(literals, &span)?,
            RawConstraint::Equals(literal) => Constraint::Equals(literal),
            RawConstraint::Matches(source) => match whole_regex(&source) {
                Ok(regex) => Constraint::Matches(regex, source),
                Err(why) => {
                    let help = "see https://docs.rs/regex for what is understood";
                    self.problems.of(Code::BAD_REGEX).error(
                        span,
                        format!("not a regular expression: {why}"),
                        help,
                    );
                    return None;
                }
            },
            RawConstraint::Glob(source) => match glob(&source) {
                Ok(glob) => Constraint::Glob(glob),
                Err(why) => {
                    let help = "`*` stops at `/`, `**` does not; escape with a backslash";
                    self.problems.of(Code::BAD_GLOB).error(
                        span,
                        format!("not a glob: {why}"),
                        help,
                    );
                    return None;
                }
            },
            RawConstraint::Min(number, spelled) => Constraint::Min(number, spelled),
            RawConstraint::Max(number, spelled) => Constraint::Max(number, spelled),
            RawConstraint::MinLen(0) => {
                let help = "remove it, or ask for at least 1";
                self.problems
                    .error(span, "`min_len = 0` always holds", help);
                return None;
            }
            RawConstraint::MinLen(limit) => Constraint::MinLen(limit),
            RawConstraint::MaxLen(limit) => Constraint::MaxLen(limit),
            // "Not within the roots" and "cannot be told" are one answer of the
            // path guard, so that a forbid could not fire on the second.
            RawConstraint::Path(_) if effect == Effect::Forbid => {
                let help = "say in a permit where the path may point, or add to `[paths] secret`";
                self.problems
                    .error(span, "`path` has no meaning in a forbid", help);
                return None;
            }
            RawConstraint::Path(access) => Constraint::Path(access),
        };
        Some((constraint, span))
    }

    fn one_of(&mut self, literals: Vec<At<Literal>>, span: &Span) -> Option<Constraint> {
        let Some(first) = literals.first().map(|literal| literal.value.kind()) else {
            let help = "list the values that may pass, or use `absent = true`";
            self.problems.error(
                span.clone(),
                "`one_of` is empty: nothing satisfies it",
                help,
            );
            return None;
        };
        if let Some(odd) = literals
            .iter()
            .find(|literal| literal.value.kind() != first)
        {
            let message = format!(
                "expected all values of `one_of` to be {}, found {}",
                first.name(),
                odd.value.kind().name()
            );
            let help = "write one rule for each kind of value";
            self.problems.error(odd.span.clone(), message, help);
        }
        Some(Constraint::OneOf(
            literals.into_iter().map(|literal| literal.value).collect(),
        ))
    }
}

fn undefined(what: &str, name: &str, known: &[&str]) -> String {
    match suggest::nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("define it: `[{what}.NAME]`"),
    }
}
