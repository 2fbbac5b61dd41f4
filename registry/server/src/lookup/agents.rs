//! Agents with their cards. Where an attached one is called, and what its card says of that, is never told to who may only
//! call it here.

use proto_types::{Handle, Namespace};
use proto_wire::registry::v1 as wire;
use registry_api::{Problem, render};
use registry_core::entry::AgentEntry;
use registry_core::query;
use registry_core::view::View;
use registry_core::viewer::{Disclosure, Viewer};

use super::shown;

/// An agent with its card.
pub(crate) fn agent(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
) -> Result<wire::Agent, Problem> {
    let seen = query::agent_seen(view, viewer, handle)?;
    let (entry, disclosure) = seen.ok_or_else(|| Problem::not_found("agent", handle.as_str()))?;
    seen_agent(view, viewer, (&entry, disclosure))
}

/// An agent that was found already, with its card.
pub(crate) fn seen_agent(
    view: &dyn View,
    viewer: &Viewer,
    (entry, disclosure): (&AgentEntry, Disclosure),
) -> Result<wire::Agent, Problem> {
    let (_, card) = shown(view, &entry.card, disclosure)?;
    let attached = entry.upstream().filter(|_| disclosure == Disclosure::Whole);
    let Some(upstream) = attached else {
        return Ok(render::directory::agent(entry, disclosure, card));
    };
    if !administrates(view, viewer, &entry.namespace)? {
        let card = render::redacted::attached_card(&card);
        return Ok(render::directory::agent(entry, disclosure, card));
    }
    let upstream = Some(render::directory::upstream(upstream));
    Ok(wire::Agent { upstream, ..render::directory::agent(entry, disclosure, card) })
}

/// An agent for a proof: the log's line about it says where an attached one is called, and its digest would confirm a guess.
pub(crate) fn provable_agent(
    view: &dyn View,
    viewer: &Viewer,
    handle: &Handle,
) -> Result<Option<AgentEntry>, Problem> {
    let seen = query::agent_seen(view, viewer, handle)?;
    let Some((entry, Disclosure::Whole)) = seen else { return Ok(None) };
    let is_told = entry.upstream().is_none() || administrates(view, viewer, &entry.namespace)?;
    Ok(is_told.then_some(entry))
}

/// Whether the viewer is the operator, a gateway, or an owner of the namespace: whom it only admits is not among them.
fn administrates(view: &dyn View, viewer: &Viewer, namespace: &Namespace) -> Result<bool, Problem> {
    if *viewer == Viewer::Operator {
        return Ok(true);
    }
    let Some(origin) = viewer.origin() else { return Ok(false) };
    let entry = query::namespace(view, namespace)?;
    Ok(entry.is_some_and(|entry| entry.terms.owners.contains(origin)))
}
