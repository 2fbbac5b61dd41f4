//! A member that holds neither a vote nor a log: it starts for the first time, or its directory was lost. It must never
//! vote or take entries on its own account: it may have forgotten whom it voted for and what it acknowledged, and a
//! majority that counts it again would lose writes. `registry/rejoin.rs`, on the leader, lets it begin, as a learner if
//! it took part before (docs/decisions/0030-folders-and-clocks.md).

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use openraft::entry::RaftEntry as _;
use openraft::vote::RaftLeaderId as _;
use tonic::Status;

use crate::codec::decode;
use crate::log::{PURGED, VOTE};
use crate::store_handle::StoreHandle;
use crate::types::{Entry, Vote, VoteRequest};

/// What the refusal of such a member is recognised by, among those with the same status code.
pub(crate) const BLANK: &str =
    "this member holds neither a vote nor a log; see docs/runbooks/replace-a-member.md";

pub(crate) struct Blank {
    handle: Arc<StoreHandle>,
    id: u64,
    /// Who makes the cluster, if this member is configured to be one of its first.
    founder: Option<u64>,
    /// False for good once something was found.
    blank: AtomicBool,
    /// It has refused a call.
    refused: AtomicBool,
}

impl Blank {
    pub(crate) fn new(handle: Arc<StoreHandle>, id: u64, founder: Option<u64>) -> Self {
        let (blank, refused) = (AtomicBool::new(true), AtomicBool::new(false));
        Self { handle, id, founder, blank, refused }
    }

    /// Whether nothing is there still. What cannot be read counts as nothing.
    pub(crate) fn holds(&self) -> bool {
        if !self.blank.load(Ordering::Acquire) {
            return false;
        }
        let blank = self.look().unwrap_or(true);
        self.blank.store(blank, Ordering::Release);
        blank
    }

    /// Whether nothing is there for certain: a cluster is made on this word.
    pub(crate) fn is_proven(&self) -> bool {
        self.blank.load(Ordering::Acquire) && self.look().unwrap_or(false)
    }

    fn look(&self) -> io::Result<bool> {
        let log = self.handle.store.log();
        let purged = log.saved(PURGED).map_err(io::Error::other)?.is_some();
        let last = log.last().map_err(io::Error::other)?;
        let last = last.map(|(_, bytes)| decode::<Entry>(&bytes)).transpose()?;
        let vote = log.saved(VOTE).map_err(io::Error::other)?;
        let vote: Option<Vote> = vote.as_deref().map(decode).transpose()?;
        let own = |vote: &Vote| *vote.leader_id().node_id() == self.id;
        Ok(match last {
            _ if purged => false,
            None => vote.is_none(),
            // The founder writes the first entry before anybody has voted.
            Some(first) => first.log_id().index() == 0 && vote.as_ref().is_none_or(own),
        })
    }

    /// A blank member votes in the first election of its cluster alone: the founder asks, with the entry that every
    /// cluster begins with and nothing else.
    pub(crate) fn check_ballot(&self, ballot: &VoteRequest) -> Result<(), Status> {
        let candidate = *ballot.vote.leader_id().node_id();
        let first = ballot.last_log_id.as_ref().is_some_and(|last| last.index() == 0);
        match !self.holds() || (first && self.founder == Some(candidate)) {
            true => Ok(()),
            false => Err(self.refuse()),
        }
    }

    /// It takes a leader's entries once the leader says that it may begin with nothing.
    pub(crate) fn check_append(&self, admitted: bool) -> Result<(), Status> {
        if admitted || !self.holds() { Ok(()) } else { Err(self.refuse()) }
    }

    /// What an operator is told as long as it has refused and nothing has come of it.
    pub(crate) fn notice(&self) -> Option<String> {
        (self.refused.load(Ordering::Acquire) && self.holds()).then(|| BLANK.to_owned())
    }

    fn refuse(&self) -> Status {
        if !self.refused.swap(true, Ordering::AcqRel) {
            tracing::warn!(
                member = self.id,
                "{BLANK}: it neither votes nor leads until the others let it learn"
            );
        }
        Status::failed_precondition(BLANK)
    }
}
