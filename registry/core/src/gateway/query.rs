//! Reads of gateways.
//! They decide nothing.

use proto_types::{Digest, GatewayId};

use crate::credential;
use crate::view::{Read, View};

use super::entry::GatewayEntry;
use super::table::GATEWAYS;

/// The gateway of this id.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn gateway(view: &dyn View, id: &GatewayId) -> Read<Option<GatewayEntry>> {
    GATEWAYS.entry(view, id.as_str())
}

/// Up to `limit` gateways after `after`, by id.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn gateways(
    view: &dyn View,
    after: Option<&GatewayId>,
    limit: usize,
) -> Read<Vec<GatewayEntry>> {
    GATEWAYS.list(view, after.map(GatewayId::as_str), limit)
}

/// The gateway that has this credential.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn gateway_by_credential(view: &dyn View, digest: &Digest) -> Read<Option<GatewayEntry>> {
    credential::holder(view, digest, &GATEWAYS, "gateway/")
}
