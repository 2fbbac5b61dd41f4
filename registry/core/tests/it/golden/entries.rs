//! Entries as tables hold them: where each lies, its bytes, and every key that is derived of it.

use std::fmt::Debug;

use proto_types::card::Assurance;
use proto_types::{
    ContextId, IsolationSet, LeaseEpoch, Namespace, Reason, Revision, TenantKey, Upstream, WallMs,
};
use registry_core::change::Write;
use registry_core::entry::{
    Acked, AgentEntry, AgentKind, Backend, CardEntry, Dead, DeadCause, EnvelopeEntry,
    EvidenceEntry, FailedAttempt, Failing, GatewayEntry, Held, Hosted, ImportKind, InstanceEntry,
    JoinRole, JoinTokenEntry, MemberEntry, NamespaceEntry, NodeEntry, NodeState, PartnerEntry,
    PartnerState, PassedOver, PolicyEntry, ProvenanceEntry, Reachability, ReachabilityEntry,
    RecordEntry, ReporterEntry, SearchEntry, Source, Subject, TaskEntry, TaskState, Terms, Turn,
    Visibility, Window,
};
use registry_core::reputation::Evidence;
use registry_core::table::{
    AGENTS, CARDS, ENVELOPES, EVIDENCE, Entity, GATEWAYS, INSTANCES, JOIN_TOKENS, MEMBERS,
    NAMESPACES, NODES, PARTNERS, PEER_LOG, PEER_REQUESTS, PEERS, POLICIES, PROVENANCE,
    REACHABILITY, RECORDS, REPORTERS, SEARCHES, TASKS, Table,
};

use super::{Golden, peers, values};
use crate::world::*;

const URL: &str = "https://peer1.example/card.json";
const REVISION: Revision = Revision(7);

#[test]
fn each_entry_and_its_derived_keys_have_the_bytes_that_states_hold() {
    let mut golden = Golden::open("entries.txt");
    pin(&mut golden, &PEERS, &peers::peers());
    pin(&mut golden, &PEER_LOG, &peers::log());
    pin(&mut golden, &PEER_REQUESTS, &peers::requests());
    pin(&mut golden, &RECORDS, &records());
    pin(&mut golden, &CARDS, &cards());
    pin(&mut golden, &AGENTS, &agents());
    pin(&mut golden, &SEARCHES, &searches());
    pin(&mut golden, &NAMESPACES, &namespaces());
    pin(&mut golden, &GATEWAYS, &[gateway()]);
    pin(&mut golden, &NODES, &nodes());
    pin(&mut golden, &JOIN_TOKENS, &join_tokens());
    pin(&mut golden, &TASKS, &tasks());
    let queued = envelopes().into_iter();
    pin(&mut golden, &ENVELOPES, &queued.chain(undelivered()).collect::<Vec<_>>());
    pin(&mut golden, &MEMBERS, &members());
    pin(&mut golden, &INSTANCES, &[instance()]);
    pin(&mut golden, &REACHABILITY, &sightings());
    pin(&mut golden, &PARTNERS, &partners());
    pin(&mut golden, &PROVENANCE, &provenance());
    let (evidence, reporter) = conduct();
    pin(&mut golden, &EVIDENCE, &[evidence]);
    pin(&mut golden, &REPORTERS, &[reporter]);
    pin(&mut golden, &POLICIES, &[policy()]);
    golden.finish();
}

/// A line for each entity with its key, and one for each derived key with its value.
fn pin<T>(golden: &mut Golden, table: &Table<T>, entities: &[T])
where
    T: Entity + PartialEq + Debug,
{
    for (number, entity) in (1..).zip(entities) {
        let name = format!("{} {number}", table.name());
        let Write::Put { key, value, .. } = table.put(entity) else {
            unreachable!("an entity is put")
        };
        golden.encoded(format!("{name} {}", key.escape_ascii()), entity, &value);
        for (key, value) in table.derived(entity) {
            golden.bytes(format!("{name} derived {}", key.escape_ascii()), &value);
        }
    }
}

/// One for each audience, then one with nothing that may be absent, and a tombstone.
fn records() -> Vec<RecordEntry> {
    let whole = RecordEntry {
        handle: handle(1),
        digest: Some(digest(1)),
        updated_at: START,
        valid_until: Some(START.plus_ms(DAY)),
        ttl_s: Some(600),
        agent_card_url: URL.to_owned(),
        assurance: Assurance::Enrolled,
        owner: Some(origin(1)),
        visibility: Visibility::Public,
        namespace: values::namespace("acme"),
        bytes: 300,
        revision: REVISION,
    };
    let bare = RecordEntry {
        valid_until: None,
        ttl_s: None,
        owner: None,
        namespace: Namespace::default(),
        bytes: 0,
        visibility: Visibility::Private,
        ..whole.clone()
    };
    let tombstone = RecordEntry { digest: None, ..whole.clone() };
    let seen = Visibility::ALL.iter();
    let seen = seen.map(|&visibility| RecordEntry { visibility, ..whole.clone() });
    seen.chain([bare, tombstone]).collect()
}

fn cards() -> [CardEntry; 2] {
    let whole = CardEntry {
        handle: handle(1),
        digest: digest(1),
        assurance: Assurance::DomainProven,
        owner: Some(origin(1)),
        kid: Some(kid(1)),
        visibility: Visibility::Private,
        namespace: values::namespace("acme"),
        bytes: 300,
        revision: REVISION,
    };
    let bare = CardEntry {
        owner: None,
        kid: None,
        visibility: Visibility::Public,
        namespace: Namespace::default(),
        bytes: 0,
        ..whole.clone()
    };
    [whole, bare]
}

/// The attached ones come last: they came later.
fn agents() -> [AgentEntry; 4] {
    let hosted = Hosted {
        artifact: digest(1),
        artifact_bytes: 10,
        kind: AgentKind::Component,
        limits: limits(),
        isolation: isolation(&["wasm-proc", "vm-hw"]),
    };
    let whole = AgentEntry {
        handle: handle(1),
        backend: Backend::Hosted(hosted.clone()),
        card: digest(2),
        visibility: Visibility::Redacted,
        namespace: values::namespace("acme"),
        bytes: Some(300),
        changed_at: START,
        revision: REVISION,
    };
    let bare = AgentEntry {
        backend: Backend::Hosted(Hosted { isolation: IsolationSet::default(), ..hosted }),
        visibility: Visibility::Public,
        namespace: Namespace::default(),
        bytes: None,
        changed_at: WallMs(0),
        ..whole.clone()
    };
    let urls = ["http://127.0.0.1:9000/rpc", "https://upstream.example/a2a"];
    let all = Upstream::parse(&urls, "HTTP+JSON", "1.0", "tenant").unwrap();
    let attached = AgentEntry { backend: Backend::Attached(all), ..whole.clone() };
    let least = AgentEntry { backend: Backend::Attached(upstream()), ..bare.clone() };
    [whole, bare, attached, least]
}

/// One for each audience, of each kind of entry.
fn searches() -> Vec<SearchEntry> {
    let of = |source, visibility| SearchEntry {
        source,
        handle: handle(1),
        digest: digest(1),
        scope: values::scope(visibility),
        assurance: Assurance::Enrolled,
        valid_until: (source == Source::Record).then_some(START),
        document: values::document(),
    };
    vec![
        of(Source::Card, Visibility::Public),
        of(Source::Agent, Visibility::Redacted),
        of(Source::Record, Visibility::Federated),
        of(Source::Record, Visibility::Private),
    ]
}

fn namespaces() -> [NamespaceEntry; 2] {
    let of =
        |name, terms| NamespaceEntry { name: values::namespace(name), terms, revision: REVISION };
    [of("acme", values::terms()), of("default", Terms::default())]
}

fn gateway() -> GatewayEntry {
    let (endpoint, credential) = ("http://gateway1".parse().unwrap(), digest(1));
    GatewayEntry { id: gateway_id(1), endpoint, credential, revision: REVISION }
}

fn nodes() -> [NodeEntry; 2] {
    let whole = NodeEntry {
        id: node_id(1),
        credential: digest(1),
        capacity: capacity(),
        state: NodeState::Joined,
        silent_since: Some(START),
        revision: REVISION,
    };
    let bare = NodeEntry { silent_since: None, ..whole.clone() };
    [whole, bare]
}

fn join_tokens() -> [JoinTokenEntry; 2] {
    let (hash, role, expires_at) = (digest(1), JoinRole::Node, START);
    let open = JoinTokenEntry { hash, role, expires_at, spent_by: None };
    [JoinTokenEntry { spent_by: Some("node-1".to_owned()), ..open.clone() }, open]
}

/// In each state, with all there was at first and with nothing that may be absent; then with what a later version added.
pub(super) fn tasks() -> Vec<TaskEntry> {
    let [pending, ..] = values::task_states();
    let whole = TaskEntry {
        id: task_id(1),
        context: ContextId::parse("context").unwrap(),
        agent: handle(1),
        owner: "https://peer1.example".parse().unwrap(),
        input: digest(1),
        turns: vec![
            Turn { input: digest(2), outcome: Some(digest(3)) },
            Turn { input: digest(4), outcome: None },
        ],
        turn_bytes: 9,
        reply_to: Some(values::reply_to()),
        gateway: None,
        traceparent: None,
        deadline: START.plus_ms(DAY),
        state: pending,
        epoch: LeaseEpoch(2),
        attempts: 3,
        cancel_requested: true,
        in_context: true,
        shared: true,
        bytes: Some(1_030),
        push: Vec::new(),
        counted: false,
        listed: false,
        submitted_at: START,
        changed_at: START.plus_ms(1),
        revision: REVISION,
    };
    let bare = TaskEntry {
        turns: Vec::new(),
        turn_bytes: 0,
        reply_to: None,
        epoch: LeaseEpoch(0),
        attempts: 0,
        cancel_requested: false,
        in_context: false,
        shared: false,
        bytes: None,
        ..whole.clone()
    };
    let both = |state: TaskState| {
        [&whole, &bare].map(|task| TaskEntry { state: state.clone(), ..task.clone() })
    };
    let waited_for = TaskEntry { gateway: Some(gateway_id(0)), ..whole.clone() };
    let counted = TaskEntry { counted: true, ..waited_for.clone() };
    let listed = TaskEntry { listed: true, ..counted.clone() };
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().ok();
    let traced = TaskEntry { traceparent, ..listed.clone() };
    let pushed = TaskEntry { push: values::push_configs().into(), ..traced.clone() };
    let later = [waited_for, counted, listed, traced, pushed];
    values::task_states().into_iter().flat_map(both).chain(later).collect()
}

/// Leased, acknowledged, and with nothing that may be absent.
pub(super) fn envelopes() -> [EnvelopeEntry; 3] {
    let leased = EnvelopeEntry {
        id: envelope_id(1),
        source: origin(1),
        target: "https://target.example".parse().unwrap(),
        correlation: "correlation-1".parse().unwrap(),
        body: digest(1),
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().ok(),
        accepted_at: START,
        expires_at: START.plus_ms(DAY),
        epoch: LeaseEpoch(2),
        leased_until: START.plus_ms(MINUTE),
        deliveries: 2,
        revision: REVISION,
        acked: None,
        shared: true,
        bytes: Some(1_027),
        keep_undelivered: false,
        failures: 0,
        attempts: Vec::new(),
        dead: None,
        ordering_key: None,
        hops: Vec::new(),
    };
    let acked = Acked { epoch: LeaseEpoch(2), revision: Revision(8) };
    let acked = EnvelopeEntry { acked: Some(acked), ..leased.clone() };
    let bare = EnvelopeEntry {
        traceparent: None,
        epoch: LeaseEpoch(0),
        leased_until: WallMs(0),
        deliveries: 0,
        shared: false,
        bytes: None,
        ..leased.clone()
    };
    [leased, acked, bare]
}

/// Put off after two attempts, and a dead letter of either cause.
fn undelivered() -> [EnvelopeEntry; 3] {
    let [leased, ..] = envelopes();
    let attempt = |epoch, reason| FailedAttempt {
        at: START,
        epoch: LeaseEpoch(epoch),
        reason: Reason::given(reason),
    };
    let attempts = vec![attempt(1, "no server takes a connection"), attempt(2, "status 503")];
    let put_off = EnvelopeEntry { keep_undelivered: true, failures: 2, attempts, ..leased };
    let dead = |cause| {
        let (at, until, revision) = (START, START.plus_ms(7 * DAY), Revision(9));
        let dead = Some(Dead { at, until, revision, cause });
        EnvelopeEntry { dead, ..put_off.clone() }
    };
    [put_off.clone(), dead(DeadCause::Attempts), dead(DeadCause::Expired)]
}

fn members() -> [MemberEntry; 2] {
    let of = |id, retired| MemberEntry {
        id,
        address: "http://member".to_owned(),
        retired,
        changed_at: START,
    };
    [of(1, false), of(u64::MAX, true)]
}

fn instance() -> InstanceEntry {
    let (tenant, token) = (TenantKey::parse("acme01").unwrap(), digest(1));
    InstanceEntry { tenant, origin: origin(1), token, created_at: START }
}

fn policy() -> PolicyEntry {
    let (name, digest) = (values::policy_name(), digest(1));
    PolicyEntry { name, digest, bytes: 300, revision: REVISION }
}

fn sightings() -> [ReachabilityEntry; 2] {
    let of = |subject, class| ReachabilityEntry {
        subject,
        class,
        since: START,
        seen_at: START.plus_ms(MINUTE),
        prober: 2,
        why: "it answered".to_owned(),
        revision: REVISION,
    };
    let record = of(Subject::Record(handle(1)), Reachability::Open);
    [record, of(Subject::Peer(origin(1)), Reachability::NotSpeaking)]
}

fn partners() -> [PartnerEntry; 2] {
    let [pilox, ecumene] = values::partner_terms();
    let whole = PartnerEntry {
        name: partner_name(1),
        terms: pilox,
        state: PartnerState::Quarantined { reason: "its log forked".to_owned(), at: START },
        cursor: 9,
        checkpoint: "a signed note".to_owned(),
        imported: 3,
        pulled_at: START,
        added_at: START.minus_ms(DAY),
        passed_over: values::passed_over(),
        epoch: 2,
        held: Some(Held { entries: 4, since: START, released: true }),
        failing: Some(Failing { reason: "no answer".to_owned(), pulls: 3, at: START }),
        terms_changed: true,
        generation: 5,
    };
    let bare = PartnerEntry {
        name: partner_name(2),
        terms: ecumene,
        state: PartnerState::Active,
        passed_over: PassedOver::default(),
        epoch: 0,
        held: None,
        failing: None,
        terms_changed: false,
        generation: 0,
        ..whole.clone()
    };
    [whole, bare]
}

fn provenance() -> [ProvenanceEntry; 2] {
    let whole = ProvenanceEntry {
        kind: ImportKind::Record,
        handle: handle(1),
        partner: partner_name(1),
        home: origin(100),
        home_revision: 7,
        home_epoch: 1,
        hops: 2,
        hops_max: 4,
        digest: Some(digest(1)),
        fetched_at: START,
        revision: REVISION,
    };
    let bare =
        ProvenanceEntry { kind: ImportKind::Card, home_epoch: 0, digest: None, ..whole.clone() };
    [whole, bare]
}

fn conduct() -> (EvidenceEntry, ReporterEntry) {
    let (window, revision) = (Window(30_000_000), REVISION);
    let evidence = Evidence { good: 9_000_000, bad: 1_500_000 };
    let reporter = gateway_id(1);
    let seen = EvidenceEntry { peer: origin(1), reporter, window, evidence, revision };
    (seen, ReporterEntry { id: gateway_id(1), window, revision })
}
