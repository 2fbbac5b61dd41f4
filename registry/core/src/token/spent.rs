//! The set of spent tokens: their hashes in buckets of time, which are dropped whole once past. A hash never counts again
//! because it names another time.

use proto_types::token::LIFE_S_MAX;
use proto_types::{Digest, WallMs};

use crate::bound::MINUTE_MS;
use crate::layout::Tag;
use crate::view::{Read, Space, View};

/// The hashes by bucket.
pub(crate) const SPENT_TOKENS: Tag = Tag(10);
/// The same of tokens that live longer.
pub(crate) const SPENT_LONG_TOKENS: Tag = Tag(32);

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

pub(crate) fn in_horizon(now: WallMs, until: WallMs) -> bool {
    now < until && until <= now.plus_ms(LONG_HORIZON_MS)
}

pub(crate) fn is_remembered(view: &dyn View, hash: &Digest, now: WallMs) -> Read<bool> {
    let live = bucket(now)..=bucket(now.plus_ms(HORIZON_MS));
    let long_live = long_bucket(now)..=long_bucket(now.plus_ms(LONG_HORIZON_MS));
    let rows = live.map(|bucket| key(bucket, hash));
    let rows = rows.chain(long_live.map(|bucket| long_key(bucket, hash)));
    let rows: Vec<Vec<u8>> = rows.collect();
    let rows: Vec<&[u8]> = rows.iter().map(Vec::as_slice).collect();
    Ok(view.values(Space::State, &rows)?.iter().any(Option::is_some))
}

/// Where a hash is remembered until its time.
pub(crate) fn row(hash: &Digest, (now, until): (WallMs, WallMs)) -> Vec<u8> {
    match until <= now.plus_ms(HORIZON_MS) {
        true => key(bucket(until), hash),
        false => long_key(long_bucket(until), hash),
    }
}

/// The rows of the buckets whose every token is past: from, to.
pub(crate) fn past(now: WallMs) -> [(Vec<u8>, Vec<u8>); 2] {
    let (live, long_live) = (bucket(now).to_be_bytes(), long_bucket(now).to_be_bytes());
    [(SPENT_TOKENS, live), (SPENT_LONG_TOKENS, long_live)]
        .map(|(tag, live)| (tag.key(&[]), tag.key(&[&live])))
}

/// Which bucket a time falls into; 32 bits last for 16,000 years, and saturate then.
pub(crate) fn bucket(at: WallMs) -> u32 {
    u32::try_from(at.0 / BUCKET_MS).unwrap_or(u32::MAX)
}

fn long_bucket(at: WallMs) -> u32 {
    u32::try_from(at.0 / LONG_BUCKET_MS).unwrap_or(u32::MAX)
}

fn long_key(bucket: u32, hash: &Digest) -> Vec<u8> {
    SPENT_LONG_TOKENS.key(&[&bucket.to_be_bytes(), hash.as_bytes()])
}

fn key(bucket: u32, hash: &Digest) -> Vec<u8> {
    SPENT_TOKENS.key(&[&bucket.to_be_bytes(), hash.as_bytes()])
}
