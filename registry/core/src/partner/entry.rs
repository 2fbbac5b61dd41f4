//! A partner as it is stored. It holds digests of bodies, never the bodies.

use std::collections::BTreeMap;

use proto_types::{Namespace, Origin, PublicKey, WallMs, words};
use serde::{Deserialize, Serialize};

/// How many there can be: each is an agreement between people. Arbitrary.
pub const PARTNERS_MAX: usize = 256;

/// A registry that the operator has agreed to pull from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnerEntry {
    /// Its name here; its entries are in the namespace of this name.
    pub name: Namespace,
    /// The terms.
    pub terms: PartnerTerms,
    /// Whether it is pulled from.
    pub state: PartnerState,
    /// How far: a revision of an Ecumene registry, the time of issue of a Pilox catalog in ms.
    pub cursor: u64,
    /// The newest checkpoint of its log that was verified, as a signed note; empty for none.
    pub checkpoint: String,
    /// How many of its entries are here.
    pub imported: u64,
    /// When it was last pulled from successfully; told at most once a minute.
    pub pulled_at: WallMs,
    /// When it was first agreed.
    pub added_at: WallMs,
    /// Its entries that were not taken, as of the last look.
    #[serde(default, skip_serializing_if = "crate::codec::is_default")]
    pub passed_over: PassedOver,
    /// The cluster epoch that it was pulled in; 0 for one that was never restored, and of Pilox.
    #[serde(default, skip_serializing_if = "crate::codec::is_default")]
    pub epoch: u64,
    /// What it has withdrawn and is not withdrawn here yet: too much at once.
    #[serde(default, skip_serializing_if = "crate::codec::is_default")]
    pub held: Option<Held>,
    /// Why the newest pulls failed; `None` since one succeeded.
    #[serde(default, skip_serializing_if = "crate::codec::is_default")]
    pub failing: Option<Failing>,
    /// Whether the operator has changed the terms since its list was last read to its end.
    #[serde(default, skip_serializing_if = "crate::codec::is_default")]
    pub terms_changed: bool,
    /// How often the operator has agreed anew.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub generation: u64,
}

/// Which of the operator's words a pull began under: it tells nothing of what was agreed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// When the partner was first agreed: one that was removed may have come back.
    pub added_at: WallMs,
    /// How often the operator had agreed anew.
    pub generation: u64,
}

impl PartnerEntry {
    /// What the operator has said last.
    #[must_use]
    pub const fn agreement(&self) -> Agreement {
        Agreement { added_at: self.added_at, generation: self.generation }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Entries that were not taken, so that the others are.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassedOver {
    /// How many.
    pub count: u64,
    /// Some of them, at most [`PassedOver::NAMED_MAX`], and why each was not taken.
    pub named: BTreeMap<String, String>,
}

impl PassedOver {
    /// Enough to see what is wrong. Arbitrary.
    pub const NAMED_MAX: usize = 16;

    /// Notes an entry; true if it was not noted yet.
    pub fn note(&mut self, name: String, why: String) -> bool {
        if let Some(known) = self.named.get_mut(&name) {
            *known = why;
            return false;
        }
        self.count = self.count.saturating_add(1);
        if self.named.len() < Self::NAMED_MAX {
            self.named.insert(name, why);
        }
        true
    }

    /// Forgets an entry that is taken now.
    pub fn forget(&mut self, name: &str) {
        if self.named.remove(name).is_some() {
            self.count = self.count.saturating_sub(1);
        }
    }
}

/// Withdrawals that are held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// Of how many entries; a release is for no more.
    pub entries: u64,
    /// Since when.
    pub since: WallMs,
    /// Whether the operator has said that they are to be carried out.
    pub released: bool,
}

/// Pulls that fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// Why, the last time.
    pub reason: String,
    /// How many in a row.
    pub pulls: u32,
    /// When it was noted; told at most once a minute.
    pub at: WallMs,
}

impl Failing {
    /// The same failure is noted no more often.
    const AGAIN_MS: u64 = 60_000;

    /// Whether a failure for this reason is told of already.
    #[must_use]
    pub fn tells(&self, reason: &str, now: WallMs) -> bool {
        self.reason == reason && now.since(self.at) < Self::AGAIN_MS
    }
}

/// What the operator has agreed with a registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartnerTerms {
    /// Where it is: the home of the entries that it is itself the authority of.
    pub url: Origin,
    /// What it speaks.
    pub kind: PartnerKind,
    /// The key that signs its catalog; a Pilox partner must have one.
    pub catalog_key: Option<PublicKey>,
    /// The verifier key of its transparency log, in the form of a signed note's; empty for none.
    pub log_key: String,
    /// The most registries that an entry may be away from its home, here and behind us: 1 takes
    /// the partner's own entries only and passes none on.
    pub hops: u8,
    /// Its namespaces that are taken; empty for all.
    pub namespaces: Vec<Namespace>,
    /// The most entries that are taken.
    pub quota: u64,
}

/// What a partner speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartnerKind {
    /// Pull by revision.
    Ecumene,
    /// Pull by catalog.
    Pilox,
}

words!(PartnerKind { Ecumene = "ecumene", Pilox = "pilox" });

/// Whether a partner is pulled from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartnerState {
    /// It is.
    Active,
    /// It was caught in a lie; what it gave before stays, until the operator decides.
    Quarantined {
        /// Which.
        reason: String,
        /// When.
        at: WallMs,
    },
}
