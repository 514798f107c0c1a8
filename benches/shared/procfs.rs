//! Memory and processor time of a process tree, from `/proc`.
//!
//! The echo server at the end of each tree is left out: what is measured is
//! what stands between it and the client.

use std::fs;

/// What a target's own processes use.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Resident now, in MiB. Shared pages count in each process.
    pub(crate) resident: f64,
    /// Most that was ever resident, in MiB, summed over the processes.
    pub(crate) peak: f64,
    /// Processor seconds so far of the threads that live, user and system.
    pub(crate) seconds: f64,
}

/// The usage of `root` and its descendants, without echo servers. Zero where
/// there is no `/proc`.
pub(crate) fn usage(root: u32) -> Usage {
    let parents = parents();
    let mut tree = vec![root];
    let mut at = 0;
    while let Some(&pid) = tree.get(at) {
        tree.extend(parents.iter().filter(|(_, p)| *p == pid).map(|(c, _)| *c));
        at += 1;
    }
    let mut sum = Usage::default();
    for pid in tree.into_iter().filter(|pid| !is_echo(*pid)) {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        sum.resident += kib(&status, "VmRSS:") / 1024.0;
        sum.peak += kib(&status, "VmHWM:") / 1024.0;
        sum.seconds += seconds(pid);
    }
    sum
}

fn parents() -> Vec<(u32, u32)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|e| e.file_name().to_str()?.parse::<u32>().ok());
    pids.filter_map(|pid| Some((pid, parent(pid)?))).collect()
}

/// The fourth field of `/proc/PID/stat`; the second, in brackets, is free text.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    fields.split_whitespace().nth(1)?.parse().ok()
}

/// Time on a processor of all threads, from their `schedstat` (in ns).
fn seconds(pid: u32) -> f64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter();
    let stats = tasks.flatten().flatten();
    let stats = stats.filter_map(|t| fs::read_to_string(t.path().join("schedstat")).ok());
    let nanoseconds = stats.filter_map(|s| s.split(' ').next()?.parse::<f64>().ok());
    nanoseconds.sum::<f64>() / 1e9
}

fn is_echo(pid: u32) -> bool {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut words = words.split(|b| *b == 0);
    words.nth(1) == Some(b"__echo")
}

fn kib(status: &str, key: &str) -> f64 {
    let line = status.lines().find_map(|l| l.strip_prefix(key));
    let number = line.and_then(|l| l.split_whitespace().next());
    number.and_then(|n| n.parse().ok()).unwrap_or_default()
}
