//! One member of the registry, asked by itself, for answers that must be of one state. It must never turn to another member,
//! whose state may be another one.

use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use registry_client::Bearer;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Response, Status, Streaming};

use super::{MESSAGE_BYTES_MAX, Registry, with_revision};

/// One member.
pub(crate) struct Member<'r> {
    registry: &'r Registry,
    member: &'r registry_client::Member,
}

/// Every call: its name here, the method, the messages, and what is wanted of the answer.
macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident = $method:ident($request:ty) -> $reply:ty, $read:expr;)*) => {
        impl Member<'_> {
            $($(#[$doc])*
            pub(crate) async fn $name(&self, message: $request) -> Result<$reply, Status> {
                let mut directory = self.directory();
                self.registry.timed(directory.$method(message)).await.map($read)
            })*
        }
    };
}

calls! {
    watch = watch(wire::WatchRequest) -> Streaming<wire::Change>, Response::into_inner;
    /// A page of agents and the revision that it holds for.
    agents = list_agents(wire::ListRequest) -> (wire::AgentList, u64), with_revision;
    /// A page of namespaces, each with whom it admits.
    namespaces = list_namespaces(wire::ListRequest) -> wire::NamespaceList, Response::into_inner;
    /// All policies of calls.
    policies = list_policies(wire::ListPoliciesRequest) -> wire::PolicyList, Response::into_inner;
    peer = get_peer(wire::GetPeerRequest) -> wire::Peer, Response::into_inner;
    agent = get_agent(wire::GetAgentRequest) -> wire::Agent, Response::into_inner;
}

impl<'r> Member<'r> {
    pub(super) fn of(registry: &'r Registry, member: &'r registry_client::Member) -> Self {
        Self { registry, member }
    }

    /// The next member takes this one's place.
    pub(crate) fn give_up(&self) {
        self.registry.client.pass_over(self.member);
    }

    /// A page of peers and the revision that it holds for.
    pub(crate) async fn peers(
        &self,
        message: wire::ListRequest,
    ) -> Result<(wire::PeerList, u64), Status> {
        let mut directory = self.directory();
        let answer = self.registry.timed(directory.list_peers(message)).await?;
        self.registry.compare_clocks(answer.metadata());
        Ok(with_revision(answer))
    }

    fn directory(&self) -> DirectoryClient<InterceptedService<Channel, Bearer>> {
        let channel = self.member.channel.clone();
        DirectoryClient::with_interceptor(channel, self.registry.bearer.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
    }
}
