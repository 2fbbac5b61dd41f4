//! Peers: who may act, and with which keys.
//! Data only: it decides nothing, and must never hold bodies, only digests of them.

use proto_types::key::PublicKey;
use proto_types::{Digest, Kid, Origin, Revision, WallMs};
use serde::{Deserialize, Serialize};

/// A peer and its enrolled keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerEntry {
    /// Its web origin: the name tokens carry as `iss`.
    pub origin: Origin,
    /// Enrolled keys, at most 16.
    pub keys: Vec<EnrolledKey>,
    /// Whether it may act.
    pub status: PeerStatus,
    /// How it came in.
    pub approval: Approval,
    /// When it was enrolled.
    pub enrolled_at: WallMs,
    /// The newest manifest.
    pub manifest: Option<ManifestRef>,
    /// The revision that wrote this entry.
    pub revision: Revision,
}

/// One enrolled key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolledKey {
    /// Its name, unique within the peer.
    pub kid: Kid,
    /// The Ed25519 key, checked at enrolment.
    pub public_key: PublicKey,
}

/// Whether a peer may act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PeerStatus {
    /// It may.
    Active,
    /// It may not, for ever.
    Revoked,
}

/// How a peer was enrolled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approval {
    /// An operator said so.
    Operator,
    /// A join token of this hash.
    JoinToken(Digest),
}

/// A pointer to the newest manifest of a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRef {
    /// Its sequence number; never decreases.
    pub seq: u64,
    /// Its body.
    pub digest: Digest,
    /// Past this it is void.
    pub expires_at: WallMs,
}
