//! The decision which use of a token is the first, when it is spent or charged. A token is never forgotten before its
//! time.

use proto_types::{Digest, WallMs};

use crate::bound;
use crate::change::{Refusal, Reply, Spent};
use crate::counter::FIRST_BUCKET;
use crate::draft::{Draft, Outcome};
use crate::view::{Read, Space, Write};

use super::command::{ChargeTokens, SpendToken, SpendTokens};
use super::spent;

/// One gateway's millisecond of traffic, with room; a command stays under 100 KiB.
const ENTRIES_MAX: u64 = 1_024;

pub(crate) fn spend(draft: &mut Draft<'_>, command: &SpendTokens) -> Outcome {
    let entries = &command.entries;
    bound::number("tokens", entries.len() as u64, (0, ENTRIES_MAX))?;
    forget_past(draft)?;
    let verdicts = entries.iter().map(|(hash, until)| spend_one(draft, hash, *until));
    Ok(Reply::Spent(verdicts.collect::<Result<_, _>>()?))
}

/// Charges tokens: verdicts as of spending, which it does not do.
pub(crate) fn charge(draft: &mut Draft<'_>, command: &ChargeTokens) -> Outcome {
    let entries = &command.entries;
    bound::number("tokens", entries.len() as u64, (0, ENTRIES_MAX))?;
    forget_past(draft)?;
    let verdicts = entries.iter().map(|(hash, until)| {
        if spent::is_remembered(draft.view(), hash, draft.now())? {
            return Ok(Spent::Replayed);
        }
        spend_one(draft, &charged(hash), *until)
    });
    Ok(Reply::Spent(verdicts.collect::<Read<_>>()?))
}

/// What stands in the set for a token that was charged.
fn charged(hash: &Digest) -> Digest {
    Digest::of(&[b"ecumene/charged-token\0", hash.as_bytes().as_slice()].concat())
}

/// Spends a token for the commands after it in the same proposal.
pub(crate) fn spend_as_condition(draft: &mut Draft<'_>, command: &SpendToken) -> Outcome {
    forget_past(draft)?;
    match spend_one(draft, &command.hash, command.until)? {
        Spent::Fresh => Ok(Reply::Spent(vec![Spent::Fresh])),
        Spent::Replayed | Spent::OutOfHorizon => Err(Refusal::TokenSpent.into()),
    }
}

fn spend_one(draft: &mut Draft<'_>, hash: &Digest, until: WallMs) -> Read<Spent> {
    if !spent::in_horizon(draft.now(), until) {
        return Ok(Spent::OutOfHorizon);
    }
    if spent::is_remembered(draft.view(), hash, draft.now())? {
        return Ok(Spent::Replayed);
    }
    let key = spent::row(hash, (draft.now(), until));
    draft.write(Write::Put { space: Space::State, key, value: Vec::new() });
    Ok(Spent::Fresh)
}

/// Drops the buckets whose every token is past, once for each time a bucket ends.
pub(crate) fn forget_past(draft: &mut Draft<'_>) -> Read<()> {
    let (first, live) = (draft.count(FIRST_BUCKET)?, u64::from(spent::bucket(draft.now())));
    if live > first {
        draft.set_count(FIRST_BUCKET, live);
        for (from, to) in spent::past(draft.now()) {
            draft.write(Write::DeleteRange { space: Space::State, from, to });
        }
    }
    Ok(())
}
