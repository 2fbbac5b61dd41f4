//! Why a change of the cluster was not made, from our own checks and from consensus.
//! It must never call a change refused that may have been made: that is `Unknown`.

use openraft::errors::{ChangeMembershipError, ClientWriteError, RaftError};

use crate::types::TypeConfig;

/// A change of the cluster that was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Ask the leader.
    #[error("this member does not lead")]
    NotLeader {
        /// Who leads, and where, as far as known.
        leader: Option<(u64, String)>,
    },
    /// One change at a time.
    #[error("another change of the cluster is under way")]
    InProgress,
    /// No member has this number.
    #[error("{0} is no member")]
    NotAMember(u64),
    /// The number belongs to a member elsewhere.
    #[error("member {id} is at {address}")]
    OtherAddress {
        /// Its number.
        id: u64,
        /// Where it is.
        address: String,
    },
    /// The address is another member's.
    #[error("{address} is the address of member {id}")]
    AddressTaken {
        /// Whose it is.
        id: u64,
        /// Where.
        address: String,
    },
    /// A member to be promoted does not answer; it can be forced.
    #[error("member {id} does not answer")]
    Silent {
        /// Which one.
        id: u64,
    },
    /// A member to be promoted answers that it is none of this cluster.
    #[error("member {id} refuses the leader's calls: {why}")]
    Refuses {
        /// Which one.
        id: u64,
        /// In its words.
        why: String,
    },
    /// A bound is reached.
    #[error("{what} are at most {bound}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The bound.
        bound: usize,
    },
    /// Too few of the voters would answer; it can be forced.
    #[error("{healthy} of {voters} voters answer and keep up, {needed} are needed")]
    QuorumAtRisk {
        /// How many answer and keep up.
        healthy: usize,
        /// How many there would be.
        voters: usize,
        /// A majority of them.
        needed: usize,
    },
    /// A member to be promoted lags too far behind; it can be forced.
    #[error("member {id} lags {lag} entries behind")]
    Behind {
        /// Which one.
        id: u64,
        /// How far.
        lag: u64,
    },
    /// It may have been done, or half of it: look at the status, and repeat.
    #[error("the outcome is unknown: {0}")]
    Unknown(String),
}

type Changed<T> = Result<T, RaftError<TypeConfig, ClientWriteError<TypeConfig>>>;

/// What consensus made of a change.
pub(super) fn outcome<T>(
    changed: Result<Changed<T>, tokio::time::error::Elapsed>,
) -> Result<(), ChangeError> {
    let refused = match changed {
        Ok(Ok(_)) => return Ok(()),
        Err(_) => return Err(ChangeError::Unknown("no majority answered in time".to_owned())),
        Ok(Err(RaftError::APIError(refused))) => refused,
        Ok(Err(other)) => return Err(ChangeError::Unknown(other.to_string())),
    };
    match refused {
        ClientWriteError::ForwardToLeader(forward) => {
            let leader = forward.leader_id.zip(forward.leader_node.map(|node| node.addr));
            Err(ChangeError::NotLeader { leader })
        }
        ClientWriteError::ChangeMembershipError(ChangeMembershipError::InProgress(_)) => {
            Err(ChangeError::InProgress)
        }
        ClientWriteError::ChangeMembershipError(ChangeMembershipError::LearnerNotFound(
            missing,
        )) => Err(ChangeError::NotAMember(missing.node_id)),
        other => Err(ChangeError::Unknown(other.to_string())),
    }
}
