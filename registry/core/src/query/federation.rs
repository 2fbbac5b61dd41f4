//! Reads about what is not our own: what the crawler saw, and what other registries gave.
//! They decide nothing.

use proto_types::{Handle, Namespace, Origin};

use super::Read;
use crate::entry::{ImportKind, LivenessEntry, PartnerEntry, ProvenanceEntry, Subject};
use crate::index;
use crate::layout;
use crate::table::{LIVENESS, PARTNERS, PROVENANCE};
use crate::view::View;
use crate::viewer::{Disclosure, Viewer};

/// What the crawler last saw of the agent of this record; `None` if it never asked.
///
/// # Errors
/// As [`super::revision`].
pub fn liveness(view: &dyn View, handle: &Handle) -> Read<Option<LivenessEntry>> {
    LIVENESS.entry(view, &Subject::Record(handle.clone()).key())
}

/// The same as far as it is shown to the viewer: to those who see all of the record.
///
/// # Errors
/// As [`super::revision`].
pub fn liveness_seen(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
) -> Read<Option<LivenessEntry>> {
    let Some(seen) = liveness(view, handle)? else { return Ok(None) };
    let record = super::record_seen(view, viewer, handle)?;
    Ok(record.filter(|(_, disclosure)| *disclosure == Disclosure::Whole).map(|_| seen))
}

/// What the crawler last saw of this peer; `None` if it never asked.
///
/// # Errors
/// As [`super::revision`].
pub fn peer_liveness(view: &dyn View, origin: &Origin) -> Read<Option<LivenessEntry>> {
    LIVENESS.entry(view, &Subject::Peer(origin.clone()).key())
}

/// The partner of this name.
///
/// # Errors
/// As [`super::revision`].
pub fn partner(view: &dyn View, name: &Namespace) -> Read<Option<PartnerEntry>> {
    PARTNERS.entry(view, name.as_str())
}

/// Up to `limit` partners after `after`, by name.
///
/// # Errors
/// As [`super::revision`].
pub fn partners(
    view: &dyn View,
    after: Option<&Namespace>,
    limit: usize,
) -> Read<Vec<PartnerEntry>> {
    PARTNERS.list(view, after.map(Namespace::as_str), limit)
}

/// Where this entry came from; `None` if it is our own.
///
/// # Errors
/// As [`super::revision`].
pub fn provenance(
    view: &dyn View,
    kind: ImportKind,
    handle: &Handle,
) -> Read<Option<ProvenanceEntry>> {
    PROVENANCE.entry(view, &ProvenanceEntry::key_of(kind, handle))
}

/// Up to `limit` entries of a partner after the one keyed `after`, withdrawn ones included, by
/// kind and handle.
///
/// # Errors
/// As [`super::revision`].
pub fn imports(
    view: &dyn View,
    partner: &Namespace,
    after: Option<&str>,
    limit: usize,
) -> Read<Vec<ProvenanceEntry>> {
    let first = index::imports_of(partner);
    let from = after.map(|key| layout::after(&[&first, key.as_bytes()].concat()));
    let from = from.unwrap_or_else(|| first.clone());
    let keys = index::ids(view, (&from, &layout::past(&first)), limit)?;
    super::entries(view, &PROVENANCE, &keys)
}
