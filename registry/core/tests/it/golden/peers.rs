//! Peers, the lines of their logs, and those that wait to be let in.

use proto_types::peer::{Actor, KeySet, LogEntry, OperationRef, PeerState, PeerStatuses};
use proto_types::{AnyKey, Revision, WallMs};
use registry_core::entry::{
    Approval, DomainMethod, DomainProof, LogHead, ManifestRef, PeerEntry, PeerLogEntry,
    PeerRequest, PeerStatus, Recent,
};

use super::{values, words};
use crate::owner::{recovery, secret};
use crate::world::*;

fn statuses() -> PeerStatuses {
    PeerStatuses { owner: PeerStatus::Active, operator: PeerStatus::Suspended }
}

fn revoked() -> Vec<AnyKey> {
    vec![secret(6).public().into(), secret(7).public().into()]
}

/// With all there is; with a manifest from before a recovery, and suspended, so that nothing of it is due; with nothing.
pub(super) fn peers() -> [PeerEntry; 3] {
    let whole = PeerEntry {
        origin: origin(1),
        keys: values::keys(),
        recovery_keys: vec![recovery(8)],
        status: PeerStatus::Active,
        standing: statuses(),
        moved_to: Some(origin(2)),
        epoch: 2,
        operation: Some(OperationRef { seq: 3, digest: digest(3) }),
        revoked_keys: revoked(),
        log: Some(LogHead { index: 9, digest: digest(9) }),
        recent: Recent { since: START, count: 2 },
        token_life_s_max: Some(3_600),
        approval: Approval::Domain(DomainMethod::WellKnown),
        enrolled_at: START,
        manifest: Some(ManifestRef {
            seq: 4,
            digest: digest(4),
            expires_at: START.plus_ms(DAY),
            epoch: 2,
        }),
        domain: Some(DomainProof {
            method: Some(DomainMethod::Dns),
            proven_at: Some(START),
            checked_at: Some(START.plus_ms(1)),
            holds: true,
            ask_at: START.plus_ms(DAY),
        }),
        revision: Revision(7),
    };
    let unproven = DomainProof {
        method: None,
        proven_at: None,
        checked_at: None,
        holds: false,
        ask_at: START,
    };
    let suspended = PeerEntry {
        status: PeerStatus::Suspended,
        epoch: 3,
        domain: Some(unproven),
        ..whole.clone()
    };
    let bare = PeerEntry {
        keys: vec![key(1)],
        recovery_keys: Vec::new(),
        standing: PeerStatuses::default(),
        moved_to: None,
        epoch: 0,
        operation: None,
        revoked_keys: Vec::new(),
        log: None,
        recent: Recent::default(),
        token_life_s_max: None,
        approval: Approval::Operator,
        manifest: None,
        domain: None,
        ..whole.clone()
    };
    [whole, suspended, bare]
}

/// A line for each act.
pub(super) fn log() -> Vec<PeerLogEntry> {
    let whole = PeerState {
        keys: KeySet { keys: values::keys(), recovery: vec![recovery(8)] },
        standing: statuses(),
        moved_to: Some(origin(2)),
        epoch: 2,
        operation: Some(OperationRef { seq: 3, digest: digest(3) }),
        revoked: revoked(),
    };
    let line = |(index, act): (u64, _)| {
        let is_first = index == 1;
        let (actor, prev) = (Actor::Owner, (!is_first).then(|| digest(1)));
        PeerLogEntry {
            entry: LogEntry { origin: origin(1), index, prev, at: START, actor, act },
            body: (!is_first).then(|| digest(2)),
            left: if is_first { PeerState::default() } else { whole.clone() },
            voided_by: (!is_first).then_some(12),
            barrier: is_first,
        }
    };
    (1..).zip(words::acts()).map(line).collect()
}

pub(super) fn requests() -> [PeerRequest; 3] {
    let [whole, bare] = values::candidates();
    let whole = PeerRequest {
        candidate: whole,
        id: digest(1),
        domain: true,
        requested_at: START,
        expires_at: START.plus_ms(DAY),
        ask_at: Some(START.plus_ms(MINUTE)),
        asked: 2,
        source: Some("192.0.2.1".to_owned()),
    };
    let waits = PeerRequest { domain: false, ask_at: None, asked: 0, ..whole.clone() };
    let expires_at = WallMs(2);
    let bare = PeerRequest { candidate: bare, expires_at, source: None, ..waits.clone() };
    [whole, waits, bare]
}
