//! The refusals of the core, each with what the caller needs to act on it. A failure of the machine is not among them.

use proto_types::card::Assurance;
use proto_types::{Digest, EnvelopeId, Handle, LeaseEpoch, Namespace, Origin, TaskId};
use serde::{Deserialize, Serialize};

/// A refusal that the caller can act on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The thing named does not exist.
    #[error("{kind} {id} does not exist")]
    NotFound {
        /// `peer`, `record`, `agent`, `node`, `task`, `envelope`, `body`.
        kind: String,
        /// Its name.
        id: String,
    },
    /// It exists already with other content.
    #[error("{kind} {id} exists already with other content")]
    Conflict {
        /// As in `NotFound`, or `gateway`, `manifest`, `credential`, `join-token`.
        kind: String,
        /// Its name.
        id: String,
    },
    /// It cannot be removed, or be another kind of thing, as things stand.
    #[error("{kind} {id} {why}")]
    InUse {
        /// `agent`.
        kind: String,
        /// Its name.
        id: String,
        /// What stands in the way, and what to do about it.
        why: String,
    },
    /// `updatedAt` is not newer than what is stored.
    #[error("updatedAt of {handle} is not newer than what is stored")]
    StaleUpdatedAt {
        /// The record.
        handle: Handle,
        /// What is stored; not for callers, who may not see it.
        stored_ms: u64,
    },
    /// The version that is stored is not one that the caller has in mind.
    #[error("the stored version does not meet the condition")]
    PreconditionFailed {
        /// The version stored, if any.
        stored: Option<Digest>,
    },
    /// A live entry of an active peer can be replaced by that peer alone.
    #[error("{kind} {id} belongs to {owner}")]
    NotOwner {
        /// `record` or `card`.
        kind: String,
        /// Its name.
        id: String,
        /// Whose it is.
        owner: Origin,
    },
    /// Another registry is the authority of this entry.
    #[error("{kind} {id} is at home at {home}")]
    HomeElsewhere {
        /// `record` or `card`.
        kind: String,
        /// Its name.
        id: String,
        /// Which registry.
        home: Origin,
    },
    /// The namespace asks for a better signature.
    #[error("namespace {namespace} takes {kind} {id} only if it is {least} or better")]
    TrustTooLow {
        /// `record` or `card`.
        kind: String,
        /// Its name.
        id: String,
        /// Where it would be.
        namespace: Namespace,
        /// What would suffice.
        least: Assurance,
    },
    /// A part that only the operator may change.
    #[error("only the operator may change {what}")]
    OperatorOnly {
        /// Which members.
        what: String,
    },
    /// The caller's token was used before, or its time is past.
    #[error("the token is spent")]
    TokenSpent,
    /// A manifest sequence that does not rise.
    #[error("manifest sequence {offered} of {issuer} does not exceed {kept}")]
    SequenceNotHigher {
        /// Who issued it.
        issuer: Origin,
        /// The highest kept.
        kept: u64,
        /// What was offered.
        offered: u64,
    },
    /// A manifest sequence that rises further than a publisher does: it would leave no room.
    #[error("manifest sequence {offered} of {issuer} is more than {jump_max} above {kept}")]
    SequenceTooFar {
        /// Who issued it.
        issuer: Origin,
        /// The highest kept, 0 if there is none in this epoch.
        kept: u64,
        /// What was offered.
        offered: u64,
        /// How far it may rise at once.
        jump_max: u64,
    },
    /// An operation that does not follow the newest one that stands.
    #[error("the next operation of {origin} is number {seq} of epoch {epoch}")]
    OperationOutOfOrder {
        /// The peer.
        origin: Origin,
        /// The epoch that the next one must have.
        epoch: u64,
        /// The number that it must have.
        seq: u64,
    },
    /// A recovery of what has stood for longer than 72 hours.
    #[error("what {origin} did at {taken_ms} ms stands: 72 hours are over")]
    RecoveryTooLate {
        /// The peer.
        origin: Origin,
        /// When the oldest entry that would be voided was taken.
        taken_ms: u64,
    },
    /// The peer is suspended, revoked or gone.
    #[error("{origin} is {status}")]
    PeerNotActive {
        /// The peer.
        origin: Origin,
        /// What it is.
        status: String,
    },
    /// The document is past its expiry.
    #[error("the document expired at {expired_ms} ms")]
    Expired {
        /// When.
        expired_ms: u64,
    },
    /// A report of conduct that comes too late.
    #[error("the window ended at {ended_ms} ms, more than {age_ms_max} ms ago")]
    WindowTooOld {
        /// When it ended.
        ended_ms: u64,
        /// How long ago it may have.
        age_ms_max: u64,
    },
    /// A key that is not, or no longer, enrolled for this peer.
    #[error("key {kid} is not enrolled for {origin}")]
    KeyNotEnrolled {
        /// The peer.
        origin: Origin,
        /// The key.
        kid: String,
    },
    /// The join token is unknown, spent, expired or for another role.
    #[error("the join token is not valid")]
    JoinTokenInvalid,
    /// A time that lies too far ahead of the state machine's clock.
    #[error("{what} lies {ahead_ms} ms ahead; at most {ahead_ms_max} ms are accepted")]
    TooFarAhead {
        /// Which member.
        what: String,
        /// How far.
        ahead_ms: u64,
        /// The bound.
        ahead_ms_max: u64,
    },
    /// The epoch is not in force: a newer one was handed out, or this one was taken back (then both
    /// are the same).
    #[error("epoch {offered} is not in force; the newest is {current}")]
    StaleEpoch {
        /// The newest epoch.
        current: LeaseEpoch,
        /// What the caller holds.
        offered: LeaseEpoch,
    },
    /// The task has ended, or has had as many messages as one takes; its outcome stands.
    #[error("task {0} has ended")]
    TaskEnded(TaskId),
    /// The envelope is leased by somebody else or not at all.
    #[error("envelope {0} is not leased under this epoch")]
    NotLeased(EnvelopeId),
    /// A named bound is reached.
    #[error("{what} is at its bound of {bound}")]
    Full {
        /// Which bound.
        what: String,
        /// Its value; of a share, what the caller holds.
        bound: u64,
        /// Whether it is the caller's share, of which others may have some left.
        share: bool,
    },
    /// A value that cannot be stored.
    #[error("{what}: {why}")]
    Invalid {
        /// Which member.
        what: String,
        /// What is wrong.
        why: String,
    },
}
