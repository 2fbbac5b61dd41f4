//! The storage quota of tasks and envelopes: how many bytes are kept for all, and for each owner. The outcome of a task
//! that runs is never refused.

use proto_types::outcome::OUTCOME_BYTES_MAX;
use proto_types::{Class, Full, Shares};

use crate::bound;
use crate::counter::{self, KEPT_BYTES};
use crate::draft::{Draft, Step};
use crate::view::{Read, View};

/// How many bytes messages may take together. Arbitrary: generous, and less than a member's disk.
const KEPT_BYTES_MAX: u64 = 16 << 30;

/// The share of each owner: one alone can have three eighths of it, and a quarter is the operator's.
const SHARES: Shares = Shares::new(KEPT_BYTES_MAX);

/// What a message takes beside its body: its row and derived keys, about. Without it small ones would fill a disk uncounted.
const ROWS_BYTES: u64 = 1 << 10;

/// Counts one message more, of the owner whose share counts it, or of the operator (`None`). Answers what it counts for.
/// A task has its place before: its own outcome is among those that are reserved.
pub(crate) fn take(draft: &mut Draft<'_>, owner: Option<&str>, body_bytes: u64) -> Step<u64> {
    let bytes = counted(body_bytes);
    let due = owner.map_or(Ok(0), |owner| reserved(draft, owner))?;
    let own = owner.map_or(Ok(0), |owner| draft.count(&counter::kept_bytes_of(owner)))?;
    let (kept, own) = (draft.count(KEPT_BYTES)?.saturating_add(due), own.saturating_add(due));
    let class = if owner.is_some() { Class::Ordinary } else { Class::System };
    SHARES.admit(class, kept, own, bytes).map_err(|full| match full {
        Full::Share => bound::share_full("bytes kept for the caller's tasks and envelopes", own),
        Full::Pool => bound::full("bytes kept for tasks and envelopes", KEPT_BYTES_MAX),
    })?;
    add(draft, owner, bytes)?;
    Ok(bytes)
}

/// What a message counts for, by the length of its body.
pub(crate) const fn counted(body_bytes: u64) -> u64 {
    body_bytes.saturating_add(ROWS_BYTES)
}

/// What an owner's open tasks may still bring back. Outcomes are kept whatever room there is: without this, one owner would
/// open small tasks and take everybody's room with what they bring. Alone it can have some 6,100 open tasks so.
fn reserved(draft: &Draft<'_>, owner: &str) -> Read<u64> {
    let open = draft.count(&counter::task_share(owner))?;
    Ok(open.saturating_mul(OUTCOME_BYTES_MAX as u64))
}

/// Counts what is kept whatever room there is.
pub(crate) fn add(draft: &mut Draft<'_>, owner: Option<&str>, bytes: u64) -> Read<()> {
    count(draft, owner, |kept| kept.saturating_add(bytes))
}

/// Counts what is forgotten no more.
pub(crate) fn give_back(draft: &mut Draft<'_>, owner: Option<&str>, bytes: u64) -> Read<()> {
    count(draft, owner, |kept| kept.saturating_sub(bytes))
}

fn count(draft: &mut Draft<'_>, owner: Option<&str>, to: impl Fn(u64) -> u64) -> Read<()> {
    let own = owner.map(counter::kept_bytes_of);
    for name in own.into_iter().chain([KEPT_BYTES.to_owned()]) {
        let kept = draft.count(&name)?;
        draft.set_count(&name, to(kept));
    }
    Ok(())
}

/// The bytes that are kept for tasks and envelopes, as the storage quota counts them.
pub fn kept_bytes(view: &dyn View) -> Read<u64> {
    counter::read(view, counter::KEPT_BYTES)
}
