//! Proofs of the transparency log. A proof is given as an entry is read: a caller that may not see an entry learns no more
//! here than there.

use proto_types::{Handle, Namespace, Origin};
use proto_wire::registry::v1 as wire;
use registry_api::{Problem, field};
use registry_core::query;
use registry_core::viewer::{Disclosure, Viewer};

use crate::call::Call;
use crate::log::Proof;
use crate::lookup::{self, Seen};
use crate::member::{Member, Reading};

use super::namespaces;

/// The proof of what is named.
pub(crate) fn prove(
    member: &Member,
    call: &Call,
    request: &wire::InclusionProofRequest,
) -> Result<Proof, Problem> {
    let (reading, caller) = (member.stale(), &call.principal);
    let view = &reading.view;
    match request.kind.as_str() {
        "record" | "card" | "agent" => entry(member, &reading, &caller.viewer(view)?, request),
        "peer" => {
            let origin: Origin = field::read("id", &request.id)?;
            let absent = || Problem::not_found(&request.kind, &request.id);
            member.log.prove(view, &query::peer(view, &origin)?.ok_or_else(absent)?)
        }
        "namespace" => {
            let name: Namespace = field::read("id", &request.id)?;
            let (entry, _) = namespaces::one(view, caller, &name)?;
            member.log.prove(view, &entry)
        }
        _ => Err(Problem::argument("kind", "peer, record, card, agent or namespace")),
    }
}

/// The proof of what has a handle.
fn entry(
    member: &Member,
    reading: &Reading,
    viewer: &Viewer,
    request: &wire::InclusionProofRequest,
) -> Result<Proof, Problem> {
    let view = &reading.view;
    let handle: Handle = field::read("id", &request.id)?;
    let absent = || Problem::not_found(&request.kind, &request.id);
    match request.kind.as_str() {
        "record" => {
            let seen = lookup::published_record(view, viewer, &handle, (reading.time, |_| true))?;
            member.log.prove(view, whole(seen).as_ref().ok_or_else(absent)?)
        }
        "card" => {
            let seen = lookup::published_card(view, viewer, &handle, |_| true)?;
            member.log.prove(view, whole(seen).as_ref().ok_or_else(absent)?)
        }
        _ => {
            let agent = lookup::provable_agent(view, viewer, &handle)?;
            member.log.prove(view, &agent.ok_or_else(absent)?)
        }
    }
}

/// Who sees a part of an entry may not confirm the rest.
fn whole<T>(seen: Seen<T>) -> Option<T> {
    (seen.disclosure == Disclosure::Whole).then_some(seen.entry)
}
