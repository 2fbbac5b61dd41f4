//! The decision to accept an envelope, and for how long its id is remembered. One id of one source never names two
//! envelopes while the first is remembered, and no token is spent for an envelope that is refused.

use proto_types::{LeaseEpoch, TraceParent, WallMs};

use crate::bound;
use crate::change::{Effect, Refusal, Reply};
use crate::draft::{Draft, Outcome};
use crate::entity::Entity as _;
use crate::history::entry::ChangeKind;
use crate::index;
use crate::storage;
use crate::token::apply::spend_as_condition;
use crate::view::ViewError;

use super::command::EnqueueEnvelope;
use super::dead;
use super::entry::{DeadCause, EnvelopeEntry};
use super::queue::{self, AHEAD_MS_MAX};
use super::table::{self, ENVELOPES};

/// Void envelopes forgotten with each command on a queue: more go than come.
const SWEEP_MAX: usize = 64;

pub(crate) fn enqueue(draft: &mut Draft<'_>, command: &EnqueueEnvelope) -> Outcome {
    // Also for an envelope that is known: its id says nothing of the request, and this may be another one.
    if let Some(token) = &command.token {
        spend_as_condition(draft, token)?;
    }
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
        dead::forget(draft, &kept)?;
    }
    let bytes = draft.require_body(&envelope.body)?;
    queue::enter(draft, &envelope)?;
    if envelope.bytes.is_some() {
        envelope.bytes = Some(storage::take(draft, Some(envelope.source.as_str()), bytes)?);
    }
    envelope.revision = draft.note(ChangeKind::Envelope, envelope.target.as_str(), false);
    draft.replace(&ENVELOPES, None, &envelope);
    draft.effect(Effect::EnvelopeReady(envelope.target.into()));
    Ok(Reply::Enqueued { revision: envelope.revision, duplicate: false })
}

fn same_message(kept: &EnvelopeEntry, offered: &EnvelopeEntry) -> bool {
    (&kept.body, &kept.target, &kept.correlation)
        == (&offered.body, &offered.target, &offered.correlation)
}

/// Forgets envelopes past their expiry, and dead letters past their time, a bounded part of them; one that is to be kept
/// undelivered becomes a dead letter instead. Answers whether there may be more.
pub(crate) fn sweep(draft: &mut Draft<'_>) -> Result<bool, ViewError> {
    if draft.envelopes_swept() {
        return Ok(false);
    }
    let (from, to) = table::envelopes_void(draft.now());
    let keys = index::ids(draft.view(), (&from, &to), SWEEP_MAX)?;
    for key in &keys {
        if let Some(void) = draft.entry(&ENVELOPES, key)? {
            let is_kept = void.keep_undelivered || void.failures > 0;
            match void.is_queued() && is_kept {
                true => {
                    dead::make_dead(draft, &void, void.clone(), DeadCause::Expired)?;
                }
                false => dead::forget(draft, &void)?,
            }
        }
    }
    let more = keys.len() == SWEEP_MAX;
    if !more {
        draft.note_envelopes_swept();
    }
    Ok(more)
}

fn check(envelope: &EnvelopeEntry, now: WallMs) -> Result<(), Refusal> {
    // Of an earlier log: no edge lets one in any more.
    if envelope.traceparent.as_ref().is_some_and(TraceParent::is_too_long) {
        return Err(bound::full("bytes of traceparent", TraceParent::LEN_MAX as u64));
    }
    bound::not_past(envelope.expires_at, now)?;
    bound::near("expires_at", envelope.expires_at, now, AHEAD_MS_MAX)
}

fn envelope_of(command: &EnqueueEnvelope, now: WallMs) -> EnvelopeEntry {
    EnvelopeEntry {
        id: command.id.clone(),
        source: command.source.clone(),
        target: command.target.clone(),
        correlation: command.correlation.clone(),
        body: command.body,
        traceparent: command.traceparent.clone(),
        accepted_at: now,
        expires_at: command.expires_at,
        epoch: LeaseEpoch(0),
        leased_until: WallMs(0),
        deliveries: 0,
        revision: Default::default(),
        acked: None,
        shared: command.shared,
        bytes: command.metered.then_some(0),
        keep_undelivered: command.keep_undelivered,
        failures: 0,
        attempts: Vec::new(),
        dead: None,
        ordering_key: command.ordering_key.clone(),
        hops: command.hops.clone(),
    }
}
