//! Where this member stands.
//!
//! It decides who hears where members are and how right their clocks go: the operator and the registry's own machines. To
//! others members have numbers.

use proto_types::Class;
use proto_wire::registry::v1 as wire;
use registry_api::{Code, Problem};
use registry_raft::Status;
use tonic::Request;

use crate::holder;
use crate::member::{Member, Reading};

use super::{Handled, at, caller};

pub(super) async fn status(
    member: &Member,
    request: Request<wire::StatusRequest>,
) -> Handled<wire::ClusterStatus> {
    let caller = caller(&request)?;
    let knows = holder::class(&caller) == Class::System;
    let strong = wire::Consistency::Strong as i32;
    let reading = match request.get_ref().consistency {
        0 => member.stale(),
        // One hop: a follower that is asked for this does not ask on.
        requested if requested == strong => confirmed(member, knows).await?,
        _ => return Err(Problem::argument("consistency", "0 (stale) or 1 (strong)")),
    };
    let status = member.registry.status();
    let leader = member.registry.leader();
    let members = status.members.iter().chain(&status.learners);
    let address = |url: &String| if knows { url.clone() } else { String::new() };
    let members = members.map(|(id, url)| wire::Member { id: *id, address: address(url) });
    let message = wire::ClusterStatus {
        leader: leader.as_ref().map_or(0, |(id, _)| *id),
        leader_address: leader.map(|(_, url)| address(&url)).unwrap_or_default(),
        revision: reading.revision.0,
        members: members.collect(),
        clock_offset_ms: status.clock_offset_ms.filter(|_| knows),
        state_ahead_ms: if knows { status.state_ahead_ms } else { 0 },
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

async fn confirmed(member: &Member, knows: bool) -> Result<Reading, Problem> {
    if !member.registry.is_leader() {
        // Members ask each other this without a credential, and know where the leader is.
        let unnamed = || Problem::new(Code::NotLeader, "another member leads");
        return Err(if knows { member.not_leader() } else { unnamed() });
    }
    let unconfirmed = |_| Problem::new(Code::ReadUnconfirmed, "the leadership is not confirmed");
    member.led().await.map_err(unconfirmed)
}
