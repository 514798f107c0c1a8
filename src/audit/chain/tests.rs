use super::Chain;
use crate::audit::AuditError;
use crate::audit::line::Event;
use std::io::{self, ErrorKind, Write};
use std::time::UNIX_EPOCH;

/// Takes what each step allows; fails where it says so; then takes all.
struct Script {
    steps: Vec<Result<usize, ErrorKind>>,
    taken: Vec<u8>,
    calls: usize,
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls += 1;
        let step = self.steps.pop().unwrap_or(Ok(usize::MAX));
        let taken = step.map(|most| most.min(bytes.len()))?;
        self.taken.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn chain(steps: impl IntoIterator<Item = Result<usize, ErrorKind>>) -> Chain<Script> {
    let mut steps: Vec<_> = steps.into_iter().collect();
    steps.reverse();
    Chain::new(Script {
        steps,
        taken: Vec::new(),
        calls: 0,
    })
}

fn append<W: Write>(chain: &mut Chain<W>, count: usize) -> Result<(), AuditError> {
    (0..count).try_for_each(|n| {
        let body = std::collections::BTreeMap::from([("n", n)]);
        chain.append(Event::Decision, UNIX_EPOCH, &body)
    })
}

#[test]
fn lines_leave_in_one_write() {
    let mut chain = chain([]);
    append(&mut chain, 100).unwrap();
    chain.flush().unwrap();
    assert_eq!(chain.sink().calls, 1);
    chain.flush().unwrap();
    assert_eq!(chain.sink().calls, 1, "nothing is written twice");
}

#[test]
fn short_and_interrupted_writes_lose_nothing() {
    let mut whole = chain([]);
    append(&mut whole, 3).unwrap();
    whole.flush().unwrap();
    let mut short = chain([
        Ok(1),
        Err(ErrorKind::Interrupted),
        Ok(100),
        Err(ErrorKind::Interrupted),
        Ok(7),
    ]);
    append(&mut short, 3).unwrap();
    short.flush().unwrap();
    assert_eq!(short.sink().taken, whole.sink().taken);
    assert_eq!(short.size(), whole.sink().taken.len() as u64);
}

#[test]
fn after_a_failure_nothing_is_recorded_any_more() {
    for steps in [
        vec![Err(ErrorKind::StorageFull)],
        vec![Ok(10), Err(ErrorKind::StorageFull)],
        vec![Err(ErrorKind::WouldBlock)],
        vec![Ok(0)],
    ] {
        let mut chain = chain(steps);
        append(&mut chain, 2).unwrap();
        assert!(matches!(chain.flush(), Err(AuditError::Write(_))));
        // The sink would take everything again.
        assert!(matches!(chain.flush(), Err(AuditError::Poisoned(_))));
        assert!(matches!(
            append(&mut chain, 1),
            Err(AuditError::Poisoned(_))
        ));
        assert!(chain.sink().taken.len() <= 10);
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_a_failure() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let mut chain = Chain::new(full);
    append(&mut chain, 1).unwrap();
    match chain.flush() {
        Err(AuditError::Write(e)) => assert_eq!(e.kind(), ErrorKind::StorageFull),
        other => panic!("{other:?}"),
    }
}

/// A value that cannot be written as JSON.
struct Unwritable;

impl serde::Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no"))
    }
}

#[test]
fn a_record_that_cannot_be_written_poisons_and_leaves_no_part() {
    let mut chain = chain([]);
    append(&mut chain, 1).unwrap();
    let before = chain.buffered();
    let outcome = chain.append(Event::Decision, UNIX_EPOCH, &Unwritable);
    assert!(matches!(outcome, Err(AuditError::Encode(_))));
    assert_eq!(chain.buffered(), before);
    assert!(matches!(chain.flush(), Err(AuditError::Poisoned(_))));
}
