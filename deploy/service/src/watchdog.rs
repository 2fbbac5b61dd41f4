//! Notices a runtime whose threads no longer run.
//!
//! It decides when a worker counts as stuck: it has been inside one poll for many ticks. It uses no thread but its own,
//! and counts its own ticks instead of time, so that a process that was stopped and goes on is not taken for a stuck one.

use std::{io, process, thread, time::Duration};

use tokio::runtime::{Handle, RuntimeMetrics};

/// How long threads may do nothing.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From one look to the next.
    pub tick: Duration,
    /// Looks until a stuck worker is logged.
    pub ticks_to_log: u32,
    /// Looks until a process with stuck workers alone is aborted, so that what supervises it starts it anew.
    pub ticks_to_abort: u32,
}

impl Default for Patience {
    /// Ten seconds are a hundred times what any poll of ours takes; after a minute nothing comes back by itself.
    fn default() -> Self {
        Self { tick: Duration::from_secs(1), ticks_to_log: 10, ticks_to_abort: 60 }
    }
}

/// Watches the workers of a runtime as long as the process lives.
///
/// # Errors
/// The system gives no thread.
pub fn watch(runtime: &Handle, patience: Patience) -> io::Result<()> {
    let metrics = runtime.metrics();
    let mut workers = vec![Worker::default(); metrics.num_workers()];
    let look = move || {
        loop {
            thread::sleep(patience.tick);
            for (number, worker) in workers.iter_mut().enumerate() {
                worker.look(Moment::of(&metrics, number));
            }
            act(&workers, patience);
        }
    };
    thread::Builder::new().name("watchdog".to_owned()).spawn(look).map(drop)
}

fn act(workers: &[Worker], patience: Patience) {
    let stuck = |ticks| workers.iter().filter(|worker| worker.ticks >= ticks).count();
    if workers.iter().any(|worker| worker.ticks == patience.ticks_to_log) {
        let (stuck, of) = (stuck(patience.ticks_to_log), workers.len());
        tracing::error!(stuck, of, "threads of the runtime do not run");
    }
    if stuck(patience.ticks_to_abort) == workers.len() {
        tracing::error!("no thread of the runtime runs: aborting");
        process::abort();
    }
}

/// How far a worker is. Both numbers only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Moment {
    /// Odd while it is parked, even while it is active.
    parks: u64,
    busy: Duration,
}

impl Moment {
    fn of(metrics: &RuntimeMetrics, number: usize) -> Self {
        let parks = metrics.worker_park_unpark_count(number);
        Self { parks, busy: metrics.worker_total_busy_duration(number) }
    }
}

#[derive(Clone, Debug, Default)]
struct Worker {
    last: Moment,
    /// Looks at which it was active and no further than before.
    ticks: u32,
}

impl Worker {
    fn look(&mut self, now: Moment) {
        let parked = now.parks % 2 == 1;
        self.ticks = if parked || now != self.last { 0 } else { self.ticks.saturating_add(1) };
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(moments: &[(u64, u64)]) -> u32 {
        let mut worker = Worker::default();
        for (parks, busy) in moments {
            worker.look(Moment { parks: *parks, busy: Duration::from_millis(*busy) });
        }
        worker.ticks
    }

    #[test]
    fn a_worker_that_stays_in_one_poll_is_stuck() {
        assert_eq!(ticks(&[(2, 5), (2, 5), (2, 5), (2, 5)]), 3);
    }

    #[test]
    fn a_parked_worker_is_idle_and_not_stuck() {
        assert_eq!(ticks(&[(3, 5), (3, 5), (3, 5)]), 0);
    }

    #[test]
    fn a_worker_that_is_always_busy_is_not_stuck() {
        assert_eq!(ticks(&[(2, 5), (2, 6), (2, 7)]), 0);
    }

    #[test]
    fn a_worker_that_goes_on_is_not_stuck_any_more() {
        assert_eq!(ticks(&[(2, 5), (2, 5), (2, 5), (3, 9)]), 0);
    }
}
