//! What every call to another member carries, and what is learnt from each refusal.
//! It must never let a call go out without the epoch of this member's own state.

use std::fmt::Display;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tonic::Status;

use super::pause::Pauses;
use super::{Ballot, Call, Credentials, client, request};
use crate::codec::{decode, encode};
use crate::machine::Published;
use crate::member_reports::MemberReports;
use crate::time::Time;

/// What a leader knows at the newest answer of a majority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Confirmed {
    /// How long ago it sent what was answered.
    pub ago: Duration,
    /// What it knew to be committed after that. An entry of its own term is among it: before, it may not know of all that
    /// another leader acknowledged.
    pub commit: u64,
}

type Ask = Box<dyn Fn() -> Option<Confirmed> + Send + Sync>;

#[derive(Clone)]
pub(crate) struct Caller {
    credentials: Credentials,
    published: Arc<Published>,
    reports: Arc<MemberReports>,
    time: Arc<Time>,
    pauses: Arc<Pauses>,
    /// Set once consensus runs, which makes its calls through this.
    confirmed: Arc<OnceLock<Ask>>,
}

impl Caller {
    pub(crate) fn new(
        credentials: Credentials,
        published: Arc<Published>,
        time: Arc<Time>,
    ) -> Self {
        let (reports, confirmed) = (Arc::new(MemberReports::new()), Arc::default());
        let pauses = Arc::default();
        Self { credentials, published, reports, time, pauses, confirmed }
    }

    /// Has calls say how new the leader's knowledge is; it is told once. `confirmed` must hold no handle of consensus,
    /// which holds this.
    pub(crate) fn confirm_by(&self, confirmed: Ask) {
        // There is one start.
        let _ = self.confirmed.set(confirmed);
    }

    pub(super) fn confirmed(&self) -> Option<Confirmed> {
        self.confirmed.get().and_then(|confirmed| confirmed())
    }

    /// What the others say of this member.
    pub(crate) fn reports(&self) -> Arc<MemberReports> {
        Arc::clone(&self.reports)
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    pub(crate) fn call<T>(&self, to: u64, body: T) -> Call<T> {
        let (epoch, cluster) = self.published.address();
        Call { to, epoch, cluster, body }
    }

    /// Asks a member what it knows, outside of consensus.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        (id, address): (u64, &str),
        ballot: Ballot,
        patience: Duration,
    ) -> Result<T, Status> {
        let unusable = |cause: &dyn Display| Status::unavailable(cause.to_string());
        let mut member =
            client(&self.credentials, id, address).map_err(|cause| unusable(&cause))?;
        let body = encode(&self.call(id, ballot)).map_err(|cause| unusable(&cause))?;
        let answer = member.vote(request(&self.credentials, body, patience)).await?;
        decode(&answer.get_ref().body).map_err(|cause| unusable(&cause))
    }

    /// Whom to leave alone for a while.
    pub(super) fn pauses(&self) -> &Pauses {
        &self.pauses
    }

    /// The cluster's time, and what is learnt of it.
    pub(super) fn time(&self) -> &Time {
        &self.time
    }

    pub(crate) fn hear(&self, from: u64, status: &tonic::Status) {
        self.reports.hear(from, status);
    }
}
