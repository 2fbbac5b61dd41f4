//! Random logs over a small world, so that commands meet: few names, times around now.

use proptest::prelude::*;
use proto_types::card::Assurance;
use proto_types::{
    ContextId, LeaseEpoch, Namespace, NodeId, PolicyName, Reason, Revision, Slots, Stamp,
    TaskOwner, WallMs,
};
use registry_core::command::{
    AdmitMember, AdvancePartner, AskDomain, AssignTask, Audit, CancelTask, ChargeTokens, Command,
    Compact, CompleteTask, ConductCommand, ContinueTask, DecideEnrolment, DeleteNamespace,
    DeletePolicy, DeletePushConfig, DeleteRecord, ExpireTask, FederationCommand, FleetCommand,
    HearNode, IssueJoinToken, LogCommand, NamespaceCommand, NoteDomain, OpenLog, PeerCommand,
    Proposal, PullStart, PutAgent, PutCard, PutNamespace, PutPolicy, PutPushConfig,
    QuarantinePartner, RegisterGateway, RegisterNode, ReleaseTask, RemovePartner, RequestEnrolment,
    RetireMember, RevokePeer, SetNodeState, SetReachability, SpendToken, SpendTokens, StandPeer,
    StateManifest, SubmitTask, TruncateAudit,
};
use registry_core::entry::{
    AgentKind, Agreement, Approval, Candidate, Capacity, DomainMethod, JoinRole, NodeState,
    PeerStatus, Quotas, Reachability, ReplyTo, Source, Subject, TaskEnd, Terms, TrustMode,
    Visibility, Window,
};
use registry_core::rank::{Unmet, Unplaced};

use crate::conduct::report;
use crate::guide::{OPEN, guided};
use crate::world::*;

/// One log entry as the leader stamps it.
pub(crate) type Entry = (Stamp, Vec<Proposal>);

/// The initial state of the world and up to 60 entries after it. The stamps go forward by up
/// to 3 minutes, and sometimes back.
pub(crate) fn any_log() -> impl Strategy<Value = Vec<Entry>> {
    let step = prop_oneof![6 => 0_i64..30_000, 2 => 0_i64..180_000, 1 => -60_000_i64..0];
    prop::collection::vec(step, 1..60).prop_flat_map(|steps| {
        let mut now = START;
        let mut entries = Vec::new();
        for step in steps {
            now = WallMs(now.0.saturating_add_signed(step));
            let proposals = prop::collection::vec(any_proposal(now), 1..4);
            entries.push((Just(Stamp { now }), proposals));
        }
        entries.prop_map(|mut entries| {
            let mut commands = initial_state();
            commands.extend([issue(9, JoinRole::Gateway), register_gateway(0, 9)]);
            let proposal = |command: &Command| Proposal { commands: vec![command.clone()] };
            entries.insert(0, (Stamp { now: START }, commands.iter().map(proposal).collect()));
            guided(entries)
        })
    })
}

fn any_proposal(now: WallMs) -> impl Strategy<Value = Proposal> {
    // Most commands go alone: the more there are, the likelier one is refused, and all with it.
    let commands = prop_oneof![
        3 => prop::collection::vec(any_command(now), 1),
        1 => prop::collection::vec(any_command(now), 2..4),
    ];
    commands.prop_map(|commands| Proposal { commands })
}

/// A name out of `all`, half of the time the first: the one that the initial state has.
fn name(all: u8) -> impl Strategy<Value = u8> {
    prop_oneof![Just(0), 0..all]
}

/// Every kind of command, most of them possible at `now`.
pub(crate) fn any_command(now: WallMs) -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => any_peer_command(now),
        3 => any_directory_command(now),
        1 => any_namespace_command(now),
        2 => any_federation_command(),
        2 => any_fleet_command(now),
        10 => any_task_command(now),
        3 => any_tokens(now),
        2 => any_report(now),
        5 => any_envelope_command(now),
        1 => any_cluster_command(now),
    ]
}

fn any_cluster_command(now: WallMs) -> impl Strategy<Value = Command> {
    let past = prop_oneof![Just(now.minus_ms(10 * MINUTE)), Just(now.minus_ms(MINUTE)), Just(now)];
    let join = prop::option::of(name(4).prop_map(digest));
    prop_oneof![
        2 => (0_u64..40, past).prop_map(|(revision, tasks_until)| Command::Compact(Compact {
            changes_through: Revision(revision),
            tasks_until,
        })),
        1 => (0_u64..3, name(2), join).prop_map(|(id, address, join)| {
            let address = format!("http://member{address}");
            Command::AdmitMember(AdmitMember { id, address, join })
        }),
        1 => (0_u64..3).prop_map(|id| Command::RetireMember(RetireMember { id })),
        2 => name(4).prop_map(|target| Command::Log(LogCommand::Audit(Audit {
            who: "operator".into(),
            action: "act".into(),
            target: format!("{target}"),
            outcome: "done".into(),
            request_id: String::new(),
        }))),
        1 => (0_u64..20).prop_map(|through| {
            Command::Log(LogCommand::TruncateAudit(TruncateAudit { through }))
        }),
        1 => name(3).prop_map(|seed| {
            Command::Log(LogCommand::OpenLog(OpenLog { seed: digest(seed) }))
        }),
    ]
}

fn some_time(now: WallMs, ahead_ms_max: u64) -> impl Strategy<Value = WallMs> {
    prop_oneof![
        9 => (1..=ahead_ms_max).prop_map(move |ms| now.plus_ms(ms)),
        1 => (0..=ahead_ms_max).prop_map(move |ms| now.minus_ms(ms)),
        1 => any::<u64>().prop_map(WallMs),
    ]
}

fn some_approval() -> impl Strategy<Value = Approval> {
    prop_oneof![
        Just(Approval::Operator),
        name(4).prop_map(|name| Approval::JoinToken(digest(name))),
    ]
}

fn some_keys() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![3 => Just(vec![0]), 1 => prop::sample::subsequence(vec![0_u8, 1, 2], 0..=2)]
}

fn any_peer_command(now: WallMs) -> impl Strategy<Value = Command> {
    let role = prop_oneof![
        Just(JoinRole::Peer),
        Just(JoinRole::Gateway),
        Just(JoinRole::Node),
        Just(JoinRole::Registry)
    ];
    let keys = (some_keys(), some_keys());
    let prev = prop::option::of(name(4).prop_map(digest));
    prop_oneof![
        2 => name(6).prop_map(put_body),
        3 => (0_u8..4, role, some_time(now, DAY)).prop_map(|(hash, role, expires_at)| {
            Command::IssueJoinToken(IssueJoinToken { hash: digest(hash), role, expires_at })
        }),
        4 => (name(3), some_keys(), some_approval())
            .prop_map(|(peer, keys, approval)| enrol(peer, &keys, approval)),
        1 => (0_u8..3).prop_map(|peer| Command::RevokePeer(RevokePeer { origin: origin(peer) })),
        4 => any_word().prop_map(Command::Peer),
        12 => (name(3), 0_u64..5, prev, name(5), some_time(now, DAY), keys).prop_map(
            |(peer, seq, prev, body, expires_at, (signers, keys))| StateManifest {
                issuer: origin(peer),
                seq,
                prev,
                digest: digest(body),
                expires_at,
                signed_by: signers.into_iter().map(kid).collect(),
                keys: keys.into_iter().map(key).collect(),
                document: digest(body),
                recovery_keys: Vec::new(),
            }
        ).prop_map(PeerCommand::State).prop_map(Command::Peer),
    ]
}

/// What operators, hosts and strangers say about peers.
fn any_word() -> impl Strategy<Value = PeerCommand> {
    let standing = prop_oneof![
        3 => Just(PeerStatus::Active),
        3 => Just(PeerStatus::Suspended),
        1 => Just(PeerStatus::Tombstoned),
    ];
    let candidate = |peer, name| {
        let (origin, keys) = (origin(peer), vec![key(name)]);
        Candidate { origin, keys, recovery_keys: Vec::new(), founding: None }
    };
    let proven = prop::option::of(Just(DomainMethod::Dns));
    let asks = (name(4), 0_u8..3, any::<bool>());
    prop_oneof![
        2 => (name(3), standing).prop_map(|(peer, standing)| PeerCommand::Stand(StandPeer {
            origin: origin(peer),
            standing,
            reason: None,
        })),
        2 => asks.prop_map(move |(peer, key, domain)| PeerCommand::Request(RequestEnrolment {
            candidate: candidate(peer, key),
            domain,
            source: (key > 0).then(|| format!("192.0.2.{key}")),
        })),
        2 => (name(4), 0_u8..3, prop::option::of(some_approval())).prop_map(
            move |(peer, key, approval)| PeerCommand::Decide(DecideEnrolment {
                origin: origin(peer),
                id: candidate(peer, key).id(),
                approval,
            })
        ),
        1 => name(4).prop_map(|peer| PeerCommand::AskDomain(AskDomain { origin: origin(peer) })),
        2 => (name(4), prop::option::of(0_u8..3), proven).prop_map(
            move |(peer, of, proven)| PeerCommand::NoteDomain(NoteDomain {
                origin: origin(peer),
                request: of.map(|key| candidate(peer, key).id()),
                proven,
            })
        ),
    ]
}

fn some_owner() -> impl Strategy<Value = Option<(u8, u8)>> {
    prop::option::of((name(3), name(3)))
}

fn any_namespace_command(now: WallMs) -> impl Strategy<Value = Command> {
    let name = || prop::sample::select(vec!["default", "n0", "n1"]);
    let named = |name| Namespace::parse(name).unwrap();
    let prefixes = prop::sample::subsequence(vec!["urn:agent:0001", "urn:agent:000"], 0..2);
    let quota = || prop::option::weighted(0.3, 0_u64..4);
    let trust = prop::sample::select(TrustMode::ALL.to_vec());
    let quotas = (quota(), quota(), quota());
    let terms = (prefixes, some_visibility(), quotas, trust).prop_map(
        |(prefixes, visibility, (records, cards, agents), trust)| Terms {
            owners: vec![origin(0)],
            prefixes: prefixes.into_iter().map(Into::into).collect(),
            visibility: visibility.unwrap_or_default(),
            trust,
            quotas: Quotas { records, cards, agents, bytes: None },
            ..Terms::default()
        },
    );
    let by = prop::option::weighted(0.2, (0_u8..2).prop_map(origin));
    prop_oneof![
        4 => (name(), terms, by).prop_map(move |(name, terms, by)| Command::Namespace(
            NamespaceCommand::Put(PutNamespace { name: named(name), terms: Box::new(terms), by }),
        )),
        1 => name().prop_map(move |name| {
            Command::Namespace(NamespaceCommand::Delete(DeleteNamespace { name: named(name) }))
        }),
        1 => some_token(now).prop_map(Command::SpendToken),
    ]
}

/// One of those that are spent in batches too, or of as many others.
fn some_token(now: WallMs) -> impl Strategy<Value = SpendToken> {
    (0_u8..16, some_time(now, 16 * MINUTE))
        .prop_map(|(hash, until)| SpendToken { hash: digest(hash), until })
}

fn some_visibility() -> impl Strategy<Value = Option<Visibility>> {
    prop::option::weighted(0.3, prop::sample::select(Visibility::ALL.to_vec()))
}

fn any_directory_command(now: WallMs) -> impl Strategy<Value = Command> {
    let if_match = || prop::option::weighted(0.2, name(4).prop_map(digest));
    let record = (name(3), name(5), some_time(now, 6 * MINUTE), some_owner(), if_match());
    prop_oneof![
        4 => (record, some_visibility()).prop_map(|((name, body, at, owner, matching), visibility)| {
            let mut command = put_record(name, body, at, owner);
            if let Command::PutRecord(put) = &mut command {
                (put.if_match, put.visibility) = (matching, visibility);
            }
            command
        }),
        1 => (name(3), if_match())
            .prop_map(|(name, if_match)| Command::DeleteRecord(DeleteRecord {
                handle: handle(name),
                if_match,
                by: None,
            })),
        1 => (name(3), name(5), some_owner(), some_visibility()).prop_map(
            |(name, body, owner, visibility)| Command::PutCard(PutCard {
                handle: handle(name),
                digest: digest(body),
                assurance: Assurance::SelfAsserted,
                owner: owner.map(|(peer, key)| (origin(peer), kid(key))),
                visibility,
            })
        ),
        1 => (name(3), name(3), 0_u64..3).prop_map(|(name, card, bytes)| PutAgent {
            handle: handle(name),
            artifact: digest(200),
            artifact_bytes: bytes,
            kind: AgentKind::Command,
            limits: limits(),
            isolation: isolation(&["wasm-proc"]),
            card: digest(card),
            visibility: None,
        }).prop_map(Command::PutAgent),
        1 => (name(3), name(3)).prop_map(|(name, card)| attach(name, card)),
        1 => name(3).prop_map(remove_agent),
        3 => (name(3), name(5), some_source(), 0_u8..3).prop_map(|(name, body, source, words)| {
            put_search(source, name, body, words)
        }),
    ]
}

fn some_source() -> impl Strategy<Value = Source> {
    prop_oneof![Just(Source::Card), Just(Source::Agent), Just(Source::Record)]
}

/// Partners, what they give, and what the crawler sees.
fn any_federation_command() -> impl Strategy<Value = Command> {
    let classes = prop::sample::select(Reachability::ALL.to_vec());
    let some_start = prop::option::weighted(
        0.3,
        (0_u64..4, 0_u64..2).prop_map(move |(cursor, generation)| PullStart {
            cursor,
            agreement: Agreement { added_at: START, generation },
        }),
    );
    prop_oneof![
        2 => (name(3), classes).prop_map(|(name, class)| FederationCommand::SetReachability(SetReachability {
            subject: Subject::Record(handle(name)),
            class,
            prober: 1,
            why: "a card".into(),
        }).into()),
        2 => (name(2), 1_u64..3).prop_map(|(name, quota)| put_partner(name, quota)),
        4 => (name(2), name(3), 1_u64..4, 1_u8..4, prop::option::weighted(0.8, name(4))).prop_map(
            |(partner, name, revision, hops, body)| import(partner, name, revision, hops, body)
        ),
        1 => (name(2), 0_u64..4, some_start).prop_map(|(name, cursor, from)| {
            let (name, checkpoint, passed_over) = (partner_name(name), None, None);
            let advance = AdvancePartner { name, cursor, checkpoint, passed_over, from };
            FederationCommand::AdvancePartner(advance).into()
        }),
        1 => name(2).prop_map(|name| {
            FederationCommand::RemovePartner(RemovePartner { name: partner_name(name) }).into()
        }),
        1 => name(2).prop_map(|name| FederationCommand::QuarantinePartner(QuarantinePartner {
            name: partner_name(name),
            reason: "it lied".into(),
        }).into()),
    ]
}

fn some_capacity() -> impl Strategy<Value = Capacity> {
    (0_u32..5, prop::bool::weighted(0.9)).prop_map(|(slots, wasm)| {
        let class = if wasm { "wasm-proc" } else { "vm-emulated" };
        Capacity { slots: Slots::new(slots).unwrap(), isolation: isolation(&[class]), ..capacity() }
    })
}

fn any_fleet_command(_now: WallMs) -> impl Strategy<Value = Command> {
    let state = prop_oneof![8 => Just(NodeState::Joined), 1 => Just(NodeState::Lost), 1 => Just(NodeState::Draining)];
    prop_oneof![
        1 => (name(3), name(3), name(4), 1_u8..4).prop_map(|(name, endpoint, credential, join)| {
            Command::RegisterGateway(RegisterGateway {
                id: gateway_id(name),
                endpoint: format!("http://gateway{endpoint}").parse().unwrap(),
                credential: digest(110 + credential),
                join: digest(join),
            })
        }),
        1 => (name(3), name(4), some_capacity(), name(4)).prop_map(
            |(name, credential, capacity, join)| Command::RegisterNode(RegisterNode {
                id: node_id(name),
                credential: digest(100 + credential),
                capacity,
                join: digest(join),
            })
        ),
        8 => (name(2), state, prop::option::weighted(0.2, some_capacity())).prop_map(
            |(name, state, capacity)| Command::SetNodeState(SetNodeState {
                id: node_id(name),
                state,
                capacity,
            })
        ),
        1 => Just(FleetCommand::CallNodes.into()),
        2 => (name(2), some_capacity()).prop_map(|(name, capacity)| {
            FleetCommand::HearNode(HearNode { id: node_id(name), capacity }).into()
        }),
        1 => (some_policy(), name(4)).prop_map(|(name, body)| {
            FleetCommand::PutPolicy(PutPolicy { name, digest: digest(body) }).into()
        }),
        1 => some_policy().prop_map(|name| {
            FleetCommand::DeletePolicy(DeletePolicy { name }).into()
        }),
    ]
}

fn some_policy() -> impl Strategy<Value = PolicyName> {
    name(3).prop_map(|name| PolicyName::parse(&format!("policy-{name}")).unwrap())
}

fn some_end() -> impl Strategy<Value = TaskEnd> {
    prop_oneof![
        Just(TaskEnd::Completed),
        Just(TaskEnd::Failed),
        Just(TaskEnd::Canceled),
        Just(TaskEnd::Rejected),
        Just(TaskEnd::InputRequired),
    ]
}

/// A node left open, or one by name.
fn some_node() -> impl Strategy<Value = NodeId> {
    let open = NodeId::parse("open").unwrap();
    prop_oneof![Just(open), name(3).prop_map(node_id)]
}

/// Half of the time the right one, else one that may be old or not yet handed out.
fn some_epoch() -> impl Strategy<Value = LeaseEpoch> {
    prop_oneof![Just(OPEN), (0_u64..6).prop_map(LeaseEpoch)]
}

fn any_task_command(now: WallMs) -> impl Strategy<Value = Command> {
    let task = || name(8).prop_map(task_id);
    let reply_to = prop::option::of(name(2).prop_map(|gateway| ReplyTo {
        gateway: gateway_id(gateway),
        endpoint: "http://gateway0/events".parse().unwrap(),
        secret: "secret".parse().unwrap(),
    }));
    let outcome = prop::option::of(name(5).prop_map(digest));
    let gateway = || prop::option::of(name(2).prop_map(gateway_id));
    let token = prop::option::weighted(0.3, some_token(now));
    let brought = (reply_to, token, prop::option::of(some_node()), gateway());
    prop_oneof![
        4 => (0_u8..8, name(2), 0_u8..5, brought, some_time(now, 60 * MINUTE)).prop_map(
            |(id, agent, input, brought, deadline)| {
                let (reply_to, token, node, gateway) = brought;
                Command::SubmitTask(SubmitTask {
                    id: task_id(id),
                    context: ContextId::parse("context").unwrap(),
                    agent: handle(agent),
                    owner: "operator".parse().unwrap(),
                    input: digest(input),
                    reply_to,
                    deadline,
                    // Some of either kind; the same id says the same again.
                    shared: id.is_multiple_of(2),
                    metered: !id.is_multiple_of(3),
                    counted: true,
                    listed: id % 4 != 3,
                    token,
                    node,
                    gateway,
                    traceparent: None,
                })
            }
        ),
        5 => (task(), some_node())
            .prop_map(|(id, node)| Command::AssignTask(AssignTask { id, node })),
        3 => (task(), some_epoch()).prop_map(|(id, epoch)| Command::ReleaseTask(ReleaseTask {
            id,
            epoch,
            reason: Reason::given("it is draining"),
        })),
        3 => (task(), name(2), some_epoch(), some_end(), outcome).prop_map(
            |(id, node, epoch, end, outcome)| Command::CompleteTask(CompleteTask {
                id,
                node: node_id(node),
                epoch,
                end,
                outcome,
                reason: None,
            })
        ),
        1 => (task(), prop::option::of(Just(TaskOwner::parse("operator").unwrap())))
            .prop_map(|(id, owner)| Command::CancelTask(CancelTask { id, owner })),
        1 => (task(), any_wait())
            .prop_map(|(id, waits_for)| Command::ExpireTask(ExpireTask { id, waits_for })),
        2 => (task(), name(5), some_time(now, 60 * MINUTE), gateway()).prop_map(
            |(id, input, deadline, gateway)| {
                let (owner, input, reply_to) = ("operator".parse().unwrap(), digest(input), None);
                let traceparent = None;
                let next =
                    ContinueTask { id, owner, input, reply_to, deadline, gateway, traceparent };
                FleetCommand::ContinueTask(next).into()
            }
        ),
        1 => (task(), 0_u8..3, any::<bool>()).prop_map(|(task, name, is_put)| {
            let (owner, config) = ("operator".parse().unwrap(), push_config(name));
            let command = match is_put {
                true => FleetCommand::PutPushConfig(PutPushConfig { task, owner, config }),
                false => {
                    let config = config.id;
                    FleetCommand::DeletePushConfig(DeletePushConfig { task, owner, config })
                }
            };
            command.into()
        }),
    ]
}

fn any_wait() -> impl Strategy<Value = Option<Unplaced>> {
    let nowhere = Just(Unplaced::Nowhere(Unmet::Memory));
    prop::option::of(prop_oneof![Just(Unplaced::Busy), nowhere])
}

fn any_tokens(now: WallMs) -> impl Strategy<Value = Command> {
    let entry = (name(8).prop_map(digest), some_time(now, 16 * MINUTE));
    let entries = prop::collection::vec(entry, 0..4);
    (entries, prop::bool::weighted(0.2)).prop_map(|(entries, charge)| match charge {
        true => ConductCommand::Charge(ChargeTokens { entries }).into(),
        false => Command::SpendTokens(SpendTokens { entries }),
    })
}

fn any_report(now: WallMs) -> impl Strategy<Value = Command> {
    let back = prop_oneof![6 => 1_u64..4, 1 => Just(0_u64), 1 => Just(62_u64)];
    let tallies = prop::collection::btree_map(0_u8..4, (0_u32..20, 0_u32..20), 1..3);
    (name(2), back, tallies).prop_map(move |(gateway, back, tallies)| {
        let tallies: Vec<_> =
            tallies.into_iter().map(|(peer, (good, bad))| (peer, good, bad)).collect();
        report(gateway, Window(Window::at(now).0 - back), &tallies)
    })
}

fn any_envelope_command(now: WallMs) -> impl Strategy<Value = Command> {
    let target = || prop_oneof![Just("target-0"), Just("target-1")];
    let lease_ms = prop_oneof![Just(1_000_u64), Just(60_000)];
    let held = || (0_u8..12, target(), some_epoch());
    let token = prop::option::weighted(0.3, some_token(now));
    prop_oneof![
        3 => (0_u8..12, target(), some_time(now, 10 * MINUTE), token).prop_map(
            |(name, target, expires_at, token)| {
                let mut command = enqueue(name, target, expires_at);
                if let Command::EnqueueEnvelope(envelope) = &mut command {
                    envelope.token = token;
                    envelope.keep_undelivered = !name.is_multiple_of(3);
                }
                command
            }
        ),
        2 => (target(), 1_u32..3, lease_ms)
            .prop_map(|(target, max, ttl_ms)| lease_for(target, max, ttl_ms)),
        2 => held().prop_map(|(name, target, epoch)| ack(name, target, epoch.0)),
        2 => (held(), 1_u32..4, some_time(now, MINUTE)).prop_map(
            |((name, target, epoch), attempts_max, not_before)| {
                let mut command = fail(name, target, epoch.0, attempts_max);
                if let Command::Fleet(FleetCommand::FailEnvelope(fail)) = &mut command {
                    fail.not_before = not_before;
                }
                command
            }
        ),
        1 => (0_u8..12, some_time(now, 10 * MINUTE))
            .prop_map(|(name, expires_at)| replay(name, expires_at)),
        1 => (0_u8..12).prop_map(drop_envelope),
    ]
}

proptest! {
    /// Caught: `reply_to` of `SubmitTask` with `serde(skip)`.
    #[test]
    fn a_command_is_read_back_as_it_was_written(command in any_command(START)) {
        let written = rmp_serde::to_vec_named(&command).unwrap();
        let read: Command = rmp_serde::from_slice(&written).unwrap();
        prop_assert_eq!(read, command);
    }
}
