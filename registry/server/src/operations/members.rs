//! Members of the cluster: who belongs to it, who votes, who leads. The state remembers a number before consensus hears of it,
//! and that a member has left before it goes. A change is never noted that consensus would not begin.

use std::collections::BTreeSet;
use std::time::Duration;

use deploy_service::wait_until;
use proto_types::{Class, WallMs};
use proto_wire::registry::v1::{self as wire, Consistency};
use registry_api::{Code, Problem, Role, decode};
use registry_core::command::{Command, LogCommand, ResetTime};
use registry_core::query;
use registry_raft::{ChangeError, LAG_MAX, Status};
use tokio::time::timeout;

use crate::call::Call;
use crate::holder;
use crate::member::{Member, Reading};

/// How long another member may take to win the election it was handed.
const TRANSFER_TIMEOUT: Duration = Duration::from_secs(5);

/// Where a member stands, as its caller may know it.
pub(crate) struct MemberStatus {
    pub(crate) reading: Reading,
    pub(crate) status: Status,
    /// Who leads, and where it is.
    pub(crate) leader: Option<(u64, String)>,
}

/// Where this member stands. The operator and the registry's own machines hear where members are and how right their clocks
/// go; to others members have numbers.
pub(crate) async fn status(
    member: &Member,
    call: &Call,
    consistency: Consistency,
) -> Result<MemberStatus, Problem> {
    let knows = holder::class(&call.principal) == Class::System;
    let reading = match consistency {
        Consistency::Stale => member.stale(),
        Consistency::Strong => confirmed(member, knows).await?,
    };
    let (mut status, mut leader) = (member.registry.status(), member.registry.leader());
    if !knows {
        status.members.values_mut().chain(status.learners.values_mut()).for_each(String::clear);
        leader = leader.map(|(id, _)| (id, String::new()));
        (status.clock_offset_ms, status.state_ahead_ms) = (None, 0);
    }
    Ok(MemberStatus { reading, status, leader })
}

/// The state as this member's leadership confirms it. One hop: a follower that is asked for this does not ask on.
async fn confirmed(member: &Member, knows: bool) -> Result<Reading, Problem> {
    if !member.registry.is_leader() {
        // Members ask each other this without a credential, and know where the leader is.
        let unnamed = || Problem::new(Code::NotLeader, "another member leads");
        return Err(if knows { member.not_leader() } else { unnamed() });
    }
    let unconfirmed = |_| Problem::new(Code::ReadUnconfirmed, "the leadership is not confirmed");
    member.led().await.map_err(unconfirmed)
}

/// Adds a member without a vote.
pub(crate) async fn add(
    member: &Member,
    call: &Call,
    request: &wire::AddMemberRequest,
) -> Result<Status, Problem> {
    let proposal = decode::member::add(&call.principal, request)?;
    member.require_leader()?;
    let (registry, id, address) = (&member.registry, request.id, &*request.address);
    registry.may_add(id, address).map_err(|why| refused(member, why))?;
    member.write(proposal).await?;
    registry.add_learner(id, address).await.map_err(|why| refused(member, why))?;
    Ok(registry.status())
}

/// Gives these members the vote, and takes it from all others.
pub(crate) async fn change_voters(
    member: &Member,
    call: &Call,
    request: &wire::ChangeVotersRequest,
) -> Result<Status, Problem> {
    let voters = decode::member::ids(&call.principal, "voters", &request.voters)?;
    member.require_leader()?;
    let (registry, force) = (&member.registry, request.force);
    registry.may_change(&voters, force).map_err(|why| refused(member, why))?;
    if !voters.contains(&registry.id()) {
        return Err(step_aside(member, |id| voters.contains(&id)).await?);
    }
    registry.change_voters(voters, force).await.map_err(|why| refused(member, why))?;
    Ok(registry.status())
}

/// Removes these members for good.
pub(crate) async fn remove(
    member: &Member,
    call: &Call,
    request: &wire::RemoveMembersRequest,
) -> Result<Status, Problem> {
    let ids = decode::member::ids(&call.principal, "ids", &request.ids)?;
    member.require_leader()?;
    let (registry, force) = (&member.registry, request.force);
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
    Ok(registry.status())
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

/// Has another member lead, this one if it is named; it gives who does, and where that is.
pub(crate) async fn transfer(
    member: &Member,
    call: &Call,
    to: Option<u64>,
) -> Result<(u64, String), Problem> {
    call.principal.require(&[Role::Operator])?;
    member.require_leader()?;
    hand_over(member, to).await
}

/// Brings the state's time back to that of a majority's clocks; it gives the time before and after. A majority says what the
/// time is; the caller does not.
pub(crate) async fn reset_time(member: &Member, call: &Call) -> Result<(WallMs, WallMs), Problem> {
    call.principal.require(&[Role::Operator])?;
    member.require_leader()?;
    let unknown = || Problem::new(Code::ReadUnconfirmed, "the clocks of a majority are not known");
    let (to, before) = (member.registry.clocks_time().ok_or_else(unknown)?, member.clock.now());
    member.write_command(Command::Log(LogCommand::ResetTime(ResetTime { to }))).await?;
    tracing::warn!(%before, %to, "the state's time is brought back");
    Ok((before, to))
}

/// Lets a newcomer in; it gives whether that has a vote now. Anybody may ask; the token is what lets in. Repeated until it
/// answers what the newcomer wants.
pub(crate) async fn join(member: &Member, request: &wire::JoinRequest) -> Result<bool, Problem> {
    let proposal = decode::member::join(request)?;
    // Before anything is said of the cluster: where its leader is, or which numbers are taken.
    decode::member::check_invited(request, &member.registry.view().0, member.clock.now())?;
    member.require_leader()?;
    let (registry, id) = (&member.registry, request.id);
    registry.may_add(id, &request.address).map_err(|why| refused(member, why))?;
    member.write(proposal).await?;
    registry.add_learner(id, &request.address).await.map_err(|why| refused(member, why))?;
    let status = registry.status();
    if request.promote && !status.members.contains_key(&id) && status.lag(id) <= LAG_MAX {
        promote(member, status.members.keys().copied().chain([id]).collect()).await?;
    }
    Ok(registry.status().members.contains_key(&id))
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
