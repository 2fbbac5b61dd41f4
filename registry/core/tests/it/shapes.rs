//! Entries as the version before wrote them: the same bytes again, as long as nothing new is to be said of them.
//!
//! Members of two versions compare digests of what they write. A member that is added to an entry has to be left out where
//! it says nothing; add the shape before it here.

use proto_types::peer::{OperationRef, PeerStatuses};
use proto_types::{
    ContextId, Digest, EnvelopeId, Handle, LeaseEpoch, Namespace, NodeId, Origin, PublicKey,
    Revision, TaskId, WallMs,
};
use registry_core::entry::{
    Acked, AgentEntry, AgentKind, Approval, Candidate, Capacity, DomainProof, EnrolledKey,
    EnvelopeEntry, ImportKind, Limits, LogHead, ManifestRef, NodeEntry, NodeState, PartnerEntry,
    PartnerKind, PartnerState, PartnerTerms, PeerEntry, PeerRequest, PeerStatus, ProvenanceEntry,
    Recent, ReplyTo, TaskEntry, TaskState, Visibility,
};
use serde::Serialize;

use crate::world::*;

/// Holds that an entry of this earlier shape keeps its bytes.
macro_rules! keeps {
    ($entry:ty { $($member:ident: $kind:ty = $value:expr,)* }) => {{
        #[derive(Serialize)]
        struct Earlier { $($member: $kind,)* }
        let earlier = rmp_serde::to_vec_named(&Earlier { $($member: $value,)* }).unwrap();
        let entry: $entry = rmp_serde::from_slice(&earlier).unwrap();
        assert_eq!(rmp_serde::to_vec_named(&entry).unwrap(), earlier, "{entry:?}");
    }};
}

#[test]
fn an_agent_or_a_node_or_a_task_of_before_keeps_its_bytes() {
    keeps!(AgentEntry {
        handle: Handle = handle(0),
        artifact: Digest = digest(1),
        artifact_bytes: u64 = 7,
        kind: AgentKind = AgentKind::Component,
        limits: Limits = limits(),
        isolation: Vec<String> = vec!["wasm".to_owned()],
        card: Digest = digest(2),
        visibility: Visibility = Visibility::Public,
        namespace: Namespace = Namespace::default(),
        bytes: Option<u64> = None,
        revision: Revision = Revision(3),
    });
    keeps!(NodeEntry {
        id: NodeId = node_id(0),
        credential: Digest = digest(1),
        capacity: Capacity = capacity(),
        state: NodeState = NodeState::Joined,
        revision: Revision = Revision(3),
    });
    keeps!(TaskEntry {
        id: TaskId = task_id(0),
        context: ContextId = ContextId::parse("context").unwrap(),
        agent: Handle = handle(0),
        owner: String = "operator".to_owned(),
        input: Digest = digest(1),
        reply_to: Option<ReplyTo> = None,
        deadline: WallMs = START,
        state: TaskState = TaskState::Pending,
        epoch: LeaseEpoch = LeaseEpoch(0),
        attempts: u32 = 0,
        cancel_requested: bool = false,
        submitted_at: WallMs = START,
        changed_at: WallMs = START,
        revision: Revision = Revision(3),
    });
}

#[test]
fn an_envelope_of_before_keeps_its_bytes() {
    keeps!(EnvelopeEntry {
        id: EnvelopeId = envelope_id(0),
        source: Origin = origin(0),
        target: String = "target".to_owned(),
        correlation: String = "correlation".to_owned(),
        body: Digest = digest(0),
        traceparent: Option<String> = None,
        accepted_at: WallMs = START,
        expires_at: WallMs = START,
        epoch: LeaseEpoch = LeaseEpoch(0),
        leased_until: WallMs = START,
        deliveries: u32 = 0,
        revision: Revision = Revision(3),
        acked: Option<Acked> = None,
        shared: bool = true,
    });
}

#[test]
fn a_partner_or_what_came_from_one_of_before_keeps_its_bytes() {
    let terms = PartnerTerms {
        url: origin(1),
        kind: PartnerKind::Pilox,
        catalog_key: key(1).signing(),
        log_key: String::new(),
        hops: 1,
        namespaces: Vec::new(),
        quota: 9,
    };
    keeps!(PartnerEntry {
        name: Namespace = partner_name(0),
        terms: PartnerTerms = terms,
        state: PartnerState = PartnerState::Active,
        cursor: u64 = 5,
        checkpoint: String = String::new(),
        imported: u64 = 2,
        pulled_at: WallMs = START,
        added_at: WallMs = START,
    });
    keeps!(ProvenanceEntry {
        kind: ImportKind = ImportKind::Record,
        handle: Handle = handle(0),
        partner: Namespace = partner_name(0),
        home: Origin = origin(1),
        home_revision: u64 = 5,
        hops: u8 = 1,
        hops_max: u8 = 2,
        digest: Option<Digest> = Some(digest(1)),
        fetched_at: WallMs = START,
        revision: Revision = Revision(3),
    });
}

#[test]
fn a_peer_or_its_request_of_before_keeps_its_bytes() {
    let revoked = key(2).signing().unwrap();
    keeps!(PeerEntry {
        origin: Origin = origin(0),
        keys: Vec<EnrolledKey> = vec![key(0)],
        recovery_keys: Vec<u8> = Vec::new(),
        status: PeerStatus = PeerStatus::Active,
        standing: PeerStatuses = PeerStatuses::default(),
        moved_to: Option<Origin> = None,
        epoch: u64 = 0,
        operation: Option<OperationRef> = None,
        revoked_keys: Vec<PublicKey> = vec![revoked],
        log: Option<LogHead> = None,
        recent: Recent = Recent::default(),
        approval: Approval = Approval::Operator,
        enrolled_at: WallMs = START,
        manifest: Option<ManifestRef> = None,
        domain: Option<DomainProof> = None,
        revision: Revision = Revision(3),
    });
    let candidate = Candidate {
        origin: origin(0),
        keys: vec![key(0)],
        recovery_keys: Vec::new(),
        founding: None,
    };
    keeps!(PeerRequest {
        candidate: Candidate = candidate,
        id: Digest = digest(1),
        domain: bool = true,
        requested_at: WallMs = START,
        expires_at: WallMs = START,
        ask_at: Option<WallMs> = Some(START),
        asked: u32 = 0,
    });
}
