//! Points in time as text.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: u64 = 86_400;
/// 9999-12-31T23:59:59.999999Z: RFC 3339 has four digits for the year.
const LAST: Duration = Duration::new(253_402_300_799, 999_999_999);

/// RFC 3339 in UTC with microseconds: `2026-11-24T01:21:59.123456Z`. A clock
/// before 1970 or after 9999 reads as the nearest end.
pub fn rfc3339(time: SystemTime) -> String {
    spell("0000-00-00T00:00:00.000000Z", time)
}

/// The same for file names, without `-` and `:`, so that names sort by time.
pub(super) fn compact(time: SystemTime) -> String {
    spell("00000000T000000.000000Z", time)
}

/// Puts the digits of a time, from the year to the microsecond, in the places
/// of the zeros. Every record has a time, and `format!` takes longer than all
/// else about it.
fn spell(form: &str, time: SystemTime) -> String {
    let ([year, month, day], [hour, minute, second, micros]) = parts(time);
    let fields = [
        (year, 4),
        (month, 2),
        (day, 2),
        (hour, 2),
        (minute, 2),
        (second, 2),
        (micros, 6),
    ];
    let mut text = form.to_owned().into_bytes();
    let mut places = text.iter_mut().rev().filter(|c| **c == b'0');
    for (mut value, width) in fields.into_iter().rev() {
        for place in places.by_ref().take(width) {
            *place = u8::try_from(value % 10).map_or(b'0', |digit| digit + b'0');
            value /= 10;
        }
    }
    String::from_utf8(text).unwrap_or_default()
}

fn parts(time: SystemTime) -> ([u64; 3], [u64; 4]) {
    let since = time
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .min(LAST);
    let (days, seconds) = (since.as_secs() / DAY, since.as_secs() % DAY);
    let clock = [
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        u64::from(since.subsec_micros()),
    ];
    (civil(days), clock)
}

/// Year, month and day of a day since 1970-01-01 in the Gregorian calendar:
/// counted in years that begin in March, so that the leap day comes last.
fn civil(days: u64) -> [u64; 3] {
    const ERA: u64 = 146_097;
    let days = days + 719_468;
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march = (5 * day + 2) / 153;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    [year, month, day - (153 * march + 2) / 5 + 1]
}

#[cfg(test)]
mod tests {
    use super::{LAST, compact, rfc3339};
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn tells_the_time() {
        // Expected values from `date -u -d @SECONDS`.
        for (seconds, wanted) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_709_251_199, "2024-02-29T23:59:59"),
            (1_709_251_200, "2024-03-01T00:00:00"),
            (1_735_689_599, "2024-12-31T23:59:59"),
            (4_107_542_400, "2100-03-01T00:00:00"),
            (253_402_300_799, "9999-12-31T23:59:59"),
        ] {
            let time = UNIX_EPOCH + Duration::new(seconds, 7_999);
            assert_eq!(rfc3339(time), format!("{wanted}.000007Z"));
        }
    }

    #[test]
    fn an_impossible_clock_reads_as_the_nearest_end() {
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(rfc3339(before), "1970-01-01T00:00:00.000000Z");
        let after = UNIX_EPOCH + LAST + Duration::from_secs(1);
        assert_eq!(compact(after), "99991231T235959.999999Z");
    }
}
