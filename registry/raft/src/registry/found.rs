//! The foundation of a cluster, once, by the lowest of its first members, when all of them hold nothing. It must never
//! found one while another is silent or holds something: a cluster that exists may be known to that one alone, and those
//! that hold nothing may have lost what they acknowledged in it.

use std::collections::BTreeMap;
use std::time::Duration;

use openraft::BasicNode;
use openraft::errors::{InitializeError, RaftError};
use tonic::{Code, Status};

use crate::machine::Raft;
use crate::network::{Ballot, Caller};
use crate::{Config, Error};

/// From one look at the others to the next. Arbitrary; a first start takes that much longer.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// How long one of them may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// Makes the cluster, where there is none on this member's disk.
pub(super) async fn make(raft: &Raft, members: &BTreeMap<u64, String>) -> Result<(), Error> {
    let node = |(id, address): (&u64, &String)| (*id, BasicNode::new(address));
    let nodes: BTreeMap<u64, BasicNode> = members.iter().map(node).collect();
    match raft.initialize(nodes).await {
        Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
        Err(cause) => Err(Error::Raft(cause.to_string())),
    }
}

/// Asks the others until all of them hold nothing, and makes the cluster; or until one that exists has let this member in.
pub(super) async fn run(raft: Raft, calls: Caller, config: Config) {
    let mut look = tokio::time::interval(ASK_EVERY);
    let mut reported = None;
    while config.founds() && matches!(raft.is_initialized().await, Ok(false)) {
        look.tick().await;
        let waits = waits_for(&calls, &config).await;
        if let Some((member, why)) = waits.as_ref().filter(|_| waits != reported) {
            tracing::warn!(
                member,
                why,
                "the cluster is not made yet: a first start needs every member of `members`, and nothing on any of them"
            );
        }
        reported = waits;
        if reported.is_some() {
            continue;
        }
        if let Err(cause) = make(&raft, &config.members).await {
            tracing::error!(%cause, "the cluster cannot be made");
        }
    }
}

/// The first member that has not said that it holds nothing, and what it says.
async fn waits_for(calls: &Caller, config: &Config) -> Option<(u64, String)> {
    for (id, address) in config.members.iter().filter(|(id, _)| **id != config.id) {
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, holds_nothing(calls, *id, address)).await;
        let why = match answer {
            Ok(Ok(true)) => continue,
            Ok(Ok(false)) => "it holds a vote or a log; see docs/runbooks/replace-a-member.md",
            Ok(Err(status)) if refuses(&status) => return Some((*id, status.message().to_owned())),
            Ok(Err(_)) | Err(_) => "it does not answer",
        };
        return Some((*id, why.to_owned()));
    }
    None
}

/// An answer of the member itself, and none on the way to it.
fn refuses(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::FailedPrecondition
            | Code::Unauthenticated
            | Code::PermissionDenied
            | Code::InvalidArgument
    )
}

async fn holds_nothing(calls: &Caller, id: u64, address: &str) -> Result<bool, Status> {
    calls.ask((id, address), Ballot::Founding, ANSWER_TIMEOUT).await
}
