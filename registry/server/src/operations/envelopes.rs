//! The operations on envelopes: accept, lease with patience, acknowledge. A lease of a queue that is seen to be empty is
//! never proposed: waiting costs no log entries. A token that comes with an envelope is never spent but in one proposal
//! with it.

use std::time::Duration;

use proto_types::Revision;
use proto_wire::registry::v1 as wire;
use registry_api::{Problem, decode, render};
use registry_core::change::{Lease, Reply};
use registry_core::command::{Command, LeaseEnvelopes};
use registry_core::query;
use tokio::time::{Instant, sleep, timeout_at};

use crate::call::Call;
use crate::lookup;
use crate::member::{Member, done_at, stopping, unexpected};

use super::tokens::{check_unspent, paid};

/// How soon a queue whose envelopes were all leased is tried again.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// How often a waiter looks at most, however fast other things change.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Accepts an envelope durably, with its sender's token.
pub(crate) async fn enqueue(
    member: &Member,
    call: &Call,
    request: &wire::EnqueueEnvelopeRequest,
) -> Result<wire::EnqueueEnvelopeReply, Problem> {
    let view = member.registry.view().0;
    let proposal = decode::envelope::enqueue(&call.principal, request, &view)?;
    check_unspent(&view, &proposal)?;
    drop(view);
    match paid(member.write(proposal).await)? {
        Reply::Enqueued { revision, duplicate } => Ok(wire::EnqueueEnvelopeReply {
            revision: revision.0,
            duplicate,
            token_spent: request.token.is_some(),
        }),
        other => Err(unexpected(&other)),
    }
}

/// Leases the oldest envelopes of a queue, and waits for the first if the caller does.
pub(crate) async fn lease(
    member: &Member,
    call: &Call,
    request: &wire::LeaseEnvelopesRequest,
) -> Result<wire::LeaseEnvelopesReply, Problem> {
    let (command, wait) = decode::envelope::lease(&call.principal, request)?;
    let until = Instant::now() + wait;
    let _place = match wait.is_zero() {
        true => None,
        false => Some(member.wait_place(&call.principal, call.source)?),
    };
    // The first try is made in any case: this member's own state may lag behind.
    let mut leases = leased(member, &command).await?;
    while leases.is_empty() && await_queue(member, command.target.as_str(), until).await? {
        leases = leased(member, &command).await?;
    }
    let mut envelopes = Vec::with_capacity(leases.len());
    if let Some(newest) = leases.iter().map(|lease| lease.envelope.revision).max() {
        let reading = member.reached(newest).await?;
        for lease in &leases {
            let document = lookup::body(&reading.view, &lease.envelope.body)?;
            envelopes.push(render::fleet::leased(lease, document));
        }
    }
    Ok(wire::LeaseEnvelopesReply { envelopes })
}

/// Takes a leased envelope out of its queue.
pub(crate) async fn ack(
    member: &Member,
    call: &Call,
    request: &wire::AckEnvelopeRequest,
) -> Result<Revision, Problem> {
    let proposal = decode::envelope::ack(&call.principal, request)?;
    done_at(&member.write(proposal).await?)
}

async fn leased(member: &Member, command: &LeaseEnvelopes) -> Result<Vec<Lease>, Problem> {
    match member.write_command(Command::LeaseEnvelopes(command.clone())).await? {
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
