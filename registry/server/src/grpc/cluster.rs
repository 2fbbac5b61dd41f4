//! The gRPC service `ecumene.registry.v1.Cluster`: it hands each call to its handler.

use futures_util::stream::BoxStream;
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::cluster_server::Cluster;
use tonic::Status;

use super::{copies, membership, service};

service! {
    ClusterService: Cluster {
        list_members(wire::ListMembersRequest) -> wire::Membership = membership::list;
        add_member(wire::AddMemberRequest) -> wire::Membership = membership::add;
        change_voters(wire::ChangeVotersRequest) -> wire::Membership = membership::change_voters;
        remove_members(wire::RemoveMembersRequest) -> wire::Membership = membership::remove;
        transfer_leader(wire::TransferLeaderRequest) -> wire::TransferLeaderReply
            = membership::transfer;
        reset_time(wire::ResetTimeRequest) -> wire::ResetTimeReply = membership::reset_time;
        join(wire::JoinRequest) -> wire::JoinReply = membership::join;
        take_snapshot(wire::TakeSnapshotRequest) -> wire::TakeSnapshotReply = copies::snapshot;
        defrag(wire::DefragRequest) -> wire::DefragReply = copies::defrag;
        backup(wire::BackupRequest) -> Self::BackupStream = copies::backup;
    }
    type BackupStream = BoxStream<'static, Result<wire::BackupChunk, Status>>;
}
