//! gRPC clients of one registry member, with a bearer token.
//! They decide nothing; a call that fails is never repeated here, because the caller must know which were.

use std::time::Duration;

use anyhow::{Context as _, Result};
use deploy_service::tls::Connector;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use proto_wire::registry::v1::fleet_client::FleetClient;
use registry_client::Bearer;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};

/// Longer than an election, shorter than a test's patience.
const CALL_TIMEOUT: Duration = Duration::from_secs(15);

/// Longer than any handshake between processes that are up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// Both services of a member.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Peers, records, cards, agents.
    pub directory: DirectoryClient<InterceptedService<Channel, Bearer>>,
    /// Tasks, tokens, envelopes, nodes.
    pub fleet: FleetClient<InterceptedService<Channel, Bearer>>,
}

impl Operator {
    /// Connects to a member. `token` is the operator's, or `gateway:<id>:<credential>`, or `node:<id>:<credential>`.
    ///
    /// # Errors
    /// It does not take a connection.
    pub async fn connect(url: &str, token: &str) -> Result<Self> {
        Self::connect_by(Connector::plain(), url, token).await
    }

    /// As [`Operator::connect`], by this connector.
    ///
    /// # Errors
    /// It does not take a connection.
    pub async fn connect_by(connector: Connector, url: &str, token: &str) -> Result<Self> {
        Self::connect_within(connector, url, token, CALL_TIMEOUT).await
    }

    /// As [`Operator::connect_by`]; a call without an answer fails after `timeout`.
    ///
    /// # Errors
    /// It does not take a connection.
    pub async fn connect_within(
        connector: Connector,
        url: &str,
        token: &str,
        timeout: Duration,
    ) -> Result<Self> {
        let endpoint = Endpoint::from_shared(url.to_owned())?
            .connect_timeout(timeout.min(CONNECT_TIMEOUT))
            .timeout(timeout);
        let channel = endpoint
            .connect_with_connector(connector)
            .await
            .with_context(|| format!("{url} takes no connection"))?;
        let bearer = Bearer::new(token)?;
        Ok(Self {
            directory: DirectoryClient::with_interceptor(channel.clone(), bearer.clone()),
            fleet: FleetClient::with_interceptor(channel, bearer),
        })
    }
}
