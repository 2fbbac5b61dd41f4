//! How often a baseline's turns did what they do, and how long that took. It must never mix wall time with CPU time.

use std::time::Duration;

use crate::drive::Tally;

/// The size of the baseline's appends: that of the records.
pub(super) const APPEND_BYTES: usize = 1_024;

/// What a baseline's turns came to.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    /// How often.
    pub(crate) count: u64,
    /// In seconds of wall time.
    pub(crate) seconds: f64,
    /// In seconds of CPU time, of who did the work.
    pub(crate) cpu_seconds: f64,
    /// How long each took, where that is known.
    pub(crate) latency: Option<Tally>,
}

impl Rate {
    /// A second of wall time, or of CPU time.
    pub(crate) fn rate(&self, per_cpu: bool) -> f64 {
        let seconds = if per_cpu { self.cpu_seconds } else { self.seconds };
        self.count as f64 / seconds.max(f64::MIN_POSITIVE)
    }

    /// CPU time of one, in microseconds.
    pub(crate) fn cpu_us(&self) -> Option<f64> {
        let each = self.cpu_seconds * 1e6 / self.count.max(1) as f64;
        (self.cpu_seconds > 0.0).then_some(each)
    }

    /// Adds a turn: so many, the wall time and the CPU time that they took.
    pub(super) fn add(&mut self, count: u64, time: Duration, used: Duration) {
        self.count += count;
        self.seconds += time.as_secs_f64();
        self.cpu_seconds += used.as_secs_f64();
    }
}
