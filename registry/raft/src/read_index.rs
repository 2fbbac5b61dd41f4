//! Strong reads: one confirmation of leadership serves every reader that waited for it, and none that came after it had
//! begun.

use std::time::Duration;

use openraft::ReadPolicy;
use openraft::errors::{LinearizableReadError, RaftError};
use tokio::sync::{mpsc, oneshot};

use crate::ReadError;
use crate::machine::Raft;
use crate::proposer::leader;

/// Readers that wait for the next confirmation. A round takes about a millisecond.
const READERS_MAX: usize = 4096;

/// How long the state machine may take to reach what was confirmed.
const APPLY_TIMEOUT: Duration = Duration::from_secs(5);

type Answer = oneshot::Sender<Result<(), ReadError>>;

#[derive(Clone)]
pub(crate) struct ReadIndex {
    queue: mpsc::Sender<Answer>,
}

impl ReadIndex {
    /// The entrance, and what has to run behind it.
    pub(crate) fn new(raft: Raft) -> (Self, impl Future<Output = ()> + use<>) {
        let (queue, waiting) = mpsc::channel(READERS_MAX);
        (Self { queue }, run(raft, waiting))
    }

    /// Returns once every write that was acknowledged before the call is in the local state.
    pub(crate) async fn confirm(&self) -> Result<(), ReadError> {
        let (answer, outcome) = oneshot::channel();
        self.queue.try_send(answer).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => {
                ReadError::Unavailable(format!("{READERS_MAX} readers wait already"))
            }
            mpsc::error::TrySendError::Closed(_) => ReadError::Stopped,
        })?;
        outcome.await.map_err(|_| ReadError::Stopped)?
    }
}

async fn run(raft: Raft, mut queue: mpsc::Receiver<Answer>) {
    let mut waiting = Vec::new();
    while queue.recv_many(&mut waiting, READERS_MAX).await > 0 {
        let outcome = round(&raft).await;
        for answer in waiting.drain(..) {
            // A reader that has gone does not want it.
            let _ = answer.send(outcome.clone());
        }
    }
}

async fn round(raft: &Raft) -> Result<(), ReadError> {
    let linearizer = match raft.get_read_linearizer(ReadPolicy::ReadIndex).await {
        Ok(linearizer) => linearizer,
        Err(RaftError::Fatal(_)) => return Err(ReadError::Stopped),
        Err(RaftError::APIError(LinearizableReadError::ForwardToLeader(_))) => {
            return Err(ReadError::NotLeader { leader: leader(raft) });
        }
        Err(RaftError::APIError(LinearizableReadError::QuorumNotEnough(cause))) => {
            return Err(ReadError::Unavailable(cause.to_string()));
        }
    };
    match linearizer.try_await_ready(raft, Some(APPLY_TIMEOUT)).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) => Err(ReadError::Unavailable("the state machine lags behind".to_owned())),
        Err(_) => Err(ReadError::Stopped),
    }
}
