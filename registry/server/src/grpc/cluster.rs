//! `ecumene.registry.v1.Cluster`: which handler serves which call.
//!
//! It decides nothing else.

use std::sync::Arc;

use futures_util::stream::BoxStream;
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::cluster_server::Cluster;
use tonic::{Request, Response, Status};

use crate::member::Member;

use super::{copies, finish, membership};

/// The service, over the member.
#[derive(Clone)]
pub(crate) struct ClusterService(pub(crate) Arc<Member>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Cluster for ClusterService {
    type BackupStream = BoxStream<'static, Result<wire::BackupChunk, Status>>;

    async fn list_members(
        &self,
        request: Request<wire::ListMembersRequest>,
    ) -> Answer<wire::Membership> {
        finish(membership::list(&self.0, request).await)
    }

    async fn add_member(
        &self,
        request: Request<wire::AddMemberRequest>,
    ) -> Answer<wire::Membership> {
        finish(membership::add(&self.0, request).await)
    }

    async fn change_voters(
        &self,
        request: Request<wire::ChangeVotersRequest>,
    ) -> Answer<wire::Membership> {
        finish(membership::change_voters(&self.0, request).await)
    }

    async fn remove_members(
        &self,
        request: Request<wire::RemoveMembersRequest>,
    ) -> Answer<wire::Membership> {
        finish(membership::remove(&self.0, request).await)
    }

    async fn transfer_leader(
        &self,
        request: Request<wire::TransferLeaderRequest>,
    ) -> Answer<wire::TransferLeaderReply> {
        finish(membership::transfer(&self.0, request).await)
    }

    async fn reset_time(
        &self,
        request: Request<wire::ResetTimeRequest>,
    ) -> Answer<wire::ResetTimeReply> {
        finish(membership::reset_time(&self.0, request).await)
    }

    async fn join(&self, request: Request<wire::JoinRequest>) -> Answer<wire::JoinReply> {
        finish(membership::join(&self.0, request).await)
    }

    async fn take_snapshot(
        &self,
        request: Request<wire::TakeSnapshotRequest>,
    ) -> Answer<wire::TakeSnapshotReply> {
        finish(copies::snapshot(&self.0, request).await)
    }

    async fn defrag(&self, request: Request<wire::DefragRequest>) -> Answer<wire::DefragReply> {
        finish(copies::defrag(&self.0, request).await)
    }

    async fn backup(&self, request: Request<wire::BackupRequest>) -> Answer<Self::BackupStream> {
        finish(copies::backup(&self.0, request).await)
    }
}
