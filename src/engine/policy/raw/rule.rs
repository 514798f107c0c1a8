//! `[[rule]]` in its raw form.

use super::reader::{self, Entry, Keys, Reader};
use super::{At, Effect, RawArgument, RawRule, Text};
use crate::engine::policy::Code;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Every key of a rule, in the order in which they are laid out.
pub const RULE_KEYS: &[&str] = &[
    "id",
    "effect",
    "agents",
    "users",
    "groups",
    "scopes",
    "server",
    "servers",
    "tools",
    "prompts",
    "resources",
    "completions",
    "asks",
    "args",
    "undeclared",
    "mode",
    "limit",
    "when",
    "results",
];

const RULE: Keys = Keys {
    table: "`[[rule]]`",
    known: RULE_KEYS,
    later: &["labels", "redact", "approval"],
};

impl Reader<'_> {
    pub(super) fn rules(&mut self, entry: &Entry<'_, '_>) -> Vec<RawRule> {
        let DeValue::Array(items) = entry.value.get_ref() else {
            let message = "expected `rule` to be a list of tables";
            let help = "write `[[rule]]`, with two brackets, above each rule";
            self.problems.error(entry.key_span.clone(), message, help);
            return Vec::new();
        };
        let mut rules = Vec::new();
        for item in items {
            match item.get_ref() {
                DeValue::Table(table) => rules.push(self.rule(item, table)),
                DeValue::String(_)
                | DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_) => {
                    let help = "write `[[rule]]`, with two brackets, above each rule";
                    self.problems
                        .error(item.span(), "expected a rule to be a table", help);
                }
            }
        }
        rules
    }

    fn rule(&mut self, item: &Spanned<DeValue<'_>>, table: &DeTable<'_>) -> RawRule {
        let mut rule = RawRule {
            span: item.span(),
            id: None,
            effect: None,
            mode: None,
            agents: None,
            users: None,
            groups: None,
            scopes: None,
            server: None,
            servers: None,
            tools: None,
            prompts: None,
            resources: None,
            completions: None,
            asks: None,
            args: None,
            undeclared: None,
            limit: None,
            when: None,
            results: None,
        };
        for entry in reader::entries(table) {
            self.problems.turn_to(Code::RULE);
            match entry.key {
                "id" => rule.id = self.text(&entry),
                "effect" => {
                    let words = [
                        ("permit", Effect::Permit),
                        ("ask", Effect::Ask),
                        ("forbid", Effect::Forbid),
                    ];
                    rule.effect = self.word(&entry, &words, &[]);
                }
                "agents" => rule.agents = self.full_list(&entry),
                "users" => rule.users = self.full_list(&entry),
                "groups" => rule.groups = self.full_list(&entry),
                "scopes" => rule.scopes = self.full_list(&entry),
                "server" => rule.server = self.text(&entry),
                "servers" => rule.servers = self.full_list(&entry),
                "tools" => rule.tools = self.full_list(&entry),
                "prompts" => rule.prompts = self.full_list(&entry),
                "resources" => rule.resources = self.full_list(&entry),
                "completions" => rule.completions = self.full_list(&entry),
                "asks" => rule.asks = self.full_list(&entry),
                "args" => rule.args = self.arguments(&entry),
                "mode" => rule.mode = self.mode(&entry),
                "limit" => rule.limit = self.limit(&entry),
                "when" => rule.when = self.when(&entry),
                "results" => rule.results = self.results(&entry),
                "undeclared" => {
                    rule.undeclared = self
                        .word(&entry, &[("permit", ())], &[])
                        .map(|()| entry.span());
                }
                _ => self.unknown(&entry, &RULE),
            }
        }
        self.problems.turn_to(Code::RULE);
        self.required(&rule, table);
        rule
    }

    fn required(&mut self, rule: &RawRule, table: &DeTable<'_>) {
        if !table.contains_key("id") {
            let help = "write `id = \"...\"`: records and explanations name the rule by it";
            self.problems
                .error(rule.span.clone(), "a rule has no `id`", help);
        }
        if !table.contains_key("effect") {
            let help = "write `effect = \"permit\"`, `\"ask\"` or `\"forbid\"`";
            self.problems
                .error(rule.span.clone(), "a rule has no `effect`", help);
        }
        if !["tools", "prompts", "resources", "completions", "asks"]
            .iter()
            .any(|key| table.contains_key(*key))
        {
            let help = "write `tools`, `prompts`, `resources`, `completions` or `asks`";
            self.problems.error(
                rule.span.clone(),
                "a rule does not say what it is about",
                help,
            );
        }
    }

    fn arguments(&mut self, entry: &Entry<'_, '_>) -> Option<At<Vec<RawArgument>>> {
        self.problems.turn_to(Code::CONSTRAINT);
        let table = self.table(entry)?;
        let mut arguments = Vec::new();
        for one in reader::entries(table) {
            let pointer = At {
                value: one.key.to_owned(),
                span: one.key_span.clone(),
            };
            if let Some(constraints) = self.table(&one) {
                arguments.push(self.argument(pointer, constraints));
            }
        }
        if table.is_empty() {
            let help =
                "leave `args` out, or constrain an argument: `\"/name\" = { equals = \"x\" }`";
            self.problems.error(entry.span(), "`args` is empty", help);
        }
        Some(At {
            value: arguments,
            span: entry.key_span.clone(),
        })
    }

    fn argument(&mut self, pointer: Text, table: &DeTable<'_>) -> RawArgument {
        let mut argument = RawArgument {
            pointer,
            optional: None,
            absent: None,
            constraints: Vec::new(),
        };
        let mut says_something = false;
        for entry in reader::entries(table) {
            says_something |= entry.key != "optional";
            match entry.key {
                "optional" => argument.optional = self.boolean(&entry),
                "absent" => argument.absent = self.boolean(&entry),
                _ => {
                    argument.constraints.extend(self.spanned(&entry));
                }
            }
        }
        if !says_something {
            let help = "write a constraint, such as `equals`, `one_of` or `path`";
            let message = "an argument is named and not constrained";
            self.problems
                .error(argument.pointer.span.clone(), message, help);
        }
        argument
    }
}
