//! How servers end: politely, by force, and when lockgate or the guardian is
//! killed. Nothing of a server's tree may stay, wherever it fled to.

use crate::common::*;
use lockgate::transport::child::{Action, Child, Shutdown, ShutdownTimes};
use rustix::process::{Pid, Signal, kill_process};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const GRACE: Duration = Duration::from_secs(2);

fn kill_nine(pid: i32) {
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
}

/// A server with a child, a child in another session and a double-forked one.
/// All of them ignore SIGTERM.
fn family(marker: &str, grace: Duration) -> Child {
    let child = start(&stubborn_spec(&["family", "ignore-term", marker]), grace);
    wait_ready(&child);
    // Guardian, server, three sleepers; whoever starts them has left by then.
    wait_for_marked(marker, 5);
    child
}

#[test]
fn term_is_enough_for_most() {
    for (mode, code) in [("ignore-eof", 128 + 15), ("slow-term", 7)] {
        let marker = marker();
        let mut child = start(&stubborn_spec(&[mode, &marker]), PATIENCE * 2);
        wait_ready(&child);
        child.terminate();
        child.terminate();
        assert_eq!(wait_exit(&mut child), code, "{mode}");
        assert_gone(&marker);
    }
}

#[test]
fn who_ignores_term_is_killed_after_the_grace_period_and_not_before() {
    let mut child = start(&stubborn_spec(&["ignore-term"]), Duration::from_millis(300));
    wait_ready(&child);
    let begin = Instant::now();
    child.terminate();
    assert_eq!(wait_exit(&mut child), 128 + 9);
    assert!(
        begin.elapsed() >= Duration::from_millis(300),
        "{:?}",
        begin.elapsed()
    );
}

#[test]
fn the_whole_family_goes_with_the_server() {
    let marker = marker();
    let mut child = family(&marker, GRACE);
    child.terminate();
    assert_eq!(wait_exit(&mut child), 128 + 9);
    assert_gone(&marker);
}

#[test]
fn a_server_that_exits_leaves_nothing_behind() {
    let marker = marker();
    let mut child = start(&stubborn_spec(&["family", "exit", &marker]), GRACE);
    assert_eq!(wait_exit(&mut child), 0);
    assert_gone(&marker);
    // And nobody else holds its pipes.
    assert_eq!(read_all(child.stdout.as_ref()), "");
}

#[test]
fn what_a_server_leaves_behind_is_asked_before_it_is_killed() {
    const SCRIPT: &str = r#"
        (trap 'echo bye >>"$0"; exit' TERM; echo up >"$0"; while :; do sleep 0.01; done) &
        until [ -s "$0" ]; do sleep 0.01; done"#;
    // Half a second is the product's to choose, and little on a busy machine.
    let said_bye = |_| {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("said");
        let mut spec = stubborn_spec(&[]);
        spec.argv = ["/bin/sh", "-c", SCRIPT].map(Into::into).into();
        spec.argv.push(file.clone().into());
        spec.env.insert("PATH".into(), "/usr/bin:/bin".into());
        let mut child = start(&spec, GRACE);
        assert_eq!(wait_exit(&mut child), 0);
        std::fs::read_to_string(file).unwrap() == "up\nbye\n"
    };
    assert!((0..10).any(said_bye));
}

#[test]
fn kill_and_drop_take_the_family() {
    let first = marker();
    let mut child = family(&first, GRACE);
    child.kill();
    assert_eq!(wait_exit(&mut child), 128 + 9);
    assert_gone(&first);

    let second = marker();
    drop(family(&second, GRACE));
    assert_gone(&second);
}

#[test]
fn a_stopped_guardian_or_server_is_no_refuge() {
    let marker = marker();
    let mut child = family(&marker, GRACE);
    for pid in marked(&marker) {
        kill_process(Pid::from_raw(pid).unwrap(), Signal::STOP).unwrap();
    }
    child.terminate();
    assert_eq!(child.poll_exit(), None);
    child.kill();
    assert_eq!(wait_exit(&mut child), 128 + 9);
    assert_gone(&marker);
}

#[test]
fn quit_ends_the_tree_without_grace_and_keeps_the_code() {
    let marker = marker();
    let mut child = family(&marker, PATIENCE * 2);
    let guard = Pid::from_raw(guard_of(&marker)).unwrap();
    kill_process(guard, Signal::QUIT).unwrap();
    assert_eq!(wait_exit(&mut child), 128 + 9);
    assert_gone(&marker);
}

#[test]
fn kill_nine_of_the_guardian_leaves_nothing() {
    let marker = marker();
    let mut child = family(&marker, GRACE);
    kill_nine(guard_of(&marker));
    assert_eq!(wait_exit(&mut child), 128 + 9);
    assert_gone(&marker);
}

#[test]
fn kill_nine_of_the_server_leaves_nothing() {
    let marker = marker();
    let mut child = family(&marker, GRACE);
    let guard = guard_of(&marker);
    let is_server = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        parent_of(*pid) == guard && line.split(|&byte| byte == 0).nth(1) == Some(b"family")
    };
    let server = marked(&marker).into_iter().find(is_server);
    kill_nine(server.unwrap());
    assert_eq!(wait_exit(&mut child), 128 + 9);
    assert_gone(&marker);
}

/// lockgate's part, played by a process that can be killed.
fn start_parent(server: &[&str]) -> std::process::Child {
    Command::new(stubborn())
        .arg("parent")
        .args([lockgate(), &stubborn()])
        .args(server)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn kill_nine_of_lockgate_leaves_nothing_and_wastes_no_time() {
    let marker = marker();
    let mut parent = start_parent(&["family", "ignore-term", &marker]);
    wait_for_marked(&marker, 6);
    parent.kill().unwrap();
    parent.wait().unwrap();
    // The guardian's grace there is a minute: an orphaned one does not wait it out.
    wait_for_marked(&marker, 0);
}

#[test]
fn kill_nine_of_lockgate_at_any_moment_leaves_nothing() {
    for delay in 0..30 {
        let marker = marker();
        let mut parent = start_parent(&["family", "ignore-term", &marker]);
        std::thread::sleep(Duration::from_micros(delay * 300));
        parent.kill().unwrap();
        parent.wait().unwrap();
        wait_for_marked(&marker, 0);
        // Nobody comes back.
        if delay % 10 == 0 {
            std::thread::sleep(Duration::from_millis(50));
            assert_gone(&marker);
        }
    }
}

#[test]
fn kill_nine_of_lockgate_and_the_guardian_takes_the_server() {
    let marker = marker();
    // This process kills what it adopts, in other tests; so a process that does
    // not stands between.
    let mut orphanage = Command::new(stubborn())
        .args([
            Path::new("orphanage"),
            Path::new("parent"),
            lockgate(),
            &stubborn(),
        ])
        .args(["ignore-term", &marker])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_marked(&marker, 4);
    let guard = guard_of(&marker);
    let parent = parent_of(guard);
    // Neither can clean up after the other.
    for pid in [guard, parent] {
        kill_process(Pid::from_raw(pid).unwrap(), Signal::STOP).unwrap();
    }
    kill_nine(guard);
    kill_nine(parent);
    wait_for_marked(&marker, 1);
    orphanage.kill().unwrap();
    orphanage.wait().unwrap();
    assert_gone(&marker);
}

#[test]
fn the_protocol_s_shutdown_ends_even_the_stubborn() {
    let times = ShutdownTimes {
        after_close: Duration::from_millis(100),
        after_term: Duration::from_millis(200),
        for_guard: PATIENCE,
    };
    let marker = marker();
    let mut child = family(&marker, times.after_term);
    let mut shutdown = Shutdown::begin(Instant::now(), times);
    let mut done = Vec::new();
    let status = wait_for("the end", || {
        let action = shutdown.step(Instant::now());
        match action {
            Some(Action::CloseStdin) => child.close_stdin(),
            Some(Action::Terminate) => child.terminate(),
            Some(Action::Kill) => child.kill(),
            None => {}
        }
        done.extend(action);
        child.poll_exit()
    });
    assert_eq!(done, [Action::CloseStdin, Action::Terminate]);
    assert_eq!(status.code(), Some(128 + 9));
    assert_gone(&marker);
}

#[test]
fn a_lone_runner_is_caught() {
    // Each generation leaves its session and its parent behind.
    let marker = marker();
    let mut child = start(&stubborn_spec(&["flee", &marker]), GRACE);
    std::thread::sleep(Duration::from_millis(200));
    child.terminate();
    wait_exit(&mut child);
    assert_gone(&marker);
}
