//! Reads of instances, and of the instance to which a handle belongs.

use proto_types::{Handle, TenantKey};

use crate::view::{Read, View};

use super::entry::InstanceEntry;
use super::table::INSTANCES;

/// The instance of this tenant key.
pub fn instance(view: &dyn View, tenant: &TenantKey) -> Read<Option<InstanceEntry>> {
    INSTANCES.entry(view, tenant.as_str())
}

/// The instance whose handles begin as this one does, if there is one.
pub fn instance_of(view: &dyn View, handle: &Handle) -> Read<Option<InstanceEntry>> {
    let tenant = handle.as_str().split_once('/').and_then(|(name, _)| TenantKey::parse(name).ok());
    tenant.map_or(Ok(None), |tenant| instance(view, &tenant))
}

/// Up to `limit` instances after `after`, by tenant key.
pub fn instances(
    view: &dyn View,
    after: Option<&TenantKey>,
    limit: usize,
) -> Read<Vec<InstanceEntry>> {
    INSTANCES.list(view, after.map(TenantKey::as_str), limit)
}
