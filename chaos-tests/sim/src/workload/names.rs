//! The few names that clients share, and what is there before they begin.
//!
//! It decides names only. All of them are checked ids, written here.

use proto_types::{
    ContextId, CorrelationId, Digest, EnvelopeId, GatewayId, Handle, IsolationSet, Kid, LeaseTtl,
    Namespace, NodeId, Origin, QueueName, SecretKey, Slots, TaskId, TaskOwner,
};
use registry_core::command::{
    Command, EnrolPeer, IssueJoinToken, LogCommand, OpenLog, Proposal, PutAgent, PutBody,
    RegisterGateway, RegisterNode, SetNodeState,
};
use registry_core::entry::{
    AgentKind, Approval, Capacity, EnrolledKey, JoinRole, Limits, NodeState,
};

use crate::time::START;

use super::directory;

/// How many tasks there are.
pub(super) const TASKS: u8 = 12;

const VALID: &str = "names are written here, once, as their types ask";

pub(super) fn handle(name: u8) -> Handle {
    Handle::parse(&format!("urn:agent:{name:04}")).expect(VALID)
}

pub(super) fn issuer() -> Origin {
    source()
}

pub(super) fn source() -> Origin {
    Origin::parse("https://peer.example").expect(VALID)
}

/// A peer that is let in and shut out.
pub(super) fn other() -> Origin {
    Origin::parse("https://other.example").expect(VALID)
}

/// A registry that entries are taken from: what it is called here, and where it is.
pub(super) fn partner(name: u8) -> (Namespace, Origin) {
    let called = Namespace::parse(&format!("partner-{name}")).expect(VALID);
    (called, Origin::parse(&format!("https://registry-{name}.example")).expect(VALID))
}

/// A namespace, and the handles that it claims: one each.
pub(super) fn tenant(name: u8) -> (Namespace, String) {
    let called = Namespace::parse(&format!("tenant-{name}")).expect(VALID);
    (called, handle(4 + name).to_string())
}

pub(super) fn kid() -> Kid {
    Kid::parse("key-1").expect(VALID)
}

pub(super) fn context() -> ContextId {
    ContextId::parse("context").expect(VALID)
}

pub(super) fn gateway(name: u8) -> GatewayId {
    GatewayId::parse(&format!("gateway-{name}")).expect(VALID)
}

pub(super) fn node(name: u8) -> NodeId {
    NodeId::parse(&format!("node-{name}")).expect(VALID)
}

pub(super) fn task(name: u8) -> TaskId {
    TaskId::parse(&format!("task-{name}")).expect(VALID)
}

pub(super) fn envelope(name: u8) -> EnvelopeId {
    EnvelopeId::parse(&format!("envelope-{name}")).expect(VALID)
}

pub(super) fn queue() -> QueueName {
    QueueName::parse("queue").expect(VALID)
}

pub(super) fn correlation() -> CorrelationId {
    CorrelationId::parse("correlation").expect(VALID)
}

/// The least that is allowed: leases run out within the lifetime of a world.
pub(super) fn lease_ttl() -> LeaseTtl {
    LeaseTtl::try_from(1_000_u64).expect(VALID)
}

pub(super) fn owner() -> TaskOwner {
    TaskOwner::parse("operator").expect(VALID)
}

pub(super) fn token(name: u8) -> Digest {
    Digest::of(&[b't', name])
}

pub(super) fn key() -> EnrolledKey {
    EnrolledKey::new(kid(), SecretKey::from_seed(&[7; 32]).public())
}

/// A body that is there from the start.
pub(super) fn initial_body() -> Digest {
    Digest::of(b"initial state")
}

/// What has to be there before clients begin: an open log, two peers, an agent, two
/// nodes, gateways, partners and tenants.
pub(crate) fn initial_state() -> Vec<Proposal> {
    let body = Command::PutBody(PutBody { bytes: b"initial state".to_vec() });
    let limits =
        Limits { fuel: 1_000, memory_bytes: 1 << 20, wall_ms: 1_000, output_bytes: 1 << 10 };
    let agent = Command::PutAgent(PutAgent {
        handle: handle(9),
        artifact: Digest::of(b"artifact"),
        artifact_bytes: 8,
        kind: AgentKind::Component,
        limits,
        isolation: isolation(),
        card: initial_body(),
        visibility: None,
    });
    let log = Command::Log(LogCommand::OpenLog(OpenLog { seed: Digest::of(b"seed") }));
    let known = EnrolledKey::new(kid(), SecretKey::from_seed(&[8; 32]).public());
    let commands = vec![log, body, enrol(issuer(), key()), enrol(other(), known), agent];
    let entries = Proposal { commands: directory::initial_state() };
    let mut proposals = vec![Proposal { commands }, entries];
    proposals.extend((0..2).map(join_node));
    proposals.extend((0..2).map(join_gateway));
    proposals
}

fn isolation() -> IsolationSet {
    IsolationSet::new(&["wasm-proc"]).expect(VALID)
}

fn enrol(origin: Origin, key: EnrolledKey) -> Command {
    Command::EnrolPeer(EnrolPeer { origin, keys: vec![key], approval: Approval::Operator })
}

fn join_gateway(name: u8) -> Proposal {
    let hash = Digest::of(&[b'g', name]);
    let (role, expires_at) = (JoinRole::Gateway, START.plus_ms(3_600_000));
    let issue = Command::IssueJoinToken(IssueJoinToken { hash, role, expires_at });
    let register = Command::RegisterGateway(RegisterGateway {
        id: gateway(name),
        endpoint: "https://gateway.example".parse().expect(VALID),
        credential: Digest::of(&[b'e', name]),
        join: hash,
    });
    Proposal { commands: vec![issue, register] }
}

fn join_node(name: u8) -> Proposal {
    let hash = Digest::of(&[b'j', name]);
    let issue = Command::IssueJoinToken(IssueJoinToken {
        hash,
        role: JoinRole::Node,
        expires_at: START.plus_ms(3_600_000),
    });
    let capacity = Capacity {
        slots: Slots::new(4).expect(VALID),
        memory_bytes: 1 << 30,
        runs_per_second: 100,
        isolation: isolation(),
    };
    let register = Command::RegisterNode(RegisterNode {
        id: node(name),
        credential: Digest::of(&[b'c', name]),
        capacity,
        join: hash,
    });
    let joined = Command::SetNodeState(SetNodeState {
        id: node(name),
        state: NodeState::Joined,
        capacity: None,
    });
    Proposal { commands: vec![issue, register, joined] }
}
