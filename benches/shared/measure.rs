//! What is measured, and how often.

use crate::Failure;
use crate::peer::Peer;
use crate::target::Between;
use std::time::{Duration, Instant};

/// How much work a run does.
#[derive(Debug)]
pub(crate) struct Effort {
    rounds: u32,
    calls: u32,
    floods: u32,
    payloads: u32,
    lists: u32,
}

impl Effort {
    /// About a minute.
    pub(crate) const WHOLE: Self = Self {
        rounds: 15,
        calls: 1000,
        floods: 4000,
        payloads: 20,
        lists: 20,
    };
    /// A few seconds: shows that it works, not how fast.
    pub(crate) const QUICK: Self = Self {
        rounds: 3,
        calls: 100,
        floods: 400,
        payloads: 3,
        lists: 3,
    };
}

/// One figure: for each target, one value a round.
#[derive(Debug)]
pub(crate) struct Figure {
    /// What was measured.
    pub(crate) name: String,
    /// Unit of the values.
    pub(crate) unit: &'static str,
    /// By target, in the order of [`Between::ALL`]; then by round.
    pub(crate) values: [Vec<f64>; 3],
}

/// A figure's value for one target, once.
type Once<'a> = &'a mut dyn FnMut(&mut Peer) -> Result<f64, Failure>;

/// Figures that only one of the benches has.
pub(crate) type More = fn(&mut Bench<'_>) -> Result<(), Failure>;

/// Homes of the targets, and the effort.
pub(crate) struct Bench<'a> {
    effort: &'a Effort,
    homes: Vec<tempfile::TempDir>,
    figures: Vec<Figure>,
}

/// Runs everything.
pub(crate) fn all(effort: &Effort, more: &[More]) -> Result<Vec<Figure>, Failure> {
    let mut homes = Vec::new();
    for _ in Between::ALL {
        homes.push(tempfile::tempdir()?);
    }
    let mut bench = Bench {
        effort,
        homes,
        figures: Vec::new(),
    };
    bench.calls()?;
    bench.payloads()?;
    bench.lists()?;
    bench.cold_start()?;
    for figures in more {
        figures(&mut bench)?;
    }
    Ok(bench.figures)
}

impl Bench<'_> {
    pub(crate) fn start(&self, tools: usize) -> Result<Vec<Peer>, Failure> {
        let homes = Between::ALL.iter().zip(&self.homes);
        homes
            .map(|(between, home)| Peer::start(*between, tools, home.path()))
            .collect()
    }

    /// One figure over all rounds; each round begins with another target, and
    /// the first one warms up and is not kept.
    fn figure(
        &mut self,
        peers: &mut [Peer],
        (name, unit): (impl Into<String>, &'static str),
        once: Once<'_>,
    ) -> Result<(), Failure> {
        let mut values: [Vec<f64>; 3] = Default::default();
        for round in 0..=self.effort.rounds as usize {
            for turn in 0..peers.len() {
                let target = (round + turn) % peers.len();
                let peer = peers.get_mut(target).ok_or("no such target")?;
                let value = once(peer)?;
                if round > 0 {
                    values.get_mut(target).ok_or("no such target")?.push(value);
                }
            }
        }
        self.keep(name, unit, values);
        Ok(())
    }

    pub(crate) fn keep(
        &mut self,
        name: impl Into<String>,
        unit: &'static str,
        values: [Vec<f64>; 3],
    ) {
        self.figures.push(Figure {
            name: name.into(),
            unit,
            values,
        });
    }

    /// A figure that is read off each target once.
    fn read(
        &mut self,
        peers: &[Peer],
        (name, unit): (impl Into<String>, &'static str),
        value: impl Fn(&Peer) -> f64,
    ) {
        let mut values: [Vec<f64>; 3] = Default::default();
        for (values, peer) in values.iter_mut().zip(peers) {
            values.push(value(peer));
        }
        self.keep(name, unit, values);
    }

    fn calls(&mut self) -> Result<(), Failure> {
        let (calls, floods, rounds) = (self.effort.calls, self.effort.floods, self.effort.rounds);
        let peers = &mut self.start(50)?;
        for peer in peers.iter_mut() {
            peer.ask("tools/list", "{}")?;
        }
        self.read(peers, ("memory at rest", "MiB"), |p| p.usage().resident);
        // Both percentiles come from the same calls.
        let mut tails: [Vec<f64>; 3] = Default::default();
        let mut turn = 0;
        self.figure(peers, ("small call, p50", "µs"), &mut |peer| {
            let times = times(calls, || peer.call())?;
            // Round r begins with target r; the first round is not kept.
            let (round, target) = (turn / 3, (turn / 3 + turn % 3) % 3);
            if round > 0
                && let Some(tail) = tails.get_mut(target)
            {
                tail.push(percentile(&times, 99));
            }
            turn += 1;
            Ok(percentile(&times, 50))
        })?;
        self.keep("small call, p99", "µs", tails);
        for flight in [1, 16, 64] {
            let before: Vec<f64> = peers.iter().map(|p| p.usage().seconds).collect();
            let name = format!("calls a second, {flight} in flight");
            self.figure(peers, (name, "/s"), &mut |peer| peer.flood(floods, flight))?;
            if flight == 16 {
                let all = f64::from(floods) * f64::from(rounds + 1);
                let mut values: [Vec<f64>; 3] = Default::default();
                for ((values, peer), before) in values.iter_mut().zip(&*peers).zip(before) {
                    values.push((peer.usage().seconds - before) * 10_000.0 / all);
                }
                self.keep("CPU per 10 000 calls, 16 in flight", "s", values);
            }
        }
        Ok(())
    }

    fn payloads(&mut self) -> Result<(), Failure> {
        let repeat = self.effort.payloads;
        let peers = &mut self.start(1)?;
        for (name, size) in [
            ("10 kB", 10_000),
            ("1 MB", 1_000_000),
            ("10 MB", 10_000_000),
        ] {
            let params = format!(r#"{{"name":"echo","arguments":{{"size":{size}}}}}"#);
            let turns = if size > 1_000_000 { 1 } else { repeat };
            self.figure(peers, (format!("results of {name}"), "MB/s"), &mut |peer| {
                let (mut bytes, from) = (0, Instant::now());
                for _ in 0..turns {
                    bytes += peer.ask("tools/call", &params)?.1;
                }
                let bytes = u32::try_from(bytes)?;
                Ok(f64::from(bytes) / 1e6 / from.elapsed().as_secs_f64())
            })?;
        }
        self.read(peers, ("peak memory, 10 MB in flight", "MiB"), |p| {
            p.usage().peak
        });
        Ok(())
    }

    fn lists(&mut self) -> Result<(), Failure> {
        let repeat = self.effort.lists;
        for tools in [5, 50, 500] {
            let peers = &mut self.start(tools)?;
            let name = format!("tools/list of {tools}, p50");
            self.figure(peers, (name, "ms"), &mut |peer| {
                let times = times(repeat, || Ok(peer.ask("tools/list", "{}")?.0))?;
                Ok(percentile(&times, 50) / 1000.0)
            })?;
        }
        Ok(())
    }

    /// From the start of the process to the answer to the first `tools/list`.
    fn cold_start(&mut self) -> Result<(), Failure> {
        let mut values: [Vec<f64>; 3] = Default::default();
        for round in 0..=self.effort.rounds {
            for ((between, home), values) in Between::ALL.iter().zip(&self.homes).zip(&mut values) {
                let from = Instant::now();
                let mut peer = Peer::start(*between, 50, home.path())?;
                peer.ask("tools/list", "{}")?;
                let took = from.elapsed();
                if round > 0 {
                    values.push(took.as_secs_f64() * 1000.0);
                }
            }
        }
        self.keep("cold start to the first list of 50", "ms", values);
        Ok(())
    }
}

/// The sorted times of `count` turns, in µs.
fn times(
    count: u32,
    mut turn: impl FnMut() -> Result<Duration, Failure>,
) -> Result<Vec<f64>, Failure> {
    let mut times = Vec::new();
    for _ in 0..count {
        times.push(turn()?.as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

/// A percentile of sorted values.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    let at = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(at).copied().unwrap_or(f64::NAN)
}
