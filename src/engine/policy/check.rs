//! A policy against the pinned definitions: what it names and nobody has, and
//! what nothing in it permits.
//!
//! A policy that compiles may still not mean what it says. A typing mistake in
//! a permit is a nuisance; in a forbid it is a hole.

mod beside;
mod expressions;
mod open;
mod places;
mod principals;
mod values;

pub(super) use beside::place;

use super::code::Code;
use super::constraint::Constraint;
use super::diagnostic::{Diagnostic, Problems, Severity, Span};
use super::pattern::Pattern;
use super::pointer::{Pointer, Segment};
use super::rule::{Argument, Demand, Effect, Rule};
use super::schema::{Declared, declared};
use super::{Action, Policy, Scope, shown, suggest};
use crate::engine::message::{Document, Json, Kind, Limits};
use crate::engine::pin::Lockfile;
use crate::engine::types::{AgentName, ServerName};
use std::collections::BTreeSet;

/// Most tools that one message lists.
const SHOWN_TOOLS: usize = 12;

/// A pinned tool, read.
struct Tool<'a> {
    server: &'a ServerName,
    name: &'a str,
    definition: Document,
}

impl Policy {
    /// Everything to say about the policy beside the pins of `lockfile`, in the
    /// order of the file. Servers without pins are told and not checked.
    pub fn check_against(&self, lockfile: &Lockfile) -> Vec<Diagnostic> {
        self.checked(lockfile, true)
    }

    /// The same without advice on how it is written: for whoever obeys it.
    pub fn check_pins(&self, lockfile: &Lockfile) -> Vec<Diagnostic> {
        self.checked(lockfile, false)
    }

    fn checked(&self, lockfile: &Lockfile, advises: bool) -> Vec<Diagnostic> {
        let mut problems = Problems::about(Code::RULE);
        problems.extend(self.oddities.iter().cloned());
        if self.scope == Scope::Named {
            self.check_principals(&mut problems);
            self.check_servers(lockfile, &read(lockfile), &mut problems);
            self.check_rules(lockfile, advises, &mut problems);
            if advises {
                self.check_beside(&mut problems);
            }
        }
        problems.into_sorted()
    }

    /// What the rules say beside the pins. Good for a policy with mistakes too:
    /// a rule with a hole is not among them.
    pub(super) fn check_rules(&self, lockfile: &Lockfile, advises: bool, problems: &mut Problems) {
        let tools = read(lockfile);
        for rule in self.rules.iter().filter(|_| self.scope == Scope::Named) {
            let covered = self.check_rule(rule, lockfile, &tools, problems);
            if advises {
                open::check(rule, &covered, problems);
                expressions::check(rule, problems);
            }
        }
    }

    fn check_servers(&self, lockfile: &Lockfile, tools: &[Tool<'_>], problems: &mut Problems) {
        for (name, server) in &self.servers {
            if !lockfile.servers.contains_key(name) {
                let message = format!("server `{name}` has no pins: its rules were not checked");
                let pinned = lockfile.servers.keys();
                let strange = pinned.filter(|pinned| !self.servers.contains_key(*pinned));
                let near = suggest::nearest(name.as_str(), strange.map(ServerName::as_str));
                let help = match near {
                    Some(near) => format!("did you mean `{near}`, which has pins?"),
                    None => format!("pin its tools: {}", self.hint("pin", name)),
                };
                problems.tell(Code::NO_PINS, server.span.clone(), message, help);
                continue;
            }
            let idle: Vec<_> = tools
                .iter()
                .filter(|tool| tool.server == name && !self.permits_somebody(tool))
                .map(|tool| tool.name)
                .collect();
            if !idle.is_empty() {
                let message = format!("nothing permits these tools of `{name}`: {}", listed(&idle));
                let help = "nobody can call them; add a rule if somebody should";
                problems.tell(Code::IDLE_TOOLS, server.span.clone(), message, help);
            }
        }
    }

    fn permits_somebody(&self, tool: &Tool<'_>) -> bool {
        self.agents
            .keys()
            .any(|agent| self.may_ever_call(agent, tool.server, tool.name))
    }

    /// Gives back the tools that the rule covers.
    fn check_rule<'t, 'l>(
        &self,
        rule: &Rule,
        lockfile: &Lockfile,
        tools: &'t [Tool<'l>],
        problems: &mut Problems,
    ) -> Vec<&'t Tool<'l>> {
        // With pins of some servers only, "no tool fits" would be a guess.
        let is_pinned = |name: &ServerName| lockfile.servers.contains_key(name);
        let can_tell = match &rule.servers {
            Some(names) => names.iter().all(is_pinned),
            None => self.servers.keys().all(is_pinned),
        };
        let on_server: Vec<_> = tools
            .iter()
            .filter(|tool| self.servers.contains_key(tool.server))
            .filter(|tool| rule.is_on(tool.server))
            .collect();
        for (pattern, span) in &rule.tools {
            let fits = on_server.iter().any(|tool| pattern.matches(tool.name));
            if can_tell && !fits {
                unknown_tool(pattern, span, &on_server, problems);
            }
        }
        let covered: Vec<_> = on_server
            .into_iter()
            .filter(|tool| rule.covers_on(tool.server, Action::CallTool(tool.name)))
            .collect();
        for argument in &rule.arguments {
            check_argument(rule, argument, &covered, problems);
            values::check(rule, argument, &covered, problems);
        }
        self.check_people(rule, problems);
        covered
    }

    /// A user of one issuer may have the name of another's.
    fn check_people(&self, rule: &Rule, problems: &mut Problems) {
        let people = [&rule.users, &rule.groups].into_iter().flatten().flatten();
        let Some((_, span)) = people.into_iter().next() else {
            return;
        };
        let is_meant = |name: &AgentName| match &rule.agents {
            None => true,
            Some(names) => names.contains(name),
        };
        let meant = self.agents.iter().filter(|(name, _)| is_meant(name));
        let issuers: BTreeSet<_> = meant
            .filter_map(|(_, agent)| agent.jwt.as_ref())
            .map(|jwt| jwt.issuer.whole())
            .collect();
        let (code, message, help) = match issuers.len() {
            0 => (
                Code::NO_TOKEN,
                "no agent of this rule comes with a token, so that it has neither users nor groups",
                "give an agent `jwt`, or remove `users` and `groups`",
            ),
            1 => return,
            _ => (
                Code::TWO_ISSUERS,
                "users and groups of two issuers are compared by name alone",
                "name the `agents` of one issuer in this rule, and make another rule for the other",
            ),
        };
        problems.tell(code, span.clone(), message, help);
    }
}

fn unknown_tool(pattern: &Pattern, span: &Span, tools: &[&Tool<'_>], problems: &mut Problems) {
    let names: Vec<_> = tools.iter().map(|tool| tool.name).collect();
    let quoted = shown::quoted(pattern.as_str());
    let help = match suggest::nearest(pattern.as_str(), names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => "the lockfile has no tools for it".to_owned(),
        None => format!("pinned are {}", listed(&names)),
    };
    if pattern.is_literal() {
        let message = format!("no pinned tool is called {quoted}");
        problems.tell(Code::NO_TOOL, span.clone(), message, help);
    } else {
        let message = format!("no pinned tool fits {quoted}");
        problems.tell(Code::NO_TOOL_FITS, span.clone(), message, help);
    }
}

fn listed(names: &[&str]) -> String {
    let mut shown: Vec<_> = names
        .iter()
        .take(SHOWN_TOOLS)
        .map(|name| shown::quoted(name))
        .collect();
    let more = names.len().saturating_sub(SHOWN_TOOLS);
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    shown.join(", ")
}

/// Definitions that cannot be read are left out: the pins tell of them.
fn read(lockfile: &Lockfile) -> Vec<Tool<'_>> {
    let all = lockfile.servers.iter().flat_map(|(server, pins)| {
        pins.tools
            .iter()
            .map(move |(name, pin)| (server, name, pin))
    });
    all.filter_map(|(server, name, pin)| {
        let bytes = pin.definition.clone().into_bytes();
        Some(Tool {
            server,
            name,
            definition: Document::read(bytes, &Limits::DEFAULT).ok()?,
        })
    })
    .collect()
}

/// How bad something is that holds for `these` of the tools that a rule covers:
/// whoever writes a tool's name means that tool, a wildcard takes what fits.
fn grave(rule: &Rule, these: &[&str], covered: usize) -> Severity {
    let is_named = |name: &&str| {
        let mut patterns = rule.tools.iter();
        patterns.any(|(p, _)| p.is_literal() && p.matches(name))
    };
    if these.len() == covered || these.iter().any(is_named) {
        Severity::Error
    } else {
        Severity::Warning
    }
}

impl Tool<'_> {
    /// Its pinned input schema.
    fn schema(&self) -> Option<Json<'_>> {
        self.definition.root().get("inputSchema")
    }

    /// What its pinned input schema declares at the end of a pointer.
    fn declares(&self, segments: &[Segment]) -> Declared {
        match self.schema() {
            Some(schema) => declared(schema, segments),
            None => Declared::Anything,
        }
    }
}

/// What is wrong with one argument of a rule, beside the tools it covers.
fn check_argument(rule: &Rule, argument: &Argument, tools: &[&Tool<'_>], problems: &mut Problems) {
    if let Some((severity, without, help)) = undeclared(rule, argument, tools) {
        let quoted = shown::quoted(argument.pointer.as_str());
        let message = format!("{quoted} is no argument of {}", listed(&without));
        problems
            .of(Code::NO_ARGUMENT)
            .add(severity, argument.span.clone(), message, help);
    }
    if let Demand::Present { constraints, .. } = &argument.demand {
        for (constraint, span) in constraints {
            argument.check_kind(constraint, span, tools, problems);
        }
    }
}

/// The tools that do not declare an argument, where that makes a difference:
/// how bad it is, which, and what to do.
fn undeclared<'t>(
    rule: &Rule,
    argument: &Argument,
    tools: &[&Tool<'t>],
) -> Option<(Severity, Vec<&'t str>, String)> {
    let lacking = |tool: &&&Tool<'t>| tool.declares(argument.pointer.segments()) == Declared::No;
    let without: Vec<_> = tools.iter().filter(lacking).map(|tool| tool.name).collect();
    if without.is_empty() {
        return None;
    }
    if without.len() == tools.len() {
        // Most likely a typing mistake, which leaves the argument meant open.
        let severity = match argument.demand {
            Demand::Absent => Severity::Warning,
            Demand::Present { .. } => Severity::Error,
        };
        return Some((severity, without, meant(&argument.pointer, tools)));
    }
    if matches!(
        argument.demand,
        Demand::Absent | Demand::Present { optional: true, .. }
    ) {
        return None;
    }
    // Whoever writes a tool's name means that tool; a wildcard takes what fits.
    let severity = grave(rule, &without, tools.len());
    match (rule.effect, severity) {
        (Effect::Ask | Effect::Forbid, Severity::Error) => {
            Some((severity, without, NEVER_FIRES.to_owned()))
        }
        (Effect::Ask | Effect::Forbid, _) => None,
        (Effect::Permit, _) => Some((severity, without, NEVER_PERMITTED.to_owned())),
    }
}

/// The place that was most likely meant by a pointer that no tool declares.
fn meant(pointer: &Pointer, tools: &[&Tool<'_>]) -> String {
    let schemas = tools.iter().filter_map(|tool| tool.schema());
    let known: BTreeSet<_> = schemas
        .flat_map(places::places)
        .map(|place| place.pointer)
        .collect();
    let last = |text: &str| text.rsplit('/').next().unwrap_or_default().to_owned();
    let by_end = || {
        let end = last(pointer.as_str());
        known.iter().find(|place| last(place) == end && end != "*")
    };
    let near = suggest::nearest(pointer.as_str(), known.iter().map(String::as_str));
    match near.or_else(|| by_end().map(String::as_str)) {
        Some(near) => format!("did you mean {}?", shown::quoted(near)),
        None if known.is_empty() => "these tools take no arguments".to_owned(),
        None => {
            let known: Vec<_> = known.iter().map(String::as_str).collect();
            format!("declared are {}", listed(&known))
        }
    }
}

const NEVER_PERMITTED: &str = "this rule never permits them: put them into one of their own";
const NEVER_FIRES: &str = "this rule never stops them: put them into one of their own";

impl Argument {
    fn check_kind(
        &self,
        constraint: &Constraint,
        span: &Span,
        tools: &[&Tool<'_>],
        problems: &mut Problems,
    ) {
        let segments = self.pointer.segments();
        check_kind(
            segments,
            self.pointer.as_str(),
            (constraint, span),
            tools,
            problems,
        );
    }
}

/// A constraint of values that no pinned schema has at its place. As deep as
/// the constraints are nested, which is bounded.
fn check_kind(
    segments: &[Segment],
    pointer: &str,
    (constraint, span): (&Constraint, &Span),
    tools: &[&Tool<'_>],
    problems: &mut Problems,
) {
    for tool in tools {
        let Declared::Kinds(kinds) = tool.declares(segments) else {
            continue;
        };
        if kinds.iter().any(|kind| constraint.kinds().has(*kind)) {
            continue;
        }
        let found: Vec<_> = kinds.iter().map(|kind| kind.name()).collect();
        let message = format!(
            "`{}` is about {}, but {} of {} is {}",
            constraint.name(),
            constraint.kinds(),
            shown::quoted(pointer),
            shown::quoted(tool.name),
            found.join(" or ")
        );
        let help = match kinds.as_slice() {
            [Kind::Array] => format!("for each of its items, write \"{pointer}/*\""),
            _ => "use a constraint of that type".to_owned(),
        };
        problems.tell(Code::OTHER_TYPE, span.clone(), message, help);
        return;
    }
    if let Constraint::Each(all) = constraint {
        let below = [segments, &[Segment::Every]].concat();
        for (inner, span) in all {
            check_kind(
                &below,
                &format!("{pointer}/*"),
                (inner, span),
                tools,
                problems,
            );
        }
    }
}
