//! Calls that are being admitted at once. What a call waits for besides, its body, a task or an agent, is not counted.
//!
//! Decides where load is shed: before a body is read where that is seen, and else before a token is spent. Must never
//! shed what operators ask, nor probes of health: neither comes here.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use gateway_core::Failure;
use gateway_core::concurrency::{Controller, LIMIT_MAX};
use proto_types::MonoUs;

use crate::clock;
use crate::config::Bounds;
use crate::gateway::Gateway;

/// What is under way, and how much may be.
#[derive(Debug)]
pub(crate) struct Concurrency {
    in_flight: AtomicU32,
    /// The controller's, where it can be read without a lock.
    limit: AtomicU32,
    shed: AtomicU64,
    controller: Mutex<Controller>,
}

impl Default for Concurrency {
    fn default() -> Self {
        let (in_flight, shed) = (AtomicU32::new(0), AtomicU64::new(0));
        Self { in_flight, limit: AtomicU32::new(LIMIT_MAX), shed, controller: Mutex::default() }
    }
}

/// A call that is being admitted, until dropped.
#[derive(Debug)]
#[must_use = "the call is under way for as long as this lives"]
pub(crate) struct Admitting<'c> {
    concurrency: &'c Concurrency,
    since: MonoUs,
    floor: u32,
}

impl Gateway {
    /// Whether one more call finds room, without taking it.
    pub(crate) fn check_load(&self) -> Result<(), Failure> {
        self.limits.concurrency.check(&self.live.load().bounds)
    }

    /// Takes up a call, to spend its token.
    pub(crate) fn begin_admitting(&self) -> Result<Admitting<'_>, Failure> {
        self.limits.concurrency.begin(&self.live.load().bounds)
    }
}

impl Concurrency {
    /// Calls that are under way.
    pub(crate) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Calls that may be under way at once.
    pub(crate) fn limit(&self) -> u32 {
        self.limit.load(Ordering::Relaxed)
    }

    /// Calls that found no room.
    pub(crate) fn shed(&self) -> u64 {
        self.shed.load(Ordering::Relaxed)
    }

    fn check(&self, bounds: &Bounds) -> Result<(), Failure> {
        self.room_beside(self.in_flight(), bounds)
    }

    fn begin(&self, bounds: &Bounds) -> Result<Admitting<'_>, Failure> {
        let beside = self.in_flight.fetch_add(1, Ordering::Relaxed);
        // From here on it is counted, and dropping this takes it back.
        let admitting =
            Admitting { concurrency: self, since: clock::mono(), floor: bounds.in_flight_min };
        self.room_beside(beside, bounds).map(|()| admitting)
    }

    fn room_beside(&self, in_flight: u32, bounds: &Bounds) -> Result<(), Failure> {
        let limit = self.limit().max(bounds.in_flight_min);
        if !bounds.adaptive_concurrency || in_flight < limit {
            return Ok(());
        }
        self.shed.fetch_add(1, Ordering::Relaxed);
        Err(Failure::Overloaded)
    }

    fn sample(&self, now: MonoUs, latency_us: u64, floor: u32) {
        let mut controller = self.controller.lock().unwrap_or_else(PoisonError::into_inner);
        controller.sample(now, latency_us, (self.in_flight(), floor));
        self.limit.store(controller.limit(), Ordering::Relaxed);
    }
}

impl Admitting<'_> {
    /// The token is spent, or will not be: how long that took says how loaded the way there is. Of a call that is dropped before,
    /// because its caller has left, nothing is learnt.
    pub(crate) fn ended(self) {
        let now = clock::mono();
        self.concurrency.sample(now, now.since(self.since), self.floor);
    }
}

impl Drop for Admitting<'_> {
    fn drop(&mut self) {
        self.concurrency.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two seconds of calls that take four seconds each, eight at once.
    fn collapse(concurrency: &Concurrency, from: u64) -> u64 {
        concurrency.in_flight.store(8, Ordering::Relaxed);
        for at in 0..200 {
            concurrency.sample(MonoUs(from + at * 10_000), 4_000_000, 2);
        }
        concurrency.in_flight.store(0, Ordering::Relaxed);
        from + 2_000_000
    }

    #[test]
    fn calls_beyond_the_limit_are_shed_until_others_have_ended() {
        let bounds = Bounds { in_flight_min: 2, ..Bounds::default() };
        let concurrency = Concurrency::default();
        let from = collapse(&concurrency, 1);
        collapse(&concurrency, from);
        assert_eq!(concurrency.limit(), 2);
        let held = [concurrency.begin(&bounds), concurrency.begin(&bounds)];
        assert!(held.iter().all(Result::is_ok));
        assert_eq!(concurrency.begin(&bounds).map(drop), Err(Failure::Overloaded));
        assert_eq!(concurrency.check(&bounds), Err(Failure::Overloaded));
        assert_eq!(concurrency.in_flight(), 2, "who was refused is not under way");
        assert_eq!(concurrency.shed(), 2);
        let off = Bounds { adaptive_concurrency: false, ..bounds.clone() };
        assert_eq!(concurrency.check(&off), Ok(()), "unless that is not wanted");
        drop(held);
        assert_eq!(concurrency.check(&bounds), Ok(()));
    }

    #[test]
    fn what_fits_below_the_least_is_never_shed() {
        let concurrency = Concurrency::default();
        let from = collapse(&concurrency, 1);
        collapse(&concurrency, from);
        let bounds = Bounds::default();
        let held: Vec<_> = (0..bounds.in_flight_min).map(|_| concurrency.begin(&bounds)).collect();
        assert!(held.iter().all(Result::is_ok));
        assert!(concurrency.begin(&bounds).is_err());
    }
}
