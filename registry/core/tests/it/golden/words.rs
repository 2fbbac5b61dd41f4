//! The words that stand in commands and entries, lines of the total order, and what peers' logs tell.

use proto_types::audit::AuditLine;
use proto_types::card::Assurance;
use proto_types::manifest::KeyUse;
use proto_types::peer::{Act, Actor};
use proto_types::{Revision, WallMs};
use registry_core::entry::{
    AgentKind, Approval, ChangeEvent, ChangeKind, DeadCause, DomainMethod, ImportKind, JoinRole,
    NodeState, PartnerKind, PartnerState, PeerStatus, Reachability, Source, Subject, TaskEnd,
    TrustMode, Visibility,
};

use super::{Golden, values};
use crate::owner::recovery;
use crate::world::*;

#[test]
fn each_word_has_the_bytes_that_states_hold() {
    let mut golden = Golden::open("words.txt");
    directory(&mut golden);
    peers(&mut golden);
    fleet(&mut golden);
    golden.every("ChangeKind", &change_kinds());
    golden.each("ChangeEvent", &events());
    golden.each("AuditLine", &[audit_line()]);
    golden.finish();
}

fn directory(golden: &mut Golden) {
    use Assurance::{DomainProven, Enrolled, SelfAsserted, Unsigned};
    golden.every("Visibility", Visibility::ALL);
    golden.every("Assurance", &[Unsigned, SelfAsserted, Enrolled, DomainProven]);
    golden.every("TrustMode", TrustMode::ALL);
    golden.every("Source", Source::ALL);
    golden.every("Liveness", Reachability::ALL);
    golden.every("Subject", &[Subject::Record(handle(1)), Subject::Peer(origin(1))]);
    golden.every("PartnerKind", &[PartnerKind::Ecumene, PartnerKind::Pilox]);
    let caught = PartnerState::Quarantined { reason: "its log forked".to_owned(), at: START };
    golden.every("PartnerState", &[PartnerState::Active, caught]);
    golden.every("ImportKind", &[ImportKind::Record, ImportKind::Card]);
}

fn peers(golden: &mut Golden) {
    use PeerStatus::{Active, Revoked, Suspended, Tombstoned};
    golden.every("Standing", &[Active, Suspended, Revoked, Tombstoned]);
    golden.every("KeyUse", &[KeyUse::Signing, KeyUse::Card]);
    golden.every("DomainMethod", &[DomainMethod::Dns, DomainMethod::WellKnown]);
    let (token, domain) = (Approval::JoinToken(digest(1)), Approval::Domain(DomainMethod::Dns));
    golden.every("Approval", &[Approval::Operator, token, domain]);
    golden.every("Actor", &[Actor::Owner, Actor::Operator, Actor::Registry]);
    golden.every("Act", &acts());
}

pub(super) fn acts() -> Vec<Act> {
    let (standing, reason) = (PeerStatus::Suspended, Some("it sends spam".to_owned()));
    vec![
        Act::Enrolled {
            keys: values::keys(),
            recovery_keys: vec![recovery(8)],
            approval: "operator".to_owned(),
            operation: Some(digest(1)),
        },
        Act::Enrolled {
            keys: vec![key(1)],
            recovery_keys: Vec::new(),
            approval: "join-token".to_owned(),
            operation: None,
        },
        Act::Operation { operation: digest(1) },
        Act::Manifest { manifest: digest(1), seq: 2 },
        Act::Standing { standing, reason },
        Act::Standing { standing, reason: None },
        Act::DomainProven { method: "dns".to_owned() },
        Act::DomainLost {},
    ]
}

fn fleet(golden: &mut Golden) {
    use TaskEnd::{Canceled, Completed, Failed, InputRequired, Rejected};
    let roles = [JoinRole::Peer, JoinRole::Gateway, JoinRole::Node, JoinRole::Registry];
    golden.every("JoinRole", &roles);
    golden.every("NodeState", &[NodeState::Lost, NodeState::Joined, NodeState::Draining]);
    golden.every("AgentKind", &[AgentKind::Component, AgentKind::Command]);
    golden.every("TaskEnd", &[Completed, Failed, Canceled, Rejected, InputRequired]);
    golden.every("TaskState", &values::task_states());
    golden.every("DeadCause", DeadCause::ALL);
}

fn change_kinds() -> [ChangeKind; 12] {
    [
        ChangeKind::Peer,
        ChangeKind::Record,
        ChangeKind::Card,
        ChangeKind::Agent,
        ChangeKind::Gateway,
        ChangeKind::Node,
        ChangeKind::Task,
        ChangeKind::Envelope,
        ChangeKind::Namespace,
        ChangeKind::Reachability,
        ChangeKind::Reputation,
        ChangeKind::Policy,
    ]
}

fn events() -> [ChangeEvent; 3] {
    let (revision, id) = (Revision(7), handle(1).as_str().to_owned());
    let whole = ChangeEvent {
        revision,
        at: START,
        kind: ChangeKind::Record,
        id,
        deleted: true,
        before: Some(values::scope(Visibility::Private)),
        after: Some(values::scope(Visibility::Federated)),
        gateway: None,
    };
    let bare =
        ChangeEvent { at: WallMs(1), deleted: false, before: None, after: None, ..whole.clone() };
    let (kind, gateway) = (ChangeKind::Task, Some(gateway_id(0)));
    let id = task_id(1).as_str().to_owned();
    let of_a_task = ChangeEvent { kind, id, gateway, ..bare.clone() };
    [whole, bare, of_a_task]
}

fn audit_line() -> AuditLine {
    AuditLine {
        action: "revoke-peer".to_owned(),
        at_ms: START.0,
        outcome: "done".to_owned(),
        prev: digest(1),
        request_id: "r-1".to_owned(),
        seq: 2,
        target: "https://peer1.example".to_owned(),
        who: "operator".to_owned(),
    }
}
