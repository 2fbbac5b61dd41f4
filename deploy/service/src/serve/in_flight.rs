//! Counts requests that have no complete answer yet.
//!
//! It decides when an answer is complete: when its body has ended or was dropped, not when its
//! head was sent. It never delays one.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// The number of requests in flight; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct InFlight(Arc<AtomicUsize>);

/// One request in flight, until dropped.
#[derive(Debug)]
pub(super) struct Ticket(InFlight);

impl InFlight {
    pub(super) fn enter(&self) -> Ticket {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ticket(self.clone())
    }

    pub(super) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Ticket {
    /// Another one of the same request, which is in flight until both are dropped.
    pub(super) fn again(&self) -> Self {
        self.0.enter()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
