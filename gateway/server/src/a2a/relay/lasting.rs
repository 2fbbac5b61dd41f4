//! How long a call of an attached agent may last.
//!
//! Decides that it ends, whatever its server does, when its caller may not act or not call the agent any more, and when this
//! gateway stops. Must never drop an answer that is there.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use gateway_core::{Caller, Failure};
use proto_types::{Handle, Upstream};
use tokio::time::sleep;

use crate::gateway::Gateway;

/// How often it is looked whether a caller that waits may still act, and call its agent.
pub(super) const CHECK: Duration = Duration::from_secs(2);

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
            () = sleep(CHECK) => drop(upstream_of(gateway, caller, agent)?),
        }
    }
}

/// Where the agent is now, if its caller may still call it.
pub(super) fn upstream_of(
    gateway: &Gateway,
    caller: &Caller,
    agent: &Handle,
) -> Result<Arc<Upstream>, Failure> {
    gateway.check_caller(caller)?;
    let directory = gateway.cache.directory(Some(caller.origin()));
    let agent = directory.callable(agent).ok_or(Failure::NotFound)?;
    agent.upstream().map(Arc::clone).ok_or(Failure::NotFound)
}
