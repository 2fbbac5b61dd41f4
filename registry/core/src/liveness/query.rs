//! Reads of sightings.
//! They decide nothing but that who sees not all of a record hears nothing of its agent.

use proto_types::{Handle, Origin};

use crate::record;
use crate::view::{Read, View};
use crate::viewer::{Disclosure, Viewer};

use super::entry::{LivenessEntry, Subject};
use super::table::LIVENESS;

/// What the crawler last saw of the agent of this record; `None` if it never asked.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn liveness(view: &dyn View, handle: &Handle) -> Read<Option<LivenessEntry>> {
    LIVENESS.entry(view, &Subject::Record(handle.clone()).key())
}

/// The same as far as it is shown to the viewer: to those who see all of the record.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn liveness_seen(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
) -> Read<Option<LivenessEntry>> {
    let Some(seen) = liveness(view, handle)? else { return Ok(None) };
    let record = record::query::record_seen(view, viewer, handle)?;
    Ok(record.filter(|(_, disclosure)| *disclosure == Disclosure::Whole).map(|_| seen))
}

/// What the crawler last saw of this peer; `None` if it never asked.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn peer_liveness(view: &dyn View, origin: &Origin) -> Read<Option<LivenessEntry>> {
    LIVENESS.entry(view, &Subject::Peer(origin.clone()).key())
}
