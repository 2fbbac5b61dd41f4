//! Reads of the cluster: its members, its epoch and its name.

use proto_types::Digest;

use crate::counter;
use crate::log::rows::Log;
use crate::view::{Read, View};

use super::entry::MemberEntry;
use super::table::MEMBERS;

/// The member of this number, if it has taken part: it joined, or was one of the first and has answered a leader.
pub fn member(view: &dyn View, id: u64) -> Read<Option<MemberEntry>> {
    MEMBERS.entry(view, &format!("{id:020}"))
}

/// How often the cluster was made anew from a backup; 0 for one that never was.
pub fn cluster_epoch(view: &dyn View) -> Read<u64> {
    counter::read(view, counter::CLUSTER_EPOCH)
}

/// What names the cluster, once its transparency log is open: a digest of what blinds the log's leaves, which no other
/// cluster has. A cluster that is made of a backup keeps it, and has another epoch.
pub fn cluster_id(view: &dyn View) -> Read<Option<Digest>> {
    let named = |log: Log| Digest::of_parts(&[b"ecumene/cluster-id\0", log.seed.as_bytes()]);
    Ok(Log::read(view)?.map(named))
}
