//! Spent tokens: a set of hashes in buckets of time, dropped whole once past.
//! Decides which use of a token is the first; must never forget one before its time, nor let a hash
//! count again because it names another time.

use proto_types::token::LIFE_S_MAX;
use proto_types::{Digest, WallMs};

use crate::change::{Refusal, Reply, Spent, Write};
use crate::command::{ChargeTokens, SpendToken, SpendTokens};
use crate::counter::FIRST_BUCKET;
use crate::layout::{self, state};
use crate::view::{Space, View, ViewError};

use super::bound::{self, MINUTE_MS};
use super::draft::{Draft, Outcome};

/// One gateway's millisecond of traffic, with room; a command stays under 100 KiB.
const ENTRIES_MAX: u64 = 1_024;

/// A token lives 300 s and clocks differ by 60 s on either side; 15 minutes leave room, and bound
/// the buckets to look into.
const HORIZON_MS: u64 = 15 * MINUTE_MS;

/// So long are tokens of one bucket kept past their time at most. Shorter buckets are more to look
/// into for each token, longer ones are more to keep.
const BUCKET_MS: u64 = 120_000;

/// Peers that an operator allows it to have tokens that live an hour. They are few, so they have
/// buckets of an hour, of which two or three are to be looked into.
const LONG_HORIZON_MS: u64 = LIFE_S_MAX * 1_000 + HORIZON_MS;

const LONG_BUCKET_MS: u64 = 60 * MINUTE_MS;

pub(super) fn spend(draft: &mut Draft<'_>, command: &SpendTokens) -> Outcome {
    let entries = &command.entries;
    bound::number("tokens", entries.len() as u64, (0, ENTRIES_MAX))?;
    forget_past(draft)?;
    let verdicts = entries.iter().map(|(hash, until)| spend_one(draft, hash, *until));
    Ok(Reply::Spent(verdicts.collect::<Result<_, _>>()?))
}

/// Charges tokens: verdicts as of spending, which it does not do.
pub(super) fn charge(draft: &mut Draft<'_>, command: &ChargeTokens) -> Outcome {
    let entries = &command.entries;
    bound::number("tokens", entries.len() as u64, (0, ENTRIES_MAX))?;
    forget_past(draft)?;
    let verdicts = entries.iter().map(|(hash, until)| {
        if is_remembered(draft.view(), hash, draft.now())? {
            return Ok(Spent::Replayed);
        }
        spend_one(draft, &charged(hash), *until)
    });
    Ok(Reply::Spent(verdicts.collect::<Result<_, ViewError>>()?))
}

/// What stands in the set for a token that was charged.
fn charged(hash: &Digest) -> Digest {
    Digest::of(&[b"ecumene/charged-token\0", hash.as_bytes().as_slice()].concat())
}

/// Spends a token for the commands after it in the same proposal.
pub(super) fn spend_as_condition(draft: &mut Draft<'_>, command: &SpendToken) -> Outcome {
    forget_past(draft)?;
    match spend_one(draft, &command.hash, command.until)? {
        Spent::Fresh => Ok(Reply::Spent(vec![Spent::Fresh])),
        Spent::Replayed | Spent::OutOfHorizon => Err(Refusal::TokenSpent.into()),
    }
}

/// Whether a token would be refused as spent, or as out of its time.
pub(crate) fn is_spent(
    view: &dyn View,
    hash: &Digest,
    (now, until): (WallMs, WallMs),
) -> Result<bool, ViewError> {
    Ok(!in_horizon(now, until) || is_remembered(view, hash, now)?)
}

fn spend_one(draft: &mut Draft<'_>, hash: &Digest, until: WallMs) -> Result<Spent, ViewError> {
    if !in_horizon(draft.now(), until) {
        return Ok(Spent::OutOfHorizon);
    }
    if is_remembered(draft.view(), hash, draft.now())? {
        return Ok(Spent::Replayed);
    }
    let key = match until <= draft.now().plus_ms(HORIZON_MS) {
        true => key(bucket(until), hash),
        false => long_key(long_bucket(until), hash),
    };
    draft.write(Write::Put { space: Space::State, key, value: Vec::new() });
    Ok(Spent::Fresh)
}

fn in_horizon(now: WallMs, until: WallMs) -> bool {
    now < until && until <= now.plus_ms(LONG_HORIZON_MS)
}

fn is_remembered(view: &dyn View, hash: &Digest, now: WallMs) -> Result<bool, ViewError> {
    for live in bucket(now)..=bucket(now.plus_ms(HORIZON_MS)) {
        if view.value(Space::State, &key(live, hash))?.is_some() {
            return Ok(true);
        }
    }
    for live in long_bucket(now)..=long_bucket(now.plus_ms(LONG_HORIZON_MS)) {
        if view.value(Space::State, &long_key(live, hash))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Drops the buckets whose every token is past, once for each time a bucket ends.
pub(super) fn forget_past(draft: &mut Draft<'_>) -> Result<(), ViewError> {
    let (first, live) = (draft.count(FIRST_BUCKET)?, u64::from(bucket(draft.now())));
    if live > first {
        draft.set_count(FIRST_BUCKET, live);
        let from = layout::key(state::SPENT_TOKENS, &[]);
        let to = layout::key(state::SPENT_TOKENS, &[&bucket(draft.now()).to_be_bytes()]);
        draft.write(Write::DeleteRange { space: Space::State, from, to });
        let from = layout::key(state::SPENT_LONG_TOKENS, &[]);
        let live = long_bucket(draft.now()).to_be_bytes();
        let to = layout::key(state::SPENT_LONG_TOKENS, &[&live]);
        draft.write(Write::DeleteRange { space: Space::State, from, to });
    }
    Ok(())
}

/// Which bucket a time falls into; 32 bits last for 16,000 years, and saturate then.
fn bucket(at: WallMs) -> u32 {
    u32::try_from(at.0 / BUCKET_MS).unwrap_or(u32::MAX)
}

fn long_bucket(at: WallMs) -> u32 {
    u32::try_from(at.0 / LONG_BUCKET_MS).unwrap_or(u32::MAX)
}

fn long_key(bucket: u32, hash: &Digest) -> Vec<u8> {
    layout::key(state::SPENT_LONG_TOKENS, &[&bucket.to_be_bytes(), hash.as_bytes()])
}

fn key(bucket: u32, hash: &Digest) -> Vec<u8> {
    layout::key(state::SPENT_TOKENS, &[&bucket.to_be_bytes(), hash.as_bytes()])
}
