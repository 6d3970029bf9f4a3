//! Where the time of a run goes, for `run_info.json`.

use std::time::{Duration, Instant};

use crate::ingest::Progress;

/// A clock that is told what is being done.
pub(super) struct Stages<'p> {
    started: Instant,
    since: Instant,
    now: &'static str,
    done: Vec<(&'static str, Duration)>,
    progress: &'p dyn Progress,
}

impl<'p> Stages<'p> {
    /// Starts with the stage `first`.
    pub(super) fn new(first: &'static str, progress: &'p dyn Progress) -> Self {
        let now = Instant::now();
        progress.step(first);
        Self { started: now, since: now, now: first, done: Vec::new(), progress }
    }

    /// Ends the stage that is going on and begins `next`.
    pub(super) fn next(&mut self, next: &'static str) {
        let now = Instant::now();
        self.done.push((self.now, now - self.since));
        (self.since, self.now) = (now, next);
        self.progress.step(next);
    }

    /// Time from the start, and of each stage.
    pub(super) fn times(&self) -> (Duration, Vec<(&'static str, Duration)>) {
        let last = (self.now, self.since.elapsed());
        (self.started.elapsed(), self.done.iter().copied().chain([last]).collect())
    }
}

/// The most memory that this process has held, in bytes, where the system tells (Linux).
pub(super) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(1024 * kilobytes)
}
