//! What the log of `story` tells, in its order.

use proto_types::card::Assurance;
use proto_types::manifest::{KeyUse, ManifestKey, RecoveryKey};
use proto_types::peer::{Action, PeerOperation};
use proto_types::{ContextId, Digest, Handle, LeaseEpoch, Revision, TenantKey, WallMs, tlog};
use registry_core::command::{
    AdmitMember, AdmitPeer, AdvancePartner, AllowTokenLife, AskDomain, Audit, CancelTask,
    ChargeTokens, Command, Compact, CompleteTask, ConductCommand, ContinueTask, CreateInstance,
    DecideEnrolment, DeleteNamespace, DeletePolicy, DeleteRecord, EnqueueEnvelope, ExpireTask,
    FailPartner, FederationCommand, FleetCommand, HearNode, HoldPartner, Import, ImportedRecord,
    InstanceCommand, IssueJoinToken, LogCommand, NamespaceCommand, NoteDomain, OpenLog,
    OperatePeer, PeerCommand, Precondition, PullStart, PutCard, PutNamespace, PutPolicy, PutRecord,
    QuarantinePartner, ReleasePartner, RemoveInstance, RemovePartner, RequestEnrolment, ResetTime,
    RetireMember, RevokePeer, SetNodeState, SetPartnerEpoch, SetReachability, SpendToken,
    SpendTokens, StandPeer, StateManifest, SubmitTask, TruncateAudit, Versioned, Versions, Witness,
    WitnessEpoch,
};
use registry_core::entry::{
    Agreement, Approval, Candidate, DomainMethod, EnrolledKey, Founding, ImportKind, JoinRole,
    NodeState, PeerStatus, Reachability, Source, Subject, TaskEnd, Terms, Visibility,
};
use registry_core::query;
use registry_core::rank::{Unmet, Unplaced};
use registry_core::search::PutSearch;

use super::story::Story;
use super::values;
use crate::conduct::{ended, report};
use crate::owner::{HOUR, recovery, rotate, secret, signing};
use crate::world::{self, *};

const OWNER: &str = "https://peer0.example";
const TARGET: &str = "https://target.example";

impl Story {
    pub(super) fn peers_come_in(&mut self) {
        self.say(vec![Command::Log(LogCommand::OpenLog(OpenLog { seed: digest(250) }))]);
        self.say((0..10).map(put_body).collect());
        let roles = [JoinRole::Peer, JoinRole::Gateway, JoinRole::Node, JoinRole::Registry];
        self.say((10..).zip(roles).map(|(hash, role)| issue(hash, role)).collect());
        self.say(vec![
            enrol(0, &[0], Approval::Operator),
            enrol(1, &[1], Approval::JoinToken(digest(10))),
            enrol(7, &[7], Approval::Operator),
        ]);
        self.say(vec![
            asks(3, false, Some("192.0.2.3")),
            asks(4, true, None),
            asks(5, true, Some("192.0.2.5")),
            asks(6, false, None),
        ]);
        self.say(vec![
            decided(3, Some(Approval::Operator)),
            decided(6, None),
            noted(5, Some(candidate(5).id()), None),
            noted(4, Some(candidate(4).id()), Some(DomainMethod::Dns)),
        ]);
        let life =
            |seconds| PeerCommand::AllowTokenLife(AllowTokenLife { origin: origin(0), seconds });
        self.say(vec![
            Command::Peer(PeerCommand::AskDomain(AskDomain { origin: origin(3) })),
            noted(3, None, Some(DomainMethod::WellKnown)),
            stands(1, PeerStatus::Suspended, Some("it sends spam")),
            Command::Peer(life(Some(3_600))),
            Command::RevokePeer(RevokePeer { origin: origin(7) }),
        ]);
        self.say(vec![
            stands(1, PeerStatus::Active, None),
            Command::Peer(life(None)),
            noted(3, None, None),
        ]);
        // The first changes the keys, so that it is a line of the peer's log; the second replaces it.
        let first = self.states((1, None), 1, vec![recovery(8)]);
        let second = self.states((2, Some(digest(1))), 2, Vec::new());
        self.say(vec![first, second]);
    }

    fn states(
        &self,
        (seq, prev): (u64, Option<Digest>),
        body: u8,
        recovery_keys: Vec<RecoveryKey>,
    ) -> Command {
        Command::Peer(PeerCommand::State(StateManifest {
            issuer: origin(0),
            seq,
            prev,
            digest: digest(body),
            expires_at: self.now.plus_ms(DAY),
            signed_by: vec![kid(0)],
            keys: vec![key(0), key(20)],
            document: digest(90 + body),
            recovery_keys,
        }))
    }

    /// Peer 2 comes in by an operation of its own, loses a key, is recovered, leaves, and comes back.
    pub(super) fn owners_act(&mut self) {
        let founding = Founding { epoch: 0, document: digest(101), body: digest(0) };
        self.admits(2, vec![recovery(9)], Some(founding));
        let card = ManifestKey { usage: KeyUse::Card, ..signing(22) };
        let reason = Some("it moves".to_owned());
        for (seq, action) in (2_u8..).zip([
            rotate(&[21], &[(2, self.now.plus_ms(HOUR))]),
            Action::Delegate { keys: vec![card] },
            Action::Move { to: origin(50) },
            Action::Suspend { reason },
            Action::Resume {},
        ]) {
            self.acts((0, seq.into()), (99 + seq, 100 + seq), action, 2);
        }
        let after = query::peer(&self.memory, &origin(2)).unwrap().unwrap().log.unwrap().digest;
        self.acts((0, 7), (106, 107), Action::RevokeKey { key: kid(21) }, 2);
        let (keys, recovery_keys) = (vec![signing(23)], vec![recovery(9)]);
        self.acts((1, 7), (106, 117), Action::Recover { after, keys, recovery_keys }, 9);
        self.acts((1, 8), (117, 118), Action::Tombstone {}, 23);
        self.admits(24, Vec::new(), None);
    }

    fn admits(&mut self, key: u8, recovery_keys: Vec<RecoveryKey>, founding: Option<Founding>) {
        let (origin, keys) = (origin(2), vec![EnrolledKey::from(&signing(key))]);
        let candidate = Candidate { origin, keys, recovery_keys, founding };
        let approval = Approval::Operator;
        self.say(vec![Command::Peer(PeerCommand::Admit(AdmitPeer { candidate, approval }))]);
    }

    /// An operation of peer 2 after the one with the first digest, by one of its keys.
    fn acts(&mut self, (epoch, seq): (u64, u64), (prev, own): (u8, u8), action: Action, by: u8) {
        let operation = PeerOperation {
            issuer: origin(2),
            epoch,
            seq,
            issued_at: self.now,
            expires_at: self.now.plus_ms(HOUR),
            prev: Some(digest(prev)),
            action,
        };
        let signed_by = vec![(kid(by), secret(by).public())];
        let (document, body) = (digest(own), digest(3));
        let operate = PeerCommand::Operate(OperatePeer { operation, document, body, signed_by });
        self.say(vec![Command::Peer(operate)]);
    }

    pub(super) fn the_directory_grows(&mut self) {
        let changed = Terms { visibility: Visibility::Federated, ..values::terms() };
        let guest = Terms { owners: vec![origin(3)], ..Terms::default() };
        let gone = Terms { prefixes: vec!["urn:gone:".to_owned()], ..Terms::default() };
        self.say(vec![
            namespace("acme", values::terms(), None),
            namespace("guest", guest, None),
            namespace("gone", gone, None),
            namespace("acme", changed, Some(0)),
            Command::Namespace(NamespaceCommand::Delete(DeleteNamespace {
                name: values::namespace("gone"),
            })),
        ]);
        let record = put_record(1, 4, self.now, Some((0, 0)));
        self.say_at_once(vec![record, told(Source::Record, 1, 4)]);
        self.say_at_once(vec![put_card(1, 6), told(Source::Card, 1, 6)]);
        self.say_at_once(vec![put_agent(7), told(Source::Agent, 0, 7)]);
        let other = vec![self.record_in_acme(), self.redacted_record(), signed_card()];
        self.say(other);
        let seen = |subject, class| {
            let why = "it answered".to_owned();
            Command::Federation(FederationCommand::SetReachability(SetReachability {
                subject,
                class,
                prober: 1,
                why,
            }))
        };
        self.say(vec![
            seen(Subject::Record(handle(1)), Reachability::Open),
            seen(Subject::Peer(origin(0)), Reachability::Gated),
        ]);
        let newer = put_record(1, 8, self.now, Some((0, 0)));
        let (stored, absent) = (Some(vec![digest(4)]), Some(vec![digest(9)]));
        self.say_at_once(vec![
            require(Versioned::Record(handle(1)), stored, None),
            require(Versioned::Card(handle(1)), None, absent),
            require(Versioned::Manifest(origin(0)), None, None),
            newer,
        ]);
        let (if_match, by) = (Some(digest(5)), Some(origin(1)));
        self.say(vec![Command::DeleteRecord(DeleteRecord { handle: handle(2), if_match, by })]);
        self.tokens_are_spent();
    }

    fn record_in_acme(&self) -> Command {
        Command::PutRecord(PutRecord {
            handle: Handle::parse("urn:acme:one").unwrap(),
            digest: digest(5),
            updated_at: self.now,
            valid_until: Some(self.now.plus_ms(DAY)),
            ttl_s: None,
            agent_card_url: "https://one.acme.example/card.json".to_owned(),
            assurance: Assurance::Unsigned,
            owner: None,
            if_match: None,
            visibility: None,
            vouched: false,
        })
    }

    fn redacted_record(&self) -> Command {
        let mut command = put_record(2, 5, self.now, Some((1, 1)));
        if let Command::PutRecord(put) = &mut command {
            put.visibility = Some(Visibility::Redacted);
        }
        command
    }

    fn tokens_are_spent(&mut self) {
        let at = |ms| self.now.plus_ms(ms);
        let once = Command::SpendToken(SpendToken { hash: digest(60), until: at(MINUTE) });
        // Twice the same, one that lives long, and one of another day.
        let entries = vec![
            (digest(61), at(MINUTE)),
            (digest(61), at(MINUTE)),
            (digest(62), at(50 * MINUTE)),
            (digest(63), at(DAY)),
        ];
        let charged = vec![(digest(64), at(MINUTE))];
        self.say_at_once(vec![once, put_card(3, 6)]);
        self.say(vec![
            Command::SpendTokens(SpendTokens { entries }),
            Command::Conduct(ConductCommand::Charge(ChargeTokens { entries: charged })),
        ]);
    }

    pub(super) fn tasks_run(&mut self) {
        let deadline = self.now.plus_ms(DAY);
        let hear = FleetCommand::HearNode(HearNode { id: node_id(0), capacity: capacity() });
        let heard = || Command::Fleet(hear.clone());
        self.say(vec![register_gateway(0, 11), register_node(0, 12), heard()]);
        let measured = Some(capacity());
        self.say(vec![
            Command::Fleet(FleetCommand::CallNodes),
            node_state(0, NodeState::Draining),
            Command::SetNodeState(SetNodeState {
                id: node_id(0),
                state: NodeState::Joined,
                capacity: measured,
            }),
            heard(),
        ]);
        self.say(vec![submit(1, 6, deadline), assign(1, 0), release(1, 1), assign(1, 0), asked(2)]);
        let (owner, reply_to) = (OWNER.parse().unwrap(), Some(values::reply_to()));
        let (id, input, gateway) = (task_id(1), digest(8), None);
        let traceparent = None;
        let next = ContinueTask { id, owner, input, reply_to, deadline, gateway, traceparent };
        let next = FleetCommand::ContinueTask(next);
        self.say(vec![Command::Fleet(next), assign(1, 0), complete(1, 0, 3, 9)]);
        let cancel = |name, owner: Option<&str>| {
            let owner = owner.map(|owner| owner.parse().unwrap());
            Command::CancelTask(CancelTask { id: task_id(name), owner })
        };
        self.say(vec![submit(2, 6, deadline), cancel(2, Some(OWNER)), submit(3, 6, deadline)]);
        self.say(vec![assign(3, 0), cancel(3, None), node_state(0, NodeState::Lost), heard()]);
        self.say(vec![submit(4, 6, self.now.plus_ms(HOUR)), operators_task(deadline)]);
        self.say(vec![
            enqueue(1, TARGET, deadline),
            enqueue(2, TARGET, deadline),
            unshared_envelope(deadline),
            lease(TARGET, 1),
            ack(1, TARGET, 1),
        ]);
        self.say(vec![report(0, ended(), &[(0, 10, 1), (1, 0, 3), (9, 1, 0)])]);
    }

    pub(super) fn partners_are_pulled(&mut self) {
        let agreement = Agreement { added_at: self.now, generation: 0 };
        self.say(vec![put_partner(0, 10), put_partner(1, 5)]);
        self.say(vec![
            import(0, 11, 7, 1, Some(1)),
            import(0, 12, 8, 1, Some(2)),
            import(0, 12, 9, 1, None),
            imported_card(),
            import(1, 13, 99, 2, Some(1)),
        ]);
        let (partner, other) = (partner_name(0), partner_name(1));
        let (from, reason) = (PullStart { cursor: 0, agreement }, "it does not answer".to_owned());
        let advance = FederationCommand::AdvancePartner(AdvancePartner {
            name: partner.clone(),
            cursor: 10,
            checkpoint: Some("a signed note".to_owned()),
            passed_over: Some(values::passed_over()),
            from: Some(from),
        });
        let checkpoint = Some("another signed note".to_owned());
        let commands = [
            advance,
            FederationCommand::FailPartner(FailPartner {
                name: other.clone(),
                reason: reason.clone(),
                pulls: 3,
            }),
            FederationCommand::HoldPartner(HoldPartner { name: other.clone(), entries: 2 }),
            FederationCommand::ReleasePartner(ReleasePartner { name: other.clone() }),
            FederationCommand::SetPartnerEpoch(SetPartnerEpoch {
                name: other.clone(),
                epoch: 1,
                checkpoint,
            }),
            FederationCommand::QuarantinePartner(QuarantinePartner { name: partner, reason }),
        ];
        self.say(commands.into_iter().map(Command::Federation).collect());
        let remove =
            Command::Federation(FederationCommand::RemovePartner(RemovePartner { name: other }));
        self.say(vec![put_partner(0, 11), remove]);
    }

    pub(super) fn the_cluster_keeps_house(&mut self) {
        let admit = |id, join| {
            Command::AdmitMember(AdmitMember { id, address: "http://member".into(), join })
        };
        self.say(vec![
            admit(2, Some(digest(13))),
            admit(3, None),
            Command::RetireMember(RetireMember { id: 3 }),
        ]);
        let tenant = |name| TenantKey::parse(name).unwrap();
        let create = |name| {
            InstanceCommand::Create(CreateInstance {
                tenant: tenant(name),
                origin: origin(60),
                token: digest(61),
            })
        };
        let remove = InstanceCommand::Remove(RemoveInstance { tenant: tenant("acme02") });
        let instances = [create("acme01"), create("acme02"), remove];
        self.say(instances.into_iter().map(Command::Instance).collect());
        // One more than an anchor in the transparency log stands for.
        self.say((0..17).map(audited).collect());
        let empty = (0, tlog::empty_root());
        let witness = |log: &str, to, epoch| {
            let origin = log.to_owned();
            LogCommand::Witness(Witness { origin, from: empty, to: (5, digest(to)), epoch })
        };
        let changes = [
            LogCommand::TruncateAudit(TruncateAudit { through: 3 }),
            witness("log.example", 70, Some(0)),
            LogCommand::WitnessEpoch(WitnessEpoch { origin: "log.example".to_owned(), epoch: 1 }),
            witness("other.example", 71, None),
        ];
        self.say(changes.into_iter().map(Command::Log).collect());
        self.time_passes();
    }

    fn time_passes(&mut self) {
        let waits_for = Some(Unplaced::Nowhere(Unmet::Memory));
        self.now = self.now.plus_ms(2 * HOUR);
        let soon = self.now.plus_ms(HOUR);
        self.say(vec![
            Command::ExpireTask(ExpireTask { id: task_id(4), waits_for }),
            self.compact(5),
        ]);
        self.now = self.now.plus_ms(8 * DAY);
        self.say(vec![self.compact(9)]);
        // The clock of one member had carried the state's time ahead.
        self.now = soon;
        self.say(vec![Command::Log(LogCommand::ResetTime(ResetTime { to: soon }))]);
        let expires_at = self.now.plus_ms(DAY);
        let (hash, role) = (digest(14), JoinRole::Node);
        self.say(vec![Command::IssueJoinToken(IssueJoinToken { hash, role, expires_at })]);
    }

    fn compact(&self, through: u64) -> Command {
        Command::Compact(Compact { changes_through: Revision(through), tasks_until: self.now })
    }

    /// The first entries after a restore: revisions and leases of the epoch before never come again.
    pub(super) fn a_new_epoch_begins(&mut self) {
        self.say(vec![put_body(0), put_body(1), put_record(30, 1, self.now, Some((0, 0)))]);
        self.say(vec![enqueue(4, TARGET, self.now.plus_ms(DAY)), lease(TARGET, 9)]);
    }

    /// Two tasks with their tokens go to the node that is named, and a third finds no room there. Another gateway than at
    /// first waits for the next turn of one. An envelope comes with a token, and again with another.
    pub(super) fn calls_are_paid_for(&mut self) {
        self.say_at_once(vec![put_body(6), self.paid_task(1)]);
        self.say(vec![self.paid_task(2), self.paid_task(3)]);
        self.say(vec![asks_for_more(1, 1), complete(2, 0, 1, 1)]);
        let (owner, reply_to) = (OWNER.parse().unwrap(), Some(values::reply_to()));
        let (id, input, gateway) = (task_id(1), digest(2), Some(gateway_id(1)));
        let deadline = self.now.plus_ms(HOUR);
        let traceparent = None;
        let next = ContinueTask { id, owner, input, reply_to, deadline, gateway, traceparent };
        let cancel = Command::CancelTask(CancelTask { id: task_id(3), owner: None });
        self.say(vec![Command::Fleet(FleetCommand::ContinueTask(next)), cancel, assign(1, 0)]);
        self.say(vec![self.paid_envelope(70), self.paid_envelope(71)]);
    }

    fn paid_task(&self, name: u8) -> Command {
        submit_with(name, |task| {
            // As the version said it that told this first.
            task.listed = false;
            (task.input, task.deadline) = (digest(6), self.now.plus_ms(HOUR));
            task.token = Some(self.token(60 + name));
            (task.node, task.gateway) = (Some(node_id(0)), Some(gateway_id(0)));
        })
    }

    /// Two tasks in the list of their owner, from what it is at first until they are forgotten.
    pub(super) fn tasks_are_listed(&mut self) {
        self.say(vec![
            submit_with(1, |task| task.node = Some(node_id(0))),
            submit_with(2, |task| task.context = ContextId::parse("another-context").unwrap()),
        ]);
        self.say(vec![complete(1, 0, 1, 1), assign(2, 0), release(2, 1)]);
        self.say(vec![Command::CancelTask(CancelTask { id: task_id(2), owner: None })]);
        self.say(vec![self.compact(5)]);
    }

    /// An agent that runs elsewhere, from its first card until it is removed, and a hosted one that is.
    pub(super) fn agents_are_attached(&mut self) {
        self.say(vec![Command::Log(LogCommand::OpenLog(OpenLog { seed: digest(250) }))]);
        self.say(initial_state());
        self.say_at_once(vec![attach(1, 1), told(Source::Agent, 1, 1)]);
        self.say(vec![attach(1, 2)]);
        self.say(vec![remove_agent(1), remove_agent(0)]);
    }

    pub(super) fn policies_change(&mut self) {
        self.say(vec![Command::Log(LogCommand::OpenLog(OpenLog { seed: digest(250) }))]);
        let name = values::policy_name();
        let put = |body| -> Command {
            let (name, digest) = (name.clone(), digest(body));
            FleetCommand::PutPolicy(PutPolicy { name, digest }).into()
        };
        self.say_at_once(vec![put_body(1), put(1)]);
        self.say_at_once(vec![put_body(2), put(2)]);
        self.say(vec![FleetCommand::DeletePolicy(DeletePolicy { name }).into()]);
    }

    fn paid_envelope(&self, token: u8) -> Command {
        let mut command = enqueue(1, TARGET, START.plus_ms(DAY));
        if let Command::EnqueueEnvelope(envelope) = &mut command {
            envelope.token = Some(self.token(token));
        }
        command
    }

    fn token(&self, name: u8) -> SpendToken {
        SpendToken { hash: digest(name), until: self.now.plus_ms(MINUTE) }
    }
}

fn candidate(peer: u8) -> Candidate {
    let (origin, keys) = (origin(peer), vec![key(peer)]);
    Candidate { origin, keys, recovery_keys: Vec::new(), founding: None }
}

fn asks(peer: u8, domain: bool, source: Option<&str>) -> Command {
    let (candidate, source) = (candidate(peer), source.map(str::to_owned));
    Command::Peer(PeerCommand::Request(RequestEnrolment { candidate, domain, source }))
}

fn decided(peer: u8, approval: Option<Approval>) -> Command {
    let (origin, id) = (origin(peer), candidate(peer).id());
    Command::Peer(PeerCommand::Decide(DecideEnrolment { origin, id, approval }))
}

fn noted(peer: u8, request: Option<Digest>, proven: Option<DomainMethod>) -> Command {
    Command::Peer(PeerCommand::NoteDomain(NoteDomain { origin: origin(peer), request, proven }))
}

fn stands(peer: u8, standing: PeerStatus, reason: Option<&str>) -> Command {
    let (origin, reason) = (origin(peer), reason.map(str::to_owned));
    Command::Peer(PeerCommand::Stand(StandPeer { origin, standing, reason }))
}

fn namespace(name: &str, terms: Terms, by: Option<u8>) -> Command {
    let (name, terms, by) = (values::namespace(name), Box::new(terms), by.map(origin));
    Command::Namespace(NamespaceCommand::Put(PutNamespace { name, terms, by }))
}

fn told(source: Source, name: u8, body: u8) -> Command {
    let (handle, digest, document) = (handle(name), digest(body), values::document());
    Command::PutSearch(PutSearch { source, handle, digest, document })
}

fn signed_card() -> Command {
    Command::PutCard(PutCard {
        handle: handle(2),
        digest: digest(6),
        assurance: Assurance::Enrolled,
        owner: Some((origin(0), kid(0))),
        visibility: Some(Visibility::Private),
    })
}

/// Without either list any version that is there will do.
fn require(subject: Versioned, of: Option<Vec<Digest>>, not: Option<Vec<Digest>>) -> Command {
    let any = (of.is_none() && not.is_none()).then_some(Versions::Any);
    let if_match = of.map(Versions::OneOf).or(any);
    Command::Require(Precondition { subject, if_match, if_none_match: not.map(Versions::OneOf) })
}

/// Task 1 asks its caller for more.
fn asked(epoch: u64) -> Command {
    asks_for_more(epoch, 7)
}

fn asks_for_more(epoch: u64, outcome: u8) -> Command {
    Command::CompleteTask(CompleteTask {
        id: task_id(1),
        node: node_id(0),
        epoch: LeaseEpoch(epoch),
        end: TaskEnd::InputRequired,
        outcome: Some(digest(outcome)),
        reason: None,
    })
}

/// As an earlier version said it.
fn submit(name: u8, input: u8, deadline: WallMs) -> Command {
    let mut command = world::submit(name, input, deadline);
    if let Command::SubmitTask(task) = &mut command {
        (task.counted, task.listed) = (false, false);
    }
    command
}

/// It counts for nobody, and waits for ever.
fn operators_task(deadline: WallMs) -> Command {
    Command::SubmitTask(SubmitTask {
        id: task_id(5),
        context: ContextId::parse("another-context").unwrap(),
        agent: handle(0),
        owner: "operator".parse().unwrap(),
        input: digest(6),
        reply_to: Some(values::reply_to()),
        deadline,
        shared: false,
        metered: false,
        counted: false,
        listed: false,
        token: None,
        node: None,
        gateway: None,
        traceparent: None,
    })
}

/// As an earlier version said it.
fn unshared_envelope(expires_at: WallMs) -> Command {
    Command::EnqueueEnvelope(EnqueueEnvelope {
        id: envelope_id(3),
        source: origin(1),
        target: TARGET.parse().unwrap(),
        correlation: "correlation-3".parse().unwrap(),
        body: digest(4),
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().ok(),
        expires_at,
        shared: false,
        metered: false,
        token: None,
        keep_undelivered: false,
        ordering_key: None,
        hops: Vec::new(),
    })
}

fn imported_card() -> Command {
    let entry = ImportedRecord {
        digest: digest(2),
        assurance: Assurance::Enrolled,
        owner: Some((origin(0), kid(0))),
        public: false,
        updated_at: START,
        valid_until: None,
        ttl_s: None,
        agent_card_url: String::new(),
    };
    Command::Federation(FederationCommand::Import(Box::new(Import {
        partner: partner_name(0),
        kind: ImportKind::Card,
        handle: handle(14),
        home: origin(100),
        home_revision: 10,
        home_epoch: 0,
        hops: 1,
        hops_max: 4,
        entry: Some(entry),
    })))
}

fn audited(line: u8) -> Command {
    Command::Log(LogCommand::Audit(Audit {
        who: "operator".to_owned(),
        action: "revoke-peer".to_owned(),
        target: origin(line).as_str().to_owned(),
        outcome: "done".to_owned(),
        request_id: format!("r-{line}"),
    }))
}
