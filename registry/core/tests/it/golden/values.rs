//! Values that commands, entries and answers share, with every member that may be absent.

use std::collections::BTreeMap;

use proto_types::a2a::ProtocolVersion;
use proto_types::manifest::{KeyUse, ManifestKey};
use proto_types::{
    AnyKey, Kid, LeaseEpoch, Namespace, Origin, PolicyName, PushAuthentication, PushConfig,
};
use registry_core::entry::{
    Candidate, EnrolledKey, Founding, Grants, PartnerKind, PartnerTerms, PassedOver, Policy,
    Quotas, ReplyTo, Scope, TaskEnd, TaskState, Terms, TrustMode, Visibility,
};
use registry_core::search::{Document, Term, TermKind, Terms as DocumentTerms};

use crate::owner::{recovery, secret};
use crate::world::*;

pub(super) fn signer() -> Option<(Origin, Kid)> {
    Some((origin(1), kid(1)))
}

pub(super) fn policy_name() -> PolicyName {
    PolicyName::parse("closed-at-night").unwrap()
}

pub(super) fn namespace(name: &str) -> Namespace {
    Namespace::parse(name).unwrap()
}

/// RFC 7515, appendix A.3.
fn es256() -> AnyKey {
    let (x, y) = (
        "7fcdce2770f6c45d4183cbee6fdb4b7b580733357be9ef13bacf6e3c7bd15445",
        "c7f144cd1bbd9b7e872cdfedb9eeb9f4b3695d6ea90b24ad8a4623288588e5ad",
    );
    AnyKey::from_hex(&format!("04{x}{y}")).unwrap()
}

/// A key for cards alone, as documents spell it.
pub(super) fn card_key() -> ManifestKey {
    let (not_before, not_after) = (START, START.plus_ms(DAY));
    let usage = KeyUse::Card;
    ManifestKey { kid: kid(9), public_key: es256(), usage, not_before, not_after }
}

/// One that has all its members, and one that has what it must have.
pub(super) fn keys() -> Vec<EnrolledKey> {
    let ManifestKey { kid, public_key, usage, not_before, not_after } = card_key();
    let (not_before, not_after) = (Some(not_before), Some(not_after));
    vec![EnrolledKey { kid, public_key, usage, not_before, not_after }, key(1)]
}

pub(super) fn candidates() -> [Candidate; 2] {
    let founding = Some(Founding { epoch: 2, document: digest(3), body: digest(4) });
    let recovery_keys = vec![recovery(8)];
    let whole = Candidate { origin: origin(1), keys: keys(), recovery_keys, founding };
    let (origin, keys) = (origin(2), vec![key(2)]);
    [whole, Candidate { origin, keys, recovery_keys: Vec::new(), founding: None }]
}

pub(super) fn reply_to() -> ReplyTo {
    let endpoint = "http://gateway0/events".parse().unwrap();
    let secret = "secret".parse().unwrap();
    ReplyTo { gateway: gateway_id(0), endpoint, secret }
}

pub(super) fn task_states() -> [TaskState; 4] {
    let reason = Some("it took too long".to_owned());
    let (end, epoch, outcome) = (TaskEnd::Failed, LeaseEpoch(2), Some(digest(9)));
    [
        TaskState::Pending,
        TaskState::Assigned { node: node_id(0) },
        TaskState::Ended { end, epoch, outcome, reason },
        TaskState::Ended { end: TaskEnd::Completed, epoch, outcome: None, reason: None },
    ]
}

/// A term of each kind, and a word that stands neither in the name nor in the description.
pub(super) fn document() -> Document {
    let word = |text, weight, open| Term { kind: TermKind::Word, text, weight, open };
    let name = |kind, text| Term { kind, text, weight: u8::MAX, open: 0 };
    let terms = [
        word("adder", 200, 90),
        word("sums", 7, 0),
        name(TermKind::Skill, "add"),
        name(TermKind::Tag, "math"),
        name(TermKind::Capability, "streaming"),
        name(TermKind::Modality, "text/plain"),
        name(TermKind::Binding, "jsonrpc"),
    ];
    let (name, summary) = ("Adder".to_owned(), "Adds what it is given".to_owned());
    Document { name, summary, terms: DocumentTerms::pack(terms) }
}

pub(super) fn terms() -> Terms {
    Terms {
        owners: vec![origin(0)],
        prefixes: vec!["urn:acme:".to_owned()],
        visibility: Visibility::Private,
        trust: TrustMode::Prefer,
        quotas: Quotas {
            records: Some(10),
            cards: Some(11),
            agents: Some(12),
            bytes: Some(1 << 20),
        },
        policy: Policy {
            card_hosts: vec!["*.acme.example".to_owned()],
            handle_patterns: vec!["urn:acme:*".to_owned()],
        },
        grants: Grants { peers: vec![origin(1)], namespaces: vec![namespace("guest")] },
    }
}

pub(super) fn partner_terms() -> [PartnerTerms; 2] {
    let whole = PartnerTerms {
        url: origin(100),
        kind: PartnerKind::Pilox,
        catalog_key: Some(secret(5).public()),
        log_key: "log.example+0a1b2c3d+key".to_owned(),
        hops: 2,
        namespaces: vec![namespace("acme")],
        quota: 1_000,
    };
    let (kind, log_key) = (PartnerKind::Ecumene, String::new());
    let bare =
        PartnerTerms { kind, log_key, catalog_key: None, namespaces: Vec::new(), ..whole.clone() };
    [whole, bare]
}

pub(super) fn passed_over() -> PassedOver {
    let named = BTreeMap::from([("record/urn:agent:0001".to_owned(), "it is too long".to_owned())]);
    PassedOver { count: 2, named }
}

/// Of an entry in `acme` that peer 1 owns.
pub(super) fn scope(visibility: Visibility) -> Scope {
    Scope { visibility, namespace: namespace("acme"), owner: Some(origin(1)) }
}

/// With all there is, and with nothing that may be absent.
pub(super) fn push_configs() -> [PushConfig; 2] {
    let whole = PushConfig {
        id: "push-1".parse().unwrap(),
        url: "https://receiver.example/hook?task=1".parse().unwrap(),
        token: "a-token".parse().ok(),
        authentication: Some(PushAuthentication {
            scheme: "Bearer".parse().unwrap(),
            credentials: "credentials".parse().ok(),
        }),
        version: ProtocolVersion::V10,
    };
    let (id, version) = ("push-2".parse().unwrap(), ProtocolVersion::V03);
    let bare = PushConfig { id, version, token: None, authentication: None, ..whole.clone() };
    [whole, bare]
}
