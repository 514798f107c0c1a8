//! What a rule depends on beside who does what: `mode`, `limit`, `when`,
//! `[defaults]` and `[set.NAME]` in their raw form.

use super::reader::{self, Entry, Keys, Reader};
use super::{At, List, Literal, Mode, RawSet, Span, Text};
use toml::de::{DeTable, DeValue};

const DEFAULTS: Keys = Keys {
    table: "`[defaults]`",
    known: &["mode", "limit"],
    later: &[],
};
const LIMIT: Keys = Keys {
    table: "`limit`",
    known: &["calls", "per", "in_flight", "by"],
    later: &[],
};
const WHEN: Keys = Keys {
    table: "`when`",
    known: &["days", "from", "to", "zone"],
    later: &[],
};

#[derive(Debug, Default)]
pub(in crate::engine::policy) struct RawDefaults {
    /// With the place of its key.
    pub(in crate::engine::policy) mode: Option<At<Mode>>,
    pub(in crate::engine::policy) limit: Option<At<RawLimit>>,
}

#[derive(Debug, Clone, Default)]
pub(in crate::engine::policy) struct RawLimit {
    pub(in crate::engine::policy) calls: Option<At<u64>>,
    pub(in crate::engine::policy) per: Option<Text>,
    pub(in crate::engine::policy) in_flight: Option<At<u64>>,
    pub(in crate::engine::policy) by_tool: Option<Span>,
}

#[derive(Debug, Default)]
pub(in crate::engine::policy) struct RawWhen {
    pub(in crate::engine::policy) days: Option<List>,
    pub(in crate::engine::policy) from: Option<Text>,
    pub(in crate::engine::policy) to: Option<Text>,
    pub(in crate::engine::policy) zone: Option<Text>,
}

const SET: Keys = Keys {
    table: "`[set.NAME]`",
    known: &["values"],
    later: &[],
};

impl Reader<'_> {
    pub(super) fn set(&mut self, name: Text, table: &DeTable<'_>) -> RawSet {
        let mut values = None;
        for one in reader::entries(table) {
            match one.key {
                "values" => values = self.literals(&one),
                _ => self.unknown(&one, &SET),
            }
        }
        if !table.contains_key("values") {
            let help = "write `values = [...]`";
            self.problems
                .error(name.span.clone(), "a set has no `values`", help);
        }
        RawSet { name, values }
    }

    /// A list of values that has at least one.
    fn literals(&mut self, entry: &Entry<'_, '_>) -> Option<Vec<At<Literal>>> {
        let DeValue::Array(items) = entry.value.get_ref() else {
            let help = "write `values = [\"a\", \"b\"]`";
            self.problems
                .error(entry.span(), "expected `values` to be a list", help);
            return None;
        };
        if items.is_empty() {
            let help = "list at least one, or remove the set";
            self.problems
                .error(entry.span(), "`values` is an empty list", help);
            return None;
        }
        let value = |value| Entry {
            key: entry.key,
            key_span: entry.key_span.clone(),
            value,
        };
        items
            .iter()
            .map(|item| self.literal(&value(item)))
            .collect()
    }

    pub(super) fn defaults(&mut self, entry: &Entry<'_, '_>) -> RawDefaults {
        let mut defaults = RawDefaults::default();
        let Some(table) = self.table(entry) else {
            return defaults;
        };
        for one in reader::entries(table) {
            match one.key {
                "mode" => {
                    defaults.mode = self.mode(&one).map(|value| At {
                        value,
                        span: one.key_span.start..one.span().end,
                    });
                }
                "limit" => defaults.limit = self.limit(&one),
                _ => self.unknown(&one, &DEFAULTS),
            }
        }
        defaults
    }

    pub(super) fn mode(&mut self, entry: &Entry<'_, '_>) -> Option<Mode> {
        let words = [("enforce", Mode::Enforce), ("audit", Mode::Audit)];
        self.word(entry, &words, &[])
    }

    pub(super) fn limit(&mut self, entry: &Entry<'_, '_>) -> Option<At<RawLimit>> {
        let mut limit = RawLimit::default();
        let table = self.table(entry)?;
        if !["calls", "per", "in_flight"]
            .iter()
            .any(|key| table.contains_key(*key))
        {
            let help = "write `limit = { calls = 60, per = \"1m\" }`, or `in_flight = 3`";
            self.problems.error(
                entry.key_span.clone(),
                "`limit` does not say how much",
                help,
            );
        }
        for one in reader::entries(table) {
            match one.key {
                "calls" => limit.calls = self.counted(&one),
                "per" => limit.per = self.text(&one),
                "in_flight" => limit.in_flight = self.counted(&one),
                "by" => {
                    limit.by_tool = self.word(&one, &[("tool", ())], &[]).map(|()| one.span());
                }
                _ => self.unknown(&one, &LIMIT),
            }
        }
        Some(At {
            value: limit,
            span: entry.key_span.clone(),
        })
    }

    pub(super) fn counted(&mut self, entry: &Entry<'_, '_>) -> Option<At<u64>> {
        let value = self.count(entry)?;
        Some(At {
            value,
            span: entry.span(),
        })
    }

    pub(super) fn when(&mut self, entry: &Entry<'_, '_>) -> Option<At<RawWhen>> {
        let mut when = RawWhen::default();
        let table = self.table(entry)?;
        let place = entry.key_span.clone();
        if !["days", "from", "to"]
            .iter()
            .any(|key| table.contains_key(*key))
        {
            let help = "write `days`, `from` or `to`, and `zone`";
            self.problems.error(place, "`when` does not say when", help);
        } else if !table.contains_key("zone") {
            let help = "write `zone = \"UTC\"`, or an offset such as `\"+02:00\"`";
            self.problems
                .error(place, "`when` does not say where the clock stands", help);
        }
        for one in reader::entries(table) {
            match one.key {
                "days" => when.days = self.full_list(&one),
                "from" => when.from = self.clock(&one),
                "to" => when.to = self.clock(&one),
                "zone" => when.zone = self.text(&one),
                _ => self.unknown(&one, &WHEN),
            }
        }
        Some(At {
            value: when,
            span: entry.key_span.clone(),
        })
    }

    /// A time of day. Without quotes TOML takes it for one of its own.
    fn clock(&mut self, entry: &Entry<'_, '_>) -> Option<Text> {
        if let DeValue::Datetime(time) = entry.value.get_ref() {
            let help = format!(
                "write it in quotes, without seconds: `{} = \"09:00\"`",
                entry.key
            );
            let message = format!("expected a time of day such as \"09:00\", found `{time}`");
            self.problems.error(entry.span(), message, help);
            return None;
        }
        self.text(entry)
    }
}
