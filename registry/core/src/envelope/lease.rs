//! The lease of envelopes, and how it ended, each under a lease epoch. An envelope is leased to one holder at a time, and a
//! holder with an older epoch can neither take it from its queue nor put it off. Of those with one ordering key, only the first
//! is leased.

use proto_types::{EnvelopeId, Origin, QueueName, WallMs};

use crate::bound::{self, DAY_MS};
use crate::change::{Lease, Refusal, Reply};
use crate::draft::{Draft, Outcome, Step};
use crate::epoch;
use crate::history::entry::ChangeKind;
use crate::layout;
use crate::view::{Space, ViewError};

use super::apply::sweep;
use super::command::{AckEnvelope, FailEnvelope, LeaseEnvelopes};
use super::dead;
use super::entry::{Acked, DeadCause, EnvelopeEntry, FailedAttempt};
use super::queue;
use super::table::{self, ENVELOPES, MetKeys, envelope_key};

/// Places read at a time; leases are near the front, so that one page is the rule.
const SCAN_PAGE: usize = 256;

/// Failed attempts that are kept of an envelope: an operator looks for what they have in common.
const ATTEMPTS_KEPT: usize = 10;

pub(crate) fn lease(draft: &mut Draft<'_>, command: &LeaseEnvelopes) -> Outcome {
    let LeaseEnvelopes { target, max, ttl_ms } = command;
    sweep(draft)?;
    let until = draft.now().plus_ms((*ttl_ms).into());
    let mut leases = Vec::new();
    for key in ready(draft, target.as_str(), u32::from(*max) as usize)? {
        let kept = draft.existing(&ENVELOPES, &key)?;
        // A claim is no fact of the directory: watchers do not see it, so it takes no revision.
        let envelope = EnvelopeEntry {
            epoch: epoch::next_lease(draft.view(), kept.epoch)?,
            leased_until: until,
            deliveries: kept.deliveries.saturating_add(1),
            ..kept.clone()
        };
        draft.replace(&ENVELOPES, Some(&kept), &envelope);
        leases.push(Lease { epoch: envelope.epoch, until, envelope });
    }
    Ok(Reply::Leased(leases))
}

/// Takes an envelope from its queue. A lease that ran out still counts while nobody else has leased
/// the envelope: it took effect, and delivering it again would help nobody.
pub(crate) fn ack(draft: &mut Draft<'_>, command: &AckEnvelope) -> Outcome {
    let (target, id, epoch) = (&command.target, &command.id, command.epoch);
    let kept = addressed(draft, target, (&command.source, id))?;
    match kept.acked {
        Some(acked) if acked.epoch == epoch => return Ok(Reply::Done(acked.revision)),
        None if kept.is_held_under(epoch) => {}
        _ => return Err(Refusal::NotLeased(id.clone()).into()),
    }
    queue::leave(draft, &kept)?;
    let revision = draft.note(ChangeKind::Envelope, target.as_str(), true);
    let acked = EnvelopeEntry { acked: Some(Acked { epoch, revision }), ..kept.clone() };
    draft.replace(&ENVELOPES, Some(&kept), &acked);
    Ok(Reply::Done(revision))
}

/// Keeps why an attempt has failed, and puts the envelope off, or has it be a dead letter. As of an acknowledgement, a lease
/// that ran out still counts while nobody else has leased the envelope.
pub(crate) fn fail(draft: &mut Draft<'_>, command: &FailEnvelope) -> Outcome {
    bound::near("not_before", command.not_before, draft.now(), DAY_MS)?;
    let kept = addressed(draft, &command.target, (&command.source, &command.id))?;
    if kept.attempts.last().is_some_and(|last| last.epoch == command.epoch) {
        let told = kept.dead.map_or(draft.revision(), |dead| dead.revision);
        return Ok(Reply::Done(told));
    }
    if !kept.is_held_under(command.epoch) {
        return Err(Refusal::NotLeased(command.id.clone()).into());
    }
    let failed = failed(&kept, command, draft.now());
    let cause = match failed.failures >= command.attempts_max {
        true => Some(DeadCause::Attempts),
        false => (failed.expires_at <= draft.now()).then_some(DeadCause::Expired),
    };
    if let Some(cause) = cause {
        return Ok(Reply::Done(dead::make_dead(draft, &kept, failed, cause)?));
    }
    // As little a fact of the directory as the claim was.
    draft.replace(&ENVELOPES, Some(&kept), &failed);
    Ok(Reply::Done(draft.revision()))
}

fn failed(kept: &EnvelopeEntry, command: &FailEnvelope, now: WallMs) -> EnvelopeEntry {
    let (epoch, reason) = (command.epoch, command.reason.clone());
    let mut attempts = kept.attempts.clone();
    attempts.push(FailedAttempt { at: now, epoch, reason });
    let older = attempts.len().saturating_sub(ATTEMPTS_KEPT);
    attempts.drain(..older);
    EnvelopeEntry {
        leased_until: command.not_before.max(now),
        failures: kept.failures.saturating_add(1),
        attempts,
        ..kept.clone()
    }
}

/// The envelope of this source and id, which is in no other queue.
fn addressed(
    draft: &Draft<'_>,
    target: &QueueName,
    (source, id): (&Origin, &EnvelopeId),
) -> Step<EnvelopeEntry> {
    let kept = draft.entry(&ENVELOPES, &envelope_key(source, id))?;
    let kept = kept.filter(|kept| kept.target == *target);
    let absent = || Refusal::NotFound { kind: ENVELOPES.name().to_owned(), id: id.to_string() };
    Ok(kept.ok_or_else(absent)?)
}

/// The oldest envelopes of a queue that nobody holds, but for those behind an unfinished one of the same source and key; a
/// queue's bound bounds the scan.
fn ready(draft: &Draft<'_>, target: &str, max: usize) -> Result<Vec<String>, ViewError> {
    let mut from = table::queue(target);
    let to = layout::past(&from);
    let (mut found, mut met) = (Vec::new(), MetKeys::default());
    loop {
        let page = draft.view().range(Space::Index, &from, &to, SCAN_PAGE)?;
        for (_, value) in &page {
            let place = table::place(value)?;
            // One that is void holds up nobody: it only waits to be swept.
            let is_next = place.expires_at > draft.now() && met.is_first(&place);
            if is_next && place.leased_until <= draft.now() {
                found.push(envelope_key(&place.source, &place.id));
            }
            if found.len() == max {
                return Ok(found);
            }
        }
        match page.last() {
            Some((last, _)) if page.len() == SCAN_PAGE => from = layout::after(last),
            _ => return Ok(found),
        }
    }
}
