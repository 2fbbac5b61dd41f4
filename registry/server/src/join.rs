//! The way of an empty member into a cluster: it asks one named member after the other. It shows its token only to these
//! and to the leader that they name, and asks no more once it belongs to a cluster.

use std::sync::Arc;
use std::time::Duration;

use deploy_service::tls::Connector;
use proto_types::metadata::LEADER_KEY;
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::cluster_client::ClusterClient;
use registry_client::ChannelOptions;
use tokio::time::{sleep, timeout};
use tonic::{Code, Request, Status};

use crate::member::Member;

/// Members are near each other; a change of the cluster takes two commits.
const ASK_TIMEOUT: Duration = Duration::from_secs(10);

/// Between two rounds.
const PAUSE: Duration = Duration::from_secs(1);

/// Between two rounds, where the answer was no.
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// What the newcomer says, and to whom.
pub(crate) struct JoinRequest {
    pub(crate) message: wire::JoinRequest,
    pub(crate) seeds: Vec<String>,
    pub(crate) connector: Connector,
}

/// Asks until the request is granted or the member stops.
pub(crate) async fn join(member: Arc<Member>, request: JoinRequest) {
    let attempts = async {
        let mut pause = PAUSE;
        while !granted(&member, &request) && !member.registry.status().removed {
            match round(&request).await {
                Ok(state) => tracing::info!(state, "the cluster took this member in"),
                Err(status) if is_final(&status) => {
                    let why = status.message();
                    tracing::error!(
                        why,
                        "the cluster does not take this member in, and it asks no more; see \
                         docs/runbooks/replace-a-member.md"
                    );
                    return;
                }
                Err(status) => {
                    let (code, why) = (status.code(), status.message());
                    tracing::warn!(?code, why, "the cluster did not take this member in");
                    pause =
                        if refused(code) { pause.saturating_mul(2).min(PAUSE_MAX) } else { PAUSE };
                }
            }
            sleep(pause).await;
        }
    };
    tokio::select! {
        () = member.shutdown.triggered() => {}
        () = attempts => {}
    }
}

/// Whether the request itself cannot be granted, now or ever: its number was retired, or its address is none.
fn is_final(status: &Status) -> bool {
    status.code() == Code::InvalidArgument
}

/// Whether the answer stays the same until an operator acts: a token that is none, an address that another member has.
fn refused(code: Code) -> bool {
    use Code::{AlreadyExists, PermissionDenied, ResourceExhausted, Unauthenticated};
    matches!(code, AlreadyExists | PermissionDenied | ResourceExhausted | Unauthenticated)
}

/// By what this member was sent: that alone proves it.
fn granted(member: &Member, request: &JoinRequest) -> bool {
    let status = member.registry.status();
    match request.message.promote {
        true => status.members.contains_key(&status.id),
        false => status.address(status.id).is_some(),
    }
}

/// Asks one after the other, and whomever they name as leader.
async fn round(request: &JoinRequest) -> Result<String, Status> {
    let mut last = Status::unavailable("there are no seeds");
    for seed in &request.seeds {
        let refused = match ask(seed, request).await {
            Ok(state) => return Ok(state),
            Err(refused) => refused,
        };
        let leader = refused.metadata().get(LEADER_KEY).and_then(|url| url.to_str().ok());
        last = match leader.map(str::to_owned) {
            Some(leader) => match ask(&leader, request).await {
                Ok(state) => return Ok(state),
                Err(refused) => refused,
            },
            None => refused,
        };
    }
    Err(last)
}

async fn ask(url: &str, request: &JoinRequest) -> Result<String, Status> {
    let options =
        ChannelOptions { connect_timeout: ASK_TIMEOUT, ..ChannelOptions::BETWEEN_MEMBERS };
    let channel = options.lazy(url, &request.connector);
    let no_url = |_| Status::unavailable(format!("{url} is no URL"));
    let mut client = ClusterClient::new(channel.map_err(no_url)?);
    let mut call = Request::new(request.message.clone());
    call.set_timeout(ASK_TIMEOUT);
    let answer = timeout(ASK_TIMEOUT, client.join(call)).await;
    let late = |_| Status::deadline_exceeded(format!("{url} does not answer"));
    Ok(answer.map_err(late)??.into_inner().state)
}

#[cfg(test)]
mod tests {
    use registry_api::{Code as Said, Problem};

    use super::*;

    #[test]
    fn a_newcomer_asks_on_asks_less_often_or_asks_no_more_as_the_answer_says() {
        for (answer, is_last, is_slow) in [
            (Said::InvalidArgument, true, false),
            (Said::JoinTokenInvalid, false, true),
            (Said::Conflict, false, true),
            (Said::BoundReached, false, true),
            (Said::NoLeader, false, false),
            (Said::NotLeader, false, false),
            (Said::QuorumAtRisk, false, false),
            (Said::InDoubt, false, false),
        ] {
            let status = Status::from(Problem::new(answer, "why"));
            assert_eq!(is_final(&status), is_last, "{answer}");
            assert_eq!(refused(status.code()), is_slow, "{answer}");
        }
    }
}
