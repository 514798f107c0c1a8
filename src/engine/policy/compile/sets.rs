//! `[set.NAME]`: values with a name, and `"@NAME"` where they are meant.

use super::{Compiler, shown, suggest};
use crate::engine::message::Kind;
use crate::engine::policy::Code;
use crate::engine::policy::diagnostic::Span;
use crate::engine::policy::literal::Literal;
use crate::engine::policy::raw::{At, List, RawSet, Text};
use crate::engine::types::SetName;
use std::collections::BTreeMap;

/// Most values of a set, those of the sets in it included.
const MOST_VALUES: usize = 16_384;

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
        self.sets_hold_sets();
        self.sets_have_one_kind();
    }

    /// Puts the values of sets in the place of `"@NAME"`.
    fn sets_hold_sets(&mut self) {
        let names: Vec<_> = self.sets.0.keys().cloned().collect();
        let mut whole = BTreeMap::new();
        for name in &names {
            self.held_by(name, &mut Vec::new(), &mut whole);
        }
        for (name, values) in whole {
            if let Some(set) = self.sets.0.get_mut(&name) {
                set.values = values;
            }
        }
    }

    /// All values of a set, each with its own place. `open`: the sets that hold it,
    /// outermost first.
    fn held_by(
        &mut self,
        name: &str,
        open: &mut Vec<String>,
        whole: &mut BTreeMap<String, Vec<At<Literal>>>,
    ) -> Vec<At<Literal>> {
        if let Some(known) = whole.get(name) {
            return known.clone();
        }
        let own = self.sets.0.get(name).map(|set| set.values.clone());
        open.push(name.to_owned());
        let mut values = Vec::new();
        for value in own.unwrap_or_default() {
            let inner = match &value.value {
                Literal::String(text) => text.strip_prefix('@').map(str::to_owned),
                _ => None,
            };
            match inner {
                None => values.push(value),
                Some(text) if text.starts_with('@') => values.push(At {
                    value: Literal::String(text),
                    ..value
                }),
                Some(inner) if open.contains(&inner) => {
                    let message =
                        format!("the set {} holds itself in the end", shown::quoted(&inner));
                    let help = "take this, or what leads here, out";
                    self.problems.error(value.span, message, help);
                }
                Some(inner) => {
                    // It tells of a set that there is not.
                    if self.set(&inner, &value.span).is_some() {
                        values.extend(self.held_by(&inner, open, whole));
                    }
                }
            }
            if values.len() > MOST_VALUES {
                values.truncate(MOST_VALUES);
                let span = self.sets.0.get(name).map_or(0..0, |set| set.span.clone());
                let message = format!("a set has more than {MOST_VALUES} values");
                self.problems
                    .error(span, message, "split it, or the sets that it holds");
                break;
            }
        }
        open.pop();
        whole.insert(name.to_owned(), values.clone());
        values
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
