//! What the leader alone answers: a member that does not lead names it. No request waits for it, so that it is asked once, and
//! again a second later. It must never ask a third member within one call.

use std::time::Duration;

use proto_types::metadata::LEADER_KEY;
use proto_wire::registry::v1 as wire;
use registry_client::within;
use tonic::transport::Channel;
use tonic::{Response, Status};

use super::{Registry, fleet};

/// Leases are for some times as long.
const EACH: Duration = Duration::from_secs(1);

impl Registry {
    /// Leases shares of peers' quotas, from the leader that answered last, or from the one that a member names. `leader` is the
    /// way to it.
    pub(crate) async fn lease_shares(
        &self,
        message: wire::LeaseSharesRequest,
        leader: &mut Option<Channel>,
    ) -> Result<wire::LeaseSharesReply, Status> {
        let known = leader.take().or_else(|| {
            let first = self.client.in_turn().next();
            first.map(|member| member.channel.clone())
        });
        let nobody = || Status::unavailable("no registry member is configured");
        let channel = known.ok_or_else(nobody)?;
        let refused = match self.lease_from(&channel, message.clone()).await {
            Ok(reply) => {
                *leader = Some(channel);
                return Ok(reply);
            }
            Err(refused) => refused,
        };
        let named = refused.metadata().get(LEADER_KEY).and_then(|url| url.to_str().ok());
        let Some(url) = named else { return Err(refused) };
        let channel = self.client.channel(url);
        let channel = channel.map_err(|invalid| Status::unavailable(invalid.to_string()))?;
        let reply = self.lease_from(&channel, message).await?;
        *leader = Some(channel);
        Ok(reply)
    }

    async fn lease_from(
        &self,
        channel: &Channel,
        message: wire::LeaseSharesRequest,
    ) -> Result<wire::LeaseSharesReply, Status> {
        let mut fleet = fleet(channel.clone(), &self.bearer);
        let answer = within(EACH, fleet.lease_shares(message)).await;
        self.current(answer).map(Response::into_inner)
    }
}
