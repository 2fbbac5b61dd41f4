//! Reads of the total order: the newest revision, the lines, and what is compacted.

use proto_types::{Revision, WallMs};

use crate::codec::decode;
use crate::counter;
use crate::view::{Read, Space, View};

use super::entry::ChangeEvent;

/// The newest revision.
///
/// # Errors
/// As every read here: the store failed, or is corrupt.
pub fn revision(view: &dyn View) -> Read<Revision> {
    counter::read(view, counter::REVISION).map(Revision)
}

/// Up to `limit` changes after `since`, in order.
pub fn changes(view: &dyn View, since: Revision, limit: usize) -> Read<Vec<ChangeEvent>> {
    let from = since.next().0.to_be_bytes();
    let past_all = [u8::MAX; size_of::<u64>() + 1];
    let pairs = view.range(Space::Changes, &from, &past_all, limit)?;
    pairs.iter().map(|(_, value)| decode("change", value)).collect()
}

/// The newest revision whose change is no longer kept, `Revision(0)` if all are. A cursor that
/// stands before it has missed changes and must start anew from a list.
pub fn compacted(view: &dyn View) -> Read<Revision> {
    counter::read(view, counter::COMPACTED).map(Revision)
}

/// The newest revision that is not younger than `at`, among those whose changes are kept;
/// [`compacted`] if there is none.
pub fn revision_at(view: &dyn View, at: WallMs) -> Read<Revision> {
    let (mut old, mut young) = (compacted(view)?.0, revision(view)?.0);
    // Times rise with revisions. `old` is old enough all along.
    while old < young {
        let middle = old + (young - old).div_ceil(2);
        let event = changes(view, Revision(middle - 1), 1)?.pop();
        match event {
            Some(event) if event.at <= at => old = middle,
            _ => young = middle - 1,
        }
    }
    Ok(Revision(old))
}
