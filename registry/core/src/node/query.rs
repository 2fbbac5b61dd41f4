//! Reads of nodes.

use proto_types::NodeId;

use crate::view::{Read, View};

use super::entry::NodeEntry;
use super::table::NODES;

/// The node of this id.
pub fn node(view: &dyn View, id: &NodeId) -> Read<Option<NodeEntry>> {
    NODES.entry(view, id.as_str())
}

/// Up to `limit` nodes after `after`, lost ones included, by id.
pub fn nodes(view: &dyn View, after: Option<&NodeId>, limit: usize) -> Read<Vec<NodeEntry>> {
    NODES.list(view, after.map(NodeId::as_str), limit)
}
