//! `mode`, `limit` and `when` of a rule, checked.

use super::{Compiler, shown, suggest};
use crate::engine::policy::Code;
use crate::engine::policy::moment::{DAY, DAYS, Window};
use crate::engine::policy::quota::{Limit, Rate};
use crate::engine::policy::raw::{At, List, RawDefaults, RawLimit, RawRule, RawWhen, Text};
use crate::engine::policy::rule::{Effect, Mode};
use std::time::Duration;

/// Most calls that a limit counts.
const MOST_CALLS: u64 = 1_000_000;
/// Longest stretch that it counts them in: 31 days.
const LONGEST: u64 = 31 * 24 * 3600;
/// Furthest from UTC, in minutes.
const FURTHEST: i16 = 14 * 60;

/// `[defaults]`, checked.
#[derive(Debug)]
pub(super) struct Defaults {
    pub(super) mode: Mode,
    /// For every permit that has none.
    pub(super) limit: Option<Limit>,
}

impl Compiler<'_> {
    pub(super) fn defaults(&mut self, raw: RawDefaults) -> Defaults {
        let mode = raw.mode.map_or(Mode::Enforce, |mode| {
            if mode.value == Mode::Audit {
                let message =
                    "the policy only audits: what no rule permits passes, and is recorded";
                let help = "remove `mode` from `[defaults]` once there are rules for what is seen";
                self.problems
                    .tell(Code::ONLY_AUDITS, mode.span, message, help);
            }
            mode.value
        });
        Defaults {
            mode,
            limit: raw.limit.and_then(|limit| self.limit(limit)),
        }
    }

    /// What has no meaning beside the effect, and what cannot mean much yet.
    pub(super) fn fits_effect(&mut self, rule: &RawRule) {
        let Some(effect) = rule.effect else {
            return;
        };
        if effect == Effect::Ask {
            let message = "approvals do not exist yet: until they do, this rule denies";
            let help = "whoever is denied is told so, with the reason `approval-needed`";
            self.problems
                .tell(Code::NO_APPROVALS, rule.span.clone(), message, help);
        }
        let word = match effect {
            Effect::Permit => return,
            Effect::Ask => "an ask",
            Effect::Forbid => "a forbid",
        };
        if let Some(span) = &rule.undeclared {
            let message = format!("`undeclared` means nothing in {word}");
            let help = "remove it: only a permit lets undeclared arguments pass";
            self.problems.error(span.clone(), message, help);
        }
        if let Some(limit) = &rule.limit {
            let message = format!("`limit` means nothing in {word}");
            let help = "put it into a permit, which does not hold where its limit is reached";
            self.problems.error(limit.span.clone(), message, help);
        }
    }

    pub(super) fn limit(&mut self, raw: At<RawLimit>) -> Option<Limit> {
        let RawLimit {
            calls,
            per,
            in_flight,
            by_tool,
        } = raw.value;
        let rate = match (calls, per) {
            (None, None) => None,
            (Some(calls), Some(per)) => Some(self.rate(&calls, per)?),
            (Some(calls), None) => {
                let help = "write `per = \"1m\"` beside it";
                self.problems
                    .error(calls.span, "`calls` does not say in how long", help);
                return None;
            }
            (None, Some(per)) => {
                let help = "write `calls` beside it, or remove it";
                self.problems
                    .error(per.span, "`per` does not say how many calls", help);
                return None;
            }
        };
        let in_flight = match in_flight {
            None => None,
            Some(most) => Some(self.most(&most)?),
        };
        Some(Limit {
            rate,
            in_flight,
            by_tool: by_tool.is_some(),
        })
    }

    fn rate(&mut self, calls: &At<u64>, per: Text) -> Option<Rate> {
        let calls = self.most(calls)?;
        let Some(length) = stretch(&per.value) else {
            let message = format!("{} is no stretch of time", shown::quoted(&per.value));
            let help = "write a number and `s`, `m`, `h` or `d`, from `1s` to `31d`";
            self.problems.error(per.span, message, help);
            return None;
        };
        Some(Rate {
            calls,
            per: length,
            written: per.value,
        })
    }

    fn most(&mut self, count: &At<u64>) -> Option<u32> {
        let fits = (1..=MOST_CALLS).contains(&count.value);
        if !fits {
            let message = format!("expected 1 to {MOST_CALLS}, found {}", count.value);
            let help = "a rule that never permits is a forbid; one without `limit` is not counted";
            self.problems.error(count.span.clone(), message, help);
            return None;
        }
        u32::try_from(count.value).ok()
    }

    pub(super) fn when(&mut self, raw: At<RawWhen>) -> Option<Window> {
        let At {
            value:
                RawWhen {
                    days,
                    from,
                    to,
                    zone,
                },
            span,
        } = raw;
        let offset = zone.and_then(|zone| self.zone(&zone));
        let days = match days {
            None => Some([true; 7]),
            Some(days) => self.days(days),
        };
        let start = from.as_ref().map_or(Some(0), |from| self.minute(from));
        let end = to.as_ref().map_or(Some(DAY), |to| self.minute(to));
        let (from, to) = (start?, end?);
        if from == to || from == DAY {
            let help = "`from` is included and `to` is not; `to = \"24:00\"` is the end of the day";
            self.problems
                .error(span, "no time is between `from` and `to`", help);
            return None;
        }
        Some(Window {
            days: days?,
            from,
            to,
            offset: offset?,
        })
    }

    /// Minutes to the east of UTC.
    fn zone(&mut self, zone: &Text) -> Option<i16> {
        let offset = offset(&zone.value);
        if offset.is_none() {
            let message = format!("{} is no time zone", shown::quoted(&zone.value));
            let help = if zone.value.contains('/') {
                "zones have no names here, since what they mean changes: write an offset such as `\"+02:00\"`"
            } else {
                "write `\"UTC\"`, or an offset from `\"-14:00\"` to `\"+14:00\"`"
            };
            self.problems.error(zone.span.clone(), message, help);
        }
        offset
    }

    fn days(&mut self, list: List) -> Option<[bool; 7]> {
        let mut days = [false; 7];
        let mut fine = true;
        for text in list.value {
            let Some(named) = span_of_days(&text.value) else {
                fine = false;
                let message = format!("{} is no day", shown::quoted(&text.value));
                let help = match text.value.as_str() {
                    range if range.contains("..") || range.contains('-') => {
                        "write a run of days as `\"mon-fri\"`".to_owned()
                    }
                    word => suggest::help(word, &DAYS),
                };
                self.problems.error(text.span, message, help);
                continue;
            };
            for (day, is_named) in days.iter_mut().zip(named) {
                *day |= is_named;
            }
        }
        fine.then_some(days)
    }

    fn minute(&mut self, text: &Text) -> Option<u16> {
        let minute = minute(&text.value);
        if minute.is_none() {
            let message = format!("{} is no time of day", shown::quoted(&text.value));
            let help = "write hours and minutes, from `\"00:00\"` to `\"24:00\"`";
            self.problems.error(text.span.clone(), message, help);
        }
        minute
    }
}

/// `90s`, `1m`, `2h`, `7d`.
pub(in crate::engine::policy) fn stretch(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 24 * 3600,
        _ => return None,
    };
    let seconds = plain(text.strip_suffix(unit)?)?.checked_mul(seconds)?;
    (1..=LONGEST)
        .contains(&seconds)
        .then(|| Duration::from_secs(seconds))
}

/// Digits and nothing else: not a sign either.
fn plain(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits)
}

/// `UTC`, `Z`, `+02:00`.
fn offset(text: &str) -> Option<i16> {
    if matches!(text, "UTC" | "Z") {
        return Some(0);
    }
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+')?),
    };
    let minutes = i16::try_from(minute(rest)?).ok()?;
    (minutes <= FURTHEST).then(|| minutes.saturating_mul(sign))
}

/// `09:00`: minutes since the day began.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    if hours.len() != 2 || minutes.len() != 2 {
        return None;
    }
    let (hours, minutes) = (plain(hours)?, plain(minutes)?);
    let all = hours.checked_mul(60)?.checked_add(minutes)?;
    let all = u16::try_from(all).ok()?;
    (minutes < 60 && all <= DAY).then_some(all)
}

/// `mon`, or `mon-fri`; `sat-mon` goes over the end of the week.
fn span_of_days(text: &str) -> Option<[bool; 7]> {
    let day = |name: &str| DAYS.iter().position(|day| *day == name);
    let (first, last) = match text.split_once('-') {
        None => (day(text)?, day(text)?),
        Some((first, last)) => (day(first)?, day(last)?),
    };
    let mut days = [false; 7];
    for (at, is_on) in days.iter_mut().enumerate() {
        *is_on = if first <= last {
            (first..=last).contains(&at)
        } else {
            at >= first || at <= last
        };
    }
    Some(days)
}
