//! Reads of partners.

use proto_types::Namespace;

use crate::view::{Read, View};

use super::entry::PartnerEntry;
use super::table::PARTNERS;

/// The partner of this name.
pub fn partner(view: &dyn View, name: &Namespace) -> Read<Option<PartnerEntry>> {
    PARTNERS.entry(view, name.as_str())
}

/// Up to `limit` partners after `after`, by name.
pub fn partners(
    view: &dyn View,
    after: Option<&Namespace>,
    limit: usize,
) -> Read<Vec<PartnerEntry>> {
    PARTNERS.list(view, after.map(Namespace::as_str), limit)
}
