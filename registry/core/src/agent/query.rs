//! Reads of hosted agents, with and without the viewer's eyes.
//! They decide nothing.

use proto_types::Handle;

use crate::listing;
use crate::view::{Read, View};
use crate::viewer::{Disclosure, Viewer};

use super::entry::AgentEntry;
use super::table::{AGENTS, LISTED_AGENTS};

/// The hosted agent of this handle.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn agent(view: &dyn View, handle: &Handle) -> Read<Option<AgentEntry>> {
    AGENTS.entry(view, handle.as_str())
}

/// Up to `limit` hosted agents after `after`, by handle.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn agents(view: &dyn View, after: Option<&Handle>, limit: usize) -> Read<Vec<AgentEntry>> {
    AGENTS.list(view, after.map(Handle::as_str), limit)
}

/// The hosted agent of this handle as far as it exists to the viewer.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn agent_seen(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
) -> Read<Option<(AgentEntry, Disclosure)>> {
    Ok(listing::seen(viewer, agent(view, handle)?))
}

/// Up to `limit` hosted agents after `after` that exist to the viewer, by handle.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn agents_seen(
    view: &dyn View,
    viewer: &Viewer,
    after: Option<&Handle>,
    limit: usize,
) -> Read<Vec<(AgentEntry, Disclosure)>> {
    listing::entries(view, viewer, (&AGENTS, LISTED_AGENTS), (after, limit))
}
