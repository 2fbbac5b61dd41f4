//! Reads of sightings. A viewer that does not see all of a record is told nothing about its agent.

use proto_types::{Handle, Origin};

use crate::record;
use crate::view::{Read, View};
use crate::viewer::{Disclosure, Viewer};

use super::entry::{ReachabilityEntry, Subject};
use super::table::REACHABILITY;

/// What the crawler last saw of the agent of this record; `None` if it never asked.
pub fn reachability(view: &dyn View, handle: &Handle) -> Read<Option<ReachabilityEntry>> {
    REACHABILITY.entry(view, &Subject::Record(handle.clone()).key())
}

/// The same as far as it is shown to the viewer: to those who see all of the record.
pub fn reachability_seen(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
) -> Read<Option<ReachabilityEntry>> {
    let Some(seen) = reachability(view, handle)? else { return Ok(None) };
    let record = record::query::record_seen(view, viewer, handle)?;
    Ok(record.filter(|(_, disclosure)| *disclosure == Disclosure::Whole).map(|_| seen))
}

/// What the crawler last saw of this peer; `None` if it never asked.
pub fn peer_reachability(view: &dyn View, origin: &Origin) -> Read<Option<ReachabilityEntry>> {
    REACHABILITY.entry(view, &Subject::Peer(origin.clone()).key())
}
