//! Peers, their logs and their requests to be let in, as protobuf messages.
//!
//! It decides nothing but the form. It must never show a key as one that counts when it does not:
//! times and status stand beside it.

use proto_types::Digest;
use proto_types::manifest::{KeyUse, RecoveryKey};
use proto_wire::registry::v1 as wire;
use registry_core::entry::{
    Candidate, EnrolledKey, PeerEntry, PeerLogEntry, PeerRequest, PeerStatus,
};

/// What a peer that waits to be let in is called.
pub const PENDING: &str = "pending";

/// Every standing with its name.
const STANDINGS: [(PeerStatus, &str); 4] = [
    (PeerStatus::Active, "active"),
    (PeerStatus::Suspended, "suspended"),
    (PeerStatus::Revoked, "revoked"),
    (PeerStatus::Tombstoned, "tombstoned"),
];

/// A peer, with the manifest as received where it was asked for.
#[must_use]
pub fn peer(entry: &PeerEntry, manifest: Option<Vec<u8>>) -> wire::Peer {
    let stated = entry.current_manifest();
    let operation = entry.operation.as_ref();
    wire::Peer {
        origin: entry.origin.to_string(),
        keys: entry.keys.iter().map(key).collect(),
        status: status(entry.status).to_owned(),
        enrolled_at_ms: entry.enrolled_at.0,
        manifest_seq: stated.map_or(0, |manifest| manifest.seq),
        manifest_digest: stated.map_or_else(String::new, |manifest| manifest.digest.to_string()),
        manifest_expires_at_ms: stated.map_or(0, |manifest| manifest.expires_at.0),
        revision: entry.revision.0,
        manifest: manifest.unwrap_or_default().into(),
        recovery_keys: entry.recovery_keys.iter().map(recovery_key).collect(),
        moved_to: entry.moved_to.as_ref().map_or_else(String::new, ToString::to_string),
        epoch: entry.epoch,
        operation_seq: operation.map_or(0, |newest| newest.seq),
        operation_digest: operation.map_or_else(String::new, |newest| newest.digest.to_string()),
        log_index: entry.log.map_or(0, |head| head.index),
        log_digest: entry.log.map_or_else(String::new, |head| head.digest.to_string()),
        domain_proven: entry.is_domain_proven(),
        token_life_s_max: entry.token_life_s_max.unwrap_or(0),
        liveness: None,
    }
}

/// A peer that waits to be let in.
#[must_use]
pub fn pending(candidate: &Candidate) -> wire::Peer {
    wire::Peer {
        origin: candidate.origin.to_string(),
        keys: candidate.keys.iter().map(key).collect(),
        recovery_keys: candidate.recovery_keys.iter().map(recovery_key).collect(),
        status: PENDING.to_owned(),
        ..wire::Peer::default()
    }
}

/// A request to be let in.
#[must_use]
pub fn request(request: &PeerRequest) -> wire::PeerRequest {
    wire::PeerRequest {
        id: request.id.to_string(),
        origin: request.candidate.origin.to_string(),
        keys: request.candidate.keys.iter().map(key).collect(),
        domain: request.domain,
        requested_at_ms: request.requested_at.0,
        expires_at_ms: request.expires_at.0,
    }
}

/// A line of a log, with its document.
#[must_use]
pub fn line(line: &PeerLogEntry, digest: Digest, document: Vec<u8>) -> wire::PeerLogEntry {
    let entry = serde_json::to_vec(&line.entry).unwrap_or_default();
    wire::PeerLogEntry {
        entry: entry.into(),
        document: document.into(),
        digest: digest.to_string(),
        voided_by: line.voided_by.unwrap_or(0),
    }
}

/// The name of a standing.
#[must_use]
pub fn status(status: PeerStatus) -> &'static str {
    STANDINGS.iter().find(|(known, _)| *known == status).map_or("", |(_, name)| name)
}

/// The standing of this name.
#[must_use]
pub fn standing(name: &str) -> Option<PeerStatus> {
    STANDINGS.iter().find(|(_, known)| *known == name).map(|(standing, _)| *standing)
}

/// What a key may sign.
#[must_use]
pub fn usage(usage: KeyUse) -> &'static str {
    match usage {
        KeyUse::Signing => "signing",
        KeyUse::Card => "card",
    }
}

fn key(key: &EnrolledKey) -> wire::Key {
    wire::Key {
        kid: key.kid.to_string(),
        public_key_hex: key.public_key.to_hex(),
        usage: usage(key.usage).to_owned(),
        not_before_ms: key.not_before.map_or(0, |at| at.0),
        not_after_ms: key.not_after.map_or(0, |at| at.0),
    }
}

fn recovery_key(key: &RecoveryKey) -> wire::Key {
    let (kid, public_key_hex) = (key.kid.to_string(), key.public_key.to_hex());
    wire::Key { kid, public_key_hex, ..wire::Key::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_standing_has_one_name() {
        for (known, name) in STANDINGS {
            assert_eq!((status(known), standing(name)), (name, Some(known)));
        }
        assert_eq!(standing(PENDING), None);
    }
}
