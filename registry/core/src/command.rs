//! What may be asked of the state machine. Each is complete in itself: time comes with the stamp, ids and digests
//! with the command. A command must never carry something that has to be verified with a signature at `apply`:
//! signatures are checked once, at the edge, before it is proposed.

mod agent;
mod body;
mod card;
mod compact;
mod conduct;
mod envelope;
mod fleet;
mod foreign;
mod instance;
mod ledger;
mod member;
mod namespace;
mod partner;
mod peer;
mod proposal;
mod record;
mod task;
mod token;

use serde::{Deserialize, Serialize};

use crate::search::Told;

pub use self::agent::PutAgent;
pub use self::body::PutBody;
pub use self::card::PutCard;
pub use self::compact::Compact;
pub use self::conduct::{Conduct, ConductCommand, Tally};
pub use self::envelope::{AckEnvelope, EnqueueEnvelope, LeaseEnvelopes};
pub use self::fleet::{FleetCommand, HearNode, RegisterGateway, RegisterNode, SetNodeState};
pub use self::foreign::{Foreign, Import, ImportedRecord, SetLiveness};
pub use self::instance::{CreateInstance, InstanceCommand, RemoveInstance};
pub use self::ledger::{
    Audit, LedgerCommand, OpenLog, ResetTime, TruncateAudit, Witness, WitnessEpoch,
};
pub use self::member::{AdmitMember, RetireMember};
pub use self::namespace::{DeleteNamespace, NamespaceCommand, PutNamespace};
pub use self::partner::{
    AdvancePartner, FailPartner, HoldPartner, PullStart, PutPartner, QuarantinePartner,
    ReleasePartner, RemovePartner, SetPartnerEpoch,
};
pub use self::peer::{
    AdmitPeer, AllowTokenLife, AskDomain, DecideEnrolment, EnrolPeer, NoteDomain, OperatePeer,
    PeerCommand, RequestEnrolment, RevokePeer, StandPeer, StateManifest,
};
pub use self::proposal::{Precondition, Proposal, Versioned, Versions};
pub use self::record::{DeleteRecord, PutRecord};
pub use self::task::{
    AssignTask, CancelTask, CompleteTask, ContinueTask, ExpireTask, ReleaseTask, SubmitTask,
};
pub use self::token::{ChargeTokens, IssueJoinToken, SpendToken, SpendTokens};

/// One wish. What each carries, and what is asked of it, stands at its struct.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Stores bytes under their SHA-256.
    PutBody(PutBody),
    /// Makes a join token known.
    IssueJoinToken(IssueJoinToken),
    /// Enrols a peer by a list of keys.
    EnrolPeer(EnrolPeer),
    /// What else may be done about peers.
    Peer(PeerCommand),
    /// Revokes a peer.
    RevokePeer(RevokePeer),
    /// Takes over a directory record.
    PutRecord(PutRecord),
    /// Leaves a tombstone in the place of a record.
    DeleteRecord(DeleteRecord),
    /// Takes over an A2A card.
    PutCard(PutCard),
    /// Changes a namespace.
    Namespace(NamespaceCommand),
    /// Spends a token as a condition of the commands after it.
    SpendToken(SpendToken),
    /// Deploys a hosted agent, or a new version of it.
    PutAgent(PutAgent),
    /// Says what a search reads in the body of an entry, in one proposal with it. Answers the entry's revision.
    PutSearch(Told),
    /// Registers a gateway, or updates its endpoint.
    RegisterGateway(RegisterGateway),
    /// Registers a node with what it measured.
    RegisterNode(RegisterNode),
    /// Commits a transition of a node's liveness.
    SetNodeState(SetNodeState),
    /// Submits a task.
    SubmitTask(SubmitTask),
    /// Gives a pending task to a node.
    AssignTask(AssignTask),
    /// Takes a task back from a node that will not, or can no longer, run it.
    ReleaseTask(ReleaseTask),
    /// Commits the outcome of a task.
    CompleteTask(CompleteTask),
    /// Ends a task that nobody wants any more.
    CancelTask(CancelTask),
    /// Ends a task whose deadline has passed.
    ExpireTask(ExpireTask),
    /// Spends tokens, each once.
    SpendTokens(SpendTokens),
    /// About peers' conduct.
    Conduct(ConductCommand),
    /// Accepts an envelope durably.
    EnqueueEnvelope(EnqueueEnvelope),
    /// About the transparency log, the audit, and other logs that are witnessed.
    Ledger(LedgerCommand),
    /// Leases the oldest envelopes of a queue.
    LeaseEnvelopes(LeaseEnvelopes),
    /// Forgets what nobody is to ask for any more.
    Compact(Compact),
    /// Notes a member of the cluster before consensus hears of it.
    AdmitMember(AdmitMember),
    /// Notes that a member has left for good.
    RetireMember(RetireMember),
    /// Takes a leased envelope out of its queue.
    AckEnvelope(AckEnvelope),
    /// What concerns other places than this registry.
    Foreign(Foreign),
    /// A condition of the commands after it.
    Require(Precondition),
    /// About instances that publish with a token of their own.
    Instance(InstanceCommand),
    /// What else may be done about nodes and tasks.
    Fleet(FleetCommand),
}
