//! Reads of gateways.

use proto_types::GatewayId;

use crate::view::{Read, View};

use super::entry::GatewayEntry;
use super::table::GATEWAYS;

/// The gateway of this id.
pub fn gateway(view: &dyn View, id: &GatewayId) -> Read<Option<GatewayEntry>> {
    GATEWAYS.entry(view, id.as_str())
}

/// Up to `limit` gateways after `after`, by id.
pub fn gateways(
    view: &dyn View,
    after: Option<&GatewayId>,
    limit: usize,
) -> Read<Vec<GatewayEntry>> {
    GATEWAYS.list(view, after.map(GatewayId::as_str), limit)
}
