//! `[set.NAME]`: values with a name, and `"@NAME"` where they are meant.

use super::{Compiler, shown, suggest};
use crate::engine::message::Kind;
use crate::engine::policy::Code;
use crate::engine::policy::diagnostic::Span;
use crate::engine::policy::literal::Literal;
use crate::engine::policy::raw::{At, List, RawSet, Text};
use crate::engine::types::SetName;
use std::collections::BTreeMap;

/// All sets of a policy.
#[derive(Debug, Default)]
pub(super) struct Sets(BTreeMap<String, Set>);

#[derive(Debug)]
struct Set {
    values: Vec<At<Literal>>,
    span: Span,
    used: bool,
}

impl Compiler<'_> {
    pub(super) fn all_sets(&mut self, raw: Vec<RawSet>) {
        for RawSet { name, values } in raw {
            // What is wrong with it is told once, not wherever it is used.
            if self.name(&name, SetName::new).is_some() {
                let set = Set {
                    values: values.unwrap_or_default(),
                    span: name.span,
                    used: false,
                };
                self.sets.0.insert(name.value, set);
            }
        }
        self.sets_are_flat();
        self.sets_have_one_kind();
    }

    fn sets_are_flat(&mut self) {
        let all = self.sets.0.values().flat_map(|set| &set.values);
        let nested = all.filter(|value| self.names_a_set(&value.value));
        let nested: Vec<_> = nested.map(|value| value.span.clone()).collect();
        for span in nested {
            let help = "list the values themselves";
            self.problems.error(span, "a set holds no other sets", help);
        }
    }

    fn sets_have_one_kind(&mut self) {
        for set in self.sets.0.values() {
            let mut values = set.values.iter();
            let Some(first) = values.next().map(|value| value.value.kind()) else {
                continue;
            };
            if let Some(odd) = values.find(|value| value.value.kind() != first) {
                let message = format!(
                    "expected all values of a set to be {}, found {}",
                    first.name(),
                    odd.value.kind().name()
                );
                let help = "make another set for the others";
                self.problems.error(odd.span.clone(), message, help);
            }
        }
    }

    /// Whether a text that stands for itself looks as if it stood for a set.
    pub(super) fn names_a_set(&self, literal: &Literal) -> bool {
        let Literal::String(text) = literal else {
            return false;
        };
        let name = text.strip_prefix('@');
        name.is_some_and(|name| self.sets.0.contains_key(name))
    }

    /// The values of a set.
    pub(super) fn set(&mut self, name: &str, span: &Span) -> Option<Vec<At<Literal>>> {
        if let Some(set) = self.sets.0.get_mut(name) {
            set.used = true;
            return Some(set.values.clone());
        }
        let message = format!("the policy has no set {}", shown::quoted(name));
        let known: Vec<_> = self.sets.0.keys().map(String::as_str).collect();
        let help = match suggest::nearest(name, known) {
            Some(near) => format!("did you mean `@{near}`?"),
            None => "define it: `[set.NAME]`; `@@` stands for the letter `@`".to_owned(),
        };
        self.problems
            .of(Code::UNDEFINED)
            .error(span.clone(), message, help);
        None
    }

    /// A list with the sets that it names in their place. Each value has its own
    /// place.
    pub(super) fn with_sets(&mut self, list: Option<List>) -> Option<List> {
        let At { value, span } = list?;
        let mut texts: Vec<Text> = Vec::new();
        for text in value {
            let Some(name) = text.value.strip_prefix('@') else {
                texts.push(text);
                continue;
            };
            if name.starts_with('@') {
                let value = name.to_owned();
                texts.push(At { value, ..text });
                continue;
            }
            for value in self.set(name, &text.span).unwrap_or_default() {
                match value.value {
                    Literal::String(word) => texts.push(At {
                        value: word,
                        span: value.span,
                    }),
                    other => {
                        self.not_texts(name, other.kind(), &text.span);
                        break;
                    }
                }
            }
        }
        Some(At { value: texts, span })
    }

    fn not_texts(&mut self, name: &str, kind: Kind, span: &Span) {
        let message = format!(
            "expected the values of {} to be strings, found {}",
            shown::quoted(name),
            kind.name()
        );
        let help = "use it in `one_of`, or make a set of strings";
        self.problems.error(span.clone(), message, help);
    }

    pub(super) fn unused_sets(&mut self) {
        for (name, set) in self.sets.0.iter().filter(|(_, set)| !set.used) {
            let message = format!("nothing uses the set {}", shown::quoted(name));
            let help = format!("write \"@{name}\" where its values are meant, or remove it");
            self.problems
                .tell(Code::UNUSED_SET, set.span.clone(), message, help);
        }
    }
}
