//! Peers, their logs and their requests to be enrolled, as protobuf messages. A key is shown with its times and status,
//! so that one that does not count is never taken for one that does.

use proto_types::Digest;
use proto_types::manifest::RecoveryKey;
use proto_wire::registry::v1 as wire;
use registry_core::entry::{Candidate, EnrolledKey, PeerEntry, PeerLogEntry, PeerRequest};

/// What a peer that waits to be let in is called.
pub const PENDING: &str = "pending";

/// A peer, with the manifest as received where it was asked for.
#[must_use]
pub fn peer(entry: &PeerEntry, manifest: Option<Vec<u8>>) -> wire::Peer {
    let stated = entry.current_manifest();
    let operation = entry.operation.as_ref();
    wire::Peer {
        origin: entry.origin.to_string(),
        keys: entry.keys.iter().map(key).collect(),
        status: entry.status.to_string(),
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

fn key(key: &EnrolledKey) -> wire::Key {
    wire::Key {
        kid: key.kid.to_string(),
        public_key_hex: key.public_key.to_hex(),
        usage: key.usage.to_string(),
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
    use registry_core::entry::PeerStatus;

    use super::*;

    #[test]
    fn who_waits_is_of_no_standing() {
        assert!(PENDING.parse::<PeerStatus>().is_err());
    }
}
