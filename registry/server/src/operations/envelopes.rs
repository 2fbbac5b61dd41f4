//! The operations on envelopes: accept, lease with patience, hear how that went; and on dead letters. A lease of a queue that
//! is seen to have nothing to lease is not proposed again at once: waiting costs next to no log entries. A token that comes
//! with an envelope is never spent but in one proposal with it.

use std::time::Duration;

use proto_types::Revision;
use proto_wire::registry::v1::{self as wire, Consistency};
use registry_api::{List, Problem, Role, decode, field, render};
use registry_core::change::{Lease, Reply};
use registry_core::command::{Command, LeaseEnvelopes};
use registry_core::query;
use tokio::time::{Instant, sleep, timeout_at};

use crate::call::Call;
use crate::lookup;
use crate::member::{Member, Reading, done_at, stopping, unexpected};

use super::tokens::{check_unspent, paid};

/// How soon a queue whose envelopes were all leased is tried again, at the earliest.
const RETRY_AFTER: Duration = Duration::from_millis(250);

/// How soon at the latest: a lease may have ended before its time, without a sign.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(5);

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

/// Keeps why an envelope could not be delivered.
pub(crate) async fn fail(
    member: &Member,
    call: &Call,
    request: &wire::FailEnvelopeRequest,
) -> Result<Revision, Problem> {
    let proposal = decode::envelope::fail(&call.principal, request, member.clock.now())?;
    done_at(&member.write(proposal).await?)
}

/// A page of dead letters, without their documents.
pub(crate) async fn dead_letters(
    member: &Member,
    call: &Call,
    request: &wire::ListDeadLettersRequest,
    consistency: Consistency,
) -> Result<(Reading, wire::DeadLetterList), Problem> {
    let cursors = member.cursors(List::DeadLetters);
    let page = decode::envelope::dead_letters(&call.principal, request, cursors)?;
    let reading = member.read(consistency).await?;
    let (target, after) = (page.target.as_ref(), page.after.as_ref());
    let entries = query::dead_letters(&reading.view, target, after, page.limit)?;
    let next = decode::envelope::dead_letters_next(&entries, page.limit, cursors);
    let letters = entries.iter().filter_map(|it| render::fleet::dead_letter(it, Vec::new()));
    let letters = letters.collect();
    let total = query::dead_letter_count(&reading.view, target)?;
    Ok((reading, wire::DeadLetterList { letters, next, total }))
}

/// A dead letter with its document, as a majority has it.
pub(crate) async fn dead_letter(
    member: &Member,
    call: &Call,
    name: &wire::DeadLetterName,
) -> Result<(Reading, wire::DeadLetter), Problem> {
    call.principal.require(&[Role::Operator])?;
    let (source, id) = (field::read("source", &name.source)?, field::read("id", &name.id)?);
    let reading = member.strong().await?;
    let kept = query::envelope(&reading.view, &source, &id)?;
    let shown = match kept.filter(|kept| kept.dead.is_some()) {
        Some(kept) => render::fleet::dead_letter(&kept, lookup::body(&reading.view, &kept.body)?),
        None => None,
    };
    let letter = shown.ok_or_else(|| Problem::not_found("dead letter", id.as_str()))?;
    Ok((reading, letter))
}

/// Puts a dead letter back into its queue.
pub(crate) async fn replay(
    member: &Member,
    call: &Call,
    name: &wire::DeadLetterName,
) -> Result<Revision, Problem> {
    let proposal = decode::envelope::replay(&call.principal, name, member.clock.now())?;
    done_at(&member.write(proposal).await?)
}

/// Forgets a dead letter.
pub(crate) async fn discard(
    member: &Member,
    call: &Call,
    name: &wire::DeadLetterName,
) -> Result<Revision, Problem> {
    let proposal = decode::envelope::discard(&call.principal, name)?;
    done_at(&member.write(proposal).await?)
}

async fn leased(member: &Member, command: &LeaseEnvelopes) -> Result<Vec<Lease>, Problem> {
    match member.write_command(Command::LeaseEnvelopes(command.clone())).await? {
        Reply::Leased(leases) => Ok(leases),
        other => Err(unexpected(&other)),
    }
}

/// Waits until the queue may have something to lease; false if nothing came in time. What waits already was just tried in
/// vain: it is leased to others, or put off.
async fn await_queue(member: &Member, target: &str, until: Instant) -> Result<bool, Problem> {
    let (mut revisions, tried) = (member.registry.revisions(), Instant::now());
    let mut earliest = tried + RETRY_AFTER;
    loop {
        revisions.mark_unchanged();
        let ready = ready_in(member, target)?;
        if ready.is_none() {
            earliest = tried;
        }
        let due =
            ready.map(|wait| (Instant::now() + wait).min(tried + RETRY_AFTER_MAX).max(earliest));
        if due.is_some_and(|due| due <= Instant::now()) {
            return Ok(true);
        }
        let look = due.map_or(until, |due| due.min(until));
        tokio::select! {
            () = member.shutdown.triggered() => return Err(stopping()),
            changed = timeout_at(look, revisions.changed()) => match changed {
                Ok(Ok(())) => sleep(LOOK_EVERY).await,
                Ok(Err(_)) => return Err(member.ended()),
                Err(_) => return Ok(look < until),
            },
        }
    }
}

/// How long it is until an envelope of the queue can be leased, as far as this member knows; `None` if it has none.
fn ready_in(member: &Member, target: &str) -> Result<Option<Duration>, Problem> {
    let view = member.registry.view().0;
    if query::queue_depth(&view, target)? == 0 {
        return Ok(None);
    }
    let at = query::next_lease_at(&view, target)?;
    let wait_ms = at.map_or(0, |at| at.since(member.clock.now()));
    Ok(Some(Duration::from_millis(wait_ms)))
}
