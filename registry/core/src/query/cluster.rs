//! Reads about the cluster and about what it has forgotten.
//! They decide nothing.

use proto_types::{Digest, Revision, WallMs};

use super::{Read, changes, revision};
use crate::counter;
use crate::entry::MemberEntry;
use crate::ledger::Log;
use crate::table::MEMBERS;
use crate::view::View;

/// The newest revision whose change is no longer kept, `Revision(0)` if all are. A cursor that
/// stands before it has missed changes and must start anew from a list.
///
/// # Errors
/// As [`revision`].
pub fn compacted(view: &dyn View) -> Read<Revision> {
    counter::read(view, counter::COMPACTED).map(Revision)
}

/// How often the cluster was made anew from a backup; 0 for one that never was.
///
/// # Errors
/// As [`revision`].
pub fn cluster_epoch(view: &dyn View) -> Read<u64> {
    counter::read(view, counter::CLUSTER_EPOCH)
}

/// What names the cluster, once its transparency log is open: a digest of what blinds the log's leaves, which no other
/// cluster has. A cluster that is made of a backup keeps it, and has another epoch.
///
/// # Errors
/// As [`revision`].
pub fn cluster_id(view: &dyn View) -> Read<Option<Digest>> {
    let named = |log: Log| Digest::of_parts(&[b"ecumene/cluster-id\0", log.seed.as_bytes()]);
    Ok(Log::read(view)?.map(named))
}

/// The newest revision that is not younger than `at`, among those whose changes are kept;
/// [`compacted`] if there is none.
///
/// # Errors
/// As [`revision`].
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

/// The member of this number, if it has taken part: it joined, or was one of the first and has answered a leader.
///
/// # Errors
/// As [`revision`].
pub fn member(view: &dyn View, id: u64) -> Read<Option<MemberEntry>> {
    MEMBERS.entry(view, &format!("{id:020}"))
}
