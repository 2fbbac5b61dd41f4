//! Dead letters: envelopes that nobody tries to deliver any more, kept for a while, until the operator replays or drops
//! them. None of them is leased, and what there is no room for is forgotten at once, as all was before there were any.

use proto_types::{Class, EnvelopeId, Origin, Revision, Shares};

use crate::bound::{self, DAY_MS};
use crate::change::{Effect, Refusal, Reply};
use crate::counter;
use crate::draft::{Draft, Outcome, Step};
use crate::history::entry::ChangeKind;
use crate::storage;
use crate::view::Read;

use super::command::{DropEnvelope, ReplayEnvelope};
use super::entry::{Dead, DeadCause, EnvelopeEntry};
use super::queue::{self, AHEAD_MS_MAX};
use super::table::{ENVELOPES, envelope_key};

/// How long a dead letter is kept: an operator looks once a week.
const KEPT_MS: u64 = 7 * DAY_MS;

/// Dead letters of one target, half of which one source alone can fill. Arbitrary: half as many as may wait.
const SHARES: Shares = Shares::new(10_000).without_reserve();

/// Takes an envelope out of its queue, as `last` says it; `kept` is how it is stored.
pub(super) fn make_dead(
    draft: &mut Draft<'_>,
    kept: &EnvelopeEntry,
    last: EnvelopeEntry,
    cause: DeadCause,
) -> Read<Revision> {
    let revision = draft.note(ChangeKind::Envelope, kept.target.as_str(), true);
    if !has_room(draft, kept)? {
        forget(draft, kept)?;
        return Ok(revision);
    }
    queue::leave(draft, kept)?;
    count(draft, kept, |dead| dead.saturating_add(1))?;
    let (at, until) = (draft.now(), draft.now().plus_ms(KEPT_MS));
    let dead = Some(Dead { at, until, revision, cause });
    draft.replace(&ENVELOPES, Some(kept), &EnvelopeEntry { dead, ..last });
    Ok(revision)
}

/// Puts a dead letter back at its place, with its attempts as they are told, and none of them counted.
pub(crate) fn replay(draft: &mut Draft<'_>, command: &ReplayEnvelope) -> Outcome {
    bound::not_past(command.expires_at, draft.now())?;
    bound::near("expires_at", command.expires_at, draft.now(), AHEAD_MS_MAX)?;
    let kept = dead_letter(draft, &command.source, &command.id)?;
    queue::enter(draft, &kept)?;
    leave(draft, &kept)?;
    let waiting = EnvelopeEntry {
        // Its sender was told until when its id stands for this envelope: not for less.
        expires_at: command.expires_at.max(kept.expires_at),
        leased_until: draft.now(),
        keep_undelivered: true,
        failures: 0,
        dead: None,
        ..kept.clone()
    };
    draft.replace(&ENVELOPES, Some(&kept), &waiting);
    let revision = draft.note(ChangeKind::Envelope, kept.target.as_str(), false);
    draft.effect(Effect::EnvelopeReady(kept.target.into()));
    Ok(Reply::Done(revision))
}

/// Forgets a dead letter, and its id with it: the same may be sent again.
pub(crate) fn discard(draft: &mut Draft<'_>, command: &DropEnvelope) -> Outcome {
    let kept = dead_letter(draft, &command.source, &command.id)?;
    forget(draft, &kept)?;
    Ok(Reply::Done(draft.note(ChangeKind::Envelope, kept.target.as_str(), true)))
}

/// Forgets an envelope, wherever it is, with what is counted for it.
pub(super) fn forget(draft: &mut Draft<'_>, envelope: &EnvelopeEntry) -> Read<()> {
    if envelope.is_queued() {
        queue::leave(draft, envelope)?;
    }
    if envelope.dead.is_some() {
        leave(draft, envelope)?;
    }
    if let Some(bytes) = envelope.bytes {
        storage::give_back(draft, Some(envelope.source.as_str()), bytes)?;
    }
    draft.remove(&ENVELOPES, envelope);
    Ok(())
}

/// One dead letter fewer.
fn leave(draft: &mut Draft<'_>, kept: &EnvelopeEntry) -> Read<()> {
    count(draft, kept, |dead| dead.saturating_sub(1))
}

fn dead_letter(draft: &Draft<'_>, source: &Origin, id: &EnvelopeId) -> Step<EnvelopeEntry> {
    let kept = draft.entry(&ENVELOPES, &envelope_key(source, id))?;
    let kept = kept.filter(|kept| kept.dead.is_some());
    let absent = || Refusal::NotFound { kind: "dead letter".to_owned(), id: id.to_string() };
    Ok(kept.ok_or_else(absent)?)
}

fn has_room(draft: &Draft<'_>, envelope: &EnvelopeEntry) -> Read<bool> {
    let target = envelope.target.as_str();
    let all = draft.count(&counter::dead_letters(target))?;
    let own = draft.count(&counter::dead_letter_share(target, &envelope.source))?;
    Ok(SHARES.admit(Class::Ordinary, all, own, 1).is_ok())
}

fn count(draft: &mut Draft<'_>, envelope: &EnvelopeEntry, to: impl Fn(u64) -> u64) -> Read<()> {
    for name in names(envelope) {
        let dead = draft.count(&name)?;
        draft.set_count(&name, to(dead));
    }
    Ok(())
}

/// The counters that a dead letter is in.
pub(crate) fn names(envelope: &EnvelopeEntry) -> [String; 3] {
    let target = envelope.target.as_str();
    let share = counter::dead_letter_share(target, &envelope.source);
    [counter::DEAD_LETTERS.to_owned(), counter::dead_letters(target), share]
}
