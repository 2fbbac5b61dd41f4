//! Reads of provenance.

use proto_types::{Handle, Namespace};

use crate::layout;
use crate::view::{Read, View};

use super::entry::{ImportKind, ProvenanceEntry};
use super::table::{self, PROVENANCE};

/// Where this entry came from; `None` if it is our own.
pub fn provenance(
    view: &dyn View,
    kind: ImportKind,
    handle: &Handle,
) -> Read<Option<ProvenanceEntry>> {
    PROVENANCE.entry(view, &ProvenanceEntry::key_of(kind, handle))
}

/// Up to `limit` entries of a partner after the one keyed `after`, withdrawn ones included, by
/// kind and handle.
pub fn imports(
    view: &dyn View,
    partner: &Namespace,
    after: Option<&str>,
    limit: usize,
) -> Read<Vec<ProvenanceEntry>> {
    let first = table::imports_of(partner);
    let from = after.map(|key| layout::after(&[&first, key.as_bytes()].concat()));
    let from = from.unwrap_or_else(|| first.clone());
    PROVENANCE.pointed_in(view, (&from, &layout::past(&first)), limit)
}
