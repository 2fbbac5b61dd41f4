//! What every call to another member carries, and what is learnt from each refusal.
//! It must never let a call go out without the epoch of this member's own state.

use std::sync::Arc;

use super::{Call, Credentials};
use crate::machine::Published;
use crate::standing::Standing;

#[derive(Clone)]
pub(crate) struct Caller {
    credentials: Credentials,
    published: Arc<Published>,
    standing: Arc<Standing>,
}

impl Caller {
    pub(crate) fn new(credentials: Credentials, published: Arc<Published>) -> Self {
        Self { credentials, published, standing: Arc::new(Standing::new()) }
    }

    /// What the others say of this member.
    pub(crate) fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.standing)
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    pub(crate) fn call<T>(&self, to: u64, body: T) -> Call<T> {
        Call { to, epoch: self.published.epoch().unwrap_or(0), body }
    }

    pub(crate) fn hear(&self, status: &tonic::Status) {
        self.standing.hear(status);
    }
}
