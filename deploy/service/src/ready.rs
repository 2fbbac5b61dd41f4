//! Whether a process should be sent work, and why not.
//!
//! It decides readiness from named conditions and from the wish to stop, which ends it first: a
//! load balancer must look away before the listener closes. Liveness says only that requests are
//! answered, so that a process that waits for its peers is not restarted for it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{Json, Router, extract::State, http::StatusCode, routing::get};
use serde_json::{Value, json};

use crate::Shutdown;

/// The conditions of one process; clones share them.
#[derive(Clone, Debug)]
pub struct Readiness {
    conditions: Arc<Mutex<BTreeMap<&'static str, bool>>>,
    shutdown: Shutdown,
}

/// One named condition. Dropping it leaves the last word standing.
#[derive(Clone, Debug)]
pub struct Condition {
    name: &'static str,
    readiness: Readiness,
}

impl Readiness {
    /// Ready until `shutdown`, as long as no condition is unmet.
    #[must_use]
    pub fn new(shutdown: Shutdown) -> Self {
        Self { conditions: Arc::default(), shutdown }
    }

    /// Adds a condition that is not met yet.
    #[must_use]
    pub fn condition(&self, name: &'static str) -> Condition {
        self.table().insert(name, false);
        Condition { name, readiness: self.clone() }
    }

    /// What keeps the process from being ready; empty when it is.
    #[must_use]
    pub fn waiting_for(&self) -> Vec<&'static str> {
        let mut unmet = Vec::new();
        if self.shutdown.is_triggered() {
            unmet.push("stopping");
        }
        unmet.extend(self.table().iter().filter(|(_, met)| !**met).map(|(name, _)| *name));
        unmet
    }

    /// `GET /livez` (200) and `GET /readyz` (200, or 503 with the names of what is unmet).
    pub fn router(&self) -> Router {
        Router::new()
            .route("/livez", get(|| async { Json(json!({ "live": true })) }))
            .route("/readyz", get(answer))
            .with_state(self.clone())
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<&'static str, bool>> {
        // Nothing panics while the lock is held, and the table has no state between two writes.
        self.conditions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Condition {
    /// Says whether the condition is met now.
    pub fn set(&self, met: bool) {
        self.readiness.table().insert(self.name, met);
    }
}

async fn answer(State(readiness): State<Readiness>) -> (StatusCode, Json<Value>) {
    let unmet = readiness.waiting_for();
    let status = if unmet.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": unmet.is_empty(), "waiting_for": unmet })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_needs_every_condition_and_ends_with_the_wish_to_stop() {
        let shutdown = Shutdown::new();
        let readiness = Readiness::new(shutdown.clone());
        assert!(readiness.waiting_for().is_empty());
        let leader = readiness.condition("leader");
        assert_eq!(readiness.waiting_for(), ["leader"]);
        leader.set(true);
        assert!(readiness.waiting_for().is_empty());
        shutdown.trigger();
        assert_eq!(readiness.waiting_for(), ["stopping"]);
    }
}
