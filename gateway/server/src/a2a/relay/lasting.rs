//! How long a call of an attached agent may last.
//!
//! Decides that it ends, whatever its server does, when its caller may not act or not call the agent any more, and when this
//! gateway stops. Must never drop an answer that is there.

use std::pin::pin;
use std::sync::Arc;

use gateway_core::{Caller, Failure};
use proto_types::{Handle, Upstream};
use tokio::time::sleep;

use crate::flow::CHECK;
use crate::gateway::Gateway;
use crate::waiting::Lasting;

/// Waits for what a server is asked, for as long as the call may last.
pub(super) async fn lasting<T>(
    (gateway, caller, agent): (&Gateway, &Caller, &Handle),
    answer: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut answer = pin!(answer);
    loop {
        tokio::select! {
            biased;
            answered = &mut answer => return answered,
            () = gateway.leaving() => return Err(Failure::Stopping),
            () = sleep(CHECK) => drop(upstream_of(gateway, (caller, Lasting::Call), agent)?),
        }
    }
}

/// Where the agent is now, if its caller may still call it.
pub(super) fn upstream_of(
    gateway: &Gateway,
    (caller, lasts): (&Caller, Lasting),
    agent: &Handle,
) -> Result<Arc<Upstream>, Failure> {
    gateway.check_lasting(caller, lasts)?;
    let directory = gateway.directory(caller);
    let agent = directory.callable(agent).ok_or(Failure::NotFound)?;
    agent.upstream().map(Arc::clone).ok_or(Failure::NotFound)
}
