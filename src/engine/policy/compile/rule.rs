//! `[[rule]]`: names resolved, patterns and constraints compiled, and what can
//! never hold told.

use super::condition::Defaults;
use super::{Compiler, shown, suggest};
use crate::engine::policy::diagnostic::Span;
use crate::engine::policy::pattern::Pattern;
use crate::engine::policy::raw::{List, RawRule, Text};
use crate::engine::policy::rule::{Effect, Rule};
use crate::engine::policy::{AskAgent, Code, RuleRef};
use crate::engine::types::{AgentName, RuleId, ServerName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Something is wrong, and was told.
struct Told;

impl Compiler<'_> {
    pub(super) fn rules(&mut self, raw: Vec<RawRule>, defaults: &Defaults) -> Vec<Rule> {
        let mut places: BTreeMap<RuleId, (String, usize)> = BTreeMap::new();
        let mut rules = Vec::new();
        self.problems.turn_to(Code::RULE);
        for rule in raw {
            let id = rule.id.as_ref().and_then(|id| self.name(id, RuleId::new));
            let (file, line) = self.place_of(rule.span.start);
            if let (Some(text), Some(id)) = (&rule.id, &id) {
                if let Some((first_file, first)) = places.get(id) {
                    let message = format!("there are two rules `{id}`");
                    let of_file = match first_file {
                        same if *same == file => String::new(),
                        other => format!(" of `{other}`"),
                    };
                    let help = format!(
                        "the first is in line {first}{of_file}: records must tell them apart"
                    );
                    self.problems
                        .of(Code::SAME_ID)
                        .error(text.span.clone(), message, help);
                }
                let place = (file.clone(), line);
                places.entry(id.clone()).or_insert(place);
            }
            let reference = id.map(|id| RuleRef {
                id: id.to_string(),
                file,
                line,
            });
            rules.extend(self.rule(rule, reference, defaults));
        }
        rules
    }

    fn rule(
        &mut self,
        raw: RawRule,
        reference: Option<RuleRef>,
        defaults: &Defaults,
    ) -> Option<Rule> {
        self.problems.turn_to(Code::RULE);
        self.fits_together(&raw);
        self.fits_effect(&raw);
        self.results_fit(&raw);
        // Without an effect there is no rule, but there are its mistakes.
        let effect = raw.effect.unwrap_or(Effect::Permit);
        let users = self.with_sets(raw.users);
        let users = users.map(|list| self.patterns(Some(list), &[]));
        let groups = self.with_sets(raw.groups);
        let groups = groups.map(|list| self.patterns(Some(list), &[]));
        let scopes = raw.scopes.map(|list| self.scopes(list, raw.effect));
        let agents = self.with_sets(raw.agents);
        let agents = agents.map(|list| self.agent_names(list));
        let servers = self.server_names(raw.server, raw.servers);
        let tools = self.with_sets(raw.tools);
        let tools = self.patterns(tools, &['?', '[', ']', '{', '}']);
        let [prompts, resources, completions] =
            [raw.prompts, raw.resources, raw.completions].map(|list| {
                let list = self.with_sets(list);
                self.patterns(list, &[])
            });
        let asks = raw.asks.map(|list| self.asks(list));
        let limit = raw.limit.map(|limit| self.limit(limit).ok_or(Told));
        let when = raw.when.map(|when| self.when(when).ok_or(Told));
        let results = raw.results.map(|raw| self.results(raw).ok_or(Told));
        let args = raw.args.map(|args| args.value).unwrap_or_default();
        let arguments: Vec<_> = args
            .into_iter()
            .map(|one| self.argument(one, effect))
            .collect();
        // A hole in any of these would make the rule another one; the policy
        // is refused for it, so the rule is left out.
        Some(Rule {
            reference: reference?,
            effect: raw.effect?,
            mode: raw.mode.unwrap_or(defaults.mode),
            agents,
            users,
            groups,
            scopes: scopes.unwrap_or_default(),
            servers: servers.ok()?,
            tools,
            prompts,
            resources,
            completions,
            asks: asks.unwrap_or_default(),
            arguments: arguments.into_iter().collect::<Option<_>>()?,
            undeclared: raw.undeclared.is_some(),
            limit: match effect {
                Effect::Permit => limit.transpose().ok()?.or_else(|| defaults.limit.clone()),
                Effect::Ask | Effect::Forbid => None,
            },
            when: when.transpose().ok()?,
            results: results.transpose().ok()?.map(Arc::new),
        })
    }

    /// Keys that mean nothing beside each other.
    fn fits_together(&mut self, rule: &RawRule) {
        let not_tools = [
            &rule.prompts,
            &rule.resources,
            &rule.completions,
            &rule.asks,
        ];
        let not_tools = not_tools.into_iter().flatten().next();
        if let (Some(args), Some(_)) = (&rule.args, not_tools) {
            let message = "`args` constrains the arguments of tools only";
            let help = "put what else it is about into a rule of its own";
            self.problems.error(args.span.clone(), message, help);
        }
        if let (Some(limit), Some(_)) = (&rule.limit, &rule.asks) {
            let help = "put `asks` into a rule of their own";
            let message = "`limit` counts requests of the agent, not those of a server";
            self.problems.error(limit.span.clone(), message, help);
        }
        if let (Some(limit), None) = (&rule.limit, &rule.tools)
            && limit.value.by_tool.is_some()
        {
            let help = "remove `by`: what the rule is about is counted together";
            self.problems
                .error(limit.span.clone(), "`by = \"tool\"` is about tools", help);
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

    /// Requests of a server to the agent.
    fn asks(&mut self, list: List) -> Vec<(Pattern, Span)> {
        let mut asks = Vec::new();
        for text in list.value {
            if AskAgent::METHODS.contains(&text.value.as_str()) {
                asks.push((Pattern::new(text.value), text.span));
            } else {
                self.no_asking(&text);
            }
        }
        asks
    }

    fn scopes(&mut self, list: List, effect: Option<Effect>) -> BTreeSet<Arc<str>> {
        if let Some(Effect::Ask | Effect::Forbid) = effect {
            let help = "remove it: a permit says which scopes it needs, and whoever lacks them is not permitted";
            let message = "`scopes` means nothing but in a permit";
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

    /// `server`, or `servers`.
    fn server_names(
        &mut self,
        one: Option<Text>,
        several: Option<List>,
    ) -> Result<Option<Vec<ServerName>>, Told> {
        if let (Some(one), Some(_)) = (&one, &several) {
            let help = "put it into `servers`";
            let message = "a rule has `server` or `servers`, not both";
            self.problems.error(one.span.clone(), message, help);
        }
        let several = self.with_sets(several).map(|list| list.value);
        let Some(texts) = several.or_else(|| one.map(|text| vec![text])) else {
            return Ok(None);
        };
        let names: Vec<_> = texts.iter().map(|text| self.server_name(text)).collect();
        let names: Option<Vec<_>> = names.into_iter().collect();
        names.map(Some).ok_or(Told)
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
