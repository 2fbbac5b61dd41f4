//! What may be asked of the state machine. Each is complete in itself: time comes with the stamp, ids and digests
//! with the command. A command must never carry something that has to be verified with a signature at `apply`:
//! signatures are checked once, at the edge, before it is proposed.

mod conduct;
mod fleet;
mod foreign;
mod ledger;
mod namespace;
mod peer;
mod proposal;

use proto_types::card::Assurance;
use proto_types::{
    ContextId, Digest, EnvelopeId, GatewayId, Handle, Kid, LeaseEpoch, NodeId, Origin, Revision,
    TaskId, WallMs,
};
use serde::{Deserialize, Serialize};

pub use self::ledger::LedgerCommand;
use crate::entry::{
    AgentKind, Approval, Capacity, EnrolledKey, JoinRole, Limits, NodeState, ReplyTo, TaskEnd,
    Visibility,
};
use crate::rank::Unplaced;
use crate::search::Told;

pub use self::conduct::{Conduct, ConductCommand, Tally};
pub use self::fleet::FleetCommand;
pub use self::foreign::{Foreign, Import, ImportedRecord, PullStart};
pub use self::namespace::{InstanceCommand, NamespaceCommand};
pub use self::peer::PeerCommand;
pub use self::proposal::{Precondition, Proposal, Versioned, Versions};

/// One wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Stores bytes under their SHA-256.
    PutBody {
        /// At most 1 MiB.
        #[serde(with = "serde_bytes")]
        bytes: Vec<u8>,
    },
    /// Makes a join token known.
    IssueJoinToken {
        /// SHA-256 of the token.
        hash: Digest,
        /// What it admits.
        role: JoinRole,
        /// When it is void; at most 30 days ahead.
        expires_at: WallMs,
    },
    /// Enrols a peer, or repeats the enrolment with the same keys.
    EnrolPeer {
        /// Its name.
        origin: Origin,
        /// 1 to 16 keys.
        keys: Vec<EnrolledKey>,
        /// Who approved; a join token is spent by this.
        approval: Approval,
    },
    /// What else may be done about peers.
    Peer(PeerCommand),
    /// Revokes a peer: none of its keys counts any more.
    #[expect(missing_docs, reason = "the line above says it")]
    RevokePeer { origin: Origin },
    /// Takes over a directory record.
    PutRecord {
        /// Its name.
        handle: Handle,
        /// Its body.
        digest: Digest,
        /// Must be newer than what is stored, and at most 5 minutes ahead of the state's clock.
        updated_at: WallMs,
        /// `validUntil`.
        valid_until: Option<WallMs>,
        /// `ttlSecondsRecommended`.
        ttl_s: Option<u64>,
        /// Where the card is.
        agent_card_url: String,
        /// What its proof was found to be worth at the edge.
        assurance: Assurance,
        /// The peer whose enrolled key signed it.
        owner: Option<(Origin, Kid)>,
        /// Only if this version is stored; what is proposed now says so with `Require`.
        if_match: Option<Digest>,
        /// Who may see it; `None` keeps what is stored, or takes the namespace's default.
        #[serde(default)]
        visibility: Option<Visibility>,
        /// Whether the caller's credential stands behind all of it: then it may correct a version of the same time.
        #[serde(default)]
        vouched: bool,
    },
    /// Leaves a tombstone, if `if_match` is stored. `by` is who asks; `None` for an operator, and in earlier logs.
    #[expect(missing_docs, reason = "the line above says all")]
    DeleteRecord {
        handle: Handle,
        if_match: Option<Digest>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Origin>,
    },
    /// Takes over an A2A card.
    PutCard {
        /// Its name.
        handle: Handle,
        /// Its body.
        digest: Digest,
        /// What its signature was found to be worth.
        assurance: Assurance,
        /// The peer whose enrolled key signed it.
        owner: Option<(Origin, Kid)>,
        /// Who may see it; `None` keeps what is stored, or takes the namespace's default.
        #[serde(default)]
        visibility: Option<Visibility>,
    },
    /// Changes a namespace.
    Namespace(NamespaceCommand),
    /// Spends a token, SHA-256 of (issuer, 0, jti), as a condition of the commands after it; remembered until then.
    #[expect(missing_docs, reason = "the line above says both")]
    SpendToken { hash: Digest, until: WallMs },
    /// Deploys a hosted agent, or a new version of it.
    PutAgent {
        /// Its name.
        handle: Handle,
        /// What to run.
        artifact: Digest,
        /// How large it is.
        artifact_bytes: u64,
        /// How it is run.
        kind: AgentKind,
        /// Within which bounds.
        limits: Limits,
        /// The isolation classes it accepts.
        isolation: Vec<String>,
        /// Its card, a body.
        card: Digest,
        /// Who may see it; `None` keeps what is stored, or takes the namespace's default.
        #[serde(default)]
        visibility: Option<Visibility>,
    },
    /// Says what a search reads in the body of an entry, in one proposal with it. Answers the entry's revision.
    PutSearch(Told),
    /// Registers a gateway, spending its join token; with the same credential again it updates the endpoint.
    RegisterGateway {
        /// Its name.
        id: GatewayId,
        /// Where nodes push events to.
        endpoint: String,
        /// SHA-256 of its credential.
        credential: Digest,
        /// SHA-256 of its join token.
        join: Digest,
    },
    /// Registers a node with what it measured, spending its join token; of credential and token the SHA-256.
    #[expect(missing_docs, reason = "the line above says all")]
    RegisterNode { id: NodeId, credential: Digest, capacity: Capacity, join: Digest },
    /// Commits a transition of a node's liveness. `Lost` sends its tasks back to pending.
    SetNodeState {
        /// Which node.
        id: NodeId,
        /// Its new state.
        state: NodeState,
        /// Its capacity, measured anew.
        capacity: Option<Capacity>,
    },
    /// Submits a task; the same id with the same input is the same task.
    SubmitTask {
        /// Its id.
        id: TaskId,
        /// Its conversation.
        context: ContextId,
        /// Who runs it; must be deployed.
        agent: Handle,
        /// Who may see it.
        owner: String,
        /// The message, a body.
        input: Digest,
        /// Where its events go.
        reply_to: Option<ReplyTo>,
        /// When it must have ended.
        deadline: WallMs,
        /// Whether it takes a place of its owner's share; the operator has none. False in earlier logs.
        #[serde(default)]
        shared: bool,
        /// Whether the bytes that are kept for it are counted. False in earlier logs.
        #[serde(default)]
        metered: bool,
    },
    /// Gives this pending task to this node, which must be joined, under the next epoch.
    #[expect(missing_docs, reason = "the line above says both")]
    AssignTask { id: TaskId, node: NodeId },
    /// The node that has it under this epoch will not, or can no longer, run it: back to pending, or failed after 5 attempts.
    #[expect(missing_docs, reason = "the line above says it")]
    ReleaseTask { id: TaskId, epoch: LeaseEpoch, reason: String },
    /// Commits the outcome, once, under the current epoch.
    CompleteTask {
        /// Which task.
        id: TaskId,
        /// Who ran it.
        node: NodeId,
        /// Under which epoch.
        epoch: LeaseEpoch,
        /// How it ended.
        end: TaskEnd,
        /// The outcome document, a body.
        outcome: Option<Digest>,
        /// Why, for ends that are not success.
        reason: Option<String>,
    },
    /// Its owner, or the operator (`None`), wants this task ended: at once if pending, through its node if assigned.
    #[expect(missing_docs, reason = "the line above says both")]
    CancelTask { id: TaskId, owner: Option<String> },
    /// Ends a task whose deadline has passed, whoever holds it; a pending one with why it waits, absent in earlier logs.
    #[expect(missing_docs, reason = "the line above says both")]
    ExpireTask {
        id: TaskId,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        waits_for: Option<Unplaced>,
    },
    /// Spends tokens, each once.
    SpendTokens {
        /// SHA-256 of (issuer, 0, jti), and until when it must be remembered; at most 1,024.
        entries: Vec<(Digest, WallMs)>,
    },
    /// About peers' conduct.
    Conduct(ConductCommand),
    /// Accepts an envelope durably.
    EnqueueEnvelope {
        /// Unique within its source.
        id: EnvelopeId,
        /// Who sent it.
        source: Origin,
        /// The queue.
        target: String,
        /// End-to-end correlation.
        correlation: String,
        /// The envelope as received, a body.
        body: Digest,
        /// The W3C trace context it came with.
        traceparent: Option<String>,
        /// When it is void; at most 7 days ahead.
        expires_at: WallMs,
        /// Whether it is noted that its source's share counts it. False in earlier logs.
        #[serde(default)]
        shared: bool,
        /// Whether the bytes that are kept for it are counted. False in earlier logs.
        #[serde(default)]
        metered: bool,
    },
    /// About the transparency log, the audit, and other logs that are witnessed.
    Ledger(LedgerCommand),
    /// Leases the oldest envelopes of a queue.
    LeaseEnvelopes {
        /// The queue.
        target: String,
        /// At most 100.
        max: u32,
        /// How long; 1 s to 10 min.
        ttl_ms: u64,
    },
    /// Forgets what nobody is to ask for any more, a bounded part of it; see `Reply::Compacted`.
    Compact {
        /// Changes up to this revision, which must exist.
        changes_through: Revision,
        /// Tasks that had ended at this time; it must be past.
        tasks_until: WallMs,
    },
    /// Notes a member of the cluster before consensus hears of it. A number that was retired is refused for ever.
    AdmitMember {
        /// Its number, not 0.
        id: u64,
        /// Its base URL.
        address: String,
        /// SHA-256 of the join token it came with; `None` where an operator said so.
        join: Option<Digest>,
    },
    /// Notes that a member has left for good.
    #[expect(missing_docs, reason = "the line above says it")]
    RetireMember { id: u64 },
    /// Takes a leased envelope out of its queue; its id stays known until it expires.
    AckEnvelope {
        /// The queue.
        target: String,
        /// Who sent it.
        source: Origin,
        /// Which one.
        id: EnvelopeId,
        /// Under which lease.
        epoch: LeaseEpoch,
    },
    /// What concerns other places than this registry.
    Foreign(Foreign),
    /// A condition of the commands after it.
    Require(Precondition),
    /// About instances that publish with a token of their own.
    Instance(InstanceCommand),
    /// What else may be done about nodes and tasks.
    Fleet(FleetCommand),
}
