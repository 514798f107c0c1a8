use super::*;
use crate::audit::{AuditLog, SessionMeta, verify_file};
use crate::engine::types::AgentName;
use std::time::SystemTime;

fn why(reason: &'static str) -> Noted {
    let detail = "why".to_owned();
    Noted { reason, detail }
}

fn at(n: u32) -> Knocker {
    Knocker::at(IpAddr::from(n.to_be_bytes()))
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Refuses once in each millisecond, from so many places, and looks as often as
/// a listener does. What was recorded, and what is left at the end.
fn flood(places: u32, span: Duration) -> (Vec<Refusal>, Vec<Refusal>, u64) {
    let mut ledger = Ledger::default();
    let (mut records, mut all) = (Vec::new(), 0);
    let end = u64::try_from(span.as_millis()).unwrap();
    for ms in 0..end {
        let now = Duration::from_millis(ms);
        let from = at(u32::try_from(ms).unwrap() % places);
        records.extend(ledger.hear(from, why("no-credential"), Some(401), now));
        all += 1;
        if ms % 5000 == 0 {
            records.extend(ledger.due(now));
        }
    }
    assert!(ledger.kinds.len() <= KINDS + 1, "{}", ledger.kinds.len());
    (records, ledger.rest(span), all)
}

#[test]
fn a_flood_is_few_records_and_none_of_it_is_left_out() {
    let minute = Duration::from_mins(1);
    for (places, most) in [
        (1, 4),
        (7, 28),
        // Each of them once, or the budget of the time.
        (200, 60 + 20 + 1),
        (100_000, 60 + 20 + 1),
    ] {
        let (records, rest, all) = flood(places, minute);
        assert!(records.len() <= most, "{places}: {}", records.len());
        assert!(rest.len() <= KINDS + 1, "{places}: {}", rest.len());
        let count = records.iter().chain(&rest).map(|r| r.count).sum::<u64>();
        assert_eq!(count, all, "{places}");
    }
    let (records, ..) = flood(1000, 10 * minute);
    assert!(records.len() <= 60 + 200 + 1, "{}", records.len());
}

#[test]
fn pauses_grow_and_end() {
    let mut ledger = Ledger::default();
    let mut hear = |now| {
        let refusal = ledger.hear(at(1), why("foreign-host"), Some(403), seconds(now));
        refusal.map(|r| (r.count, r.seconds))
    };
    let heard = [0, 1, 9, 10, 11, 29, 30, 31, 69, 70].map(&mut hear);
    let expected = [
        Some((1, 0)),
        None,
        None,
        Some((3, 9)),
        None,
        None,
        Some((3, 19)),
        None,
        None,
        Some((3, 39)),
    ];
    assert_eq!(heard, expected);
    // After a long silence it is as new.
    assert_eq!(ledger.due(seconds(10_000)), []);
    assert!(ledger.kinds.is_empty());
    let mut hear = |now| ledger.hear(at(1), why("foreign-host"), None, seconds(now));
    assert_eq!(hear(10_000).map(|r| r.count), Some(1));
    assert_eq!(hear(10_001), None);
    let due = ledger.due(seconds(10_010));
    assert_eq!(due.iter().map(|r| r.count).collect::<Vec<_>>(), [1]);
}

#[test]
fn strangers_do_not_spend_what_the_proved_have() {
    let dir = tempfile::tempdir().unwrap();
    let log = AuditLog::open(dir.path(), SessionMeta::default(), SystemTime::now()).unwrap();
    let path = log.path();
    let log = SharedLog::new(log);
    let refusals = Refusals::new(log.clone());
    for n in 0..500 {
        refusals.note(at(n), why("no-credential"), Some(401));
    }
    let lines = || std::fs::read_to_string(&path).unwrap();
    let proved = || {
        let mut who = at(1);
        let principal = Principal::named(AgentName::new("ci").unwrap());
        who.asks_for(&ServerName::new("files").unwrap(), Some(&principal));
        who
    };
    assert!(lines().lines().count() < 100, "{}", lines());
    assert!(!lines().contains(r#""agent":"ci""#));
    refusals.note(proved(), why("header-mismatch"), Some(400));
    assert!(lines().contains(
        r#""event":"refusal","reason":"header-mismatch","detail":"why","status":400,"from":"0.0.0.1","agent":"ci","server":"files","count":1,"seconds":0,"#
    ));
    refusals.close();
    let counts = lines();
    let counts = counts.lines().filter_map(|l| {
        let (_, rest) = l.split_once(r#""count":"#)?;
        rest.split(',').next()?.parse::<u64>().ok()
    });
    assert_eq!(counts.sum::<u64>(), 501);
    log.close("end").unwrap();
    let report = verify_file(&path).unwrap();
    assert!(!report.is_tampered(), "{report:?}");
    assert_eq!(report.decisions, 0);
    // What cannot be recorded ends nothing.
    refusals.note(proved(), why("unknown-session"), Some(404));
    refusals.close();
}

#[test]
fn a_network_is_one_place() {
    let place = |text: &str| shown(network(text.parse().unwrap()));
    for (peer, expected) in [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::1", "::1"),
        ("127.0.0.1", "127.0.0.1"),
    ] {
        assert_eq!(place(peer), expected);
    }
}
