//! WAN envelopes: accepting, leasing with patience, acknowledging.
//!
//! It decides how a caller waits. It must never propose a lease of a queue that is seen to be empty:
//! waiting costs no log entries.

use std::time::Duration;

use proto_wire::registry::v1 as wire;
use registry_api::{Problem, decode};
use registry_core::change::{Lease, Reply};
use registry_core::command::Proposal;
use registry_core::query;
use tokio::time::{Instant, sleep, timeout_at};
use tonic::{Request, Response};

use crate::lookup;
use crate::member::{Member, Reading, done_at, stopping, unexpected};

use super::{Handled, call, caller, done};

/// How soon a queue whose envelopes were all leased is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// How often a waiter looks at most, however fast other things change.
const LOOK_EVERY: Duration = Duration::from_millis(5);

pub(super) async fn enqueue(
    member: &Member,
    request: Request<wire::EnqueueEnvelopeRequest>,
) -> Handled<wire::EnqueueEnvelopeReply> {
    let caller = caller(&request)?;
    let proposal = decode::envelope::enqueue(&caller, request.get_ref())?;
    match member.write(proposal).await? {
        Reply::Enqueued { revision, duplicate } => {
            let revision = revision.0;
            Ok(Response::new(wire::EnqueueEnvelopeReply { revision, duplicate }))
        }
        other => Err(unexpected(&other)),
    }
}

pub(super) async fn lease(
    member: &Member,
    request: Request<wire::LeaseEnvelopesRequest>,
) -> Handled<wire::LeaseEnvelopesReply> {
    let call = call(&request)?;
    let request = request.into_inner();
    let proposal = decode::envelope::lease(&call.principal, &request)?;
    let until = Instant::now() + Duration::from_millis(request.wait_ms);
    let _place = match request.wait_ms {
        0 => None,
        _ => Some(member.wait_place(&call.principal, call.source)?),
    };
    // The first try is made in any case: this member's own state may lag behind.
    let mut leases = leased(member, proposal.clone()).await?;
    while leases.is_empty() && await_queue(member, &request.target, until).await? {
        leases = leased(member, proposal.clone()).await?;
    }
    let mut envelopes = Vec::with_capacity(leases.len());
    if let Some(newest) = leases.iter().map(|lease| lease.envelope.revision).max() {
        let reading: Reading = member.reached(newest).await?;
        for lease in &leases {
            let document = lookup::body(&reading.view, &lease.envelope.body)?;
            envelopes.push(registry_api::render::fleet::leased(lease, document));
        }
    }
    Ok(Response::new(wire::LeaseEnvelopesReply { envelopes }))
}

pub(super) async fn ack(
    member: &Member,
    request: Request<wire::AckEnvelopeRequest>,
) -> Handled<wire::Done> {
    let caller = caller(&request)?;
    let proposal = decode::envelope::ack(&caller, request.get_ref())?;
    Ok(done(done_at(&member.write(proposal).await?)?))
}

async fn leased(member: &Member, proposal: Proposal) -> Result<Vec<Lease>, Problem> {
    match member.write(proposal).await? {
        Reply::Leased(leases) => Ok(leases),
        other => Err(unexpected(&other)),
    }
}

/// Waits until the queue may have something to lease; false if nothing came in time.
async fn await_queue(member: &Member, target: &str, until: Instant) -> Result<bool, Problem> {
    let mut revisions = member.registry.revisions();
    let waits = query::queue_depth(&member.registry.view().0, target)?;
    if waits > 0 {
        // Leased to others: their leases end without a sign.
        let retry = Instant::now() + RETRY_AFTER;
        if retry > until {
            return Ok(false);
        }
        return match timeout_at(retry, member.shutdown.triggered()).await {
            Ok(()) => Err(stopping()),
            Err(_) => Ok(true),
        };
    }
    loop {
        revisions.mark_unchanged();
        if query::queue_depth(&member.registry.view().0, target)? > 0 {
            return Ok(true);
        }
        tokio::select! {
            () = member.shutdown.triggered() => return Err(stopping()),
            changed = timeout_at(until, revisions.changed()) => match changed {
                Ok(Ok(())) => sleep(LOOK_EVERY).await,
                Ok(Err(_)) => return Err(member.ended()),
                Err(_) => return Ok(false),
            },
        }
    }
}
