//! The errors that a caller is told. `Unknown` is the answer wherever it is not proven that a write will never come
//! about.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A member cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Settings that contradict each other.
    #[error("the configuration does not hold: {0}")]
    Config(String),
    /// The store.
    #[error("the store does not open; see docs/runbooks/replace-a-member.md")]
    Store(#[from] registry_store::Error),
    /// The state was damaged and is set aside, and nothing takes its place.
    #[error(
        "the state in {dir} was damaged and is kept in set-aside/; neither this member's snapshot nor another member gives \
         a sound one: start the other members, or see docs/runbooks/restore.md"
    )]
    Unrecovered {
        /// The member's directory.
        dir: std::path::PathBuf,
    },
    /// The consensus core.
    #[error("consensus does not start; see docs/runbooks/replace-a-member.md: {0}")]
    Raft(String),
}

/// A proposal got no answer from the state machine. A refusal by the state machine is a reply, not an error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum ProposeError {
    /// Not proposed: somebody else leads, or nobody.
    #[error("this member does not lead")]
    NotLeader {
        /// Who leads, and where, as far as known.
        leader: Option<(u64, String)>,
    },
    /// Not proposed: the queue is full.
    #[error("the queue of proposals is full")]
    Full {
        /// When to try again.
        retry_after: Duration,
    },
    /// Not proposed: it could never pass.
    #[error("a proposal of {bytes} bytes exceeds {bytes_max}")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The bound.
        bytes_max: u64,
    },
    /// It may have been done, may yet be done, or may never be.
    #[error("the outcome is unknown: {0}")]
    Unknown(String),
    /// Not proposed: the member has stopped.
    #[error("the member has stopped")]
    Stopped,
}

/// A strong read cannot be given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// Ask the leader.
    #[error("this member does not lead")]
    NotLeader {
        /// Who leads, and where, as far as known.
        leader: Option<(u64, String)>,
    },
    /// No majority confirmed the leadership in time.
    #[error("no majority answers: {0}")]
    Unavailable(String),
    /// The member has stopped.
    #[error("the member has stopped")]
    Stopped,
}

/// No leader is known to have taken a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no leader has taken the notice")]
pub struct Untaken;

/// The member has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the member has stopped")]
pub struct Stopped;
