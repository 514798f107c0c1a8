//! `results` of a rule, checked.

use super::Compiler;
use crate::engine::message::Limits;
use crate::engine::policy::constraint::Constraint;
use crate::engine::policy::raw::{At, RawResults, RawRule};
use crate::engine::policy::results::Results;
use crate::engine::policy::rule::Effect;

/// The shortest result, `{}`.
const SHORTEST: u64 = 2;

impl Compiler<'_> {
    /// Where `results` mean nothing.
    pub(super) fn results_fit(&mut self, rule: &RawRule) {
        let Some(results) = &rule.results else {
            return;
        };
        let message = match rule.effect {
            Some(Effect::Ask) => "`results` means nothing in an ask",
            Some(Effect::Forbid) => "`results` means nothing in a forbid",
            Some(Effect::Permit) | None if rule.asks.is_some() => {
                "`results` is about answers of a server, not those of the agent"
            }
            Some(Effect::Permit) | None => return,
        };
        let help = if rule.asks.is_some() {
            "put `asks` into a rule of their own"
        } else {
            "put it into a permit: answers to what it permits have to be so"
        };
        self.problems.error(results.span.clone(), message, help);
    }

    /// `None` where something is wrong, which was told.
    pub(super) fn results(&mut self, raw: At<RawResults>) -> Option<Results> {
        let RawResults {
            max_bytes,
            secrets,
            urls,
        } = raw.value;
        let max_bytes = match max_bytes {
            None => None,
            Some(most) => Some(self.bytes(&most)?),
        };
        let urls = match urls {
            None => None,
            Some(urls) => Some(Constraint::Url(self.urls(urls.value, &urls.span)?)),
        };
        Some(Results {
            max_bytes,
            no_secrets: secrets.is_some(),
            urls,
        })
    }

    fn bytes(&mut self, most: &At<u64>) -> Option<u64> {
        let longest = u64::try_from(Limits::DEFAULT.bytes).unwrap_or(u64::MAX);
        if (SHORTEST..=longest).contains(&most.value) {
            return Some(most.value);
        }
        let message = format!(
            "expected `max_bytes` to be {SHORTEST} to {longest}, found {}",
            most.value
        );
        let help = "no result is shorter, and no message longer";
        self.problems.error(most.span.clone(), message, help);
        None
    }
}
