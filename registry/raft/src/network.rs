//! Messages between members: openraft's calls over the gRPC service of `raft.proto`. It decides which failure means "try
//! again at once" and which "wait". A caller that does not know the cluster's secret, or that meant another member, is
//! never answered.

mod auth;
mod caller;
mod channel;
mod contact;
mod pause;
mod peer;
mod service;

use proto_types::{Digest, WallMs};
use serde::{Deserialize, Serialize};

pub use self::auth::{ClusterSecret, Credentials, MembersOnly};
pub(crate) use self::caller::{Caller, Confirmed};
pub use self::channel::MESSAGE_BYTES_MAX;
pub(crate) use self::channel::{Client, client, request};
pub(crate) use self::contact::Contact;
use self::contact::{Moment, Word};
pub(crate) use self::peer::Peers;
pub use self::service::TransportService;
use crate::snapshot::{Manifest, Want};
use crate::types::{AppendRequest, AppendResponse, Vote, VoteRequest};

/// Every message says whom it is for: an address may have passed to another member.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Call<T> {
    pub to: u64,
    /// The cluster epoch of the sender. A cluster restored from a backup has another than the one it was taken of,
    /// whose members must not be heard any more.
    #[serde(default)]
    pub epoch: u64,
    /// What names the sender's cluster, as far as it knows. Two clusters may share a secret.
    #[serde(default)]
    pub cluster: Option<Digest>,
    pub body: T,
}

/// Entries or a heartbeat.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Append {
    pub request: AppendRequest,
    /// Absent until the leader has an answer of this member, and one of a majority.
    pub word: Option<Word>,
    /// Whether a member that holds neither a vote nor a log may begin with this.
    #[serde(default)]
    pub admits: bool,
    /// The cluster's time as the leader keeps it; absent until it knows the clocks of a majority.
    #[serde(default)]
    pub time: Option<WallMs>,
}

/// The answer to [`Append`].
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Appended {
    pub answer: AppendResponse,
    /// When it was given, by the clock of the member that answers.
    pub moment: Moment,
    /// What that member's wall clock shows; absent in answers of older versions.
    #[serde(default)]
    pub shows: Option<WallMs>,
}

/// The messages before a leader is there share one RPC.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Ballot {
    Vote(VoteRequest),
    PreVote(VoteRequest),
    /// Whether a member holds nothing: asked before a cluster is made. The answer is a truth value.
    Founding,
    /// Whether a member still counts: asked by one whose number is retired. The refusal says that it was removed.
    Membership(u64),
}

/// A member asks for another's state, its own being damaged.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Pull {
    pub member: u64,
}

/// What a follower tells the leader outside of the log.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Notice {
    #[serde(with = "serde_bytes")]
    pub message: Vec<u8>,
}

/// The first frame of a snapshot; the others are the bytes of its files, in order.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Opening {
    pub vote: Vote,
    pub manifest: Manifest,
    /// What the receiver said it wants, and what follows.
    pub wanted: Vec<Want>,
}
