//! What this machine can do, found out by doing it.
//!
//! Decides the capacity that the node offers. Must never offer memory that is not free now, or a
//! rate that was not reached now.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use node_core::{Capacity, IsolationClass, Message, Outcome, Role};
use proto_types::Digest;
use tokio::sync::{mpsc, watch};

use crate::{Io, Limits, PrepareError, Prepared, Runtime};

/// `probe.wat` in binary form.
const PROBE: &[u8] = include_bytes!("probe.wasm");

/// Long enough for some thousand runs, short enough to delay a start unnoticed.
const WINDOW: Duration = Duration::from_millis(50);

/// Of the memory that is free, the part that is offered to tasks: the rest is for the node, its
/// compiler and the page cache.
const OFFERED_PART: u64 = 2;

/// Why nothing could be measured.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// The probe cannot be compiled.
    #[error("the probe was refused")]
    Prepare(#[from] PrepareError),
    /// The probe does not end well.
    #[error("the probe ended as {0:?}")]
    Probe(Outcome),
    /// The machine does not say how much memory is free.
    #[error("the free memory cannot be read from {path}")]
    Memory {
        /// The file.
        path: &'static str,
        /// What the machine said.
        #[source]
        source: io::Error,
    },
}

impl Runtime {
    /// Runs a tiny component on all workers for 50 ms, and reads how much memory is free.
    ///
    /// # Errors
    /// The machine cannot run even that.
    pub async fn measure(self: &Arc<Self>) -> Result<Capacity, MeasureError> {
        let probe = Bytes::from_static(PROBE);
        let prepared = self.prepare(&Digest::of(&probe), probe, None).await?;
        let begin = Instant::now();
        let loops = self.config.workers.max(1).min(self.config.slots as usize);
        let mut runs = tokio::task::JoinSet::new();
        for _ in 0..loops {
            runs.spawn(run_until(Arc::clone(self), Arc::clone(&prepared), begin + WINDOW));
        }
        let mut count = 0;
        for looped in runs.join_all().await {
            count += looped.map_err(MeasureError::Probe)?;
        }
        let elapsed_us = u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX).max(1);
        let pool_bytes = u64::from(self.config.slots).saturating_mul(self.config.memory_bytes_max);
        Ok(Capacity {
            class: IsolationClass::WasmProc,
            slots: self.config.slots,
            memory_bytes: (free_memory_bytes()? / OFFERED_PART).min(pool_bytes),
            runs_per_second: count * 1_000_000 / elapsed_us,
        })
    }
}

async fn run_until(
    runtime: Arc<Runtime>,
    prepared: Arc<Prepared>,
    end: Instant,
) -> Result<u64, Outcome> {
    let message = Message::new("probe", Role::User, Vec::new());
    let (events, _sink) = mpsc::channel(1);
    let (_switch, cancel) = watch::channel(false);
    let mut count = 0;
    loop {
        let io = Io { events: events.clone(), cancel: cancel.clone() };
        let run = runtime.run(Arc::clone(&prepared), message.clone(), Limits::default(), io);
        match run.await {
            Outcome::Completed { .. } => count += 1,
            other => return Err(other),
        }
        if Instant::now() >= end {
            return Ok(count);
        }
    }
}

const MEMINFO: &str = "/proc/meminfo";
/// The limit and the use of the control group that the node is in, where a container has one.
const CGROUP: [&str; 2] = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"];

/// What the kernel says can be had without swapping, within the limit of a container.
fn free_memory_bytes() -> Result<u64, MeasureError> {
    let unreadable = |source| MeasureError::Memory { path: MEMINFO, source };
    let text = std::fs::read_to_string(MEMINFO).map_err(unreadable)?;
    let free = available_bytes(&text)
        .ok_or_else(|| unreadable(io::Error::other("there is no MemAvailable")))?;
    let [limit, used] = CGROUP.map(|path| {
        let text = std::fs::read_to_string(path).ok()?;
        // "max" means that there is no limit, and is no number.
        text.trim().parse::<u64>().ok()
    });
    Ok(match (limit, used) {
        (Some(limit), Some(used)) => free.min(limit.saturating_sub(used)),
        _ => free,
    })
}

fn available_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn the_probe_is_what_its_text_says() {
        let text = include_str!("probe.wat");
        assert_eq!(wat::parse_str(text).unwrap(), PROBE, "run this text through `wat` again");
    }

    #[test]
    fn available_memory_is_read_in_bytes() {
        let text = "MemTotal:       100 kB\nMemAvailable:    7 kB\n";
        assert_eq!(available_bytes(text), Some(7 << 10));
        assert_eq!(available_bytes("MemTotal: 100 kB\n"), None);
    }
}
