//! Where this member stands, over gRPC. `operations/members.rs` says what the caller may know of it.

use proto_wire::registry::v1 as wire;
use registry_raft::Status;
use tonic::Request;

use crate::member::Member;
use crate::operations::members::{self, MemberStatus};

use super::{Handled, at, call, consistency};

pub(super) async fn status(
    member: &Member,
    request: Request<wire::StatusRequest>,
) -> Handled<wire::ClusterStatus> {
    let call = call(&request)?;
    let consistency = consistency(request.get_ref().consistency)?;
    let MemberStatus { reading, status, leader } =
        members::status(member, &call, consistency).await?;
    let (leader, leader_address) = leader.unwrap_or_default();
    let members = status.members.iter().chain(&status.learners);
    let members = members.map(|(id, url)| wire::Member { id: *id, address: url.clone() });
    let message = wire::ClusterStatus {
        leader,
        leader_address,
        revision: reading.revision.0,
        members: members.collect(),
        clock_offset_ms: status.clock_offset_ms,
        state_ahead_ms: status.state_ahead_ms,
        ..own(member, &status)
    };
    Ok(at(&reading, message))
}

/// What this member says of itself.
fn own(member: &Member, status: &Status) -> wire::ClusterStatus {
    let removed = status.removed.then(|| "removed from the cluster".to_owned());
    wire::ClusterStatus {
        member: status.id,
        term: status.term,
        applied_index: status.applied.unwrap_or(0),
        last_log_index: status.last_log.unwrap_or(0),
        poisoned: status.poisoned.clone().or(removed).unwrap_or_default(),
        ..marked(member)
    }
}

/// The digest of this member's state.
fn marked(member: &Member) -> wire::ClusterStatus {
    let Some(mark) = member.registry.state_mark() else { return Default::default() };
    wire::ClusterStatus {
        state_since: mark.since,
        state_index: mark.index,
        state_hash: mark.hash.to_string(),
        ..Default::default()
    }
}
