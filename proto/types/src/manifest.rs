//! A peer's manifest: the signed document in which it states its keys, endpoints and expiry.
//!
//! Decides whether a manifest makes sense on its own at a given time. Must never decide whether it
//! may replace the last one: that needs the last one, and is the registry's (attack case 12).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::id::Kid;
use crate::key::{AnyKey, PublicKey};
use crate::life::{self, LifeError};
use crate::origin::Origin;
use crate::signed::Document;
use crate::time::{self, WallMs};

mod keys;

pub use self::keys::{KeyUse, ManifestKey, RecoveryKey};

/// Signing and card keys together. Enough for an overlap of several rotations; arbitrary.
pub const KEYS_MAX: usize = 16;

/// Recovery keys. Arbitrary.
pub const RECOVERY_KEYS_MAX: usize = 4;

/// As many as a Pilox record may have.
pub const CAPABILITIES_MAX: usize = 64;

/// The longest URL that common servers accept is a little above this; arbitrary.
pub const URL_LEN_MAX: usize = 2_048;

/// The longest life. A frozen manifest is believed no longer than this; 90 days is what the web's
/// certificates have settled on.
pub const LIFE_MS_MAX: u64 = 90 * 24 * 3_600 * 1_000;

/// The longest `contact`. Arbitrary.
const CONTACT_LEN_MAX: usize = 256;

/// The longest capability name. Arbitrary.
const CAPABILITY_LEN_MAX: usize = 128;

/// `ecumene-peer-manifest-v1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerManifest {
    /// The peer.
    pub issuer: Origin,
    /// 1 for the first, then one more each time.
    pub seq: u64,
    /// When it was made.
    #[serde(with = "time::rfc3339")]
    pub issued_at: WallMs,
    /// When it ceases to be believed.
    #[serde(with = "time::rfc3339")]
    pub expires_at: WallMs,
    /// The document digest of the manifest before; absent in the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Digest>,
    /// The keys that act for the peer.
    pub keys: Vec<ManifestKey>,
    /// The offline keys that may override them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recovery_keys: Vec<RecoveryKey>,
    /// Where the peer answers.
    #[serde(default)]
    pub endpoints: Endpoints,
    /// What it can do: names like those of a Pilox record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub capabilities: Vec<String>,
    /// Whom to write to: an e-mail address or URL, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
}

/// Absolute URLs; each may be absent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoints {
    /// A2A over JSON-RPC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub a2a: Option<String>,
    /// Where WAN envelopes are accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wan: Option<String>,
    /// The mesh descriptor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub descriptor: Option<String>,
}

/// Why a manifest makes no sense at this time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// `seq` is 0, or beyond what JSON can carry.
    #[error("seq {seq} is outside 1 to 2^53 - 1")]
    Seq {
        /// What was found.
        seq: u64,
    },
    /// The first manifest names a predecessor, or a later one names none.
    #[error("prev must be absent in the first manifest and present in every other")]
    Prev,
    /// It does not count at this time.
    #[error(transparent)]
    Life(#[from] LifeError),
    /// A list is longer than allowed, or empty where it must not be.
    #[error("{list} has {len} entries, at most {max} are allowed, and keys must not be empty")]
    Count {
        /// Which list.
        list: &'static str,
        /// Its length.
        len: usize,
        /// The greatest length.
        max: usize,
    },
    /// Two keys have one name, or one key has two names.
    #[error("the key {kid} stands twice, by name or by value")]
    KeyTwice {
        /// The name of the second.
        kid: Kid,
    },
    /// The key is never valid.
    #[error("the key {kid} ends before it begins")]
    KeyLife {
        /// Its name.
        kid: Kid,
    },
    /// The key is one for ES256, and shall sign more than cards.
    #[error("the key {kid} is for ES256: its use is card, and nothing else")]
    KeyAlgorithm {
        /// Its name.
        kid: Kid,
    },
    /// No signing key is valid now.
    #[error("no signing key is valid now")]
    NoSigningKey,
    /// An endpoint is not an absolute http or https URL of bounded length in plain ASCII.
    #[error("the endpoint {name} is not an absolute http or https URL")]
    Endpoint {
        /// Which.
        name: &'static str,
    },
    /// A capability is not `[a-z0-9][a-z0-9._-]*` of bounded length.
    #[error("capability {at} is malformed")]
    Capability {
        /// Its position.
        at: usize,
    },
    /// The contact is too long or has control characters.
    #[error("the contact is too long or has control characters")]
    Contact,
}

impl Document for PeerManifest {
    const TYPE: &'static str = "ecumene-peer-manifest-v1";
    const KEYS_JOIN: bool = true;

    fn issuer(&self) -> &Origin {
        &self.issuer
    }
}

impl PeerManifest {
    /// Whether it makes sense on its own at this time. Signatures and the sequence are other
    /// questions.
    ///
    /// # Errors
    /// The first thing that is wrong, in the order of the members.
    pub fn check(&self, now: WallMs) -> Result<(), Error> {
        if !(1..=crate::json::INTEGER_MAX).contains(&self.seq) {
            return Err(Error::Seq { seq: self.seq });
        }
        if self.prev.is_some() == (self.seq == 1) {
            return Err(Error::Prev);
        }
        life::check(self.issued_at, self.expires_at, LIFE_MS_MAX, now)?;
        self.check_keys(now)?;
        self.endpoints.check()?;
        self.check_texts()
    }

    /// The signing key of this name, if it is valid now.
    #[must_use]
    pub fn signing_key(&self, kid: &Kid, now: WallMs) -> Option<PublicKey> {
        self.key(kid, KeyUse::Signing, now).and_then(|key| key.ed25519())
    }

    /// The key of this name and use, if it is valid now.
    #[must_use]
    pub fn key(&self, kid: &Kid, usage: KeyUse, now: WallMs) -> Option<AnyKey> {
        let fits = |key: &&ManifestKey| key.kid == *kid && key.usage == usage && key.is_valid(now);
        self.keys.iter().find(fits).map(|key| key.public_key)
    }

    fn check_keys(&self, now: WallMs) -> Result<(), Error> {
        count("keys", self.keys.len(), KEYS_MAX)?;
        count("recovery_keys", self.recovery_keys.len(), RECOVERY_KEYS_MAX)?;
        if self.keys.is_empty() {
            return Err(Error::Count { list: "keys", len: 0, max: KEYS_MAX });
        }
        let acting = self.keys.iter().map(|key| (&key.kid, key.public_key));
        let recovering =
            self.recovery_keys.iter().map(|key| (&key.kid, AnyKey::from(key.public_key)));
        let (mut names, mut values) = (BTreeSet::new(), BTreeSet::new());
        for (kid, key) in acting.chain(recovering) {
            if !names.insert(kid) || !values.insert(key) {
                return Err(Error::KeyTwice { kid: kid.clone() });
            }
        }
        if let Some(never) = self.keys.iter().find(|key| key.not_after <= key.not_before) {
            return Err(Error::KeyLife { kid: never.kid.clone() });
        }
        if let Some(other) = self.keys.iter().find(|key| !key.usage.suits(&key.public_key)) {
            return Err(Error::KeyAlgorithm { kid: other.kid.clone() });
        }
        let signs = |key: &ManifestKey| key.usage == KeyUse::Signing && key.is_valid(now);
        if self.keys.iter().any(signs) { Ok(()) } else { Err(Error::NoSigningKey) }
    }

    fn check_texts(&self) -> Result<(), Error> {
        count("capabilities", self.capabilities.len(), CAPABILITIES_MAX)?;
        if let Some(at) = self.capabilities.iter().position(|name| !is_capability(name)) {
            return Err(Error::Capability { at });
        }
        let contact = self.contact.as_deref().unwrap_or_default();
        let sound = contact.len() <= CONTACT_LEN_MAX && !contact.contains(char::is_control);
        if sound { Ok(()) } else { Err(Error::Contact) }
    }
}

impl Endpoints {
    fn check(&self) -> Result<(), Error> {
        let named = [("a2a", &self.a2a), ("wan", &self.wan), ("descriptor", &self.descriptor)];
        for (name, url) in named {
            if url.as_deref().is_some_and(|url| !is_url(url)) {
                return Err(Error::Endpoint { name });
            }
        }
        Ok(())
    }
}

/// An absolute http or https URL in visible ASCII, of bounded length, without credentials.
pub(crate) fn is_url(url: &str) -> bool {
    url.len() <= URL_LEN_MAX
        && url.bytes().all(|byte| byte.is_ascii_graphic())
        && Origin::of_url(url).is_ok()
}

fn is_capability(name: &str) -> bool {
    let inner = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-');
    name.len() <= CAPABILITY_LEN_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && name.bytes().all(inner)
}

fn count(list: &'static str, len: usize, max: usize) -> Result<(), Error> {
    if len <= max { Ok(()) } else { Err(Error::Count { list, len, max }) }
}

#[cfg(test)]
mod tests;
