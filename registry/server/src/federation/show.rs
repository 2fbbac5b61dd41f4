//! What is shown beside an entry: how reachable its agent is, and where it came from. Of an entry that the caller sees in
//! part, neither is shown.

use proto_types::{Handle, Origin};
use proto_wire::registry::v1 as wire;
use registry_api::{Problem, field, render};
use registry_core::entry::ImportKind;
use registry_core::query;
use registry_core::view::View;
use registry_core::viewer::Viewer;

/// A record, with both.
pub(crate) fn record(view: &dyn View, mut shown: wire::Record) -> Result<wire::Record, Problem> {
    if shown.redacted {
        return Ok(shown);
    }
    let handle: Handle = field::read("handle", &shown.handle)?;
    shown.liveness = query::reachability(view, &handle)?.as_ref().map(render::federation::liveness);
    shown.provenance = provenance(view, ImportKind::Record, &handle)?;
    Ok(shown)
}

/// A card, with where it came from.
pub(crate) fn card(view: &dyn View, mut shown: wire::Card) -> Result<wire::Card, Problem> {
    if shown.redacted {
        return Ok(shown);
    }
    let handle: Handle = field::read("handle", &shown.handle)?;
    shown.provenance = provenance(view, ImportKind::Card, &handle)?;
    Ok(shown)
}

/// An agent, with how the agent of the record of its handle is.
pub(crate) fn agent(
    view: &dyn View,
    viewer: &Viewer,
    mut shown: wire::Agent,
) -> Result<wire::Agent, Problem> {
    if shown.redacted {
        return Ok(shown);
    }
    let handle: Handle = field::read("handle", &shown.handle)?;
    let seen = query::reachability_seen(view, viewer, &handle)?;
    shown.liveness = seen.as_ref().map(render::federation::liveness);
    Ok(shown)
}

/// A peer, with how its instance is.
pub(crate) fn peer(view: &dyn View, mut shown: wire::Peer) -> Result<wire::Peer, Problem> {
    let origin: Origin = field::read("origin", &shown.origin)?;
    let seen = query::peer_reachability(view, &origin)?;
    shown.liveness = seen.as_ref().map(render::federation::liveness);
    Ok(shown)
}

fn provenance(
    view: &dyn View,
    kind: ImportKind,
    handle: &Handle,
) -> Result<Option<wire::Provenance>, Problem> {
    let kept = query::provenance(view, kind, handle)?.filter(|kept| kept.digest.is_some());
    Ok(kept.as_ref().map(render::federation::provenance))
}
