//! All commands that the state machine takes. A command is complete in itself: the time comes with the stamp, ids and
//! digests with the command. Signatures are verified once, at the edge, before a command is proposed; `apply` never
//! verifies one.
//!
//! The commands of a subject are in its folder. This file has the list of all, and the groups that span several subjects.

use serde::{Deserialize, Serialize};

pub use crate::agent::command::{AttachAgent, PutAgent, RemoveAgent};
pub use crate::audit::command::{Audit, TruncateAudit};
pub use crate::body::command::PutBody;
pub use crate::card::command::PutCard;
pub use crate::clock::command::ResetTime;
pub use crate::compact::command::Compact;
pub use crate::conduct::command::{Conduct, Tally};
pub use crate::envelope::command::{
    AckEnvelope, DropEnvelope, EnqueueEnvelope, FailEnvelope, LeaseEnvelopes, ReplayEnvelope,
};
pub use crate::gateway::command::RegisterGateway;
pub use crate::import::command::{Import, ImportedRecord};
pub use crate::instance::command::{CreateInstance, InstanceCommand, RemoveInstance};
pub use crate::join_token::command::IssueJoinToken;
pub use crate::log::command::OpenLog;
pub use crate::member::command::{AdmitMember, RetireMember};
pub use crate::namespace::command::{DeleteNamespace, NamespaceCommand, PutNamespace};
pub use crate::node::command::{HearNode, RegisterNode, SetNodeState};
pub use crate::partner::command::{
    AdvancePartner, FailPartner, HoldPartner, PullStart, PutPartner, QuarantinePartner,
    ReleasePartner, RemovePartner, SetPartnerEpoch,
};
pub use crate::peer::command::{
    AdmitPeer, AllowTokenLife, AskDomain, DecideEnrolment, EnrolPeer, NoteDomain, OperatePeer,
    PeerCommand, RequestEnrolment, RevokePeer, StandPeer, StateManifest,
};
pub use crate::policy::command::{DeletePolicy, PutPolicy};
pub use crate::precondition::command::{Precondition, Versioned, Versions};
pub use crate::reachability::command::SetReachability;
pub use crate::record::command::{DeleteRecord, PutRecord};
use crate::search::command::PutSearch;
pub use crate::task::command::{
    AssignTask, CancelTask, CompleteTask, ContinueTask, DeletePushConfig, ExpireTask,
    PutPushConfig, ReleaseTask, SubmitTask,
};
pub use crate::token::command::{ChargeTokens, SpendToken, SpendTokens};
pub use crate::witness::command::{Witness, WitnessEpoch};

/// One command. What each carries, and what is asked of it, stands at its struct.
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
    PutSearch(PutSearch),
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
    #[serde(rename = "Ledger")]
    Log(LogCommand),
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
    #[serde(rename = "Foreign")]
    Federation(FederationCommand),
    /// A condition of the commands after it.
    Require(Precondition),
    /// About instances that publish with a token of their own.
    Instance(InstanceCommand),
    /// What else may be done about agents, nodes, tasks, envelopes and policies.
    Fleet(FleetCommand),
}

/// Commands that are decided and committed together: if one is refused, none of them writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// In order; each sees what those before it wrote. At most 16.
    pub commands: Vec<Command>,
}

/// One command about conduct.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConductCommand {
    /// Reports peers' conduct; a window that was taken before changes nothing.
    Report(Conduct),
    /// Notes that tokens were used badly by who was given them.
    Charge(ChargeTokens),
}

impl From<ConductCommand> for Command {
    fn from(command: ConductCommand) -> Self {
        Self::Conduct(command)
    }
}

/// What else may be asked about agents, nodes, tasks, envelopes and policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FleetCommand {
    /// Hands a task that asked for more its caller's next message.
    ContinueTask(ContinueTask),
    /// Has every joined node dial in: those that have no session count as silent from now on. A leader says it when it
    /// begins to lead; it changes nothing about nodes that were silent before.
    CallNodes,
    /// The node has a session: it is joined, and silent no more.
    HearNode(HearNode),
    /// Puts an agent that runs elsewhere behind the gateways, or changes how they reach it.
    AttachAgent(AttachAgent),
    /// Takes an agent away.
    RemoveAgent(RemoveAgent),
    /// Tells that a leased envelope could not be delivered.
    FailEnvelope(FailEnvelope),
    /// Puts a dead letter back into its queue.
    ReplayEnvelope(ReplayEnvelope),
    /// Forgets a dead letter.
    DropEnvelope(DropEnvelope),
    /// Keeps a policy of calls.
    PutPolicy(PutPolicy),
    /// Forgets a policy of calls.
    DeletePolicy(DeletePolicy),
    /// Sets where the changes of a task are pushed to.
    PutPushConfig(PutPushConfig),
    /// Has no more changes of a task pushed there.
    DeletePushConfig(DeletePushConfig),
}

impl From<FleetCommand> for Command {
    fn from(command: FleetCommand) -> Self {
        Self::Fleet(command)
    }
}

/// One command about another registry, or about what the crawler saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FederationCommand {
    /// Notes what the crawler saw.
    #[serde(rename = "SetLiveness")]
    SetReachability(SetReachability),
    /// Agrees with another registry, or changes the terms.
    PutPartner(PutPartner),
    /// Notes how far a pull has come.
    AdvancePartner(AdvancePartner),
    /// Stops pulling from a partner that was caught in a lie.
    QuarantinePartner(QuarantinePartner),
    /// Ends an agreement.
    RemovePartner(RemovePartner),
    /// Takes over, or withdraws, an entry of another registry.
    Import(Box<Import>),
    /// A partner is at another cluster epoch.
    SetPartnerEpoch(SetPartnerEpoch),
    /// Notes that a partner has withdrawn too much at once.
    HoldPartner(HoldPartner),
    /// Has what is held back of a partner carried out.
    ReleasePartner(ReleasePartner),
    /// Notes that pulls fail.
    FailPartner(FailPartner),
}

impl From<FederationCommand> for Command {
    fn from(command: FederationCommand) -> Self {
        Self::Federation(command)
    }
}

/// One command about log, audit or time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LogCommand {
    /// Opens the transparency log.
    OpenLog(OpenLog),
    /// Adds a line to the audit.
    Audit(Audit),
    /// Forgets lines of the audit that were exported.
    TruncateAudit(TruncateAudit),
    /// Remembers the head of another log that this cluster signs as its witness.
    Witness(Witness),
    /// Brings the state's time back to that of a majority's clocks.
    ResetTime(ResetTime),
    /// Another log has begun a cluster epoch.
    WitnessEpoch(WitnessEpoch),
}
