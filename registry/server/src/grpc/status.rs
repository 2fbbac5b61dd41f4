//! Where this member stands.
//!
//! It decides nothing.

use proto_wire::registry::v1 as wire;
use registry_api::{Code, Problem};
use tonic::Request;

use crate::member::{Member, Reading};

use super::{Handled, at};

pub(super) async fn status(
    member: &Member,
    request: Request<wire::StatusRequest>,
) -> Handled<wire::ClusterStatus> {
    let strong = wire::Consistency::Strong as i32;
    let reading = match request.get_ref().consistency {
        0 => member.stale(),
        // One hop: a follower that is asked for this does not ask on.
        asked if asked == strong => confirmed(member).await?,
        _ => return Err(Problem::argument("consistency", "0 (stale) or 1 (strong)")),
    };
    let status = member.registry.status();
    let removed = status.removed.then(|| "removed from the cluster".to_owned());
    let leader = member.registry.leader();
    let members = status.members.iter().chain(&status.learners);
    let members = members.map(|(id, url)| wire::Member { id: *id, address: url.clone() });
    let message = wire::ClusterStatus {
        member: status.id,
        term: status.term,
        leader: leader.as_ref().map_or(0, |(id, _)| *id),
        leader_address: leader.map_or_else(String::new, |(_, url)| url),
        revision: reading.revision.0,
        applied_index: status.applied.unwrap_or(0),
        last_log_index: status.last_log.unwrap_or(0),
        members: members.collect(),
        poisoned: status.poisoned.or(removed).unwrap_or_default(),
        clock_offset_ms: status.clock_offset_ms,
        state_ahead_ms: status.state_ahead_ms,
        ..marked(member)
    };
    Ok(at(&reading, message))
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

async fn confirmed(member: &Member) -> Result<Reading, Problem> {
    member.require_leader()?;
    let unconfirmed = |_| Problem::new(Code::ReadUnconfirmed, "the leadership is not confirmed");
    Ok(member.confirmed(member.registry.strong().await.map_err(unconfirmed)?))
}
