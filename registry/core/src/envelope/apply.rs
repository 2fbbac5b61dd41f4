//! The decision to accept an envelope, and for how long its id is remembered. One id of one source never names two
//! envelopes while the first is remembered, and no token is spent for an envelope that is refused.

use proto_types::{Class, Full, LeaseEpoch, Shares, TraceParent, WallMs};

use crate::bound::{self, DAY_MS};
use crate::change::{Effect, Refusal, Reply};
use crate::counter;
use crate::draft::{Draft, Outcome, Stop};
use crate::entity::Entity as _;
use crate::history::entry::ChangeKind;
use crate::index;
use crate::storage;
use crate::token::apply::spend_as_condition;
use crate::view::ViewError;

use super::command::EnqueueEnvelope;
use super::entry::EnvelopeEntry;
use super::table::{self, ENVELOPES};

/// What is not delivered within a week is answered for by its sender.
const AHEAD_MS_MAX: u64 = 7 * DAY_MS;

/// Waiting envelopes of one target: a consumer that is further behind is away. One source alone can fill half of it.
const QUEUE_MAX: u64 = 20_000;

/// The share of each source in a target's queue. Nothing is kept: the system sends no envelopes itself.
const SHARES: Shares = Shares::new(QUEUE_MAX).without_reserve();

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
        forget(draft, &kept)?;
    }
    let bytes = draft.require_body(&envelope.body)?;
    enter_queue(draft, &envelope)?;
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

/// One envelope more waits for the target, if its source has not its share there.
fn enter_queue(draft: &mut Draft<'_>, envelope: &EnvelopeEntry) -> Result<(), Stop> {
    let target = envelope.target.as_str();
    let depth = counter::queue_depth(target);
    let share = |shared| counter::queue_share(target, &envelope.source, shared);
    let (marked, unmarked) = (draft.count(&share(true))?, draft.count(&share(false))?);
    let (waiting, own) = (draft.count(&depth)?, marked + unmarked);
    let fits = SHARES.admit(Class::Ordinary, waiting, own, 1);
    fits.map_err(|full| match full {
        Full::Share => bound::share_full("the target's queue", own),
        Full::Pool => bound::full("the target's queue", QUEUE_MAX),
    })?;
    draft.set_count(&depth, waiting + 1);
    let before = if envelope.shared { marked } else { unmarked };
    draft.set_count(&share(envelope.shared), before + 1);
    Ok(())
}

/// Forgets envelopes past their expiry, delivered or not, a bounded part of them. Answers whether there may be more.
pub(crate) fn sweep(draft: &mut Draft<'_>) -> Result<bool, ViewError> {
    if draft.envelopes_swept() {
        return Ok(false);
    }
    let (from, to) = table::envelopes_void(draft.now());
    let keys = index::ids(draft.view(), (&from, &to), SWEEP_MAX)?;
    for key in &keys {
        if let Some(void) = draft.entry(&ENVELOPES, key)? {
            forget(draft, &void)?;
        }
    }
    let more = keys.len() == SWEEP_MAX;
    if !more {
        draft.note_envelopes_swept();
    }
    Ok(more)
}

fn forget(draft: &mut Draft<'_>, envelope: &EnvelopeEntry) -> Result<(), ViewError> {
    if envelope.acked.is_none() {
        leave_queue(draft, envelope)?;
    }
    if let Some(bytes) = envelope.bytes {
        storage::give_back(draft, Some(envelope.source.as_str()), bytes)?;
    }
    draft.remove(&ENVELOPES, envelope);
    Ok(())
}

/// One envelope fewer waits for the target.
pub(crate) fn leave_queue(draft: &mut Draft<'_>, left: &EnvelopeEntry) -> Result<(), ViewError> {
    let target = left.target.as_str();
    let share = counter::queue_share(target, &left.source, left.shared);
    for counter in [counter::queue_depth(target), share] {
        let waiting = draft.count(&counter)?;
        draft.set_count(&counter, waiting.saturating_sub(1));
    }
    Ok(())
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
    }
}
