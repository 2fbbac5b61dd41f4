//! Entries with their bodies, as REST and gRPC both serve them.
//!
//! It decides what does not exist to a caller: what was deleted, what is another's, what has
//! expired. It must never tell these from what never was, except for an expired record.

use proto_types::{Digest, Handle, Origin, TaskId, WallMs};
use proto_wire::registry::v1 as wire;
use registry_api::{Code, Problem, render};
use registry_core::entry::{CardEntry, RecordEntry, TaskEntry, TaskState};
use registry_core::query;
use registry_core::view::View;

/// A live record and its document.
pub(crate) fn record(
    view: &dyn View,
    handle: &Handle,
    now: WallMs,
) -> Result<(RecordEntry, Digest, Vec<u8>), Problem> {
    let absent = || Problem::not_found("record", handle.as_str());
    let entry = query::record(view, handle)?.ok_or_else(absent)?;
    let digest = entry.digest.ok_or_else(absent)?;
    if let Some(until) = entry.valid_until.filter(|until| *until <= now) {
        let why = format_args!("record {handle} was valid until {until}");
        let expired = Problem::new(Code::RecordExpired, why);
        return Err(expired.with("validUntil", until.to_rfc3339()));
    }
    let document = body(view, &digest)?;
    Ok((entry, digest, document))
}

/// A card and its document.
pub(crate) fn card(view: &dyn View, handle: &Handle) -> Result<(CardEntry, Vec<u8>), Problem> {
    let entry = query::card(view, handle)?;
    let entry = entry.ok_or_else(|| Problem::not_found("card", handle.as_str()))?;
    let document = body(view, &entry.digest)?;
    Ok((entry, document))
}

/// A peer with its manifest.
pub(crate) fn peer(view: &dyn View, origin: &Origin) -> Result<wire::Peer, Problem> {
    let entry = query::peer(view, origin)?;
    let entry = entry.ok_or_else(|| Problem::not_found("peer", origin.as_str()))?;
    let stated = entry.manifest.as_ref();
    let manifest = stated.map(|manifest| body(view, &manifest.digest)).transpose()?;
    Ok(render::directory::peer(&entry, manifest))
}

/// A hosted agent with its card.
pub(crate) fn agent(view: &dyn View, handle: &Handle) -> Result<wire::Agent, Problem> {
    let entry = query::agent(view, handle)?;
    let entry = entry.ok_or_else(|| Problem::not_found("agent", handle.as_str()))?;
    Ok(render::directory::agent(&entry, body(view, &entry.card)?))
}

/// A task with its bodies, if `owner` may see it; `None` is an operator.
pub(crate) fn task(
    view: &dyn View,
    id: &TaskId,
    owner: Option<&str>,
) -> Result<wire::Task, Problem> {
    let entry = query::task(view, id)?;
    let seen = entry.filter(|task| owner.is_none_or(|owner| task.owner == owner));
    whole_task(view, &seen.ok_or_else(|| Problem::not_found("task", id.as_str()))?)
}

/// A task with its bodies.
pub(crate) fn whole_task(view: &dyn View, entry: &TaskEntry) -> Result<wire::Task, Problem> {
    let outcome = match &entry.state {
        TaskState::Ended { outcome: Some(digest), .. } => body(view, digest)?,
        _ => Vec::new(),
    };
    Ok(render::fleet::task(entry, body(view, &entry.input)?, outcome))
}

/// A body that an entry names.
pub(crate) fn body(view: &dyn View, digest: &Digest) -> Result<Vec<u8>, Problem> {
    let missing = || Problem::internal(format_args!("the body {digest} of an entry is missing"));
    query::body(view, digest)?.ok_or_else(missing)
}
