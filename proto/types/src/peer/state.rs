//! What a peer is at one moment, and what each act makes of it.
//!
//! Decides keys, status and succession. Must never let an act of a signing key outlive a recovery
//! that voids it, nor an act of the owner undo one of the operator.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::Kid;
use crate::key::AnyKey;
use crate::manifest::{KeyUse, ManifestKey, RecoveryKey};
use crate::origin::Origin;
use crate::time::WallMs;

use super::keys::{EnrolledKey, KeyFault, KeySet};
use super::operation::{Action, PeerOperation, Retirement};
use super::status::{PeerStatus, PeerStatuses};

/// Revoked keys that are remembered, the newest: a key must not come back by mistake. Arbitrary.
pub const REVOKED_MAX: usize = 64;

/// The newest operation that stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationRef {
    /// Its sequence number.
    pub seq: u64,
    /// Its document digest.
    pub digest: Digest,
}

/// A peer at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerState {
    /// Its keys.
    pub keys: KeySet,
    /// Who lets it act.
    pub standing: PeerStatuses,
    /// Where it says it is now.
    #[serde(default)]
    pub moved_to: Option<Origin>,
    /// How often it was recovered or enrolled anew.
    #[serde(default)]
    pub epoch: u64,
    /// The newest operation that stands.
    #[serde(default)]
    pub operation: Option<OperationRef>,
    /// Keys that must not come back, the newest last.
    #[serde(default)]
    pub revoked: Vec<AnyKey>,
}

/// Why an act does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It does not follow the newest operation that stands.
    #[error("operation {epoch}/{seq} does not follow; {expected_epoch}/{expected_seq} is next")]
    Order {
        /// Its epoch.
        epoch: u64,
        /// Its number.
        seq: u64,
        /// The epoch in force, or the next one for a recovery.
        expected_epoch: u64,
        /// The number that would follow.
        expected_seq: u64,
    },
    /// `prev` names another operation than the newest that stands.
    #[error("prev is not the digest of the newest operation that stands")]
    Fork,
    /// The peer's status does not allow it.
    #[error("a peer that is {0:?} cannot do this")]
    Status(PeerStatus),
    /// No such key.
    #[error("there is no key {kid}")]
    KeyUnknown {
        /// Its name.
        kid: Kid,
    },
    /// A retirement that would prolong a key.
    #[error("the key {kid} would count longer than it does")]
    Prolonged {
        /// Its name.
        kid: Kid,
    },
    /// A key of the wrong use for this action.
    #[error("the key {kid} has a use that this action does not give")]
    Usage {
        /// Its name.
        kid: Kid,
    },
    /// The keys would not be sound.
    #[error("the keys would not be sound: {0}")]
    Keys(#[from] KeyFault),
    /// An action that is not for this place: an enrolment of an enrolled peer, a recovery where a
    /// signing key acts.
    #[error("this action does not belong here")]
    Misplaced,
}

impl PeerState {
    /// A peer that enters, or enters anew after it had left: then its epoch is the next one.
    ///
    /// # Errors
    /// The keys are not sound, or none of them signs now, or the peer is there.
    pub fn enrolled(keys: KeySet, before: Option<&Self>, now: WallMs) -> Result<Self, Fault> {
        if let Some(there) = before.map(|old| old.standing.effective())
            && there != PeerStatus::Tombstoned
        {
            return Err(Fault::Status(there));
        }
        let revoked = before.map(|old| old.revoked.clone()).unwrap_or_default();
        let epoch = before.map_or(0, |old| old.epoch + 1);
        let state = Self { keys, epoch, revoked, ..Self::default() };
        state.check_keys(now)?;
        Ok(state)
    }

    /// What an operation by one of its signing keys makes of it.
    ///
    /// # Errors
    /// It does not follow, or makes no sense for this peer.
    pub fn operated(
        &self,
        operation: &PeerOperation,
        digest: Digest,
        now: WallMs,
    ) -> Result<Self, Fault> {
        self.check_order(operation, self.epoch)?;
        if self.standing.operator > PeerStatus::Active
            || self.standing.owner > PeerStatus::Suspended
        {
            return Err(Fault::Status(self.standing.effective()));
        }
        let mut next = self.clone();
        next.operation = Some(OperationRef { seq: operation.seq, digest });
        match &operation.action {
            Action::Rotate { add, retire } => next.rotate(add, retire, now)?,
            Action::Delegate { keys } => next.join(keys, KeyUse::Card)?,
            Action::RevokeKey { key } => next.drop_key(key)?,
            Action::Move { to } => next.moved_to = Some(to.clone()),
            Action::Suspend { .. } => next.standing.owner = PeerStatus::Suspended,
            Action::Resume {} => next.standing.owner = PeerStatus::Active,
            Action::Revoke { .. } => next.standing.owner = PeerStatus::Revoked,
            Action::Tombstone {} => next.standing.owner = PeerStatus::Tombstoned,
            Action::Enrol { .. } | Action::Recover { .. } => return Err(Fault::Misplaced),
        }
        next.forget_past(now);
        next.check_keys(now)?;
        Ok(next)
    }

    /// What a recovery makes of `self`, if the state that still stands is `fork`.
    ///
    /// # Errors
    /// As [`PeerState::operated`].
    pub fn recovered(
        &self,
        fork: &Self,
        operation: &PeerOperation,
        digest: Digest,
        now: WallMs,
    ) -> Result<Self, Fault> {
        let Action::Recover { keys, recovery_keys, .. } = &operation.action else {
            return Err(Fault::Misplaced);
        };
        fork.check_order(operation, self.epoch + 1)?;
        let statuses =
            PeerStatuses { owner: fork.standing.owner, operator: self.standing.operator };
        if statuses.effective() >= PeerStatus::Revoked {
            return Err(Fault::Status(statuses.effective()));
        }
        let keys = keys.iter().map(EnrolledKey::from).collect();
        let mut next = Self {
            keys: KeySet { keys, recovery: recovery_keys.clone() },
            standing: statuses,
            moved_to: fork.moved_to.clone(),
            epoch: operation.epoch,
            operation: Some(OperationRef { seq: operation.seq, digest }),
            ..self.clone()
        };
        next.bury_others(self.keys.keys.iter().chain(&fork.keys.keys));
        next.check_keys(now)?;
        Ok(next)
    }

    /// What a manifest makes of it: its keys are those that count. A manifest without recovery keys
    /// leaves those that there are.
    ///
    /// # Errors
    /// The keys are not sound, or the peer may not act.
    pub fn stated(
        &self,
        keys: Vec<EnrolledKey>,
        recovery: Vec<RecoveryKey>,
        now: WallMs,
    ) -> Result<Self, Fault> {
        if self.standing.effective() > PeerStatus::Active {
            return Err(Fault::Status(self.standing.effective()));
        }
        let recovery = if recovery.is_empty() { self.keys.recovery.clone() } else { recovery };
        let next = Self { keys: KeySet { keys, recovery }, ..self.clone() };
        next.check_keys(now)?;
        Ok(next)
    }

    /// What the operator's word makes of it. What is revoked comes back only by leaving and being
    /// enrolled anew.
    ///
    /// # Errors
    /// [`Fault::Status`].
    pub fn ordered(&self, status: PeerStatus) -> Result<Self, Fault> {
        let kept = self.standing.operator;
        if kept >= PeerStatus::Revoked && status < kept {
            return Err(Fault::Status(kept));
        }
        let mut next = self.clone();
        next.standing.operator = status;
        Ok(next)
    }

    fn check_order(&self, operation: &PeerOperation, expected_epoch: u64) -> Result<(), Fault> {
        let (epoch, seq) = (operation.epoch, operation.seq);
        let expected_seq = self.operation.map_or(1, |kept| kept.seq + 1);
        if (epoch, seq) != (expected_epoch, expected_seq) {
            return Err(Fault::Order { epoch, seq, expected_epoch, expected_seq });
        }
        let follows = operation.prev == self.operation.map(|kept| kept.digest);
        if follows { Ok(()) } else { Err(Fault::Fork) }
    }

    fn check_keys(&self, now: WallMs) -> Result<(), Fault> {
        self.keys.check()?;
        if let Some(key) = self.keys.keys.iter().find(|key| self.revoked.contains(&key.public_key))
        {
            return Err(KeyFault::Revoked { kid: key.kid.clone() }.into());
        }
        // A peer that leaves needs no key any more.
        if self.standing.owner < PeerStatus::Revoked {
            self.keys.check_acting(now)?;
        }
        Ok(())
    }

    fn rotate(
        &mut self,
        add: &[ManifestKey],
        retire: &[Retirement],
        now: WallMs,
    ) -> Result<(), Fault> {
        for Retirement { kid, not_after } in retire {
            let key = self.keys.keys.iter_mut().find(|key| key.kid == *kid);
            let key = key.ok_or_else(|| Fault::KeyUnknown { kid: kid.clone() })?;
            if key.not_after.is_some_and(|kept| kept < *not_after) {
                return Err(Fault::Prolonged { kid: kid.clone() });
            }
            // An end in the past is one now: what was signed before stays signed.
            key.not_after = Some((*not_after).max(now));
        }
        self.join(add, KeyUse::Signing)
    }

    fn join(&mut self, keys: &[ManifestKey], usage: KeyUse) -> Result<(), Fault> {
        if let Some(other) = keys.iter().find(|key| key.usage != usage) {
            return Err(Fault::Usage { kid: other.kid.clone() });
        }
        self.keys.keys.extend(keys.iter().map(EnrolledKey::from));
        Ok(())
    }

    fn drop_key(&mut self, kid: &Kid) -> Result<(), Fault> {
        let at = self.keys.keys.iter().position(|key| key.kid == *kid);
        let at = at.ok_or_else(|| Fault::KeyUnknown { kid: kid.clone() })?;
        let gone = self.keys.keys.remove(at);
        self.bury(gone.public_key);
        Ok(())
    }

    /// Remembers as revoked what is not among the keys any more.
    fn bury_others<'k>(&mut self, keys: impl Iterator<Item = &'k EnrolledKey>) {
        for key in keys {
            if !self.keys.holds(&key.public_key) {
                self.bury(key.public_key);
            }
        }
    }

    fn bury(&mut self, key: AnyKey) {
        if !self.revoked.contains(&key) {
            self.revoked.push(key);
            let over = self.revoked.len().saturating_sub(REVOKED_MAX);
            self.revoked.drain(..over);
        }
    }

    /// Keys that have ended take room and serve nobody.
    fn forget_past(&mut self, now: WallMs) {
        self.keys.keys.retain(|key| key.not_after.is_none_or(|until| now < until));
    }
}
