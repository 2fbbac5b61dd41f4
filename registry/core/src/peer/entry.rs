//! A peer as it is stored, and which of its keys count at a time. It holds digests of bodies, never the bodies.

use proto_types::manifest::RecoveryKey;
use proto_types::peer::{KeySet, LogEntry, OperationRef, PeerState, PeerStatuses};
use proto_types::{AnyKey, Digest, Kid, Origin, PublicKey, Revision, WallMs, words};
use serde::{Deserialize, Serialize};

use crate::codec::encode;

pub use proto_types::peer::EnrolledKey;
pub use proto_types::peer::PeerStatus;

/// A peer and its enrolled keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerEntry {
    /// Its web origin: the name tokens carry as `iss`.
    pub origin: Origin,
    /// Enrolled keys, at most 16.
    pub keys: Vec<EnrolledKey>,
    /// The offline keys that may override them, at most 4.
    #[serde(default)]
    pub recovery_keys: Vec<RecoveryKey>,
    /// Whether it may act: the stricter of `standing`.
    pub status: PeerStatus,
    /// What owner and operator each say.
    #[serde(default)]
    pub standing: PeerStatuses,
    /// Where it says it is now.
    #[serde(default)]
    pub moved_to: Option<Origin>,
    /// How often it was recovered or enrolled anew.
    #[serde(default)]
    pub epoch: u64,
    /// The newest operation of its owner that stands.
    #[serde(default)]
    pub operation: Option<OperationRef>,
    /// Keys that must not come back, the newest last, at most 64.
    #[serde(default)]
    pub revoked_keys: Vec<AnyKey>,
    /// The newest entry of its log.
    #[serde(default)]
    pub log: Option<LogHead>,
    /// What its keys have done lately.
    #[serde(default)]
    pub recent: Recent,
    /// How long its tokens may live, in seconds, where an operator has allowed more than others have.
    #[serde(default, skip_serializing_if = "crate::codec::is_default")]
    pub token_life_s_max: Option<u32>,
    /// How it came in.
    pub approval: Approval,
    /// When it was enrolled.
    pub enrolled_at: WallMs,
    /// The newest manifest.
    pub manifest: Option<ManifestRef>,
    /// What its host says of its keys, if that was ever asked.
    #[serde(default)]
    pub domain: Option<DomainProof>,
    /// The revision that wrote this entry.
    pub revision: Revision,
}

/// The newest entry of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHead {
    /// Its number.
    pub index: u64,
    /// Its digest.
    pub digest: Digest,
}

/// How many entries signing keys have made in the window that began at `since`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// When it began.
    pub since: WallMs,
    /// How many.
    pub count: u32,
}

/// A line of a peer's log, with what is needed to go back to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerLogEntry {
    /// The line, as its digest covers it.
    pub entry: LogEntry,
    /// The signed document that it speaks of, a body.
    pub body: Option<Digest>,
    /// The peer after it.
    pub left: PeerState,
    /// The number of the recovery that voided it.
    pub voided_by: Option<u64>,
    /// A recovery may not go back before this.
    pub barrier: bool,
}

/// What a peer that asks to enter brings; verified at the edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its name.
    pub origin: Origin,
    /// Its keys, each proven.
    pub keys: Vec<EnrolledKey>,
    /// Its recovery keys.
    pub recovery_keys: Vec<RecoveryKey>,
    /// Its signed enrolment, if it brought one.
    pub founding: Option<Founding>,
}

/// A signed enrolment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founding {
    /// Its epoch.
    pub epoch: u64,
    /// Its document digest.
    pub document: Digest,
    /// Its bytes, a body.
    pub body: Digest,
}

/// A peer that waits to be let in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerRequest {
    /// What it brings.
    pub candidate: Candidate,
    /// Names this very request, so that nobody approves another one than was looked at.
    pub id: Digest,
    /// Whether its host shall be asked to vouch for it.
    pub domain: bool,
    /// When it was made.
    pub requested_at: WallMs,
    /// When it is forgotten.
    pub expires_at: WallMs,
    /// When its host is asked next; not at all if absent.
    pub ask_at: Option<WallMs>,
    /// How often its host was asked.
    pub asked: u32,
    /// Where it came from. Absent where that was not known, and in what an earlier version wrote.
    #[serde(default, skip_serializing_if = "crate::codec::is_default")]
    pub source: Option<String>,
}

/// What a peer's host says of its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainProof {
    /// How it said so last.
    pub method: Option<DomainMethod>,
    /// When it last said so.
    pub proven_at: Option<WallMs>,
    /// When it was last asked.
    pub checked_at: Option<WallMs>,
    /// Whether it counts: it is given up once the host has been silent for too long.
    pub holds: bool,
    /// When it is asked again.
    pub ask_at: WallMs,
}

/// How a host vouches for keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DomainMethod {
    /// A TXT record at `_ecumene.<host>`.
    Dns,
    /// `/.well-known/ecumene-enrolment.json`.
    WellKnown,
}

/// How a peer was enrolled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approval {
    /// An operator said so.
    Operator,
    /// A join token of this hash.
    JoinToken(Digest),
    /// Its host vouched for its keys.
    Domain(DomainMethod),
}

/// A pointer to the newest manifest of a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestRef {
    /// Its sequence number; never decreases within an epoch.
    pub seq: u64,
    /// Its body.
    pub digest: Digest,
    /// Past this it is void.
    pub expires_at: WallMs,
    /// The peer's epoch when it was taken. A recovery makes all before it void.
    #[serde(default)]
    pub epoch: u64,
}

impl PeerEntry {
    /// The key of this name that may sign for the peer now: tokens, records, manifests.
    #[must_use]
    pub fn signing_key(&self, kid: &Kid, now: WallMs) -> Option<PublicKey> {
        self.counting(now).find(|key| key.kid == *kid).and_then(EnrolledKey::signing)
    }

    /// Every key that counts now, card keys included; none of a peer that may not act.
    pub fn counting(&self, now: WallMs) -> impl Iterator<Item = &EnrolledKey> {
        let active = self.status == PeerStatus::Active;
        self.keys.iter().filter(move |key| active && key.is_valid(now))
    }

    /// The manifest that is in force: one from before a recovery is not.
    #[must_use]
    pub fn current_manifest(&self) -> Option<&ManifestRef> {
        self.manifest.as_ref().filter(|manifest| manifest.epoch == self.epoch)
    }

    /// Whether its host vouches for it now.
    #[must_use]
    pub fn is_domain_proven(&self) -> bool {
        self.domain.as_ref().is_some_and(|domain| domain.holds)
    }

    /// What its log amounts to.
    #[must_use]
    pub fn state(&self) -> PeerState {
        PeerState {
            keys: KeySet { keys: self.keys.clone(), recovery: self.recovery_keys.clone() },
            standing: self.standing,
            moved_to: self.moved_to.clone(),
            epoch: self.epoch,
            operation: self.operation,
            revoked: self.revoked_keys.clone(),
        }
    }

    /// The same peer in another state.
    #[must_use]
    pub fn in_state(self, state: PeerState) -> Self {
        Self {
            keys: state.keys.keys,
            recovery_keys: state.keys.recovery,
            status: state.standing.effective(),
            standing: state.standing,
            moved_to: state.moved_to,
            epoch: state.epoch,
            operation: state.operation,
            revoked_keys: state.revoked,
            ..self
        }
    }
}

impl Candidate {
    /// The name of a request for it: a digest of all that it brings.
    #[must_use]
    pub fn id(&self) -> Digest {
        Digest::of(&encode(self))
    }
}

words!(DomainMethod { Dns = "dns", WellKnown = "well-known" });

impl Approval {
    /// As logs spell it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Operator => "operator".to_owned(),
            Self::JoinToken(_) => "join-token".to_owned(),
            Self::Domain(method) => format!("domain-{method}"),
        }
    }
}
