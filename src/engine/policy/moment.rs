//! The moment at which the policy is asked: the time of day, and what has been
//! counted. Both come in as values.
//!
//! Deliberately absent: named time zones. Their rules change several times a
//! year, so that they are data of the machine, which the engine does not read.

use super::Quotas;
use std::fmt;
use std::time::Duration;

/// Seconds since the beginning of 1970, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnixTime(pub u64);

/// When a policy is asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moment<'a> {
    /// The wall clock. `None`: it cannot be told, which no permit with a window
    /// survives and every forbid does.
    pub time: Option<UnixTime>,
    /// What has been counted. `None`: limits are not asked.
    pub counted: Option<Counted<'a>>,
}

/// The counts that limits are about.
#[derive(Debug, Clone, Copy)]
pub struct Counted<'a> {
    /// All of them.
    pub quotas: &'a Quotas,
    /// Whose: a principal's key.
    pub who: &'a str,
    /// On the clock that all sessions share and that never goes back.
    pub now: Duration,
}

/// Days and hours of a week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// From Monday on.
    pub(super) days: [bool; 7],
    /// Minute of the day, included.
    pub(super) from: u16,
    /// Minute of the day, excluded. Before `from`: of the next day.
    pub(super) to: u16,
    /// Minutes to the east of UTC.
    pub(super) offset: i16,
}

/// The names of the days, from Monday on.
pub(super) const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// Minutes of a day.
pub(super) const DAY: u16 = 24 * 60;

impl Window {
    /// Whether it is open at that time.
    pub(super) fn is_open(&self, time: UnixTime) -> bool {
        let minutes = i64::try_from(time.0 / 60).unwrap_or(i64::MAX);
        let local = minutes.saturating_add(i64::from(self.offset));
        let day = local.div_euclid(i64::from(DAY));
        let minute = local.rem_euclid(i64::from(DAY));
        // 1 January 1970 was a Thursday.
        let covers = |day: i64| {
            let weekday = day.saturating_add(3).rem_euclid(7);
            let weekday = usize::try_from(weekday).ok();
            weekday.is_some_and(|at| self.days.get(at) == Some(&true))
        };
        let (from, to) = (i64::from(self.from), i64::from(self.to));
        if from < to {
            return covers(day) && (from..to).contains(&minute);
        }
        // Over midnight: the morning belongs to the day before.
        (covers(day) && minute >= from) || (covers(day.saturating_sub(1)) && minute < to)
    }
}

impl Window {
    /// Whether it is open whenever `other` is. Each is open or closed from one of
    /// these minutes to the next, week by week.
    pub(super) fn covers(&self, other: &Self) -> bool {
        let turns = |window: &Self| {
            let minutes = [window.from, window.to]
                .map(|minute| i64::from(minute).saturating_sub(i64::from(window.offset)));
            (1..=8_i64).flat_map(move |day| {
                minutes.map(|minute| day.saturating_mul(i64::from(DAY)).saturating_add(minute))
            })
        };
        turns(self).chain(turns(other)).all(|minute| {
            let seconds = minute.saturating_mul(60);
            let time = UnixTime(u64::try_from(seconds).unwrap_or(0));
            self.is_open(time) || !other.is_open(time)
        })
    }
}

impl fmt::Display for Window {
    /// As an explanation shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        if self.days != [true; 7] {
            let named = DAYS.iter().zip(self.days).filter(|(_, is_on)| *is_on);
            let named: Vec<_> = named.map(|(name, _)| *name).collect();
            write!(f, "{} ", named.join(", "))?;
        }
        let offset = match self.offset {
            0 => "UTC".to_owned(),
            offset => {
                let sign = if offset < 0 { '-' } else { '+' };
                format!("{sign}{}", clock(offset.unsigned_abs()))
            }
        };
        write!(f, "{}-{} {offset}", clock(self.from), clock(self.to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday, 23 November 2026, 00:00 UTC.
    const MONDAY: u64 = 1_795_392_000;

    fn window(days: &[usize], from: u16, to: u16, offset: i16) -> Window {
        let mut on = [false; 7];
        for day in days {
            on[*day] = true;
        }
        Window {
            days: on,
            from,
            to,
            offset,
        }
    }

    #[test]
    fn a_week_by_the_clock() {
        let office = window(&[0, 1, 2, 3, 4], 9 * 60, 18 * 60, 0);
        let abroad = window(&[0], 9 * 60, 18 * 60, 120);
        let west = window(&[6], 22 * 60, DAY, -300);
        let night = window(&[4], 22 * 60, 6 * 60, 0);
        for (window, day, hour, minute, expected) in [
            (&office, 0, 8, 59, false),
            (&office, 0, 9, 0, true),
            (&office, 4, 17, 59, true),
            (&office, 4, 18, 0, false),
            (&office, 5, 12, 0, false),
            (&abroad, 0, 7, 0, true),
            (&abroad, 0, 6, 59, false),
            (&abroad, 0, 16, 0, false),
            // Sunday, 22:30 there.
            (&west, 0, 3, 30, true),
            (&west, 0, 5, 0, false),
            (&night, 4, 22, 0, true),
            (&night, 5, 5, 59, true),
            (&night, 5, 6, 0, false),
            (&night, 5, 22, 0, false),
            (&night, 4, 3, 0, false),
        ] {
            let time = UnixTime(MONDAY + ((day * 24 + hour) * 60 + minute) * 60);
            assert_eq!(
                window.is_open(time),
                expected,
                "{window} {day} {hour}:{minute}"
            );
        }
    }

    #[test]
    fn one_lies_in_another() {
        let every = [0, 1, 2, 3, 4, 5, 6];
        let office = window(&[0, 1, 2, 3, 4], 9 * 60, 18 * 60, 0);
        let night = window(&[4], 22 * 60, 6 * 60, 0);
        for (wide, narrow, expected) in [
            (&office, &office, true),
            (&office, &window(&[0, 4], 10 * 60, 17 * 60, 0), true),
            (&office, &window(&[0], 10 * 60, 19 * 60, 0), false),
            (&office, &window(&[5], 10 * 60, 11 * 60, 0), false),
            (&office, &window(&[0], 11 * 60, 20 * 60, 120), true),
            (&office, &window(&[0], 10 * 60, 20 * 60, 120), false),
            (&night, &window(&[5], 0, 6 * 60, 0), true),
            (&night, &window(&[5], 0, 6 * 60 + 1, 0), false),
            (&night, &window(&[4], 0, 60, 0), false),
            (&window(&every, 0, DAY, 0), &night, true),
            (&window(&every, 0, DAY, 60), &office, true),
            (&window(&every, 1, DAY, 0), &night, false),
            (
                &window(&[0, 6], 0, DAY, 0),
                &window(&[6], 23 * 60, 60, 0),
                true,
            ),
            (
                &window(&[6], 0, DAY, 0),
                &window(&[6], 23 * 60, 60, 0),
                false,
            ),
        ] {
            assert_eq!(wide.covers(narrow), expected, "{wide} {narrow}");
            let minutes = 0..7 * 24 * 60_u64;
            let by_minute = minutes.map(|m| UnixTime(MONDAY + m * 60));
            let all = by_minute
                .clone()
                .all(|t| wide.is_open(t) || !narrow.is_open(t));
            assert_eq!(all, expected, "{wide} {narrow}");
        }
    }

    #[test]
    fn it_reads_back() {
        let shown = window(&[0, 4], 540, 1440, -330).to_string();
        assert_eq!(shown, "mon, fri 09:00-24:00 -05:30");
        assert_eq!(
            window(&[0, 1, 2, 3, 4, 5, 6], 0, 60, 0).to_string(),
            "00:00-01:00 UTC"
        );
    }

    #[test]
    fn any_time_has_an_answer() {
        for time in [0, 1, u64::MAX, u64::MAX / 2] {
            let _ = window(&[0], 0, DAY, -840).is_open(UnixTime(time));
        }
    }
}
