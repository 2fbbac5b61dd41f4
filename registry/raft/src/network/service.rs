//! The calls of other members, answered: who calls, then the form, then the addressee, then consensus. [`MembersOnly`]
//! knows who calls before a byte of a message is read. It must never panic on what it is sent, nor install a snapshot
//! before every digest has matched.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt as _};
use openraft::vote::RaftLeaderId as _;
use proto_wire::raft::v1::Frame;
use proto_wire::raft::v1::raft_transport_server::RaftTransport;
use registry_core::command::Proposal;
use registry_core::query;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::{Request, Response, Status, Streaming};

use super::{Append, Appended, Ballot, Call, Contact, Notice, Opening, Pull};
use crate::blank::Blank;
use crate::codec::{decode, encode};
use crate::machine::{Published, Raft};
use crate::member_reports::REMOVED;
use crate::observed;
use crate::proposer::Proposer;
use crate::registry::TakeNotice;
use crate::snapshot::{
    Manifest, Snapshots, Stored, Want, all, checkpoint, disk, frames, next_frame,
    receive_and_install, turn,
};
use crate::store_handle::{StoreHandle, blocking};
use crate::time::Time;
use crate::types::{TransferRequest, VoteRequest};

/// The server side of `ecumene.raft.v1.RaftTransport`. It holds the member's store open.
pub struct TransportService {
    pub(crate) id: u64,
    pub(crate) raft: Raft,
    pub(crate) handle: Arc<StoreHandle>,
    pub(crate) snapshots: Arc<Snapshots>,
    pub(crate) proposer: Proposer,
    pub(crate) notices: Arc<OnceLock<TakeNotice>>,
    pub(crate) contact: Arc<Contact>,
    pub(crate) published: Arc<Published>,
    pub(crate) blank: Arc<Blank>,
    pub(crate) time: Arc<Time>,
}

impl TransportService {
    fn read<T: DeserializeOwned>(&self, frame: &Frame) -> Result<T, Status> {
        let call: Call<T> = decode(&frame.body)
            .map_err(|cause| Status::invalid_argument(format!("not understood: {cause}")))?;
        if call.to != self.id {
            let why = format!("this is member {}, the call is for {}", self.id, call.to);
            return Err(Status::failed_precondition(why));
        }
        // An empty member learns its epoch with its state.
        if let Some(own) = self.published.epoch().filter(|own| *own != call.epoch) {
            let why = format!("the cluster is at epoch {own}, the call at {}", call.epoch);
            return Err(Status::failed_precondition(why));
        }
        let clusters = self.published.cluster().zip(call.cluster);
        if clusters.is_some_and(|(own, theirs)| own != theirs) {
            return Err(Status::failed_precondition("this member is of another cluster"));
        }
        Ok(call.body)
    }

    fn call<T: DeserializeOwned>(&self, request: Request<Frame>) -> Result<T, Status> {
        self.read(request.get_ref())
    }

    /// Tells a member that was removed that it was: it may have been down when it happened. One whose number is retired
    /// and whom consensus still counts may be the only one that can lead; it hands over then.
    fn check_candidate(&self, ballot: &VoteRequest) -> Result<(), Status> {
        self.blank.check_ballot(ballot)?;
        self.check_counts(*ballot.vote.leader_id().node_id())
    }

    fn check_counts(&self, id: u64) -> Result<(), Status> {
        match query::member(&self.published.view(), id) {
            Ok(Some(member)) if member.retired && !members(&self.raft).contains(&id) => {
                Err(Status::permission_denied(REMOVED))
            }
            // A state that cannot be read ends this member elsewhere.
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

#[tonic::async_trait]
impl RaftTransport for TransportService {
    async fn append(&self, request: Request<Frame>) -> Result<Response<Frame>, Status> {
        let Append { request, word, admits, time } = self.call(request)?;
        self.blank.check_append(admits)?;
        let answer = self.raft.append_entries(request).await.map_err(stopped)?;
        if !matches!(answer, openraft::raft::AppendEntriesResponse::HigherVote(_)) {
            if let Some(word) = word {
                self.contact.hear(&word, applied(&self.raft));
            }
            if let Some(time) = time {
                self.time.follow(time);
            }
        }
        let (moment, shows) = (self.contact.now(), Some(self.time.own()));
        respond(&Appended { answer, moment, shows })
    }

    async fn vote(&self, request: Request<Frame>) -> Result<Response<Frame>, Status> {
        let answer = match self.call(request)? {
            Ballot::Vote(rpc) => {
                self.check_candidate(&rpc)?;
                self.raft.vote(rpc).await
            }
            Ballot::PreVote(rpc) => {
                self.check_candidate(&rpc)?;
                self.raft.pre_vote(rpc).await
            }
            Ballot::Founding => return respond(&self.blank.is_proven()),
            Ballot::Membership(id) => return respond(&self.check_counts(id)?),
        };
        respond(&answer.map_err(stopped)?)
    }

    async fn offer(&self, request: Request<Frame>) -> Result<Response<Frame>, Status> {
        let manifest: Manifest = self.call(request)?;
        self.blank.check_append(false)?;
        if self.snapshots.holds(&manifest) {
            return respond(&Vec::<Want>::new());
        }
        let _turn = turn(&self.snapshots)?;
        let offered = Arc::clone(&self.snapshots);
        respond(&disk(move || offered.wanted(&manifest)).await?)
    }

    async fn snapshot(
        &self,
        request: Request<Streaming<Frame>>,
    ) -> Result<Response<Frame>, Status> {
        let mut frames = request.into_inner();
        let Some(first) = next_frame(&mut frames).await? else {
            return Err(Status::invalid_argument("a snapshot without an opening"));
        };
        let opening: Opening = self.read(&first)?;
        self.blank.check_append(false)?;
        let sent = (opening.manifest, opening.wanted);
        let (raft, vote) = (self.raft.clone(), opening.vote);
        let install = move |stored: Arc<Stored>| async move {
            raft.install_full_snapshot(vote, stored.snapshot()).await.map_err(stopped)
        };
        let (handle, snapshots) = (Arc::clone(&self.handle), Arc::clone(&self.snapshots));
        respond(&receive_and_install(handle, snapshots, sent, frames, install).await?)
    }

    async fn transfer(&self, request: Request<Frame>) -> Result<Response<Frame>, Status> {
        let rpc: TransferRequest = self.call(request)?;
        self.blank.check_append(false)?;
        let answer = self.raft.handle_transfer_leader(rpc).await.map_err(stopped)?;
        respond(&answer)
    }

    type PullStream = BoxStream<'static, Result<Frame, Status>>;

    async fn pull(&self, request: Request<Frame>) -> Result<Response<Self::PullStream>, Status> {
        let Pull { member } = self.call(request)?;
        let known = query::member(&self.published.view(), member).ok().flatten();
        if known.is_none_or(|member| member.retired) {
            return Err(Status::permission_denied("no member of this cluster"));
        }
        let (handle, snapshots) = (Arc::clone(&self.handle), Arc::clone(&self.snapshots));
        let made = blocking(move || checkpoint(&handle, &snapshots)).await;
        let stored = made.map_err(|cause| Status::unavailable(cause.to_string()))?;
        // Nobody else is to use it.
        stored.retire();
        let (opening, wanted) = (encoded(stored.manifest())?, all(stored.manifest()));
        Ok(Response::new(frames(stored, opening, wanted).map(Ok).boxed()))
    }

    async fn forward(&self, request: Request<Frame>) -> Result<Response<Frame>, Status> {
        let mut proposal: Proposal = self.call(request)?;
        respond(&self.proposer.propose(&mut proposal, None, None).await)
    }

    async fn notify(&self, request: Request<Frame>) -> Result<Response<Frame>, Status> {
        let Notice { message } = self.call(request)?;
        // Never handed on: two members that take each other for the leader would go in circles.
        let take = self.notices.get().filter(|_| self.raft.is_leader());
        let take = take.ok_or_else(|| Status::failed_precondition("this member does not lead"))?;
        respond(&take(message.as_slice()))
    }
}

/// Voters and learners, by the newest configuration that is committed.
fn members(raft: &Raft) -> BTreeSet<u64> {
    observed::metrics(raft).now(|metrics| {
        let committed = metrics.committed_membership_config.membership();
        committed.nodes().map(|(id, _)| *id).collect()
    })
}

/// The last entry in the state.
fn applied(raft: &Raft) -> Option<u64> {
    observed::metrics(raft).now(|metrics| metrics.last_applied.as_ref().map(|last| last.index()))
}

fn respond<T: Serialize>(answer: &T) -> Result<Response<Frame>, Status> {
    Ok(Response::new(Frame { body: Bytes::from(encoded(answer)?) }))
}

fn encoded<T: Serialize>(answer: &T) -> Result<Vec<u8>, Status> {
    encode(answer).map_err(|cause: io::Error| Status::internal(cause.to_string()))
}

fn stopped(cause: impl std::fmt::Display) -> Status {
    Status::unavailable(cause.to_string())
}
