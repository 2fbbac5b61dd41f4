//! `cluster members|add|promote|voters|remove|transfer`: calls that the leader answers.
//! It must never repeat a change whose outcome is in doubt; it follows the leader, which has not begun one.

use std::time::Duration;

use proto_types::Code as Known;
use proto_types::metadata::{CODE_KEY, LEADER_KEY};
use proto_wire::registry::v1 as wire;
use proto_wire::{to_json, to_json_without};
use registry_client::code_of;
use serde_json::Value;
use tokio::time::Instant;
use tonic::{Code, Response, Status};

use crate::args::Force;
use crate::client::{Cluster, Profile};
use crate::failure::Failure;
use crate::output::Output;

/// Leaders followed before giving up: each may have handed over meanwhile.
const LEADERS_MAX: usize = 5;

/// An election takes a second or two.
const ELECTION: Duration = Duration::from_secs(5);

const PAUSE: Duration = Duration::from_millis(500);

pub(super) async fn list(profile: &Profile) -> Result<Output, Failure> {
    // Only the leader knows how far the others are; a change of nothing is the way to ask it.
    let first = at_leader(profile, async |mut cluster| {
        let found = cluster.list_members(wire::ListMembersRequest {}).await?;
        let leads = found.get_ref().leader == found.get_ref().member;
        if leads { Ok(found) } else { Err(elsewhere(found.get_ref())) }
    });
    match first.await {
        Ok(found) => Ok(output(&found)),
        Err(failure) => {
            // Without a leader any member's word is better than none.
            let word = profile.cluster()?.list_members(wire::ListMembersRequest {}).await;
            word.map(|found| output(found.get_ref())).map_err(|_| failure)
        }
    }
}

pub(super) async fn add(profile: &Profile, id: u64, address: String) -> Result<Output, Failure> {
    let request = wire::AddMemberRequest { id, address };
    let made = at_leader(profile, async |mut cluster| cluster.add_member(request.clone()).await);
    Ok(output(&made.await?))
}

pub(super) async fn promote(
    profile: &Profile,
    ids: Vec<u64>,
    force: Force,
) -> Result<Output, Failure> {
    let known = at_leader(profile, async |mut cluster| {
        let found = cluster.list_members(wire::ListMembersRequest {}).await?;
        let leads = found.get_ref().leader == found.get_ref().member;
        if leads { Ok(found) } else { Err(elsewhere(found.get_ref())) }
    });
    let voters = known.await?.members.into_iter().filter(|member| member.voter);
    let mut all: Vec<u64> = voters.map(|member| member.id).chain(ids).collect();
    all.sort_unstable();
    all.dedup();
    voters_of(profile, all, force).await
}

pub(super) async fn voters(
    profile: &Profile,
    ids: Vec<u64>,
    force: Force,
) -> Result<Output, Failure> {
    voters_of(profile, ids, force).await
}

async fn voters_of(profile: &Profile, voters: Vec<u64>, force: Force) -> Result<Output, Failure> {
    let request = wire::ChangeVotersRequest { voters, force: force.force };
    let made = at_leader(profile, async |mut cluster| cluster.change_voters(request.clone()).await);
    Ok(output(&made.await?))
}

pub(super) async fn remove(
    profile: &Profile,
    ids: Vec<u64>,
    force: Force,
) -> Result<Output, Failure> {
    let request = wire::RemoveMembersRequest { ids, force: force.force };
    let made =
        at_leader(profile, async |mut cluster| cluster.remove_members(request.clone()).await);
    Ok(output(&made.await?))
}

pub(super) async fn transfer(profile: &Profile, to: Option<u64>) -> Result<Output, Failure> {
    let request = wire::TransferLeaderRequest { to: to.unwrap_or(0) };
    let made = at_leader(profile, async |mut cluster| cluster.transfer_leader(request).await);
    Ok(Output::one(to_json(&made.await?)))
}

pub(super) async fn reset_time(profile: &Profile) -> Result<Output, Failure> {
    let made =
        at_leader(profile, async |mut cluster| cluster.reset_time(wire::ResetTimeRequest {}).await);
    Ok(Output::one(to_json(&made.await?)))
}

/// Calls the leader, wherever it is.
async fn at_leader<T>(
    profile: &Profile,
    call: impl AsyncFn(Cluster) -> Result<Response<T>, Status>,
) -> Result<T, Failure> {
    let end = Instant::now() + ELECTION;
    loop {
        // There is a round after that time: a member that hangs may have taken all of it.
        let is_last = Instant::now() >= end;
        let mut failures = Vec::new();
        for url in &profile.registry {
            let refused = match follow(profile, url.clone(), &call).await? {
                Ok(found) => return Ok(found),
                Err(refused) => refused,
            };
            let passes = not_leading(&refused) || refused.code() == Code::Unimplemented;
            let failure = Failure::from(refused);
            if !passes && !failure.is_undone() {
                return Err(failure);
            }
            failures.push(failure);
        }
        if is_last {
            return Err(Failure::all(failures));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Calls a member, and whomever it names as leader.
async fn follow<T>(
    profile: &Profile,
    mut url: String,
    call: &impl AsyncFn(Cluster) -> Result<Response<T>, Status>,
) -> Result<Result<T, Status>, Failure> {
    let mut refused = Status::unavailable("the leader keeps changing");
    for _ in 0..LEADERS_MAX {
        match call(profile.of(vec![url.clone()]).cluster()?).await {
            Ok(found) => return Ok(Ok(found.into_inner())),
            Err(status) => refused = status,
        }
        let leader = refused.metadata().get(LEADER_KEY).and_then(|url| url.to_str().ok());
        match leader.filter(|_| not_leading(&refused)) {
            Some(leader) => leader.clone_into(&mut url),
            None => break,
        }
    }
    Ok(Err(refused))
}

fn not_leading(status: &Status) -> bool {
    code_of(status) == Some(Known::NotLeader.as_str())
}

/// The refusal of a member that does not lead, as the service itself gives it.
fn elsewhere(found: &wire::Membership) -> Status {
    let mut status = Status::failed_precondition("another member leads");
    let leader = found.members.iter().find(|member| member.id == found.leader);
    let metadata = status.metadata_mut();
    metadata.insert(CODE_KEY, tonic::metadata::MetadataValue::from_static("not-leader"));
    if let Some(Ok(url)) = leader.map(|leader| leader.address.parse()) {
        metadata.insert(LEADER_KEY, url);
    }
    status
}

fn output(found: &wire::Membership) -> Output {
    if !found.warning.is_empty() {
        eprintln!("warning: {}", found.warning);
    }
    if found.joint {
        eprintln!("warning: a change of the voters is not finished");
    }
    let heads = &["id", "address", "role", "lag", "heard ms ago", "leads"];
    let rows = found.members.iter().map(|member| row(found, member)).collect();
    Output { heads, rows, json: json_of(found) }
}

fn row(found: &wire::Membership, member: &wire::ClusterMember) -> Vec<String> {
    let number = |number: Option<u64>| number.map_or_else(|| "-".to_owned(), |it| it.to_string());
    vec![
        member.id.to_string(),
        crate::output::printable(&member.address),
        role(member).to_owned(),
        number(member.lag),
        number(member.heard_ms_ago),
        if member.id == found.leader { "yes" } else { "" }.to_owned(),
    ]
}

fn role(member: &wire::ClusterMember) -> &'static str {
    if member.voter { "voter" } else { "learner" }
}

fn json_of(found: &wire::Membership) -> Value {
    let member = |member: &wire::ClusterMember| {
        let mut json = to_json_without(member, &["voter"]);
        json["role"] = role(member).into();
        json
    };
    let mut json = to_json(found);
    json["members"] = found.members.iter().map(member).collect();
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_shown_with_its_role_and_null_for_what_is_not_known() {
        let (lag, clock_offset_ms) = (Some(3), Some(-1));
        let member =
            wire::ClusterMember { id: 1, voter: true, lag, clock_offset_ms, ..Default::default() };
        let found = wire::Membership { members: vec![member], leader: 1, ..Default::default() };
        assert_eq!(
            json_of(&found).to_string(),
            r#"{"appliedIndex":0,"epoch":0,"joint":false,"lastLogIndex":0,"leader":1,"member":0,"members":[{"address":"","clockOffsetMs":-1,"heardMsAgo":null,"id":1,"lag":3,"matchedIndex":null,"role":"voter"}],"poisoned":"","purgedIndex":0,"removed":false,"snapshotIndex":0,"term":0,"warning":""}"#
        );
    }
}
