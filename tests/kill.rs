//! Kill -9 of lockgate or of the server, at any moment: the evidence can be
//! verified, and nothing of the server's tree is left running. Linux only,
//! because the test looks for processes in `/proc`.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: u64 = 12;

fn start(home: &Path) -> Child {
    let program = env!("CARGO_BIN_EXE_lockgate");
    let log = home.join("server.log");
    Command::new(program)
        .args(["run", "--", program, "__hostile-server", "--log"])
        .arg(log)
        .current_dir(home)
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Every process whose command line names this directory.
fn processes(of: &Path) -> Vec<(i32, String)> {
    let wanted = of.display().to_string();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap() {
        let path = entry.unwrap().path();
        let pid = path
            .file_name()
            .and_then(|n| n.to_str())
            .and_then(|n| n.parse().ok());
        let line = std::fs::read(path.join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        // A zombie has no command line.
        if let Some(pid) = pid
            && line.contains(&wanted)
        {
            found.push((pid, line));
        }
    }
    found
}

fn kill(pid: i32) {
    let done = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(done.is_ok_and(|s| s.success()), "cannot kill {pid}");
}

/// Sends calls and reads answers until `until`, or until the pipe breaks.
fn talk(child: &mut Child, until: Instant) -> usize {
    let mut input = child.stdin.take().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let hello = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
    let mut answers = 0;
    let mut line = hello.to_owned();
    for id in 1.. {
        if writeln!(input, "{line}").is_err() || !matches!(output.next(), Some(Ok(_))) {
            break;
        }
        answers += 1;
        if Instant::now() > until {
            break;
        }
        line = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"add","arguments":{{"a":1,"b":{id}}}}}}}"#
        );
    }
    child.stdin = Some(input);
    answers
}

fn verify(home: &Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_lockgate"))
        .args(["audit", "verify"])
        .env_clear()
        .env("HOME", home)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(0), "{text}");
    text
}

#[track_caller]
fn assert_gone(home: &Path) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let left = processes(home);
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "still running: {left:#?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn of_lockgate() {
    for round in 0..ROUNDS {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().canonicalize().unwrap();
        let mut child = start(&home);
        let pid = i32::try_from(child.id()).unwrap();
        let killer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20 + round * 35));
            kill(pid);
        });
        talk(&mut child, Instant::now() + Duration::from_secs(30));
        killer.join().unwrap();
        child.wait().unwrap();
        assert_gone(&home);
        // Killed before its first record, it leaves no evidence, and no forward.
        if home.join(".local/state/lockgate/audit").exists() {
            verify(&home);
        }
    }
}

#[test]
fn of_the_server() {
    let mut answered = 0;
    for round in 0..ROUNDS {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().canonicalize().unwrap();
        let mut child = start(&home);
        let within = home.clone();
        let killer = std::thread::spawn(move || {
            let from = Instant::now() + Duration::from_millis(60 + round * 35);
            let server = |line: &str| line.contains("__hostile-server") && !line.contains(" run ");
            loop {
                let all = processes(&within);
                let found = all
                    .iter()
                    .find(|(_, l)| server(l) && !l.contains("__guard"));
                if let Some((pid, _)) = found
                    && Instant::now() > from
                {
                    return kill(*pid);
                }
                assert!(
                    from.elapsed() < Duration::from_secs(20),
                    "no server: {all:#?}"
                );
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        answered += talk(&mut child, Instant::now() + Duration::from_secs(30));
        killer.join().unwrap();
        let status = child.wait().unwrap();
        assert_eq!(
            status.code(),
            Some(128 + 9),
            "the server's end is lockgate's"
        );
        assert_gone(&home);
        assert!(verify(&home).contains("sealed"));
    }
    assert!(answered > 0, "the server never answered");
}

fn ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let times = after.split_whitespace().skip(11).take(2);
    times.map(|t| t.parse::<u64>().unwrap()).sum()
}

/// The agent reads nothing, the server is gone: lockgate waits without
/// spinning, and a TERM still ends it.
#[test]
fn of_the_server_while_the_agent_does_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let home = dir.path().canonicalize().unwrap();
    let large = home.join("large.txt");
    std::fs::write(&large, vec![b'a'; 3_000_000]).unwrap();
    let mut child = start(&home);
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"read_file","arguments":{{"path":"{}"}}}}}}"#,
        large.display()
    );
    writeln!(child.stdin.as_mut().unwrap(), "{call}").unwrap();
    // Until the answer is on its way, and fills the pipe that nobody reads.
    let audit = home.join(".local/state/lockgate/audit");
    let deadline = Instant::now() + Duration::from_secs(30);
    let answered = || {
        let mut files = std::fs::read_dir(&audit).into_iter().flatten().flatten();
        files.any(|f| {
            let text = std::fs::read_to_string(f.path()).unwrap_or_default();
            text.lines()
                .any(|l| l.contains("read_file") && l.contains("to-agent"))
        })
    };
    while !answered() {
        assert!(Instant::now() < deadline, "the call was never answered");
        std::thread::sleep(Duration::from_millis(20));
    }
    let server = |line: &str| line.contains("__hostile-server") && !line.contains(" run ");
    let all = processes(&home);
    let found = all
        .iter()
        .find(|(_, l)| server(l) && !l.contains("__guard"));
    kill(found.map(|(pid, _)| *pid).unwrap());
    std::thread::sleep(Duration::from_secs(3));
    let before = ticks(child.id());
    std::thread::sleep(Duration::from_secs(1));
    let spent = ticks(child.id()) - before;
    assert!(spent < 30, "{spent} ticks of 10 ms in a second of waiting");
    let pid = child.id().to_string();
    assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    let deadline = Instant::now() + Duration::from_secs(20);
    while child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "a TERM does not end it");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_gone(&home);
}
