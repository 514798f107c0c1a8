use super::*;
use proptest::prelude::*;

fn charge(rule: &str, calls: u32, seconds: u64) -> Charge {
    Charge {
        rule: rule.to_owned(),
        tool: None,
        limit: Limit {
            rate: Some(Rate {
                calls,
                per: Duration::from_secs(seconds),
                written: format!("{seconds}s"),
            }),
            in_flight: None,
            by_tool: false,
        },
        binding: true,
    }
}

fn take(quotas: &Quotas, who: &str, charge: &Charge, millis: u64) -> Result<(), Exhausted> {
    let now = Duration::from_millis(millis);
    let room = quotas.room(who, charge, now);
    let taken = quotas.take(&Arc::from(who), std::slice::from_ref(charge), now);
    assert_eq!(room.is_ok(), taken.is_ok());
    taken.map(drop)
}

#[test]
fn one_more_passes_when_it_is_said_to() {
    let quotas = Quotas::default();
    let charge = charge("r", 3, 16);
    for at in [0, 5_000, 5_500] {
        assert_eq!(take(&quotas, "p", &charge, at), Ok(()));
    }
    let Err(Exhausted::Calls { wait, .. }) = take(&quotas, "p", &charge, 6_000) else {
        panic!("passed");
    };
    // The slot of the first call, 0 to 1 s, counts until 17 s.
    assert_eq!(wait, Duration::from_secs(11));
    assert!(take(&quotas, "p", &charge, 16_999).is_err());
    assert_eq!(take(&quotas, "p", &charge, 17_000), Ok(()));
    assert!(take(&quotas, "p", &charge, 17_001).is_err());
}

#[test]
fn counts_are_kept_apart() {
    let quotas = Quotas::default();
    let one = charge("r", 1, 60);
    assert_eq!(take(&quotas, "p", &one, 0), Ok(()));
    assert!(take(&quotas, "p", &one, 1).is_err());
    assert_eq!(take(&quotas, "q", &one, 1), Ok(()));
    assert_eq!(take(&quotas, "p", &charge("s", 1, 60), 1), Ok(()));
    let tool = Charge {
        tool: Some(("s".to_owned(), "t".to_owned())),
        ..one
    };
    assert_eq!(take(&quotas, "p", &tool, 1), Ok(()));
}

#[test]
fn what_flies_counts_until_it_lands() {
    let quotas = Quotas::default();
    let who = Arc::from("p");
    let two = [Charge {
        limit: Limit {
            rate: None,
            in_flight: Some(2),
            by_tool: false,
        },
        ..charge("r", 1, 1)
    }];
    let take = || quotas.take(&who, &two, Duration::ZERO);
    let first = take().unwrap();
    let second = take().unwrap();
    assert_eq!(take().unwrap_err(), Exhausted::InFlight(2));
    drop(first);
    let third = take().unwrap();
    assert!(take().is_err());
    drop((second, third));
    assert!(take().is_ok());
}

#[test]
fn all_is_taken_or_nothing() {
    let quotas = Quotas::default();
    let (wide, narrow) = (charge("wide", 9, 60), charge("narrow", 1, 60));
    let both = [wide.clone(), narrow.clone()];
    let who = Arc::from("p");
    assert!(quotas.take(&who, &both, Duration::ZERO).is_ok());
    for _ in 0..20 {
        assert!(quotas.take(&who, &both, Duration::ZERO).is_err());
    }
    // A rule in audit mode stops nothing.
    let audited = Charge {
        binding: false,
        ..narrow
    };
    for _ in 0..8 {
        let charges = [audited.clone(), wide.clone()];
        assert!(quotas.take(&who, &charges, Duration::ZERO).is_ok());
    }
    assert!(take(&quotas, "p", &wide, 0).is_err());
}

#[test]
fn nobody_fills_it_for_others() {
    let quotas = Quotas::default();
    let who = Arc::from("greedy");
    for n in 0..MOST_COUNTS {
        let one = charge(&n.to_string(), 1, 60);
        assert!(quotas.take(&who, &[one], Duration::ZERO).is_ok());
    }
    let one = charge("more", 1, 60);
    let full = quotas.take(&who, std::slice::from_ref(&one), Duration::from_secs(1));
    assert_eq!(full.unwrap_err(), Exhausted::Full);
    assert_eq!(take(&quotas, "other", &one, 1000), Ok(()));
    // What counts no longer makes room.
    assert_eq!(take(&quotas, "greedy", &one, 120_000), Ok(()));
}

proptest! {
    /// Against all calls that passed, whatever the stretch begins with.
    #[test]
    fn never_more_than_the_limit_in_any_stretch(
        steps in prop::collection::vec(0_u64..4_000, 1..80), calls in 1_u32..6, seconds in 1_u64..9,
    ) {
        let quotas = Quotas::default();
        let charge = charge("r", calls, seconds);
        let (mut now, mut passed) = (0, Vec::new());
        for step in steps {
            now += step;
            match take(&quotas, "p", &charge, now) {
                Ok(()) => passed.push(now),
                Err(Exhausted::Calls { wait, .. }) => {
                    // Not refused for longer than it has to be.
                    let within = passed.iter().filter(|at| now - **at <= seconds * 17_000 / 16);
                    prop_assert!(within.count() >= calls as usize);
                    let then = Duration::from_millis(now) + wait;
                    prop_assert!(quotas.room("p", &charge, then).is_ok());
                    let before = then.saturating_sub(Duration::from_nanos(1));
                    prop_assert!(quotas.room("p", &charge, before).is_err());
                }
                Err(other) => panic!("{other}"),
            }
        }
        for first in &passed {
            let stretch = *first..*first + seconds * 1000;
            let inside = passed.iter().filter(|at| stretch.contains(at)).count();
            prop_assert!(inside <= calls as usize, "{:?}", passed);
        }
    }
}
