//! Commands that stand in another one, and what only they hold.

use proto_types::card::Assurance;
use proto_types::peer::{Action, PeerOperation, Retirement};
use proto_types::{Digest, Kid, LeaseEpoch, PublicKey, PushConfig, Reason, TenantKey, Upstream};
use registry_core::command::{
    AdmitPeer, AdvancePartner, AllowTokenLife, AskDomain, AttachAgent, Audit, ChargeTokens,
    Command, Conduct, ConductCommand, ContinueTask, CreateInstance, DecideEnrolment,
    DeleteNamespace, DeletePolicy, DeletePushConfig, DropEnvelope, FailEnvelope, FailPartner,
    FederationCommand, FleetCommand, HearNode, HoldPartner, Import, ImportedRecord,
    InstanceCommand, LogCommand, NamespaceCommand, NoteDomain, OpenLog, OperatePeer, PeerCommand,
    PullStart, PutNamespace, PutPartner, PutPolicy, PutPushConfig, QuarantinePartner,
    ReleasePartner, RemoveAgent, RemoveInstance, RemovePartner, ReplayEnvelope, RequestEnrolment,
    ResetTime, SetPartnerEpoch, SetReachability, StandPeer, StateManifest, Tally, TruncateAudit,
    Witness, WitnessEpoch,
};
use registry_core::entry::{
    Agreement, Approval, DomainMethod, ImportKind, PeerStatus, Reachability, Subject, Visibility,
    Window,
};

use super::{Golden, values};
use crate::owner::{recovery, secret, signing};
use crate::world::*;

#[test]
fn each_nested_command_has_the_bytes_that_logs_hold() {
    let mut golden = Golden::open("nested.txt");
    golden.every("PeerCommand", &peer_commands());
    golden.every("Action", &actions());
    golden.each("PeerOperation", &operations());
    golden.every("NamespaceCommand", &namespace_commands());
    golden.every("InstanceCommand", &instance_commands());
    golden.every("ConductCommand", &conduct_commands());
    golden.every("LedgerCommand", &log_commands());
    golden.every("FleetCommand", &fleet_commands());
    golden.every("Foreign", &[partner_commands(), imports()].concat());
    golden.finish();
}

/// One of each enum as it stands in a command.
pub(super) fn each_wrapped() -> Vec<Command> {
    let [namespace, _] = namespace_commands();
    let [instance, _] = instance_commands();
    let [conduct, _] = conduct_commands();
    vec![
        Command::Peer(PeerCommand::AskDomain(AskDomain { origin: origin(1) })),
        Command::Namespace(namespace),
        Command::Instance(instance),
        Command::Conduct(conduct),
        Command::Log(LogCommand::ResetTime(ResetTime { to: START })),
        Command::Fleet(FleetCommand::CallNodes),
        Command::Federation(FederationCommand::ReleasePartner(ReleasePartner {
            name: partner_name(1),
        })),
    ]
}

fn signed_by(name: u8) -> Vec<(Kid, PublicKey)> {
    vec![(kid(name), secret(name).public())]
}

fn peer_commands() -> Vec<PeerCommand> {
    let [whole, bare] = values::candidates();
    let [first, next] = operations();
    let operate = |operation, name| {
        PeerCommand::Operate(OperatePeer {
            operation,
            document: digest(1),
            body: digest(2),
            signed_by: signed_by(name),
        })
    };
    vec![
        PeerCommand::Admit(AdmitPeer { candidate: whole.clone(), approval: Approval::Operator }),
        PeerCommand::Admit(AdmitPeer {
            candidate: bare.clone(),
            approval: Approval::JoinToken(digest(1)),
        }),
        PeerCommand::Request(RequestEnrolment {
            candidate: whole,
            domain: true,
            source: Some("192.0.2.1".to_owned()),
        }),
        PeerCommand::Request(RequestEnrolment { candidate: bare, domain: false, source: None }),
        PeerCommand::Decide(DecideEnrolment {
            origin: origin(1),
            id: digest(1),
            approval: Some(Approval::Domain(DomainMethod::Dns)),
        }),
        PeerCommand::Decide(DecideEnrolment { origin: origin(1), id: digest(1), approval: None }),
        operate(first, 1),
        operate(next, 2),
        PeerCommand::Stand(StandPeer {
            origin: origin(1),
            standing: PeerStatus::Suspended,
            reason: Some("it sends spam".to_owned()),
        }),
        PeerCommand::Stand(StandPeer {
            origin: origin(1),
            standing: PeerStatus::Active,
            reason: None,
        }),
        PeerCommand::State(StateManifest {
            issuer: origin(1),
            seq: 2,
            prev: Some(digest(1)),
            digest: digest(2),
            expires_at: START,
            signed_by: vec![kid(1), kid(2)],
            keys: values::keys(),
            document: digest(3),
            recovery_keys: vec![recovery(8)],
        }),
        PeerCommand::State(StateManifest {
            issuer: origin(1),
            seq: 1,
            prev: None,
            digest: digest(2),
            expires_at: START,
            signed_by: vec![kid(1)],
            keys: vec![key(1)],
            document: digest(3),
            recovery_keys: Vec::new(),
        }),
        PeerCommand::AskDomain(AskDomain { origin: origin(1) }),
        PeerCommand::NoteDomain(NoteDomain {
            origin: origin(1),
            request: Some(digest(1)),
            proven: Some(DomainMethod::WellKnown),
        }),
        PeerCommand::NoteDomain(NoteDomain { origin: origin(1), request: None, proven: None }),
        PeerCommand::AllowTokenLife(AllowTokenLife { origin: origin(1), seconds: Some(3_600) }),
        PeerCommand::AllowTokenLife(AllowTokenLife { origin: origin(1), seconds: None }),
    ]
}

fn operations() -> [PeerOperation; 2] {
    let operation = |epoch, seq, prev: Option<Digest>, action| PeerOperation {
        issuer: origin(1),
        epoch,
        seq,
        issued_at: START,
        expires_at: START.plus_ms(MINUTE),
        prev,
        action,
    };
    let resume = operation(0, 1, None, Action::Resume {});
    [resume, operation(2, 3, Some(digest(1)), Action::RevokeKey { key: kid(1) })]
}

fn actions() -> Vec<Action> {
    let (keys, recovery_keys) = (vec![signing(1), values::card_key()], vec![recovery(8)]);
    let reason = Some("it moves".to_owned());
    let retire = vec![Retirement { kid: kid(2), not_after: START }];
    vec![
        Action::Enrol { keys: keys.clone(), recovery_keys: recovery_keys.clone() },
        Action::Enrol { keys: keys.clone(), recovery_keys: Vec::new() },
        Action::Rotate { add: keys.clone(), retire },
        Action::Rotate { add: Vec::new(), retire: Vec::new() },
        Action::Delegate { keys: keys.clone() },
        Action::RevokeKey { key: kid(1) },
        Action::Move { to: origin(2) },
        Action::Suspend { reason: reason.clone() },
        Action::Suspend { reason: None },
        Action::Resume {},
        Action::Revoke { reason },
        Action::Revoke { reason: None },
        Action::Tombstone {},
        Action::Recover { after: digest(1), keys: keys.clone(), recovery_keys },
        Action::Recover { after: digest(1), keys, recovery_keys: Vec::new() },
    ]
}

fn namespace_commands() -> [NamespaceCommand; 2] {
    let (name, terms) = (values::namespace("acme"), Box::new(values::terms()));
    let put =
        NamespaceCommand::Put(PutNamespace { name: name.clone(), terms, by: Some(origin(1)) });
    [put, NamespaceCommand::Delete(DeleteNamespace { name })]
}

fn instance_commands() -> [InstanceCommand; 2] {
    let tenant = TenantKey::parse("acme01").unwrap();
    let (origin, token) = (origin(1), digest(1));
    let create = InstanceCommand::Create(CreateInstance { tenant: tenant.clone(), origin, token });
    [create, InstanceCommand::Remove(RemoveInstance { tenant })]
}

fn conduct_commands() -> [ConductCommand; 2] {
    let tallies = vec![Tally { peer: origin(1), good: 300, bad: 1 }];
    let report = Conduct { reporter: gateway_id(1), window: Window(30_000_000), tallies };
    let entries = vec![(digest(1), START)];
    [ConductCommand::Report(report), ConductCommand::Charge(ChargeTokens { entries })]
}

fn log_commands() -> Vec<LogCommand> {
    let log = "log.example".to_owned();
    let (from, to) = ((5, digest(1)), (6, digest(2)));
    vec![
        LogCommand::OpenLog(OpenLog { seed: digest(1) }),
        LogCommand::Audit(Audit {
            who: "operator".to_owned(),
            action: "revoke-peer".to_owned(),
            target: "https://peer1.example".to_owned(),
            outcome: "done".to_owned(),
            request_id: "r-1".to_owned(),
        }),
        LogCommand::TruncateAudit(TruncateAudit { through: 3 }),
        LogCommand::Witness(Witness { origin: log.clone(), from, to, epoch: Some(1) }),
        LogCommand::Witness(Witness { origin: log.clone(), from, to, epoch: None }),
        LogCommand::ResetTime(ResetTime { to: START }),
        LogCommand::WitnessEpoch(WitnessEpoch { origin: log, epoch: 2 }),
    ]
}

fn put_push(config: PushConfig) -> FleetCommand {
    let (task, owner) = (task_id(1), "https://peer1.example".parse().unwrap());
    FleetCommand::PutPushConfig(PutPushConfig { task, owner, config })
}

fn fleet_commands() -> Vec<FleetCommand> {
    let go_on = |reply_to, gateway| {
        FleetCommand::ContinueTask(ContinueTask {
            id: task_id(1),
            owner: "https://peer1.example".parse().unwrap(),
            input: digest(1),
            reply_to,
            deadline: START,
            gateway,
            traceparent: None,
        })
    };
    vec![
        go_on(Some(values::reply_to()), None),
        go_on(None, None),
        FleetCommand::CallNodes,
        FleetCommand::HearNode(HearNode { id: node_id(1), capacity: capacity() }),
        go_on(Some(values::reply_to()), Some(gateway_id(0))),
        FleetCommand::AttachAgent(AttachAgent {
            handle: handle(1),
            upstream: Upstream::parse(&["http://[::1]:9000"], "HTTP+JSON", "1.0", "t").unwrap(),
            card: digest(1),
            visibility: Some(Visibility::Private),
        }),
        FleetCommand::AttachAgent(AttachAgent {
            handle: handle(1),
            upstream: upstream(),
            card: digest(1),
            visibility: None,
        }),
        FleetCommand::RemoveAgent(RemoveAgent { handle: handle(1) }),
        FleetCommand::FailEnvelope(FailEnvelope {
            target: "https://target.example".parse().unwrap(),
            source: origin(1),
            id: envelope_id(1),
            epoch: LeaseEpoch(2),
            reason: Reason::given("status 503"),
            not_before: START,
            attempts_max: 8,
        }),
        FleetCommand::ReplayEnvelope(ReplayEnvelope {
            source: origin(1),
            id: envelope_id(1),
            expires_at: START,
        }),
        FleetCommand::DropEnvelope(DropEnvelope { source: origin(1), id: envelope_id(1) }),
        FleetCommand::PutPolicy(PutPolicy { name: values::policy_name(), digest: digest(1) }),
        FleetCommand::DeletePolicy(DeletePolicy { name: values::policy_name() }),
        put_push(values::push_configs()[0].clone()),
        put_push(values::push_configs()[1].clone()),
        FleetCommand::DeletePushConfig(DeletePushConfig {
            task: task_id(1),
            owner: "https://peer1.example".parse().unwrap(),
            config: "push-1".parse().unwrap(),
        }),
    ]
}

fn partner_commands() -> Vec<FederationCommand> {
    let (name, reason) = (partner_name(1), "it does not answer".to_owned());
    let agreement = Agreement { added_at: START, generation: 2 };
    let put = |terms| {
        FederationCommand::PutPartner(PutPartner { name: partner_name(1), terms: Box::new(terms) })
    };
    let [whole, bare] = values::partner_terms();
    vec![
        put(whole),
        put(bare),
        FederationCommand::AdvancePartner(AdvancePartner {
            name: name.clone(),
            cursor: 7,
            checkpoint: Some("a signed note".to_owned()),
            passed_over: Some(values::passed_over()),
            from: Some(PullStart { cursor: 5, agreement }),
        }),
        FederationCommand::AdvancePartner(AdvancePartner {
            name: name.clone(),
            cursor: 7,
            checkpoint: None,
            passed_over: None,
            from: None,
        }),
        FederationCommand::QuarantinePartner(QuarantinePartner {
            name: name.clone(),
            reason: reason.clone(),
        }),
        FederationCommand::RemovePartner(RemovePartner { name: name.clone() }),
        FederationCommand::SetPartnerEpoch(SetPartnerEpoch {
            name: name.clone(),
            epoch: 2,
            checkpoint: Some("a signed note".to_owned()),
        }),
        FederationCommand::SetPartnerEpoch(SetPartnerEpoch {
            name: name.clone(),
            epoch: 2,
            checkpoint: None,
        }),
        FederationCommand::HoldPartner(HoldPartner { name: name.clone(), entries: 9 }),
        FederationCommand::ReleasePartner(ReleasePartner { name: name.clone() }),
        FederationCommand::FailPartner(FailPartner { name, reason, pulls: 3 }),
    ]
}

fn imports() -> Vec<FederationCommand> {
    let import = |kind, entry| {
        FederationCommand::Import(Box::new(Import {
            partner: partner_name(1),
            kind,
            handle: handle(1),
            home: origin(100),
            home_revision: 7,
            home_epoch: 1,
            hops: 2,
            hops_max: 4,
            entry,
        }))
    };
    let whole = ImportedRecord {
        digest: digest(1),
        assurance: Assurance::Enrolled,
        owner: values::signer(),
        public: true,
        updated_at: START,
        valid_until: Some(START.plus_ms(DAY)),
        ttl_s: Some(600),
        agent_card_url: "https://peer1.example/card.json".to_owned(),
    };
    let bare = ImportedRecord {
        owner: None,
        public: false,
        valid_until: None,
        ttl_s: None,
        agent_card_url: String::new(),
        ..whole.clone()
    };
    let (prober, why) = (2, "it answered".to_owned());
    let subject = Subject::Record(handle(1));
    vec![
        FederationCommand::SetReachability(SetReachability {
            subject,
            class: Reachability::Open,
            prober,
            why,
        }),
        import(ImportKind::Record, Some(whole)),
        import(ImportKind::Card, Some(bare)),
        import(ImportKind::Record, None),
    ]
}
