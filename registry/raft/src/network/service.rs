//! The calls of other members, answered.
//! The order is always the same: who calls, then the form, then the addressee, then consensus. Who calls is known by
//! [`MembersOnly`] before a byte of a message is read. It must never panic on
//! what it is sent, nor install a snapshot before every digest has matched.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use openraft::vote::RaftLeaderId as _;
use proto_wire::raft::v1::Frame;
use proto_wire::raft::v1::raft_transport_server::RaftTransport;
use registry_core::command::Proposal;
use registry_core::query;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::SemaphorePermit;
use tonic::{Request, Response, Status, Streaming};

use super::{Append, Appended, Ballot, Call, Contact, Opening};
use crate::codec::{decode, encode};
use crate::home::Home;
use crate::machine::Published;
use crate::observed;
use crate::proposer::Proposer;
use crate::snapshot::{Incoming, Manifest, Refused, Snapshots, Stored, Want};
use crate::standing::REMOVED;
use crate::types::{Raft, TransferRequest, VoteRequest};

/// A sender of a snapshot that is silent for this long has gone.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// The server side of `ecumene.raft.v1.RaftTransport`. It holds the member's store open.
pub struct TransportService {
    pub(crate) id: u64,
    pub(crate) raft: Raft,
    pub(crate) home: Arc<Home>,
    pub(crate) snapshots: Arc<Snapshots>,
    pub(crate) proposer: Proposer,
    pub(crate) contact: Arc<Contact>,
    pub(crate) published: Arc<Published>,
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
        Ok(call.body)
    }

    fn call<T: DeserializeOwned>(&self, request: Request<Frame>) -> Result<T, Status> {
        self.read(request.get_ref())
    }

    /// Tells a member that was removed that it was: it may have been down when it happened.
    fn check_candidate(&self, ballot: &VoteRequest) -> Result<(), Status> {
        let candidate = *ballot.vote.leader_id().node_id();
        match query::member(&self.published.view(), candidate) {
            Ok(Some(member)) if member.retired => Err(Status::permission_denied(REMOVED)),
            // A state that cannot be read ends this member elsewhere.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Receives a snapshot up to its last byte and checks it.
    async fn receive(
        &self,
        manifest: Manifest,
        wanted: Vec<Want>,
        mut frames: Streaming<Frame>,
    ) -> Result<Arc<Stored>, Status> {
        let _turn = self.turn()?;
        let snapshots = Arc::clone(&self.snapshots);
        let mut incoming = disk(move || Incoming::begin(&snapshots, manifest, &wanted)).await?;
        while let Some(frame) = next(&mut frames).await? {
            let write = move || incoming.write(&frame.body).map(|()| incoming);
            incoming = disk(write).await?;
        }
        let home = Arc::clone(&self.home);
        disk(move || incoming.finish(&home)).await
    }

    fn turn(&self) -> Result<SemaphorePermit<'_>, Status> {
        let turn = self.snapshots.receive();
        turn.ok_or_else(|| Status::resource_exhausted("another snapshot is being received"))
    }
}

#[tonic::async_trait]
impl RaftTransport for TransportService {
    async fn append(&self, request: Request<Frame>) -> Result<Response<Frame>, Status> {
        let Append { request, word } = self.call(request)?;
        let answer = self.raft.append_entries(request).await.map_err(stopped)?;
        if let Some(word) = word
            && !matches!(answer, openraft::raft::AppendEntriesResponse::HigherVote(_))
        {
            self.contact.hear(&word, applied(&self.raft));
        }
        respond(&Appended { answer, moment: self.contact.now() })
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
        };
        respond(&answer.map_err(stopped)?)
    }

    async fn offer(&self, request: Request<Frame>) -> Result<Response<Frame>, Status> {
        let manifest: Manifest = self.call(request)?;
        let _turn = self.turn()?;
        let snapshots = Arc::clone(&self.snapshots);
        respond(&disk(move || snapshots.wanted(&manifest)).await?)
    }

    async fn snapshot(
        &self,
        request: Request<Streaming<Frame>>,
    ) -> Result<Response<Frame>, Status> {
        let mut frames = request.into_inner();
        let Some(first) = next(&mut frames).await? else {
            return Err(Status::invalid_argument("a snapshot without an opening"));
        };
        let opening: Opening = self.read(&first)?;
        let stored = self.receive(opening.manifest, opening.wanted, frames).await?;
        let answer = self.raft.install_full_snapshot(opening.vote, stored.snapshot()).await;
        respond(&answer.map_err(stopped)?)
    }

    async fn transfer(&self, request: Request<Frame>) -> Result<Response<Frame>, Status> {
        let rpc: TransferRequest = self.call(request)?;
        let answer = self.raft.handle_transfer_leader(rpc).await.map_err(stopped)?;
        respond(&answer)
    }

    async fn forward(&self, request: Request<Frame>) -> Result<Response<Frame>, Status> {
        let proposal: Proposal = self.call(request)?;
        respond(&self.proposer.propose(&proposal, None).await)
    }
}

/// The last entry in the state.
fn applied(raft: &Raft) -> Option<u64> {
    observed::metrics(raft).now(|metrics| metrics.last_applied.as_ref().map(|last| last.index()))
}

async fn next(frames: &mut Streaming<Frame>) -> Result<Option<Frame>, Status> {
    let frame = tokio::time::timeout(SILENCE_MAX, frames.message()).await;
    frame.map_err(|_| Status::deadline_exceeded("the sender is silent"))?
}

async fn disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Refused> + Send + 'static,
) -> Result<T, Status> {
    let outcome = tokio::task::spawn_blocking(work).await;
    let outcome = outcome.map_err(|_| Status::unavailable("the member is stopping"))?;
    outcome.map_err(|refused| {
        tracing::warn!(%refused, "a snapshot was refused");
        match refused {
            Refused::Manifest(_) => Status::invalid_argument(refused.to_string()),
            // The sender's file may have ended early: its digest would not have matched either.
            Refused::Corrupt(_) | Refused::OtherState => Status::data_loss(refused.to_string()),
            Refused::Length | Refused::Moved => Status::aborted(refused.to_string()),
            Refused::Disk(_) => Status::resource_exhausted(refused.to_string()),
        }
    })
}

fn respond<T: Serialize>(answer: &T) -> Result<Response<Frame>, Status> {
    let body = encode(answer).map_err(|cause: io::Error| Status::internal(cause.to_string()))?;
    Ok(Response::new(Frame { body: Bytes::from(body) }))
}

fn stopped(cause: impl std::fmt::Display) -> Status {
    Status::unavailable(cause.to_string())
}
