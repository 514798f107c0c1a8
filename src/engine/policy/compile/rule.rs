//! `[[rule]]`: names resolved, patterns and constraints compiled, and what can
//! never hold told.

use super::{Compiler, shown, suggest};
use crate::engine::policy::diagnostic::Span;
use crate::engine::policy::pattern::Pattern;
use crate::engine::policy::raw::{List, RawRule, Text};
use crate::engine::policy::rule::{Effect, Rule};
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
}

fn undefined(what: &str, name: &str, known: &[&str]) -> String {
    match suggest::nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("define it: `[{what}.NAME]`"),
    }
}
