//! A policy against the pinned definitions: what it names and nobody has, and
//! what nothing in it permits.
//!
//! A policy that compiles may still not mean what it says. A typing mistake in
//! a permit is a nuisance; in a forbid it is a hole.

use super::constraint::Constraint;
use super::diagnostic::{Diagnostic, Problems, Severity, Span};
use super::pattern::Pattern;
use super::pointer::Segment;
use super::rule::{Argument, Demand, Effect, Rule};
use super::schema::{Declared, declared};
use super::{Action, Policy, Scope, shown, suggest};
use crate::engine::message::{Document, Kind, Limits};
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
        let mut problems = Problems::default();
        problems.extend(self.oddities.iter().cloned());
        if self.scope == Scope::Named {
            self.check_principals(&mut problems);
            self.check_servers(lockfile, &read(lockfile), &mut problems);
            self.check_rules(lockfile, &mut problems);
        }
        problems.into_sorted()
    }

    /// What the rules say beside the pins. Good for a policy with mistakes too:
    /// a rule with a hole is not among them.
    pub(super) fn check_rules(&self, lockfile: &Lockfile, problems: &mut Problems) {
        let tools = read(lockfile);
        for rule in self.rules.iter().filter(|_| self.scope == Scope::Named) {
            self.check_rule(rule, lockfile, &tools, problems);
        }
    }

    fn check_principals(&self, problems: &mut Problems) {
        for (what, help, is_missing) in [
            (
                "agent",
                "add `[agent.NAME]` with `stdio = true`",
                self.agents.is_empty(),
            ),
            (
                "server",
                "add `[server.NAME]` with `command = [...]` or `url = \"...\"`",
                self.servers.is_empty(),
            ),
        ] {
            if is_missing {
                let message = format!("the policy has no {what}: it permits nothing");
                problems.add(Severity::Warning, 0..0, message, help);
            }
        }
    }

    fn check_servers(&self, lockfile: &Lockfile, tools: &[Tool<'_>], problems: &mut Problems) {
        for (name, server) in &self.servers {
            if !lockfile.servers.contains_key(name) {
                let message = format!("server `{name}` has no pins: its rules were not checked");
                let help = format!("pin its tools: {}", self.hint("pin", name));
                problems.add(Severity::Note, server.span.clone(), message, help);
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
                problems.add(Severity::Note, server.span.clone(), message, help);
            }
        }
    }

    fn permits_somebody(&self, tool: &Tool<'_>) -> bool {
        self.agents
            .keys()
            .any(|agent| self.may_ever_call(agent, tool.server, tool.name))
    }

    fn check_rule(
        &self,
        rule: &Rule,
        lockfile: &Lockfile,
        tools: &[Tool<'_>],
        problems: &mut Problems,
    ) {
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
        }
        self.check_people(rule, problems);
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
        let (message, help) = match issuers.len() {
            0 => (
                "no agent of this rule comes with a token, so that it has neither users nor groups",
                "give an agent `jwt`, or remove `users` and `groups`",
            ),
            1 => return,
            _ => (
                "users and groups of two issuers are compared by name alone",
                "name the `agents` of one issuer in this rule, and make another rule for the other",
            ),
        };
        problems.add(Severity::Warning, span.clone(), message, help);
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
        problems.error(
            span.clone(),
            format!("no pinned tool is called {quoted}"),
            help,
        );
    } else {
        let message = format!("no pinned tool fits {quoted}");
        problems.add(Severity::Warning, span.clone(), message, help);
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

impl Tool<'_> {
    /// What its pinned input schema declares at the end of a pointer.
    fn declares(&self, segments: &[Segment]) -> Declared {
        match self.definition.root().get("inputSchema") {
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
        problems.add(severity, argument.span.clone(), message, help);
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
) -> Option<(Severity, Vec<&'t str>, &'static str)> {
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
        return Some((
            severity,
            without,
            "look at its name in the pinned definition",
        ));
    }
    if matches!(
        argument.demand,
        Demand::Absent | Demand::Present { optional: true, .. }
    ) {
        return None;
    }
    // Whoever writes a tool's name means that tool; a wildcard takes what fits.
    let is_named = |name: &&&str| {
        rule.tools
            .iter()
            .any(|(p, _)| p.is_literal() && p.matches(name))
    };
    let named = without.iter().any(|name| is_named(&name));
    match (rule.effect, named) {
        (Effect::Permit, true) => Some((Severity::Error, without, NEVER_PERMITTED)),
        (Effect::Permit, false) => Some((Severity::Warning, without, NEVER_PERMITTED)),
        (Effect::Ask | Effect::Forbid, true) => Some((Severity::Error, without, NEVER_FIRES)),
        (Effect::Ask | Effect::Forbid, false) => None,
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
        problems.error(span.clone(), message, help);
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
