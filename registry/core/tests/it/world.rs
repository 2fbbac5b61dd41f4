//! A state in memory with a clock that a test sets, and short names for what commands carry.

use proto_types::a2a::ProtocolVersion;
use proto_types::card::Assurance;
use proto_types::{
    Digest, EnvelopeId, GatewayId, Handle, IsolationSet, Kid, LeaseEpoch, LeaseLimit, LeaseTtl,
    Namespace, NodeId, Origin, PushConfig, Reason, Revision, SecretKey, Slots, Stamp, TaskId,
    Upstream, WallMs,
};
use registry_core::apply;
use registry_core::change::{Change, Effect, Refusal, Reply, Spent, Write};
use registry_core::command::{
    AckEnvelope, AssignTask, AttachAgent, Command, CompleteTask, DropEnvelope, EnqueueEnvelope,
    EnrolPeer, FailEnvelope, FederationCommand, FleetCommand, Import, ImportedRecord,
    IssueJoinToken, LeaseEnvelopes, PutAgent, PutBody, PutCard, PutPartner, PutRecord,
    RegisterGateway, RegisterNode, ReleaseTask, RemoveAgent, ReplayEnvelope, SetNodeState,
    SpendToken, SpendTokens, SubmitTask,
};
use registry_core::entry::{
    AgentKind, Approval, Capacity, EnrolledKey, ImportKind, JoinRole, Limits, NodeState,
    PartnerKind, PartnerTerms, Source, TaskEntry,
};
use registry_core::query;
use registry_core::search::{Document, Facts, PutSearch};
use registry_core::view::{Memory, Space};

/// When tests start: a round time, far from the epoch.
pub(crate) const START: WallMs = WallMs(1_800_000_000_000);
pub(crate) const MINUTE: u64 = 60_000;
pub(crate) const DAY: u64 = 24 * 60 * MINUTE;

pub(crate) struct World {
    pub(crate) memory: Memory,
    pub(crate) now: WallMs,
    pub(crate) effects: Vec<Effect>,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { memory: Memory::default(), now: START, effects: Vec::new() }
    }

    /// A world with the bodies 0..4, the peer 0 with key 0, an agent and a joined node of 2 slots.
    pub(crate) fn populated() -> Self {
        let mut world = Self::new();
        for command in initial_state() {
            world.done(&command);
        }
        world
    }

    pub(crate) fn later(&mut self, ms: u64) -> &mut Self {
        self.now = self.now.plus_ms(ms);
        self
    }

    pub(crate) fn say(&mut self, command: &Command) -> Reply {
        let Change { writes, effects, reply } =
            apply(&self.memory, Stamp { now: self.now }, command).unwrap();
        if matches!(reply, Reply::Refused(_)) {
            assert!(writes.is_empty() && effects.is_empty(), "refused, yet wrote: {command:?}");
        }
        self.memory.commit(&writes);
        self.effects = effects;
        reply
    }

    /// Carries out a command that must not be refused.
    pub(crate) fn done(&mut self, command: &Command) -> Reply {
        let reply = self.say(command);
        assert!(!matches!(reply, Reply::Refused(_)), "{command:?}: {reply:?}");
        reply
    }

    pub(crate) fn revision_of(&mut self, command: &Command) -> Revision {
        match self.done(command) {
            Reply::Done(revision) => revision,
            other => panic!("{command:?}: {other:?}"),
        }
    }

    pub(crate) fn refusal(&mut self, command: &Command) -> Refusal {
        match self.say(command) {
            Reply::Refused(refusal) => refusal,
            other => panic!("{command:?} was not refused: {other:?}"),
        }
    }

    /// Whether this token was spent; it is from now on.
    pub(crate) fn was_spent(&mut self, name: u8) -> bool {
        let SpendToken { hash, until } = token(name);
        let reply = self.done(&Command::SpendTokens(SpendTokens { entries: vec![(hash, until)] }));
        reply == Reply::Spent(vec![Spent::Replayed])
    }

    pub(crate) fn task(&self, name: u8) -> TaskEntry {
        query::task(&self.memory, &task_id(name)).unwrap().unwrap()
    }

    pub(crate) fn revision(&self) -> Revision {
        query::revision(&self.memory).unwrap()
    }

    /// The number that is kept under this name; 0 if none is.
    pub(crate) fn number(&self, name: &str) -> u64 {
        let (_, value) = self.numbered(name).unwrap_or_default();
        value.try_into().map_or(0, u64::from_be_bytes)
    }

    /// Has a number that is kept be another one, as many commands would have made it, or an earlier version.
    pub(crate) fn set_number(&mut self, name: &str, number: u64) {
        let (key, _) = self.numbered(name).unwrap();
        let value = number.to_be_bytes().to_vec();
        self.memory.commit(&[Write::Put { space: Space::State, key, value }]);
    }

    fn numbered(&self, name: &str) -> Option<(Vec<u8>, Vec<u8>)> {
        let is = |key: &[u8]| key.get(3..) == Some(name.as_bytes());
        let mut state = self.memory.pairs().filter(|((space, _), _)| *space == Space::State);
        let found = state.find(|((_, key), _)| is(key));
        found.map(|((_, key), value)| (key.clone(), value.clone()))
    }
}

pub(crate) fn initial_state() -> Vec<Command> {
    let mut commands: Vec<_> = (0..4).map(put_body).collect();
    commands.push(enrol(0, &[0], Approval::Operator));
    commands.push(put_agent(0));
    commands.push(issue(0, JoinRole::Node));
    commands.push(register_node(0, 0));
    commands.push(node_state(0, NodeState::Joined));
    commands
}

pub(crate) fn bytes(name: u8) -> Vec<u8> {
    vec![name; 3]
}

pub(crate) fn digest(name: u8) -> Digest {
    Digest::of(&bytes(name))
}

pub(crate) fn origin(name: u8) -> Origin {
    Origin::parse(&format!("https://peer{name}.example")).unwrap()
}

pub(crate) fn handle(name: u8) -> Handle {
    Handle::parse(&format!("urn:agent:{name:04}")).unwrap()
}

pub(crate) fn kid(name: u8) -> Kid {
    Kid::parse(&format!("key-{name}")).unwrap()
}

pub(crate) fn key(name: u8) -> EnrolledKey {
    EnrolledKey::new(kid(name), SecretKey::from_seed(&[name; 32]).public())
}

pub(crate) fn node_id(name: u8) -> NodeId {
    NodeId::parse(&format!("node-{name}")).unwrap()
}

pub(crate) fn gateway_id(name: u8) -> GatewayId {
    GatewayId::parse(&format!("gateway-{name}")).unwrap()
}

pub(crate) fn task_id(name: u8) -> TaskId {
    TaskId::parse(&format!("task-{name}")).unwrap()
}

pub(crate) fn envelope_id(name: u8) -> EnvelopeId {
    EnvelopeId::parse(&format!("envelope-{name}")).unwrap()
}

pub(crate) fn not_found(kind: &str, id: impl ToString) -> Refusal {
    Refusal::NotFound { kind: kind.into(), id: id.to_string() }
}

pub(crate) fn conflict(kind: &str, id: impl ToString) -> Refusal {
    Refusal::Conflict { kind: kind.into(), id: id.to_string() }
}

pub(crate) fn full(what: &str, bound: u64) -> Refusal {
    Refusal::Full { what: what.into(), bound, share: false }
}

/// The refusal of who holds as much as one caller may.
pub(crate) fn share_full(what: &str, held: u64) -> Refusal {
    Refusal::Full { what: what.into(), bound: held, share: true }
}

pub(crate) fn put_body(name: u8) -> Command {
    Command::PutBody(PutBody { bytes: bytes(name) })
}

pub(crate) fn enrol(name: u8, keys: &[u8], approval: Approval) -> Command {
    Command::EnrolPeer(EnrolPeer {
        origin: origin(name),
        keys: keys.iter().map(|it| key(*it)).collect(),
        approval,
    })
}

pub(crate) fn issue(hash: u8, role: JoinRole) -> Command {
    Command::IssueJoinToken(IssueJoinToken {
        hash: digest(hash),
        role,
        expires_at: START.plus_ms(DAY),
    })
}

pub(crate) fn put_record(
    name: u8,
    body: u8,
    updated_at: WallMs,
    owner: Option<(u8, u8)>,
) -> Command {
    Command::PutRecord(PutRecord {
        handle: handle(name),
        digest: digest(body),
        updated_at,
        valid_until: None,
        ttl_s: Some(600),
        agent_card_url: format!("https://peer{name}.example/card.json"),
        assurance: Assurance::SelfAsserted,
        owner: owner.map(|(peer, key)| (origin(peer), kid(key))),
        if_match: None,
        visibility: None,
        vouched: false,
    })
}

/// What a search reads in body `body`: the name says which of three texts it is.
pub(crate) fn put_search(source: Source, name: u8, body: u8, words: u8) -> Command {
    let text = ["", "alpha beta", "beta gamma"][usize::from(words % 3)];
    let facts =
        Facts { name: text, description: text, capabilities: vec![text], ..Facts::default() };
    let (handle, digest, document) = (handle(name), digest(body), Document::of(&facts));
    Command::PutSearch(PutSearch { source, handle, digest, document })
}

pub(crate) fn put_card(name: u8, body: u8) -> Command {
    Command::PutCard(PutCard {
        handle: handle(name),
        digest: digest(body),
        assurance: Assurance::SelfAsserted,
        owner: None,
        visibility: None,
    })
}

pub(crate) fn limits() -> Limits {
    Limits { fuel: 1_000, memory_bytes: 1 << 20, wall_ms: 1_000, output_bytes: 1 << 10 }
}

pub(crate) fn put_agent(card: u8) -> Command {
    Command::PutAgent(PutAgent {
        handle: handle(0),
        artifact: digest(200),
        artifact_bytes: 10,
        kind: AgentKind::Component,
        limits: limits(),
        isolation: isolation(&["wasm-proc", "vm-hw"]),
        card: digest(card),
        visibility: None,
    })
}

pub(crate) fn upstream() -> Upstream {
    Upstream::parse(&["https://upstream.example/a2a"], "JSONRPC", "1.0", "").unwrap()
}

pub(crate) fn attach(name: u8, card: u8) -> Command {
    let (handle, upstream, card) = (handle(name), upstream(), digest(card));
    FleetCommand::AttachAgent(AttachAgent { handle, upstream, card, visibility: None }).into()
}

pub(crate) fn remove_agent(name: u8) -> Command {
    FleetCommand::RemoveAgent(RemoveAgent { handle: handle(name) }).into()
}

pub(crate) fn isolation(classes: &[&str]) -> IsolationSet {
    IsolationSet::new(classes).unwrap()
}

pub(crate) fn capacity() -> Capacity {
    Capacity {
        slots: Slots::new(2).unwrap(),
        memory_bytes: 1 << 30,
        runs_per_second: 100,
        isolation: isolation(&["wasm-proc"]),
    }
}

/// The credential of gateway `name` is digest 150 + `name`.
pub(crate) fn register_gateway(name: u8, join: u8) -> Command {
    Command::RegisterGateway(RegisterGateway {
        id: gateway_id(name),
        endpoint: "http://gateway0".parse().unwrap(),
        credential: digest(150 + name),
        join: digest(join),
    })
}

/// The credential of node `name` is digest 100 + `name`.
pub(crate) fn register_node(name: u8, join: u8) -> Command {
    Command::RegisterNode(RegisterNode {
        id: node_id(name),
        credential: digest(100 + name),
        capacity: capacity(),
        join: digest(join),
    })
}

pub(crate) fn node_state(name: u8, state: NodeState) -> Command {
    Command::SetNodeState(SetNodeState { id: node_id(name), state, capacity: None })
}

pub(crate) fn submit(name: u8, input: u8, deadline: WallMs) -> Command {
    Command::SubmitTask(SubmitTask {
        id: task_id(name),
        context: proto_types::ContextId::parse("context").unwrap(),
        agent: handle(0),
        owner: "https://peer0.example".parse().unwrap(),
        input: digest(input),
        reply_to: None,
        deadline,
        shared: true,
        metered: true,
        counted: true,
        listed: true,
        token: None,
        node: None,
        gateway: None,
        traceparent: None,
    })
}

/// The same with what it may bring along.
pub(crate) fn submit_with(name: u8, bring: impl FnOnce(&mut SubmitTask)) -> Command {
    let mut command = submit(name, 1, START.plus_ms(DAY));
    if let Command::SubmitTask(task) = &mut command {
        bring(task);
    }
    command
}

/// Where the changes of a task may be pushed to.
pub(crate) fn push_config(name: u8) -> PushConfig {
    PushConfig {
        id: format!("push-{name}").parse().unwrap(),
        url: format!("https://receiver{name}.example/hook").parse().unwrap(),
        token: None,
        authentication: None,
        version: ProtocolVersion::V10,
    }
}

/// A token that lasts for a minute.
pub(crate) fn token(name: u8) -> SpendToken {
    SpendToken { hash: digest(name), until: START.plus_ms(MINUTE) }
}

pub(crate) fn assign(task: u8, node: u8) -> Command {
    Command::AssignTask(AssignTask { id: task_id(task), node: node_id(node) })
}

pub(crate) fn complete(task: u8, node: u8, epoch: u64, outcome: u8) -> Command {
    Command::CompleteTask(CompleteTask {
        id: task_id(task),
        node: node_id(node),
        epoch: LeaseEpoch(epoch),
        end: registry_core::entry::TaskEnd::Completed,
        outcome: Some(digest(outcome)),
        reason: None,
    })
}

pub(crate) fn release(task: u8, epoch: u64) -> Command {
    Command::ReleaseTask(ReleaseTask {
        id: task_id(task),
        epoch: LeaseEpoch(epoch),
        reason: Reason::given("it is draining"),
    })
}

pub(crate) fn enqueue(name: u8, target: &str, expires_at: WallMs) -> Command {
    Command::EnqueueEnvelope(EnqueueEnvelope {
        id: envelope_id(name),
        source: origin(0),
        target: target.parse().unwrap(),
        correlation: "correlation-1".parse().unwrap(),
        body: digest(0),
        traceparent: None,
        expires_at,
        shared: true,
        metered: true,
        token: None,
        keep_undelivered: false,
        ordering_key: None,
        hops: Vec::new(),
    })
}

/// The same as gateways send it since there are dead letters.
pub(crate) fn kept_undelivered(mut command: Command) -> Command {
    if let Command::EnqueueEnvelope(envelope) = &mut command {
        envelope.keep_undelivered = true;
    }
    command
}

pub(crate) fn lease(target: &str, max: u32) -> Command {
    lease_for(target, max, 10_000)
}

pub(crate) fn lease_for(target: &str, max: u32, ttl_ms: u64) -> Command {
    Command::LeaseEnvelopes(LeaseEnvelopes {
        target: target.parse().unwrap(),
        max: LeaseLimit::try_from(max).unwrap(),
        ttl_ms: LeaseTtl::try_from(ttl_ms).unwrap(),
    })
}

pub(crate) fn ack(name: u8, target: &str, epoch: u64) -> Command {
    Command::AckEnvelope(AckEnvelope {
        target: target.parse().unwrap(),
        source: origin(0),
        id: envelope_id(name),
        epoch: LeaseEpoch(epoch),
    })
}

/// It may be tried again in a second.
pub(crate) fn fail(name: u8, target: &str, epoch: u64, attempts_max: u32) -> Command {
    FleetCommand::FailEnvelope(FailEnvelope {
        target: target.parse().unwrap(),
        source: origin(0),
        id: envelope_id(name),
        epoch: LeaseEpoch(epoch),
        reason: Reason::given("status 503"),
        not_before: START.plus_ms(1_000),
        attempts_max,
    })
    .into()
}

pub(crate) fn replay(name: u8, expires_at: WallMs) -> Command {
    let (source, id) = (origin(0), envelope_id(name));
    FleetCommand::ReplayEnvelope(ReplayEnvelope { source, id, expires_at }).into()
}

pub(crate) fn drop_envelope(name: u8) -> Command {
    let (source, id) = (origin(0), envelope_id(name));
    FleetCommand::DropEnvelope(DropEnvelope { source, id }).into()
}

pub(crate) fn partner_name(name: u8) -> Namespace {
    Namespace::parse(&format!("partner{name}")).unwrap()
}

/// A partner at `origin(100 + name)` whose entries may be two registries away from home.
pub(crate) fn put_partner(name: u8, quota: u64) -> Command {
    FederationCommand::PutPartner(PutPartner {
        name: partner_name(name),
        terms: Box::new(PartnerTerms {
            url: origin(100 + name),
            kind: PartnerKind::Ecumene,
            catalog_key: None,
            log_key: String::new(),
            hops: 2,
            namespaces: Vec::new(),
            quota,
        }),
    })
    .into()
}

/// A record from a partner; its home is partner 0 unless it comes from its home itself.
pub(crate) fn import(partner: u8, name: u8, revision: u64, hops: u8, body: Option<u8>) -> Command {
    let entry = body.map(|body| ImportedRecord {
        digest: digest(body),
        assurance: Assurance::SelfAsserted,
        owner: None,
        public: true,
        updated_at: START,
        valid_until: None,
        ttl_s: None,
        agent_card_url: format!("https://peer{name}.example/card.json"),
    });
    FederationCommand::Import(Box::new(Import {
        partner: partner_name(partner),
        kind: ImportKind::Record,
        handle: handle(name),
        home: if hops == 1 { origin(100 + partner) } else { origin(100) },
        home_revision: revision,
        home_epoch: 0,
        hops,
        hops_max: 4,
        entry,
    }))
    .into()
}
