//! How many envelopes wait for a target, and how much of that one source may be. Who waits is the order of `table`; nothing
//! here leases anything.

use proto_types::{Class, Full, Shares};

use crate::bound::{self, DAY_MS};
use crate::counter;
use crate::draft::{Draft, Stop};
use crate::view::ViewError;

use super::entry::EnvelopeEntry;

/// What is not delivered within a week is answered for by its sender.
pub(super) const AHEAD_MS_MAX: u64 = 7 * DAY_MS;

/// Waiting envelopes of one target: a consumer that is further behind is away. One source alone can fill half of it.
const QUEUE_MAX: u64 = 20_000;

/// The share of each source in a target's queue. Nothing is kept: the system sends no envelopes itself.
const SHARES: Shares = Shares::new(QUEUE_MAX).without_reserve();

/// One envelope more waits for the target, if its source has not its share there.
pub(super) fn enter(draft: &mut Draft<'_>, envelope: &EnvelopeEntry) -> Result<(), Stop> {
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

/// One envelope fewer waits for the target.
pub(super) fn leave(draft: &mut Draft<'_>, left: &EnvelopeEntry) -> Result<(), ViewError> {
    let target = left.target.as_str();
    let share = counter::queue_share(target, &left.source, left.shared);
    for counter in [counter::queue_depth(target), share] {
        let waiting = draft.count(&counter)?;
        draft.set_count(&counter, waiting.saturating_sub(1));
    }
    Ok(())
}
