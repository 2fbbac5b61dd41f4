//! Who belongs to the cluster, who votes, who leads.
//!
//! It decides the order of the two halves of a change: the state remembers a number before
//! consensus hears of it, and that a member has left before it goes. It must never make a change
//! that consensus would not begin.

use std::collections::BTreeSet;
use std::time::Duration;

use deploy_service::wait_until;
use proto_wire::registry::v1 as wire;
use registry_api::{Code, Problem, decode, identity};
use registry_core::command::{Command, LedgerCommand, ResetTime};
use registry_core::query;
use registry_raft::{ChangeError, LAG_MAX, Status};
use tokio::time::timeout;
use tonic::{Request, Response};

use crate::member::Member;

use super::{Handled, caller};

/// How long another member may take to win the election it was handed.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) async fn list(
    member: &Member,
    request: Request<wire::ListMembersRequest>,
) -> Handled<wire::Membership> {
    let caller = caller(&request)?;
    caller.require(&[identity::Role::Operator])?;
    Ok(Response::new(membership(&member.registry.status())))
}

pub(super) async fn add(
    member: &Member,
    request: Request<wire::AddMemberRequest>,
) -> Handled<wire::Membership> {
    let caller = caller(&request)?;
    let proposal = decode::member::add(&caller, request.get_ref())?;
    member.require_leader()?;
    let wire::AddMemberRequest { id, address } = request.into_inner();
    member.registry.may_add(id, &address).map_err(|why| refused(member, why))?;
    member.write(proposal).await?;
    member.registry.add_learner(id, &address).await.map_err(|why| refused(member, why))?;
    Ok(Response::new(membership(&member.registry.status())))
}

pub(super) async fn change_voters(
    member: &Member,
    request: Request<wire::ChangeVotersRequest>,
) -> Handled<wire::Membership> {
    let caller = caller(&request)?;
    let voters = decode::member::ids(&caller, "voters", &request.get_ref().voters)?;
    member.require_leader()?;
    let force = request.get_ref().force;
    member.registry.may_change(&voters, force).map_err(|why| refused(member, why))?;
    if !voters.contains(&member.registry.id()) {
        return Err(step_aside(member, |id| voters.contains(&id)).await?);
    }
    member.registry.change_voters(voters, force).await.map_err(|why| refused(member, why))?;
    Ok(Response::new(membership(&member.registry.status())))
}

pub(super) async fn remove(
    member: &Member,
    request: Request<wire::RemoveMembersRequest>,
) -> Handled<wire::Membership> {
    let caller = caller(&request)?;
    let ids = decode::member::ids(&caller, "ids", &request.get_ref().ids)?;
    member.require_leader()?;
    let (registry, force) = (&member.registry, request.get_ref().force);
    are_known(member, &ids)?;
    registry.may_remove(&ids, force).map_err(|why| refused(member, why))?;
    if ids.contains(&registry.id()) {
        return Err(step_aside(member, |id| !ids.contains(&id)).await?);
    }
    // Those that leave are sent this too, so that they know.
    for id in &ids {
        member.write(decode::member::retire(*id)).await?;
    }
    registry.remove(ids, force).await.map_err(|why| refused(member, why))?;
    Ok(Response::new(membership(&registry.status())))
}

/// Holds if each of these is a member, or was one: a number is retired for good.
fn are_known(member: &Member, ids: &BTreeSet<u64>) -> Result<(), Problem> {
    let (status, view) = (member.registry.status(), member.registry.view().0);
    for id in ids.iter().filter(|id| status.address(**id).is_none()) {
        if query::member(&view, *id)?.is_none() {
            return Err(Problem::not_found("member", &id.to_string()));
        }
    }
    Ok(())
}

pub(super) async fn transfer(
    member: &Member,
    request: Request<wire::TransferLeaderRequest>,
) -> Handled<wire::TransferLeaderReply> {
    let caller = caller(&request)?;
    caller.require(&[identity::Role::Operator])?;
    member.require_leader()?;
    let to = Some(request.get_ref().to).filter(|to| *to != 0);
    let (leader, address) = hand_over(member, to).await?;
    Ok(Response::new(wire::TransferLeaderReply { leader, address }))
}

/// A majority's clocks say what the time is; the caller does not.
pub(super) async fn reset_time(
    member: &Member,
    request: Request<wire::ResetTimeRequest>,
) -> Handled<wire::ResetTimeReply> {
    let caller = caller(&request)?;
    caller.require(&[identity::Role::Operator])?;
    member.require_leader()?;
    let unknown = || Problem::new(Code::ReadUnconfirmed, "the clocks of a majority are not known");
    let (to, before) = (member.registry.clocks_time().ok_or_else(unknown)?, member.clock.now());
    member.write_command(Command::Ledger(LedgerCommand::ResetTime(ResetTime { to }))).await?;
    tracing::warn!(%before, %to, "the state's time is brought back");
    Ok(Response::new(wire::ResetTimeReply { back_ms: before.since(to), time_ms: to.0 }))
}

/// Anybody may ask; the token is what lets in. Repeated until it answers what the newcomer wants.
pub(super) async fn join(
    member: &Member,
    request: Request<wire::JoinRequest>,
) -> Handled<wire::JoinReply> {
    let request = request.into_inner();
    let proposal = decode::member::join(&request)?;
    // Before anything is said of the cluster: where its leader is, or which numbers are taken.
    decode::member::check_invited(&request, &member.registry.view().0, member.clock.now())?;
    member.require_leader()?;
    let (registry, id) = (&member.registry, request.id);
    registry.may_add(id, &request.address).map_err(|why| refused(member, why))?;
    member.write(proposal).await?;
    registry.add_learner(id, &request.address).await.map_err(|why| refused(member, why))?;
    let status = registry.status();
    if request.promote && !status.members.contains_key(&id) && status.lag(id) <= LAG_MAX {
        promote(member, status.members.keys().copied().chain([id]).collect()).await?;
    }
    let voter = registry.status().members.contains_key(&id);
    let state = if voter { "voter" } else { "learner" };
    Ok(Response::new(wire::JoinReply { state: state.to_owned() }))
}

/// Gives these the vote. What does not succeed now is asked for again.
async fn promote(member: &Member, voters: BTreeSet<u64>) -> Result<(), Problem> {
    match member.registry.change_voters(voters, false).await {
        Ok(())
        | Err(
            ChangeError::InProgress
            | ChangeError::Behind { .. }
            | ChangeError::Silent { .. }
            | ChangeError::Refuses { .. },
        ) => Ok(()),
        Err(why) => Err(refused(member, why)),
    }
}

/// A change without this member is made by another leader: hands over, and says to whom.
async fn step_aside(member: &Member, stays: impl Fn(u64) -> bool) -> Result<Problem, Problem> {
    let status = member.registry.status();
    let matched = |id: &u64| status.peers.get(id).and_then(|peer| peer.matched);
    let heirs = status.members.keys().copied().filter(|id| *id != status.id && stays(*id));
    let heir = heirs.max_by_key(matched).ok_or_else(|| {
        Problem::new(Code::QuorumAtRisk, "no voter would be left that could lead")
    })?;
    hand_over(member, Some(heir)).await?;
    Ok(member.not_leader())
}

async fn hand_over(member: &Member, to: Option<u64>) -> Result<(u64, String), Problem> {
    let registry = &member.registry;
    let mut leadership = registry.leadership();
    let heir = registry.transfer(to).await.map_err(|why| refused(member, why))?;
    let taken = wait_until(&mut leadership, |now| now.leader == Some(heir));
    let leads = timeout(TRANSFER_TIMEOUT, taken).await.is_ok_and(|taken| taken.is_ok());
    if !leads {
        let why = format_args!("member {heir} did not take the leadership in time");
        return Err(Problem::new(Code::InDoubt, why));
    }
    let address = registry.status().address(heir).unwrap_or_default().to_owned();
    Ok((heir, address))
}

fn refused(member: &Member, why: ChangeError) -> Problem {
    let code = match &why {
        ChangeError::NotLeader { .. } => return member.not_leader(),
        ChangeError::NotAMember(id) => return Problem::not_found("member", &id.to_string()),
        ChangeError::InProgress => Code::ChangeInProgress,
        ChangeError::OtherAddress { .. }
        | ChangeError::AddressTaken { .. }
        | ChangeError::Refuses { .. } => Code::Conflict,
        ChangeError::TooMany { .. } => Code::BoundReached,
        ChangeError::QuorumAtRisk { .. }
        | ChangeError::Behind { .. }
        | ChangeError::Silent { .. } => Code::QuorumAtRisk,
        ChangeError::Unknown(_) => Code::InDoubt,
    };
    Problem::new(code, why)
}

/// What one member knows of the cluster.
pub(super) fn membership(status: &Status) -> wire::Membership {
    let voters = status.members.iter().map(|(id, url)| one(status, *id, url, true));
    let learners = status.learners.iter().map(|(id, url)| one(status, *id, url, false));
    wire::Membership {
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
        warning: warning(&status.members.keys().copied().collect()),
    }
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

fn warning(voters: &BTreeSet<u64>) -> String {
    let (count, survives) = (voters.len(), voters.len().saturating_sub(1) / 2);
    if count > 0 && count.is_multiple_of(2) {
        return format!("{count} voters survive the loss of {survives}, as {} would", count - 1);
    }
    String::new()
}
