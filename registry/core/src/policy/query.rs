//! Reads of policies.

use proto_types::PolicyName;
use proto_types::policy::POLICIES_MAX;

use crate::view::{Read, View};

use super::entry::PolicyEntry;
use super::table::POLICIES;

/// The policy of this name.
pub fn policy(view: &dyn View, name: &PolicyName) -> Read<Option<PolicyEntry>> {
    POLICIES.entry(view, name.as_str())
}

/// All policies, by name.
pub fn policies(view: &dyn View) -> Read<Vec<PolicyEntry>> {
    POLICIES.list(view, None, POLICIES_MAX)
}
