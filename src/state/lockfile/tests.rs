use super::*;
use crate::engine::message::{Document, Limits};
use crate::engine::pin::{Review, pin};

fn first_use(dir: &Path) -> FirstUse {
    FirstUse::new(
        dir.join("lockgate.lock"),
        ServerName::new("s").unwrap(),
        None,
    )
}

fn pins(count: usize, description: &str) -> BTreeMap<String, ToolPin> {
    let pin_of = |n: usize| {
        let text = format!(r#"{{"name":"t{n}","description":"{description}"}}"#);
        let document = Document::read(text.into_bytes(), &Limits::DEFAULT).unwrap();
        pin(document.root(), Review::Unreviewed).unwrap()
    };
    (0..count).map(pin_of).collect()
}

#[test]
fn who_holds_the_lock_stops_nobody_for_long() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = first_use(dir.path());
    let held = lock(&dir.path().join("lockgate.lock"), HURRIED).unwrap();
    let begin = Instant::now();
    let refused = store.save(&pins(1, "d")).unwrap_err();
    assert!(refused.contains("locked"), "{refused}");
    assert!(begin.elapsed() < Duration::from_secs(1));
    drop(held);
    store.save(&pins(1, "d")).unwrap();
}

#[test]
fn no_server_fills_the_lockfile_unseen() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = first_use(dir.path());
    store.save(&pins(20, "d")).unwrap();
    let before = fs::read(dir.path().join("lockgate.lock")).unwrap();
    assert!(store.save(&pins(FirstUseRoom::TOOLS + 1, "d")).is_err());
    assert!(store.save(&pins(100, &"d".repeat(100_000))).is_err());
    let after = fs::read(dir.path().join("lockgate.lock")).unwrap();
    assert!(before == after, "a refused change changes nothing");
}

/// What a pin is thought to take is about what it takes.
#[test]
fn the_bound_on_bytes_is_about_the_file() {
    let members: Vec<String> = (0..500).map(|n| format!(r#""m{n}":{n}"#)).collect();
    let text = format!(r#"{{"name":"many",{}}}"#, members.join(","));
    let document = Document::read(text.into_bytes(), &Limits::DEFAULT).unwrap();
    let (name, wide) = pin(document.root(), Review::Unreviewed).unwrap();
    for pins in [BTreeMap::from([(name, wide)]), pins(1_000, "some words")] {
        let dir = tempfile::tempdir().unwrap();
        first_use(dir.path()).save(&pins).unwrap();
        let file = fs::read(dir.path().join("lockgate.lock")).unwrap().len();
        let room = FirstUseRoom::beside(&pins).unwrap();
        let thought = room.taken();
        assert!(
            (file / 2..file * 2).contains(&thought),
            "{thought} for {file} bytes"
        );
    }
}
