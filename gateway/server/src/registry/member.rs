//! One member, asked by itself: for answers that must be of one state.
//!
//! Decides nothing. Must never turn to another member, whose state may be another one.

use proto_wire::registry::v1 as wire;
use tonic::transport::Channel;
use tonic::{Response, Status, Streaming};

use super::{Registry, directory, with_revision};

/// One member.
pub(crate) struct Member<'r> {
    registry: &'r Registry,
    channel: Channel,
    at: usize,
}

impl<'r> Member<'r> {
    pub(super) fn of(registry: &'r Registry, channel: Channel, at: usize) -> Self {
        Self { registry, channel, at }
    }

    /// The next member takes this one's place.
    pub(crate) fn give_up(&self) {
        self.registry.pass_over(self.at);
    }

    pub(crate) async fn watch(
        &self,
        message: wire::WatchRequest,
    ) -> Result<Streaming<wire::Change>, Status> {
        let request = self.registry.request(message);
        let mut client = directory(self.channel.clone());
        self.registry.timed(client.watch(request)).await.map(Response::into_inner)
    }

    /// A page of peers and the revision that it holds for.
    pub(crate) async fn peers(
        &self,
        message: wire::ListRequest,
    ) -> Result<(wire::PeerList, u64), Status> {
        let mut client = directory(self.channel.clone());
        let answer = self.registry.timed(client.list_peers(self.registry.request(message))).await?;
        self.registry.compare_clocks(answer.metadata());
        Ok(with_revision(answer))
    }

    /// A page of agents and the revision that it holds for.
    pub(crate) async fn agents(
        &self,
        message: wire::ListRequest,
    ) -> Result<(wire::AgentList, u64), Status> {
        let mut client = directory(self.channel.clone());
        self.registry
            .timed(client.list_agents(self.registry.request(message)))
            .await
            .map(with_revision)
    }

    /// A page of namespaces, each with whom it admits.
    pub(crate) async fn namespaces(
        &self,
        message: wire::ListRequest,
    ) -> Result<wire::NamespaceList, Status> {
        let mut client = directory(self.channel.clone());
        self.registry
            .timed(client.list_namespaces(self.registry.request(message)))
            .await
            .map(Response::into_inner)
    }

    pub(crate) async fn peer(&self, message: wire::GetPeerRequest) -> Result<wire::Peer, Status> {
        let mut client = directory(self.channel.clone());
        self.registry
            .timed(client.get_peer(self.registry.request(message)))
            .await
            .map(Response::into_inner)
    }

    pub(crate) async fn agent(
        &self,
        message: wire::GetAgentRequest,
    ) -> Result<wire::Agent, Status> {
        let mut client = directory(self.channel.clone());
        self.registry
            .timed(client.get_agent(self.registry.request(message)))
            .await
            .map(Response::into_inner)
    }
}
