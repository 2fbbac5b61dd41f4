//! A follower's question to the leader: how far must a strong read see?
//!
//! It decides nothing: the leader answers after a majority has confirmed it. It must never guess.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use deploy_service::tls::{Connector, Role};
use proto_types::{Digest, Revision, WallMs};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use registry_api::{Code, Problem};
use registry_raft::StateMark;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

use crate::grpc::TIME_KEY;

/// Longer than a round of heartbeats, shorter than a caller's patience.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// Members are near each other.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// A silent connection is probed after this long.
const PROBE_INTERVAL: Duration = Duration::from_secs(5);

/// A probe without an answer for this long ends the connection: one that was cut would else wait for its next repetition
/// long after the network is whole again, and every strong read with it.
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// The connection to the last leader that was asked.
#[derive(Debug)]
pub(crate) struct LeaderLine {
    connector: Connector,
    kept: Mutex<Option<(String, Channel)>>,
}

impl LeaderLine {
    /// Asks by this connector, which talks to members only.
    pub(crate) fn new(connector: &Connector) -> Self {
        Self { connector: connector.clone().to(Role::Registry), kept: Mutex::new(None) }
    }

    /// The revision that covers every write acknowledged before this call, and the leader's time if it tells one.
    pub(crate) async fn confirmed(
        &self,
        leader: &str,
    ) -> Result<(Revision, Option<WallMs>), Problem> {
        let mut client = DirectoryClient::new(self.channel(leader)?);
        let strong = wire::Consistency::Strong.into();
        let mut request = Request::new(wire::StatusRequest { consistency: strong });
        request.set_timeout(ANSWER_TIMEOUT);
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, client.status(request)).await;
        match answer {
            Ok(Ok(status)) => {
                let told = status.metadata().get(TIME_KEY);
                let told = told.and_then(|value| value.to_str().ok()?.parse().ok());
                Ok((Revision(status.into_inner().revision), told.map(WallMs)))
            }
            Ok(Err(_)) | Err(_) => Err(unconfirmed()),
        }
    }

    /// The digest of the leader's state, if it answers.
    pub(crate) async fn mark(&self, leader: &str) -> Option<StateMark> {
        let mut client = DirectoryClient::new(self.channel(leader).ok()?);
        let mut request = Request::new(wire::StatusRequest::default());
        request.set_timeout(ANSWER_TIMEOUT);
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, client.status(request)).await;
        let status = answer.ok()?.ok()?.into_inner();
        let hash = Digest::parse(&status.state_hash).ok()?;
        Some(StateMark { since: status.state_since, index: status.state_index, hash })
    }

    fn channel(&self, leader: &str) -> Result<Channel, Problem> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, channel)) = kept.as_ref()
            && known == leader
        {
            return Ok(channel.clone());
        }
        let endpoint = Endpoint::from_shared(leader.to_owned()).map_err(|_| unconfirmed())?;
        let endpoint = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(PROBE_INTERVAL)
            .keep_alive_timeout(PROBE_TIMEOUT)
            .keep_alive_while_idle(true);
        let channel = endpoint.connect_with_connector_lazy(self.connector.clone());
        *kept = Some((leader.to_owned(), channel.clone()));
        Ok(channel)
    }
}

fn unconfirmed() -> Problem {
    Problem::new(Code::ReadUnconfirmed, "the leader did not confirm the read")
}
