//! openraft's calls to one other member, which also carry the clocks and the cluster's time. What was not answered is
//! never reported as delivered.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use openraft::BasicNode;
use openraft::errors::{
    NetworkError, RPCError, ReplicationClosed, StreamingError, Timeout, Unreachable,
};
use openraft::network::{RPCOption, RPCTypes, RaftNetworkFactory, RaftNetworkV2};
use openraft::raft::AppendEntriesResponse;
use proto_wire::raft::v1::Frame;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tonic::{Code, Response, Status};

use super::channel::signed;
use super::contact::{Moment, Word, millis};
use super::{Append, Appended, Ballot, Caller, Client, Confirmed, Opening, client, request};
use crate::codec::{decode, encode};
use crate::member_reports::MemberReports;
use crate::snapshot::{Snapshot, Stored, Want, frames};
use crate::types::{
    AppendRequest, AppendResponse, RpcError, SnapshotResponse, TransferRequest, TransferResponse,
    TypeConfig, Vote, VoteRequest, VoteResponse,
};

/// Makes clients. Replication, heartbeats and snapshots to one member each get a connection of their own, so that none
/// waits behind another's bytes.
pub(crate) struct Peers {
    id: u64,
    calls: Caller,
}

impl Peers {
    pub(crate) fn new(id: u64, calls: Caller) -> Self {
        Self { id, calls }
    }
}

impl RaftNetworkFactory<TypeConfig> for Peers {
    type Network = Peer;

    async fn new_client(&mut self, target: u64, node: &BasicNode) -> Peer {
        Peer {
            from: self.id,
            to: target,
            client: client(self.calls.credentials(), target, &node.addr)
                .map_err(|invalid| invalid.to_string()),
            calls: self.calls.clone(),
            heard: None,
        }
    }
}

pub(crate) struct Peer {
    from: u64,
    to: u64,
    /// An address that is no URL fails every call, which openraft retries until the membership is corrected.
    client: Result<Client, String>,
    calls: Caller,
    /// The moment in its newest answer to an append, and when that came.
    heard: Option<(Moment, Instant)>,
}

impl Peer {
    /// What it may believe of a message that is sent now.
    fn word(&self) -> Option<Word> {
        let (moment, came) = self.heard?;
        let Confirmed { ago, commit } = self.calls.confirmed()?;
        let (held_ms, confirmed_ms) = (millis(came.elapsed()), millis(ago));
        Some(Word { moment, held_ms, confirmed_ms, commit })
    }

    fn client(&self) -> Result<Client, RpcError> {
        let client = self.client.clone();
        client.map_err(|why| RPCError::Unreachable(Unreachable::from_string(why)))
    }

    /// As [`Peer::client`], unless the member is left alone for a while.
    fn rested_client(&self) -> Result<Client, RpcError> {
        if self.calls.pauses().rests(self.to, Instant::now()) {
            let why = "it took no connection a moment ago";
            return Err(RPCError::Unreachable(Unreachable::from_string(why)));
        }
        self.client()
    }

    fn encode<T: Serialize>(&self, body: T) -> Result<Vec<u8>, RpcError> {
        encode(&self.calls.call(self.to, body)).map_err(|cause| unusable(&cause))
    }

    async fn ballot(&self, ballot: Ballot, option: &RPCOption) -> Result<VoteResponse, RpcError> {
        let mut client = self.client()?;
        let message = request(self.calls.credentials(), self.encode(ballot)?, option.hard_ttl());
        self.answer(RPCTypes::Vote, option, client.vote(message)).await
    }

    /// Waits for an answer, but not beyond the deadline.
    async fn answer<R: DeserializeOwned>(
        &self,
        action: RPCTypes,
        option: &RPCOption,
        call: impl Future<Output = Result<Response<Frame>, Status>>,
    ) -> Result<R, RpcError> {
        let late =
            || Timeout { action, id: self.from, target: self.to, timeout: option.hard_ttl() };
        let answer = tokio::time::timeout(option.hard_ttl(), call).await;
        match answer.map_err(|_| RPCError::Timeout(late()))? {
            Err(status) if status.code() == Code::DeadlineExceeded => {
                Err(RPCError::Timeout(late()))
            }
            answer => self.read(answer),
        }
    }

    /// What an answer says; a refusal is learnt from.
    fn read<R: DeserializeOwned>(
        &self,
        answer: Result<Response<Frame>, Status>,
    ) -> Result<R, RpcError> {
        match answer {
            Ok(response) => {
                self.calls.pauses().answered(self.to);
                decode(&response.get_ref().body).map_err(|cause| unusable(&cause))
            }
            Err(status) => {
                if status.code() == Code::Unavailable {
                    self.calls.pauses().failed(self.to, Instant::now());
                }
                self.calls.hear(self.to, &status);
                Err(failed(&status))
            }
        }
    }
}

/// Where entries are to be appended.
struct Place {
    term: u64,
    /// The last entry before them.
    prev: Option<u64>,
    /// The last of them, or that before.
    last: Option<u64>,
}

impl Place {
    fn of(rpc: &AppendRequest) -> Self {
        let prev = rpc.prev_log_id.as_ref().map(|id| id.index());
        let last = rpc.entries.last().map(|entry| entry.log_id.index()).or(prev);
        Self { term: rpc.vote.leader_id().term, prev, last }
    }

    /// Whether the answer goes back behind what the member has said before; consensus takes that for impossible.
    fn is_lost(&self, answer: &AppendResponse, from: u64, reports: &MemberReports) -> bool {
        match (answer, self.prev, self.last) {
            (AppendEntriesResponse::Success, _, Some(last)) => {
                reports.matches(from, self.term, last);
                false
            }
            (AppendEntriesResponse::Conflict, Some(prev), _) => {
                reports.has_lost(from, self.term, prev)
            }
            _ => false,
        }
    }
}

impl RaftNetworkV2<TypeConfig> for Peer {
    type SnapshotData = Arc<Stored>;

    async fn append_entries(
        &mut self,
        rpc: AppendRequest,
        option: RPCOption,
    ) -> Result<AppendResponse, RpcError> {
        let mut client = self.rested_client()?;
        let (reports, time) = (self.calls.reports(), self.calls.time().announced());
        let place = Place::of(&rpc);
        let append =
            Append { request: rpc, word: self.word(), admits: reports.admits(self.to), time };
        let message = request(self.calls.credentials(), self.encode(append)?, option.hard_ttl());
        let call = client.append(message);
        let Appended { answer, moment, shows } =
            self.answer(RPCTypes::AppendEntries, &option, call).await?;
        self.heard = Some((moment, Instant::now()));
        if place.is_lost(&answer, self.to, &reports) {
            let why = "it has lost entries that it had acknowledged: its directory is of before";
            return Err(RPCError::Unreachable(Unreachable::from_string(why)));
        }
        reports.began(self.to);
        if let Some(shows) = shows {
            self.calls.time().hear(self.to, shows);
        }
        Ok(answer)
    }

    async fn vote(
        &mut self,
        rpc: VoteRequest,
        option: RPCOption,
    ) -> Result<VoteResponse, RpcError> {
        self.ballot(Ballot::Vote(rpc), &option).await
    }

    async fn pre_vote(
        &mut self,
        rpc: VoteRequest,
        option: RPCOption,
    ) -> Result<VoteResponse, RpcError> {
        self.ballot(Ballot::PreVote(rpc), &option).await
    }

    /// Has no deadline: reading a large state through takes the receiver long. It ends a transfer that has gone silent.
    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        _option: RPCOption,
    ) -> Result<SnapshotResponse, StreamingError<TypeConfig>> {
        let stored = snapshot.snapshot;
        let mut client = self.rested_client()?;
        let manifest = stored.manifest().clone();
        let offer = Frame { body: Bytes::from(self.encode(&manifest)?) };
        let offer = signed(self.calls.credentials(), offer);
        let call = async {
            let wanted: Vec<Want> = self.read(client.offer(offer).await)?;
            let opening = self.encode(Opening { vote, manifest, wanted: wanted.clone() })?;
            let content = frames(Arc::clone(&stored), opening, wanted);
            let message = signed(self.calls.credentials(), content);
            let answer = client.snapshot(message).await;
            if answer.as_ref().is_err_and(|status| status.code() == Code::DataLoss) {
                // It may have been damaged here, before or after it was digested, or on its way.
                stored.mark_suspect();
            }
            self.read(answer)
        };
        tokio::select! {
            closed = cancel => Err(StreamingError::Closed(closed)),
            answer = call => Ok(answer?),
        }
    }

    async fn transfer_leader(
        &mut self,
        req: TransferRequest,
        option: RPCOption,
    ) -> Result<TransferResponse, RpcError> {
        let mut client = self.client()?;
        let message = request(self.calls.credentials(), self.encode(req)?, option.hard_ttl());
        self.answer(RPCTypes::TransferLeader, &option, client.transfer(message)).await
    }
}

/// A member that is down or refuses is left alone for a while; a single lost call is repeated at once.
fn failed(status: &Status) -> RpcError {
    match status.code() {
        Code::Unknown | Code::Cancelled | Code::Aborted => {
            RPCError::Network(NetworkError::from_string(status))
        }
        _ => RPCError::Unreachable(Unreachable::from_string(status)),
    }
}

fn unusable(cause: &io::Error) -> RpcError {
    RPCError::Unreachable(Unreachable::new(cause))
}
