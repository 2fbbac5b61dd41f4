//! The breaker of one agent: how many calls of it may be open at once.
//!
//! Decides by a count alone. Must never queue: who is refused comes back, and does not wait here.

/// Calls of one agent that may be open at once (Envoy: `max_requests`).
pub(super) const OPEN_MAX: u32 = 1_024;

/// How many are open.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    open: u32,
}

impl Breaker {
    /// Opens one more, if one more may be.
    pub(super) const fn enter(&mut self) -> bool {
        let may = self.open < OPEN_MAX;
        if may {
            self.open += 1;
        }
        may
    }

    /// Closes one.
    pub(super) const fn leave(&mut self) {
        self.open = self.open.saturating_sub(1);
    }
}
