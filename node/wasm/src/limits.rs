//! What one run may use, and who keeps count.
//!
//! Decides when a run has used too much memory, output or events. Must never let a guest handle the
//! refusal: the first step over a limit ends the run, so that the outcome names the limit and not
//! whatever the guest did next.

use node_core::LimitKind;
use proto_types::outcome::OUTCOME_BYTES_MAX;
use wasmtime::ResourceLimiter;

use crate::engine::{INSTANCES_MAX, MEMORIES_MAX, TABLE_ELEMENTS_MAX, TABLES_MAX};

/// Bounds of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Fuel: about one unit for each WASM instruction. Deterministic, unlike time.
    pub fuel: u64,
    /// Linear memory in bytes, all memories of the component together.
    pub memory_bytes: u64,
    /// Wall time in milliseconds, time spent in host calls and in a full event queue included.
    pub wall_ms: u64,
    /// Text and bytes in events, closing message and standard output together.
    pub output_bytes: u64,
    /// Events.
    pub events_max: u32,
    /// How long after a cancel the guest may go on to end by itself, in milliseconds.
    pub cancel_grace_ms: u64,
}

impl Default for Limits {
    /// For a short interactive task: 10 billion instructions are some seconds of a core; 64 MiB
    /// hold a managed runtime; no outcome larger than [`OUTCOME_BYTES_MAX`] is carried.
    fn default() -> Self {
        Self {
            fuel: 10_000_000_000,
            memory_bytes: 64 << 20,
            wall_ms: 30_000,
            output_bytes: OUTCOME_BYTES_MAX as u64,
            events_max: 10_000,
            cancel_grace_ms: 500,
        }
    }
}

/// A run stepped over a limit. It travels through the guest as a trap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the task's limit on {0} was reached")]
pub(crate) struct LimitHit(pub(crate) LimitKind);

/// Counts what one run has used.
#[derive(Debug)]
pub(crate) struct Meter {
    memory_bytes_left: u64,
    output_bytes_left: u64,
    events_left: u32,
}

impl Meter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes_left: limits.memory_bytes,
            output_bytes_left: limits.output_bytes,
            events_left: limits.events_max,
        }
    }

    /// Counts one event.
    pub(crate) fn event(&mut self) -> Result<(), LimitHit> {
        let left = self.events_left.checked_sub(1).ok_or(LimitHit(LimitKind::Output))?;
        self.events_left = left;
        Ok(())
    }

    /// Counts so many bytes of output.
    pub(crate) fn output(&mut self, bytes: usize) -> Result<(), LimitHit> {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        let left = self.output_bytes_left.checked_sub(bytes);
        self.output_bytes_left = left.ok_or(LimitHit(LimitKind::Output))?;
        Ok(())
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let more = u64::try_from(desired.saturating_sub(current)).unwrap_or(u64::MAX);
        let left = self.memory_bytes_left.checked_sub(more);
        let left = left.ok_or(LimitHit(LimitKind::Memory))?;
        if maximum.is_some_and(|maximum| desired > maximum) {
            // The maximum that the guest itself declared: growing fails and nothing is used.
            return Ok(false);
        }
        self.memory_bytes_left = left;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(desired <= TABLE_ELEMENTS_MAX)
    }

    fn instances(&self) -> usize {
        INSTANCES_MAX as usize
    }

    fn tables(&self) -> usize {
        TABLES_MAX as usize
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX as usize
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn memories_are_counted_together_and_the_guests_own_maximum_is_no_trap() {
        let limits = Limits { memory_bytes: 3 << 16, ..Limits::default() };
        let mut meter = Meter::new(&limits);
        assert!(meter.memory_growing(0, 2 << 16, None).unwrap());
        assert!(!meter.memory_growing(1 << 16, 2 << 16, Some(1 << 16)).unwrap());
        assert!(meter.memory_growing(0, 1 << 16, None).unwrap());
        let error = meter.memory_growing(1 << 16, 2 << 16, None).unwrap_err();
        assert_eq!(error.downcast_ref(), Some(&LimitHit(LimitKind::Memory)));
    }

    #[test]
    fn the_last_byte_and_the_last_event_are_allowed() {
        let limits = Limits { output_bytes: 2, events_max: 1, ..Limits::default() };
        let mut meter = Meter::new(&limits);
        assert_eq!(meter.output(2), Ok(()));
        assert_eq!(meter.output(1), Err(LimitHit(LimitKind::Output)));
        assert_eq!(meter.event(), Ok(()));
        assert_eq!(meter.event(), Err(LimitHit(LimitKind::Output)));
    }
}
