//! Commands and proposals as logs hold them, with what may be absent and without it.

use proto_types::card::Assurance;
use proto_types::{ContextId, IsolationSet, LeaseEpoch, QueueName, Reason, Revision};
use registry_core::command::{
    AckEnvelope, AdmitMember, AssignTask, CancelTask, Command, Compact, CompleteTask, DeleteRecord,
    EnqueueEnvelope, EnrolPeer, ExpireTask, IssueJoinToken, Precondition, Proposal, PutAgent,
    PutBody, PutCard, PutRecord, RegisterGateway, RegisterNode, ReleaseTask, RetireMember,
    RevokePeer, SetNodeState, SpendToken, SpendTokens, SubmitTask, Versioned, Versions,
};
use registry_core::entry::{AgentKind, Approval, JoinRole, NodeState, Source, TaskEnd, Visibility};
use registry_core::rank::{Unmet, Unplaced};
use registry_core::search::PutSearch;

use super::{Golden, nested, values};
use crate::world::*;

const URL: &str = "https://peer1.example/card.json";

#[test]
fn each_command_has_the_bytes_that_logs_hold() {
    let mut golden = Golden::open("commands.txt");
    let commands = [directory(), fleet(), tasks(), envelopes(), upkeep(), nested::each_wrapped()];
    golden.every("Command", &commands.concat());
    golden.every("Versioned", &subjects());
    golden.every("Versions", &[Versions::Any, Versions::OneOf(vec![digest(1), digest(2)])]);
    golden.every("Unplaced", &[Unplaced::Busy, Unplaced::Nowhere(Unmet::Memory)]);
    golden.every("Unmet", &[Unmet::Isolation, Unmet::Memory, Unmet::Joined]);
    let commands = vec![put_body(1), Command::RetireMember(RetireMember { id: 2 })];
    golden.each("Proposal", &[Proposal { commands }, Proposal { commands: Vec::new() }]);
    golden.finish();
}

fn subjects() -> [Versioned; 5] {
    let (record, card) = (Versioned::Record(handle(1)), Versioned::Card(handle(1)));
    let policy = Versioned::Policy(values::policy_name());
    [record, card, Versioned::Manifest(origin(1)), Versioned::Agent(handle(1)), policy]
}

fn directory() -> Vec<Command> {
    vec![
        Command::PutBody(PutBody { bytes: bytes(1) }),
        Command::PutBody(PutBody { bytes: Vec::new() }),
        Command::IssueJoinToken(IssueJoinToken {
            hash: digest(1),
            role: JoinRole::Node,
            expires_at: START,
        }),
        Command::EnrolPeer(EnrolPeer {
            origin: origin(1),
            keys: values::keys(),
            approval: Approval::JoinToken(digest(1)),
        }),
        Command::RevokePeer(RevokePeer { origin: origin(1) }),
        Command::PutRecord(PutRecord {
            handle: handle(1),
            digest: digest(1),
            updated_at: START,
            valid_until: Some(START.plus_ms(DAY)),
            ttl_s: Some(600),
            agent_card_url: URL.to_owned(),
            assurance: Assurance::Enrolled,
            owner: values::signer(),
            if_match: Some(digest(2)),
            visibility: Some(Visibility::Private),
            vouched: true,
        }),
        Command::PutRecord(PutRecord {
            handle: handle(1),
            digest: digest(1),
            updated_at: START,
            valid_until: None,
            ttl_s: None,
            agent_card_url: URL.to_owned(),
            assurance: Assurance::Unsigned,
            owner: None,
            if_match: None,
            visibility: None,
            vouched: false,
        }),
        Command::DeleteRecord(DeleteRecord {
            handle: handle(1),
            if_match: Some(digest(1)),
            by: Some(origin(1)),
        }),
        Command::DeleteRecord(DeleteRecord { handle: handle(1), if_match: None, by: None }),
        Command::PutCard(PutCard {
            handle: handle(1),
            digest: digest(1),
            assurance: Assurance::DomainProven,
            owner: values::signer(),
            visibility: Some(Visibility::Federated),
        }),
        Command::PutCard(PutCard {
            handle: handle(1),
            digest: digest(1),
            assurance: Assurance::SelfAsserted,
            owner: None,
            visibility: None,
        }),
        Command::PutSearch(PutSearch {
            source: Source::Card,
            handle: handle(1),
            digest: digest(1),
            document: values::document(),
        }),
        Command::Require(Precondition {
            subject: Versioned::Record(handle(1)),
            if_match: Some(Versions::OneOf(vec![digest(1)])),
            if_none_match: Some(Versions::Any),
        }),
        Command::Require(Precondition {
            subject: Versioned::Manifest(origin(1)),
            if_match: None,
            if_none_match: None,
        }),
    ]
}

fn fleet() -> Vec<Command> {
    vec![
        Command::PutAgent(PutAgent {
            handle: handle(1),
            artifact: digest(1),
            artifact_bytes: 10,
            kind: AgentKind::Component,
            limits: limits(),
            isolation: isolation(&["wasm-proc", "vm-hw"]),
            card: digest(2),
            visibility: Some(Visibility::Redacted),
        }),
        Command::PutAgent(PutAgent {
            handle: handle(1),
            artifact: digest(1),
            artifact_bytes: 10,
            kind: AgentKind::Command,
            limits: limits(),
            isolation: IsolationSet::default(),
            card: digest(2),
            visibility: None,
        }),
        Command::RegisterGateway(RegisterGateway {
            id: gateway_id(1),
            endpoint: "http://gateway1".parse().unwrap(),
            credential: digest(1),
            join: digest(2),
        }),
        Command::RegisterNode(RegisterNode {
            id: node_id(1),
            credential: digest(1),
            capacity: capacity(),
            join: digest(2),
        }),
        Command::SetNodeState(SetNodeState {
            id: node_id(1),
            state: NodeState::Joined,
            capacity: Some(capacity()),
        }),
        Command::SetNodeState(SetNodeState {
            id: node_id(1),
            state: NodeState::Lost,
            capacity: None,
        }),
    ]
}

fn tasks() -> Vec<Command> {
    let (id, node, epoch) = (task_id(1), node_id(1), LeaseEpoch(2));
    vec![
        Command::SubmitTask(SubmitTask {
            id: id.clone(),
            context: ContextId::parse("context").unwrap(),
            agent: handle(1),
            owner: "https://peer1.example".parse().unwrap(),
            input: digest(1),
            reply_to: Some(values::reply_to()),
            deadline: START,
            shared: true,
            metered: true,
            counted: false,
            listed: false,
            token: None,
            node: None,
            gateway: None,
            traceparent: None,
        }),
        Command::SubmitTask(SubmitTask {
            id: id.clone(),
            context: ContextId::parse("context").unwrap(),
            agent: handle(1),
            owner: "operator".parse().unwrap(),
            input: digest(1),
            reply_to: None,
            deadline: START,
            shared: false,
            metered: false,
            counted: false,
            listed: false,
            token: None,
            node: None,
            gateway: None,
            traceparent: None,
        }),
        Command::AssignTask(AssignTask { id: id.clone(), node: node.clone() }),
        Command::ReleaseTask(ReleaseTask {
            id: id.clone(),
            epoch,
            reason: Reason::given("it is draining"),
        }),
        Command::CompleteTask(CompleteTask {
            id: id.clone(),
            node: node.clone(),
            epoch,
            end: TaskEnd::Failed,
            outcome: Some(digest(1)),
            reason: Reason::of("it ran out of fuel"),
        }),
        Command::CompleteTask(CompleteTask {
            id: id.clone(),
            node,
            epoch,
            end: TaskEnd::Completed,
            outcome: None,
            reason: None,
        }),
        Command::CancelTask(CancelTask { id: id.clone(), owner: "operator".parse().ok() }),
        Command::CancelTask(CancelTask { id: id.clone(), owner: None }),
        Command::ExpireTask(ExpireTask {
            id: id.clone(),
            waits_for: Some(Unplaced::Nowhere(Unmet::Joined)),
        }),
        Command::ExpireTask(ExpireTask { id, waits_for: None }),
        submit_with_all(false),
        submit_with_all(true),
    ]
}

/// With what a later version added, and with what one after that did.
fn submit_with_all(listed: bool) -> Command {
    submit_with(1, |task| {
        task.listed = listed;
        task.token = Some(token(1));
        (task.node, task.gateway) = (Some(node_id(1)), Some(gateway_id(1)));
    })
}

fn enqueue_with_all(target: &str) -> Command {
    let mut command = enqueue(1, target, START);
    if let Command::EnqueueEnvelope(envelope) = &mut command {
        envelope.token = Some(token(1));
    }
    command
}

fn envelopes() -> Vec<Command> {
    let (id, source) = (envelope_id(1), origin(1));
    let target = QueueName::parse("https://target.example").unwrap();
    let paid = enqueue_with_all(target.as_str());
    let kept = kept_undelivered(enqueue(1, target.as_str(), START));
    vec![
        Command::SpendToken(SpendToken { hash: digest(1), until: START }),
        Command::SpendTokens(SpendTokens {
            entries: vec![(digest(1), START), (digest(2), START.plus_ms(1))],
        }),
        Command::EnqueueEnvelope(EnqueueEnvelope {
            id: id.clone(),
            source: source.clone(),
            target: target.clone(),
            correlation: "correlation-1".parse().unwrap(),
            body: digest(1),
            traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().ok(),
            expires_at: START,
            shared: true,
            metered: true,
            token: None,
            keep_undelivered: false,
            ordering_key: None,
            hops: Vec::new(),
        }),
        Command::EnqueueEnvelope(EnqueueEnvelope {
            id: id.clone(),
            source: source.clone(),
            target: target.clone(),
            correlation: "correlation-1".parse().unwrap(),
            body: digest(1),
            traceparent: None,
            expires_at: START,
            shared: false,
            metered: false,
            token: None,
            keep_undelivered: false,
            ordering_key: None,
            hops: Vec::new(),
        }),
        lease(target.as_str(), 9),
        Command::AckEnvelope(AckEnvelope { target, source, id, epoch: LeaseEpoch(2) }),
        paid,
        kept,
    ]
}

fn upkeep() -> Vec<Command> {
    let address = "http://member2".to_owned();
    vec![
        Command::Compact(Compact { changes_through: Revision(7), tasks_until: START }),
        Command::AdmitMember(AdmitMember {
            id: 2,
            address: address.clone(),
            join: Some(digest(1)),
        }),
        Command::AdmitMember(AdmitMember { id: 2, address, join: None }),
        Command::RetireMember(RetireMember { id: 2 }),
    ]
}
