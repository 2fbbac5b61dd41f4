//! `ecumene-peer-operation-v1`: what the owner of a peer does to it, signed.
//!
//! Decides whether an operation makes sense on its own at a given time. Must never decide whether
//! it follows the last one: that is [`super::state`]'s.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::Kid;
use crate::json;
use crate::life::{self, LifeError};
use crate::manifest::{KEYS_MAX, ManifestKey, RecoveryKey};
use crate::origin::Origin;
use crate::signed::Document;
use crate::time::{self, WallMs};

/// How long an operation may be carried before it is accepted: a recovery key lies in a safe, so
/// days, and an operation that was lost must not turn up a year later.
pub const LIFE_MS_MAX: u64 = 7 * 24 * 3_600 * 1_000;

/// The longest reason. Arbitrary: a sentence.
pub const REASON_LEN_MAX: usize = 256;

/// One operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerOperation {
    /// The peer.
    pub issuer: Origin,
    /// How often the peer was recovered or enrolled anew; a higher epoch beats every `seq`.
    #[serde(default)]
    pub epoch: u64,
    /// 1 for the first, then one more than the operation that it follows.
    pub seq: u64,
    /// When it was made.
    #[serde(with = "time::rfc3339")]
    pub issued_at: WallMs,
    /// Until when it may be brought; once taken it stands.
    #[serde(with = "time::rfc3339")]
    pub expires_at: WallMs,
    /// The document digest of the operation that it follows; absent in the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Digest>,
    /// What is done.
    pub action: Action,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Action {
    /// The peer enters, with these keys. Each of `keys` must have signed.
    Enrol {
        /// The keys that act for it.
        keys: Vec<ManifestKey>,
        /// The offline keys that may override them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        recovery_keys: Vec<RecoveryKey>,
    },
    /// New signing keys, and an end for old ones; until then both count.
    Rotate {
        /// Signing keys that join; each must have signed too.
        add: Vec<ManifestKey>,
        /// Keys that get an end.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        retire: Vec<Retirement>,
    },
    /// Keys that may sign cards and nothing else.
    Delegate {
        /// Card keys that join.
        keys: Vec<ManifestKey>,
    },
    /// A key stops at once.
    RevokeKey {
        /// Which.
        key: Kid,
    },
    /// The peer says where it can be found from now on. It moves nothing by itself.
    Move {
        /// The new origin.
        to: Origin,
    },
    /// The owner stops the peer for a while.
    Suspend {
        /// Why, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The owner lets it act again.
    Resume {},
    /// The owner gives the peer up: none of its keys counts any more.
    Revoke {
        /// Why, for people.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The peer leaves; its name and history stay.
    Tombstone {},
    /// A recovery key sets the peer's keys, and voids what signing keys did after a log entry.
    Recover {
        /// The digest of the last log entry that stands.
        after: Digest,
        /// All keys of the peer from now on; each must have signed too.
        keys: Vec<ManifestKey>,
        /// All its recovery keys from now on.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        recovery_keys: Vec<RecoveryKey>,
    },
}

/// An end for a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retirement {
    /// Which key.
    pub kid: Kid,
    /// When it ceases to count.
    #[serde(with = "time::rfc3339")]
    pub not_after: WallMs,
}

/// Why an operation makes no sense at this time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `seq` or `epoch` is outside what JSON can carry, or `seq` is 0.
    #[error("seq {seq} is outside 1 to 2^53 - 1, or the epoch is beyond it")]
    Seq {
        /// What was found.
        seq: u64,
    },
    /// The first operation names a predecessor, or a later one names none.
    #[error("prev must be absent in the first operation and present in every other")]
    Prev,
    /// It does not count at this time.
    #[error(transparent)]
    Life(#[from] LifeError),
    /// A list is longer than allowed, or empty where it must not be.
    #[error("{list} has {len} entries, 1 to {KEYS_MAX} are allowed")]
    Count {
        /// Which list.
        list: &'static str,
        /// Its length.
        len: usize,
    },
    /// The reason is too long or has control characters.
    #[error("the reason is empty, too long or has control characters")]
    Reason,
}

impl Document for PeerOperation {
    const TYPE: &'static str = "ecumene-peer-operation-v1";
    const KEYS_JOIN: bool = true;

    fn issuer(&self) -> &Origin {
        &self.issuer
    }
}

impl PeerOperation {
    /// Whether it makes sense on its own at this time. Keys are checked with those they join.
    ///
    /// # Errors
    /// The first thing that is wrong, in the order of the members.
    pub fn check(&self, now: WallMs) -> Result<(), Error> {
        if !(1..=json::INTEGER_MAX).contains(&self.seq) || self.epoch > json::INTEGER_MAX {
            return Err(Error::Seq { seq: self.seq });
        }
        if self.prev.is_some() == (self.seq == 1) {
            return Err(Error::Prev);
        }
        life::check(self.issued_at, self.expires_at, LIFE_MS_MAX, now)?;
        self.action.check()
    }
}

impl Action {
    /// The name of the kind, as it stands in the document.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Enrol { .. } => "enrol",
            Self::Rotate { .. } => "rotate",
            Self::Delegate { .. } => "delegate",
            Self::RevokeKey { .. } => "revoke-key",
            Self::Move { .. } => "move",
            Self::Suspend { .. } => "suspend",
            Self::Resume {} => "resume",
            Self::Revoke { .. } => "revoke",
            Self::Tombstone {} => "tombstone",
            Self::Recover { .. } => "recover",
        }
    }

    /// The keys that join by it. Each of them must have signed the operation: proof of possession.
    #[must_use]
    pub fn joining(&self) -> &[ManifestKey] {
        match self {
            Self::Enrol { keys, .. } | Self::Delegate { keys } | Self::Recover { keys, .. } => keys,
            Self::Rotate { add, .. } => add,
            _ => &[],
        }
    }

    /// All recovery keys that it leaves, if it sets them.
    #[must_use]
    pub fn recovery_keys(&self) -> &[RecoveryKey] {
        match self {
            Self::Enrol { recovery_keys, .. } | Self::Recover { recovery_keys, .. } => {
                recovery_keys
            }
            _ => &[],
        }
    }

    fn check(&self) -> Result<(), Error> {
        let count = |list, len| match len {
            1..=KEYS_MAX => Ok(()),
            _ => Err(Error::Count { list, len }),
        };
        match self {
            Self::Enrol { keys, .. } | Self::Delegate { keys } | Self::Recover { keys, .. } => {
                count("keys", keys.len())
            }
            Self::Rotate { add, retire } => count("add and retire", add.len() + retire.len()),
            Self::Suspend { reason } | Self::Revoke { reason } => match reason {
                Some(reason) if !is_reason(reason) => Err(Error::Reason),
                _ => Ok(()),
            },
            Self::RevokeKey { .. } | Self::Move { .. } | Self::Resume {} | Self::Tombstone {} => {
                Ok(())
            }
        }
    }
}

/// A sentence for people: bounded, on one line.
#[must_use]
pub fn is_reason(text: &str) -> bool {
    (1..=REASON_LEN_MAX).contains(&text.len()) && !text.contains(char::is_control)
}
