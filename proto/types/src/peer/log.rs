//! One entry of a peer's log: the registry's line about what was done, linked to the line before.
//!
//! Decides what an entry's digest covers: everything that a reader cannot work out itself. Must
//! never leave a gap: who holds the newest digest holds the whole history.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::json;
use crate::manifest::RecoveryKey;
use crate::origin::Origin;
use crate::time::WallMs;

use super::keys::EnrolledKey;
use super::status::PeerStatus;

/// Separates these digests from all others.
const DOMAIN: &[u8] = b"ecumene/ecumene-peer-log-v1\0";

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogEntry {
    /// The peer.
    pub origin: Origin,
    /// 1 for the first, then one more each time.
    pub index: u64,
    /// The digest of the entry before; absent in the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Digest>,
    /// When the registry took it; never falls.
    pub at: WallMs,
    /// Whose act it was.
    pub actor: Actor,
    /// What was done.
    pub act: Act,
}

/// Whose act an entry tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Actor {
    /// Who holds the peer's keys.
    Owner,
    /// The registry's operator.
    Operator,
    /// The registry by its own rules: a join token, a domain proof.
    Registry,
}

/// What an entry tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Act {
    /// The peer came in, or came in anew.
    Enrolled {
        /// With these keys.
        keys: Vec<EnrolledKey>,
        /// And these recovery keys.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        recovery_keys: Vec<RecoveryKey>,
        /// `operator`, `join-token`, `domain-dns` or `domain-well-known`.
        approval: String,
        /// The document digest of its own operation, if it came with one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        operation: Option<Digest>,
    },
    /// An operation of the owner.
    Operation {
        /// Its document digest.
        operation: Digest,
    },
    /// A manifest that changed the keys.
    Manifest {
        /// Its document digest.
        manifest: Digest,
        /// Its sequence number.
        seq: u64,
    },
    /// The operator's word.
    Standing {
        /// What holds from now on.
        standing: PeerStatus,
        /// Why, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The peer's host vouches for its keys.
    DomainProven {
        /// `dns` or `well-known`.
        method: String,
    },
    /// It does not do so any more.
    DomainLost {},
}

impl LogEntry {
    /// What the next entry names, and what a recovery names as the last that stands.
    ///
    /// # Panics
    /// Never: all members are texts and integers that JSON can carry.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let value = serde_json::to_value(self).expect("texts, integers and lists of them");
        Digest::of_parts(&[DOMAIN, &json::canonical(&value)])
    }
}

impl Act {
    /// Whether a signing key of the peer did it, so that a recovery may void it.
    #[must_use]
    pub const fn is_signed(&self) -> bool {
        matches!(self, Self::Operation { .. } | Self::Manifest { .. })
    }
}
