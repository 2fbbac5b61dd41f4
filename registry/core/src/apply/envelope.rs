//! Envelopes on their way in.
//! Decides whether one is accepted, and for how long its id is known; must never take one id of one
//! source for two envelopes while the first is known.

use proto_types::{LeaseEpoch, WallMs};

use crate::change::{Effect, Refusal, Reply};
use crate::command::Command;
use crate::counter;
use crate::entry::{ChangeKind, EnvelopeEntry};
use crate::index;
use crate::table::{ENVELOPES, Entity as _};
use crate::view::ViewError;

use super::bound::{self, DAY_MS, NAME_BYTES_MAX};
use super::draft::{Draft, Outcome};

/// What is not delivered within a week is answered for by its sender.
const AHEAD_MS_MAX: u64 = 7 * DAY_MS;

/// Waiting envelopes of one target: a consumer that is further behind is away.
pub(super) const QUEUE_MAX: u64 = 10_000;

/// Void envelopes forgotten with each command on a queue: more go than come.
const SWEEP_MAX: usize = 64;

/// A `traceparent` has 55 bytes in version 00 (W3C Trace Context, 3.2); later versions may append.
const TRACEPARENT_BYTES_MAX: usize = 128;

/// The bound of the envelope formats' correlation ids.
const CORRELATION_BYTES_MAX: usize = 256;

pub(super) fn enqueue(draft: &mut Draft<'_>, command: &Command) -> Outcome {
    let mut envelope = envelope_of(command, draft.now());
    check(&envelope, draft.now())?;
    sweep(draft)?;
    if let Some(kept) = draft.entry(&ENVELOPES, &envelope.key())? {
        if kept.expires_at > draft.now() {
            // Taken for the same it would never be delivered.
            return match same_message(&kept, &envelope) {
                true => Ok(Reply::Enqueued { revision: kept.revision, duplicate: true }),
                false => Err(bound::conflict("envelope", envelope.id.as_str()).into()),
            };
        }
        forget(draft, &kept)?;
    }
    draft.require_body(&envelope.body)?;
    let depth = counter::queue_depth(&envelope.target);
    let waiting = draft.count(&depth)?;
    if waiting >= QUEUE_MAX {
        return Err(bound::full("the target's queue", QUEUE_MAX).into());
    }
    draft.set_count(&depth, waiting + 1);
    envelope.revision = draft.note(ChangeKind::Envelope, &envelope.target, false);
    draft.replace(&ENVELOPES, None, &envelope);
    draft.effect(Effect::EnvelopeReady(envelope.target));
    Ok(Reply::Enqueued { revision: envelope.revision, duplicate: false })
}

fn same_message(kept: &EnvelopeEntry, offered: &EnvelopeEntry) -> bool {
    (&kept.body, &kept.target, &kept.correlation)
        == (&offered.body, &offered.target, &offered.correlation)
}

/// Forgets envelopes past their expiry, delivered or not.
pub(super) fn sweep(draft: &mut Draft<'_>) -> Result<(), ViewError> {
    let (from, to) = index::envelopes_void(draft.now());
    for key in index::ids(draft.view(), (&from, &to), SWEEP_MAX)? {
        if let Some(void) = draft.entry(&ENVELOPES, &key)? {
            forget(draft, &void)?;
        }
    }
    Ok(())
}

fn forget(draft: &mut Draft<'_>, envelope: &EnvelopeEntry) -> Result<(), ViewError> {
    if envelope.acked.is_none() {
        leave_queue(draft, &envelope.target)?;
    }
    draft.remove(&ENVELOPES, envelope);
    Ok(())
}

/// One envelope fewer waits for the target.
pub(super) fn leave_queue(draft: &mut Draft<'_>, target: &str) -> Result<(), ViewError> {
    let depth = counter::queue_depth(target);
    let waiting = draft.count(&depth)?;
    draft.set_count(&depth, waiting.saturating_sub(1));
    Ok(())
}

fn check(envelope: &EnvelopeEntry, now: WallMs) -> Result<(), Refusal> {
    bound::text("target", &envelope.target, NAME_BYTES_MAX)?;
    bound::text("correlation", &envelope.correlation, CORRELATION_BYTES_MAX)?;
    if let Some(traceparent) = &envelope.traceparent {
        bound::text("traceparent", traceparent, TRACEPARENT_BYTES_MAX)?;
    }
    bound::not_past(envelope.expires_at, now)?;
    bound::near("expires_at", envelope.expires_at, now, AHEAD_MS_MAX)
}

fn envelope_of(command: &Command, now: WallMs) -> EnvelopeEntry {
    let Command::EnqueueEnvelope { id, source, target, correlation, body, traceparent, expires_at } =
        command
    else {
        unreachable!("the dispatcher sends EnqueueEnvelope here");
    };
    EnvelopeEntry {
        id: id.clone(),
        source: source.clone(),
        target: target.clone(),
        correlation: correlation.clone(),
        body: *body,
        traceparent: traceparent.clone(),
        accepted_at: now,
        expires_at: *expires_at,
        epoch: LeaseEpoch(0),
        leased_until: WallMs(0),
        deliveries: 0,
        revision: Default::default(),
        acked: None,
    }
}
