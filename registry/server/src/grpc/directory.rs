//! The gRPC service `ecumene.registry.v1.Directory`: it hands each call to its handler.

use futures_util::stream::BoxStream;
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::directory_server::Directory;
use tonic::{Status, Streaming};

use super::{
    agents, cards, conduct, machines, namespaces, peers, policies, records, service, status, watch,
};

service! {
    DirectoryService: Directory {
        enrol_peer(wire::EnrolPeerRequest) -> wire::Peer = peers::enrol;
        revoke_peer(wire::RevokePeerRequest) -> wire::Done = peers::revoke;
        list_peer_requests(wire::ListPeerRequestsRequest) -> wire::PeerRequestList
            = peers::requests;
        decide_peer_request(wire::DecidePeerRequestRequest) -> wire::Done = peers::decide;
        operate_peer(wire::PutDocumentRequest) -> wire::Done = peers::operate;
        get_peer_log(wire::GetPeerLogRequest) -> wire::PeerLog = peers::log;
        set_peer_standing(wire::SetPeerStandingRequest) -> wire::Done = peers::stand;
        set_peer_token_life(wire::SetPeerTokenLifeRequest) -> wire::Done = peers::allow_token_life;
        ask_peer_domain(wire::AskPeerDomainRequest) -> wire::Done = peers::ask_domain;
        get_peer(wire::GetPeerRequest) -> wire::Peer = peers::one;
        list_peers(wire::ListRequest) -> wire::PeerList = peers::list;
        get_peer_reputation(wire::GetPeerReputationRequest) -> wire::PeerReputation
            = conduct::reputation;
        put_manifest(wire::PutDocumentRequest) -> wire::Done = peers::put_manifest;
        put_namespace(wire::PutNamespaceRequest) -> wire::Namespace = namespaces::put;
        get_namespace(wire::GetNamespaceRequest) -> wire::Namespace = namespaces::one;
        list_namespaces(wire::ListRequest) -> wire::NamespaceList = namespaces::list;
        delete_namespace(wire::DeleteNamespaceRequest) -> wire::Done = namespaces::delete;
        put_policy(wire::PutPolicyRequest) -> wire::Policy = policies::put;
        get_policy(wire::GetPolicyRequest) -> wire::Policy = policies::one;
        list_policies(wire::ListPoliciesRequest) -> wire::PolicyList = policies::list;
        delete_policy(wire::DeletePolicyRequest) -> wire::Done = policies::delete;
        issue_join_token(wire::IssueJoinTokenRequest) -> wire::JoinToken = machines::invite;
        put_record(wire::PutRecordRequest) -> wire::Record = records::put;
        get_record(wire::GetRecordRequest) -> wire::Record = records::one;
        list_records(wire::ListRequest) -> wire::RecordList = records::list;
        delete_record(wire::DeleteRecordRequest) -> wire::Done = records::delete;
        put_card(wire::PutCardRequest) -> wire::Card = cards::put;
        get_card(wire::GetCardRequest) -> wire::Card = cards::one;
        list_cards(wire::ListRequest) -> wire::CardList = cards::list;
        put_agent(wire::PutAgentRequest) -> wire::Agent = agents::put;
        attach_agent(wire::AttachAgentRequest) -> wire::Agent = agents::attach;
        remove_agent(wire::RemoveAgentRequest) -> wire::Done = agents::remove;
        get_agent(wire::GetAgentRequest) -> wire::Agent = agents::one;
        list_agents(wire::ListRequest) -> wire::AgentList = agents::list;
        put_artifact(Streaming<wire::ArtifactChunk>) -> wire::ArtifactInfo = agents::put_artifact;
        get_artifact(wire::GetArtifactRequest) -> Self::GetArtifactStream = agents::artifact;
        watch(wire::WatchRequest) -> Self::WatchStream = watch::open;
        status(wire::StatusRequest) -> wire::ClusterStatus = status::status;
    }
    type GetArtifactStream = BoxStream<'static, Result<wire::ArtifactChunk, Status>>;
    type WatchStream = watch::ChangeStream;
}
