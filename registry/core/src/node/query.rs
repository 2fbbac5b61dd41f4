//! Reads of nodes.
//! They decide nothing.

use proto_types::{Digest, NodeId};

use crate::credential;
use crate::view::{Read, View};

use super::entry::NodeEntry;
use super::table::NODES;

/// The node of this id.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn node(view: &dyn View, id: &NodeId) -> Read<Option<NodeEntry>> {
    NODES.entry(view, id.as_str())
}

/// Up to `limit` nodes after `after`, lost ones included, by id.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn nodes(view: &dyn View, after: Option<&NodeId>, limit: usize) -> Read<Vec<NodeEntry>> {
    NODES.list(view, after.map(NodeId::as_str), limit)
}

/// The node that has this credential.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn node_by_credential(view: &dyn View, digest: &Digest) -> Read<Option<NodeEntry>> {
    credential::holder(view, digest, &NODES, "node/")
}
