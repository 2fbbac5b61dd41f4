//! A follower's question to the leader: how far must a strong read see?
//!
//! It decides nothing: the leader answers after a majority has confirmed it. It must never guess.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use deploy_service::tls::{Connector, Role};
use proto_types::Revision;
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use registry_api::{Code, Problem};
use tonic::Request;
use tonic::transport::{Channel, Endpoint};

/// Longer than a round of heartbeats, shorter than a caller's patience.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// Members are near each other.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

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

    /// The revision that covers every write acknowledged before this call.
    pub(crate) async fn confirmed(&self, leader: &str) -> Result<Revision, Problem> {
        let mut client = DirectoryClient::new(self.channel(leader)?);
        let strong = wire::Consistency::Strong.into();
        let mut request = Request::new(wire::StatusRequest { consistency: strong });
        request.set_timeout(ANSWER_TIMEOUT);
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, client.status(request)).await;
        match answer {
            Ok(Ok(status)) => Ok(Revision(status.into_inner().revision)),
            Ok(Err(_)) | Err(_) => Err(unconfirmed()),
        }
    }

    fn channel(&self, leader: &str) -> Result<Channel, Problem> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, channel)) = kept.as_ref()
            && known == leader
        {
            return Ok(channel.clone());
        }
        let endpoint = Endpoint::from_shared(leader.to_owned()).map_err(|_| unconfirmed())?;
        let endpoint = endpoint.connect_timeout(CONNECT_TIMEOUT);
        let channel = endpoint.connect_with_connector_lazy(self.connector.clone());
        *kept = Some((leader.to_owned(), channel.clone()));
        Ok(channel)
    }
}

fn unconfirmed() -> Problem {
    Problem::new(Code::ReadUnconfirmed, "the leader did not confirm the read")
}
