//! `ecumene.registry.v1.Directory`: which handler serves which call.
//!
//! It decides nothing else.

use std::sync::Arc;

use futures_util::stream::BoxStream;
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::directory_server::Directory;
use tonic::{Request, Response, Status, Streaming};

use crate::member::Member;

use super::{agents, cards, conduct, finish, namespaces, peers, records, status, watch};

/// The service, over the member.
#[derive(Clone)]
pub(crate) struct DirectoryService(pub(crate) Arc<Member>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Directory for DirectoryService {
    type GetArtifactStream = BoxStream<'static, Result<wire::ArtifactChunk, Status>>;
    type WatchStream = watch::ChangeStream;

    async fn enrol_peer(&self, request: Request<wire::EnrolPeerRequest>) -> Answer<wire::Peer> {
        finish(peers::enrol(&self.0, request).await)
    }

    async fn revoke_peer(&self, request: Request<wire::RevokePeerRequest>) -> Answer<wire::Done> {
        finish(peers::revoke(&self.0, request).await)
    }

    async fn list_peer_requests(
        &self,
        request: Request<wire::ListPeerRequestsRequest>,
    ) -> Answer<wire::PeerRequestList> {
        finish(peers::requests(&self.0, request).await)
    }

    async fn decide_peer_request(
        &self,
        request: Request<wire::DecidePeerRequestRequest>,
    ) -> Answer<wire::Done> {
        finish(peers::decide(&self.0, request).await)
    }

    async fn operate_peer(&self, request: Request<wire::PutDocumentRequest>) -> Answer<wire::Done> {
        finish(peers::operate(&self.0, request).await)
    }

    async fn get_peer_log(
        &self,
        request: Request<wire::GetPeerLogRequest>,
    ) -> Answer<wire::PeerLog> {
        finish(peers::log(&self.0, request).await)
    }

    async fn set_peer_standing(
        &self,
        request: Request<wire::SetPeerStandingRequest>,
    ) -> Answer<wire::Done> {
        finish(peers::stand(&self.0, request).await)
    }

    async fn set_peer_token_life(
        &self,
        request: Request<wire::SetPeerTokenLifeRequest>,
    ) -> Answer<wire::Done> {
        finish(peers::allow_token_life(&self.0, request).await)
    }

    async fn ask_peer_domain(
        &self,
        request: Request<wire::AskPeerDomainRequest>,
    ) -> Answer<wire::Done> {
        finish(peers::ask_domain(&self.0, request).await)
    }

    async fn get_peer(&self, request: Request<wire::GetPeerRequest>) -> Answer<wire::Peer> {
        finish(peers::one(&self.0, request).await)
    }

    async fn list_peers(&self, request: Request<wire::ListRequest>) -> Answer<wire::PeerList> {
        finish(peers::list(&self.0, request).await)
    }

    async fn get_peer_reputation(
        &self,
        request: Request<wire::GetPeerReputationRequest>,
    ) -> Answer<wire::PeerReputation> {
        finish(conduct::reputation(&self.0, request).await)
    }

    async fn put_manifest(&self, request: Request<wire::PutDocumentRequest>) -> Answer<wire::Done> {
        finish(peers::put_manifest(&self.0, request).await)
    }

    async fn put_namespace(
        &self,
        request: Request<wire::PutNamespaceRequest>,
    ) -> Answer<wire::Namespace> {
        finish(namespaces::put(&self.0, request).await)
    }

    async fn get_namespace(
        &self,
        request: Request<wire::GetNamespaceRequest>,
    ) -> Answer<wire::Namespace> {
        finish(namespaces::one(&self.0, request).await)
    }

    async fn list_namespaces(
        &self,
        request: Request<wire::ListRequest>,
    ) -> Answer<wire::NamespaceList> {
        finish(namespaces::list(&self.0, request).await)
    }

    async fn delete_namespace(
        &self,
        request: Request<wire::DeleteNamespaceRequest>,
    ) -> Answer<wire::Done> {
        finish(namespaces::delete(&self.0, request).await)
    }

    async fn issue_join_token(
        &self,
        request: Request<wire::IssueJoinTokenRequest>,
    ) -> Answer<wire::JoinToken> {
        finish(peers::invite(&self.0, request).await)
    }

    async fn put_record(&self, request: Request<wire::PutRecordRequest>) -> Answer<wire::Record> {
        finish(records::put(&self.0, request).await)
    }

    async fn get_record(&self, request: Request<wire::GetRecordRequest>) -> Answer<wire::Record> {
        finish(records::one(&self.0, request).await)
    }

    async fn list_records(&self, request: Request<wire::ListRequest>) -> Answer<wire::RecordList> {
        finish(records::list(&self.0, request).await)
    }

    async fn delete_record(
        &self,
        request: Request<wire::DeleteRecordRequest>,
    ) -> Answer<wire::Done> {
        finish(records::delete(&self.0, request).await)
    }

    async fn put_card(&self, request: Request<wire::PutCardRequest>) -> Answer<wire::Card> {
        finish(cards::put(&self.0, request).await)
    }

    async fn get_card(&self, request: Request<wire::GetCardRequest>) -> Answer<wire::Card> {
        finish(cards::one(&self.0, request).await)
    }

    async fn list_cards(&self, request: Request<wire::ListRequest>) -> Answer<wire::CardList> {
        finish(cards::list(&self.0, request).await)
    }

    async fn put_agent(&self, request: Request<wire::PutAgentRequest>) -> Answer<wire::Agent> {
        finish(agents::put(&self.0, request).await)
    }

    async fn get_agent(&self, request: Request<wire::GetAgentRequest>) -> Answer<wire::Agent> {
        finish(agents::one(&self.0, request).await)
    }

    async fn list_agents(&self, request: Request<wire::ListRequest>) -> Answer<wire::AgentList> {
        finish(agents::list(&self.0, request).await)
    }

    async fn put_artifact(
        &self,
        request: Request<Streaming<wire::ArtifactChunk>>,
    ) -> Answer<wire::ArtifactInfo> {
        finish(agents::put_artifact(&self.0, request).await)
    }

    async fn get_artifact(
        &self,
        request: Request<wire::GetArtifactRequest>,
    ) -> Answer<Self::GetArtifactStream> {
        finish(agents::artifact(&self.0, request).await)
    }

    async fn watch(&self, request: Request<wire::WatchRequest>) -> Answer<Self::WatchStream> {
        finish(watch::open(&self.0, request).await)
    }

    async fn status(&self, request: Request<wire::StatusRequest>) -> Answer<wire::ClusterStatus> {
        finish(status::status(&self.0, request).await)
    }
}
