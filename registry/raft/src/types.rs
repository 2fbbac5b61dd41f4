//! The types with which openraft is used, and short names for those it derives. They are the format of the log and of the
//! messages; `codec` has their encoding.

use openraft::impls::leader_id_std;
use openraft::type_config::alias;
use registry_core::change::Reply;

use crate::batch::Payload;

openraft::declare_raft_types!(
    /// One leader a term, as in the paper; members are numbers with a base URL.
    pub(crate) TypeConfig:
        D = Payload,
        R = Vec<Vec<Reply>>,
        LeaderId = leader_id_std::LeaderId<u64, u64>,
);

pub(crate) type Entry = alias::EntryOf<TypeConfig>;
pub(crate) type LogId = alias::LogIdOf<TypeConfig>;
pub(crate) type Vote = alias::VoteOf<TypeConfig>;
pub(crate) type Membership = alias::StoredMembershipOf<TypeConfig>;
pub(crate) type SnapshotMeta = alias::SnapshotMetaOf<TypeConfig>;
pub(crate) type AppendRequest = openraft::raft::AppendEntriesRequest<TypeConfig>;
pub(crate) type AppendResponse = openraft::raft::AppendEntriesResponse<TypeConfig>;
pub(crate) type VoteRequest = openraft::raft::VoteRequest<TypeConfig>;
pub(crate) type VoteResponse = openraft::raft::VoteResponse<TypeConfig>;
pub(crate) type SnapshotResponse = openraft::raft::SnapshotResponse<TypeConfig>;
pub(crate) type TransferRequest = openraft::raft::TransferLeaderRequest<TypeConfig>;
pub(crate) type TransferResponse = openraft::raft::TransferLeaderResponse<TypeConfig>;
pub(crate) type RpcError = openraft::errors::RPCError<TypeConfig>;
