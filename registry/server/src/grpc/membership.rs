//! The members of the cluster over gRPC. `operations/members.rs` does what is asked.

use proto_wire::registry::v1 as wire;
use registry_api::Role;
use registry_raft::Status;
use tonic::{Request, Response};

use crate::member::Member;
use crate::operations::members;

use super::{Handled, call, caller};

pub(super) async fn list(
    member: &Member,
    request: Request<wire::ListMembersRequest>,
) -> Handled<wire::Membership> {
    caller(&request)?.require(&[Role::Operator])?;
    Ok(membership(&member.registry.status()))
}

pub(super) async fn add(
    member: &Member,
    request: Request<wire::AddMemberRequest>,
) -> Handled<wire::Membership> {
    let added = members::add(member, &call(&request)?, request.get_ref()).await?;
    Ok(membership(&added))
}

pub(super) async fn change_voters(
    member: &Member,
    request: Request<wire::ChangeVotersRequest>,
) -> Handled<wire::Membership> {
    let changed = members::change_voters(member, &call(&request)?, request.get_ref()).await?;
    Ok(membership(&changed))
}

pub(super) async fn remove(
    member: &Member,
    request: Request<wire::RemoveMembersRequest>,
) -> Handled<wire::Membership> {
    let left = members::remove(member, &call(&request)?, request.get_ref()).await?;
    Ok(membership(&left))
}

pub(super) async fn transfer(
    member: &Member,
    request: Request<wire::TransferLeaderRequest>,
) -> Handled<wire::TransferLeaderReply> {
    let to = Some(request.get_ref().to).filter(|to| *to != 0);
    let (leader, address) = members::transfer(member, &call(&request)?, to).await?;
    Ok(Response::new(wire::TransferLeaderReply { leader, address }))
}

pub(super) async fn reset_time(
    member: &Member,
    request: Request<wire::ResetTimeRequest>,
) -> Handled<wire::ResetTimeReply> {
    let (before, time) = members::reset_time(member, &call(&request)?).await?;
    Ok(Response::new(wire::ResetTimeReply { back_ms: before.since(time), time_ms: time.0 }))
}

pub(super) async fn join(
    member: &Member,
    request: Request<wire::JoinRequest>,
) -> Handled<wire::JoinReply> {
    let votes = members::join(member, request.get_ref()).await?;
    let state = if votes { "voter" } else { "learner" };
    Ok(Response::new(wire::JoinReply { state: state.to_owned() }))
}

/// What one member knows of the cluster.
fn membership(status: &Status) -> Response<wire::Membership> {
    let voters = status.members.iter().map(|(id, url)| one(status, *id, url, true));
    let learners = status.learners.iter().map(|(id, url)| one(status, *id, url, false));
    Response::new(wire::Membership {
        members: voters.chain(learners).collect(),
        term: status.term,
        leader: status.leader.unwrap_or(0),
        member: status.id,
        epoch: status.epoch,
        joint: status.joint,
        poisoned: status.poisoned.clone().unwrap_or_default(),
        removed: status.removed,
        last_log_index: status.last_log.unwrap_or(0),
        applied_index: status.applied.unwrap_or(0),
        snapshot_index: status.snapshot.unwrap_or(0),
        purged_index: status.purged.unwrap_or(0),
        warning: warning(status.members.len()),
    })
}

fn one(status: &Status, id: u64, address: &str, voter: bool) -> wire::ClusterMember {
    let peer = status.peers.get(&id);
    // A leader does not hear from itself.
    let heard = peer.filter(|_| id != status.id).and_then(|peer| peer.heard);
    wire::ClusterMember {
        id,
        address: address.to_owned(),
        voter,
        matched_index: peer.and_then(|peer| peer.matched),
        lag: peer.map(|_| status.lag(id)),
        heard_ms_ago: heard.map(|ago| u64::try_from(ago.as_millis()).unwrap_or(u64::MAX)),
        clock_offset_ms: match id == status.id {
            true => status.clock_offset_ms,
            false => peer.and_then(|peer| peer.clock_offset_ms),
        },
    }
}

fn warning(voters: usize) -> String {
    let survives = voters.saturating_sub(1) / 2;
    if voters > 0 && voters.is_multiple_of(2) {
        return format!("{voters} voters survive the loss of {survives}, as {} would", voters - 1);
    }
    String::new()
}
