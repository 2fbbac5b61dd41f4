//! The keys that a manifest states, as documents encode them.
//!
//! Decides which keys may have which use. Must never let a key for ES256 sign more than cards.

use serde::{Deserialize, Serialize};

use crate::id::Kid;
use crate::key::{self, AnyKey, PublicKey};
use crate::time::{self, WallMs};

/// One key that acts for the peer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestKey {
    /// Its name in signatures.
    pub kid: Kid,
    /// The key; one for ES256 may sign cards only.
    #[serde(with = "key::any::jwk")]
    pub public_key: AnyKey,
    /// What it may sign.
    #[serde(rename = "use")]
    pub usage: KeyUse,
    /// From when.
    #[serde(with = "time::rfc3339")]
    pub not_before: WallMs,
    /// Until when, itself excluded.
    #[serde(with = "time::rfc3339")]
    pub not_after: WallMs,
}

/// What a key may sign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyUse {
    /// Manifests, tokens, envelopes and records.
    #[default]
    Signing,
    /// Agent Cards only.
    Card,
}

crate::words!(KeyUse { Signing = "signing", Card = "card" });

/// A key that is kept offline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryKey {
    /// Its name in signatures.
    pub kid: Kid,
    /// The key.
    #[serde(with = "key::jwk")]
    pub public_key: PublicKey,
}

impl KeyUse {
    /// Whether such a key may have this use: a P-256 key may sign cards and nothing else.
    #[must_use]
    pub const fn suits(self, key: &AnyKey) -> bool {
        matches!((self, key), (Self::Card, _) | (Self::Signing, AnyKey::Ed25519(_)))
    }
}

impl ManifestKey {
    /// Whether `now` is in its half-open time of use.
    #[must_use]
    pub fn is_valid(&self, now: WallMs) -> bool {
        (self.not_before..self.not_after).contains(&now)
    }
}
