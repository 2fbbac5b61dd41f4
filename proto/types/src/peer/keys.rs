//! The keys of a peer: which there are, what each may sign, and when.
//!
//! Decides whether a set of keys is sound and which of them count at a given time. Must never let
//! one key stand under two names (attack case 13).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::Kid;
use crate::key::{AnyKey, PublicKey};
use crate::manifest::{KEYS_MAX, KeyUse, ManifestKey, RECOVERY_KEYS_MAX, RecoveryKey};
use crate::time::WallMs;

/// One key that acts for a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolledKey {
    /// Its name, unique within the peer.
    pub kid: Kid,
    /// The key, checked when it was read; one for ES256 may sign cards only.
    pub public_key: AnyKey,
    /// What it may sign.
    #[serde(rename = "use", default)]
    pub usage: KeyUse,
    /// From when it counts; `None` for always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<WallMs>,
    /// Until when, itself excluded; `None` for as long as it is enrolled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<WallMs>,
}

/// All keys of a peer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySet {
    /// Signing and card keys, at most 16.
    pub keys: Vec<EnrolledKey>,
    /// The offline keys that may override them, at most 4.
    #[serde(default)]
    pub recovery: Vec<RecoveryKey>,
}

/// Why a set of keys is not sound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Too many, or none where there must be one.
    #[error("{list} has {len} keys, {least} to {most} are allowed")]
    Count {
        /// Which list.
        list: &'static str,
        /// How many it has.
        len: usize,
        /// The least.
        least: usize,
        /// The most.
        most: usize,
    },
    /// Two keys have one name, or one key has two names.
    #[error("the key {kid} stands twice, by name or by value")]
    Twice {
        /// The name of the second.
        kid: Kid,
    },
    /// The key is never valid.
    #[error("the key {kid} ends before it begins")]
    Life {
        /// Its name.
        kid: Kid,
    },
    /// A key that was revoked comes back.
    #[error("the key {kid} was revoked")]
    Revoked {
        /// Its new name.
        kid: Kid,
    },
    /// The key is one for ES256, and shall sign more than cards.
    #[error("the key {kid} is for ES256: its use is card, and nothing else")]
    Algorithm {
        /// Its name.
        kid: Kid,
    },
    /// No signing key counts now.
    #[error("no signing key is valid now")]
    NoSigningKey,
}

impl EnrolledKey {
    /// A signing key that counts as long as it is enrolled.
    #[must_use]
    pub fn new(kid: Kid, public_key: PublicKey) -> Self {
        let public_key = public_key.into();
        Self { kid, public_key, usage: KeyUse::Signing, not_before: None, not_after: None }
    }

    /// The key, if it may sign more than cards.
    #[must_use]
    pub fn signing(&self) -> Option<PublicKey> {
        self.public_key.ed25519().filter(|_| self.usage == KeyUse::Signing)
    }

    /// Whether `now` is in its half-open time of use.
    #[must_use]
    pub fn is_valid(&self, now: WallMs) -> bool {
        self.not_before.is_none_or(|from| from <= now)
            && self.not_after.is_none_or(|until| now < until)
    }
}

impl From<&ManifestKey> for EnrolledKey {
    fn from(key: &ManifestKey) -> Self {
        Self {
            kid: key.kid.clone(),
            public_key: key.public_key,
            usage: key.usage,
            not_before: Some(key.not_before),
            not_after: Some(key.not_after),
        }
    }
}

impl KeySet {
    /// Sound in itself: numbers, names, values and lives.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), KeyFault> {
        count("keys", self.keys.len(), (1, KEYS_MAX))?;
        count("recovery_keys", self.recovery.len(), (0, RECOVERY_KEYS_MAX))?;
        let (mut names, mut values) = (BTreeSet::new(), BTreeSet::new());
        let acting = self.keys.iter().map(|key| (&key.kid, key.public_key));
        let recovering = self.recovery.iter().map(|key| (&key.kid, AnyKey::from(key.public_key)));
        for (kid, key) in acting.chain(recovering) {
            if !names.insert(kid) || !values.insert(key) {
                return Err(KeyFault::Twice { kid: kid.clone() });
            }
        }
        if let Some(other) = self.keys.iter().find(|key| !key.usage.suits(&key.public_key)) {
            return Err(KeyFault::Algorithm { kid: other.kid.clone() });
        }
        let never = |key: &&EnrolledKey| {
            let ends = key.not_after.zip(key.not_before);
            ends.is_some_and(|(until, from)| until <= from)
        };
        match self.keys.iter().find(never) {
            Some(key) => Err(KeyFault::Life { kid: key.kid.clone() }),
            None => Ok(()),
        }
    }

    /// Holds if the peer can act at this time.
    ///
    /// # Errors
    /// [`KeyFault::NoSigningKey`].
    pub fn check_acting(&self, now: WallMs) -> Result<(), KeyFault> {
        let signs = |key: &EnrolledKey| key.signing().is_some() && key.is_valid(now);
        if self.keys.iter().any(signs) { Ok(()) } else { Err(KeyFault::NoSigningKey) }
    }

    /// The signing key of this name, if it counts now.
    #[must_use]
    pub fn signing(&self, kid: &Kid, now: WallMs) -> Option<PublicKey> {
        let fits = |key: &&EnrolledKey| key.kid == *kid && key.is_valid(now);
        self.keys.iter().find(fits).and_then(EnrolledKey::signing)
    }

    /// The recovery key of this name.
    #[must_use]
    pub fn recovering(&self, kid: &Kid) -> Option<PublicKey> {
        self.recovery.iter().find(|key| key.kid == *kid).map(|key| key.public_key)
    }

    /// Those of these recovery keys that are new to the peer, under their names: they have to prove themselves.
    #[must_use]
    pub fn unproven(&self, recovery: &[RecoveryKey]) -> Vec<(Kid, AnyKey)> {
        let known = |key: &RecoveryKey| {
            let recovers = self.recovery.iter().any(|it| it.public_key == key.public_key);
            recovers || self.holds(&key.public_key.into())
        };
        let new = recovery.iter().filter(|key| !known(key));
        new.map(|key| (key.kid.clone(), key.public_key.into())).collect()
    }

    /// Whether this very key is among them, under any name.
    #[must_use]
    pub fn holds(&self, key: &AnyKey) -> bool {
        self.keys.iter().any(|known| known.public_key == *key)
    }
}

fn count(list: &'static str, len: usize, (least, most): (usize, usize)) -> Result<(), KeyFault> {
    if (least..=most).contains(&len) {
        return Ok(());
    }
    Err(KeyFault::Count { list, len, least, most })
}
