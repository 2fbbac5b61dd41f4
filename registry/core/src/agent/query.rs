//! Reads of agents, all of them or those that a viewer sees.

use proto_types::Handle;

use crate::audience;
use crate::listing;
use crate::view::{Read, View};
use crate::viewer::{Disclosure, Viewer};

use super::entry::AgentEntry;
use super::table::{AGENTS, LISTED_AGENTS};

/// The agent of this handle.
pub fn agent(view: &dyn View, handle: &Handle) -> Read<Option<AgentEntry>> {
    AGENTS.entry(view, handle.as_str())
}

/// The agent of this handle as far as it exists to the viewer.
pub fn agent_seen(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
) -> Read<Option<(AgentEntry, Disclosure)>> {
    Ok(listing::seen(viewer, agent(view, handle)?))
}

/// Up to `limit` agents after `after` that exist to the viewer, by handle.
pub fn agents_seen(
    view: &dyn View,
    viewer: &Viewer,
    after: Option<&Handle>,
    limit: usize,
) -> Read<Vec<(AgentEntry, Disclosure)>> {
    let Some(audiences) = audience::lists_of(viewer) else {
        let page = AGENTS.list(view, after.map(Handle::as_str), limit)?;
        return Ok(page.into_iter().map(|agent| (agent, Disclosure::Whole)).collect());
    };
    let mut found = Vec::new();
    for handle in listing::handles(view, &audiences, LISTED_AGENTS, (after, limit))? {
        found.extend(agent_seen(view, viewer, &handle)?);
    }
    Ok(found)
}
