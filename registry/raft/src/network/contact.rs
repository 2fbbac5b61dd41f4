//! When this member last heard from a leader.
//! It decides nothing; it must never claim a contact that a former run of the member had.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub(crate) struct Contact {
    heard: Mutex<Option<Instant>>,
}

impl Contact {
    pub(super) fn touch(&self) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(crate) fn age(&self) -> Option<Duration> {
        let heard = *self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.map(|at| at.elapsed())
    }
}
