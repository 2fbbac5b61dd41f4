//! What may be asked of the state machine about other places: peers and agents that the crawler
//! visits, and registries that entries are taken from.
//! A wish must never carry the far side's word for anything that is decided by provenance.

use proto_types::card::Assurance;
use proto_types::{Digest, Handle, Kid, Namespace, Origin, WallMs};
use serde::{Deserialize, Serialize};

use super::Command;
use crate::entry::{Agreement, ImportKind, Liveness, PartnerTerms, PassedOver, Subject};

/// One wish about another place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Foreign {
    /// Notes what the crawler saw; a repetition within the hour changes nothing.
    SetLiveness {
        /// Whose; must be live.
        subject: Subject,
        /// What was seen.
        class: Liveness,
        /// The member that asked.
        prober: u64,
        /// Why it is judged so, in a word.
        why: String,
    },
    /// Agrees with another registry, or changes the terms; ends a quarantine.
    PutPartner {
        /// Its name here; not `default`.
        name: Namespace,
        /// The terms. URL and kind of a known partner stay.
        terms: Box<PartnerTerms>,
    },
    /// Notes how far a pull has come.
    AdvancePartner {
        /// Which partner; must be active.
        name: Namespace,
        /// Never lower than before.
        cursor: u64,
        /// The newest verified checkpoint of its log, if it has one.
        checkpoint: Option<String>,
        /// What was passed over; `None` leaves what is known.
        #[serde(default)]
        passed_over: Option<PassedOver>,
        /// Where the pull began; only what still stands so moves on. Absent in earlier logs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<PullStart>,
    },
    /// Stops pulling from a partner that was caught in a lie.
    QuarantinePartner {
        /// Which.
        name: Namespace,
        /// Which lie.
        reason: String,
    },
    /// Ends an agreement: forgets the partner's entries, at most 128 a time, and then the partner.
    /// Repeated until the partner is not found.
    RemovePartner {
        /// Which.
        name: Namespace,
    },
    /// Takes over, or withdraws, an entry of another registry.
    Import(Box<Import>),
    /// A partner is at another cluster epoch, since it was restored from a backup: pulls begin anew.
    SetPartnerEpoch {
        /// Which partner; must be active.
        name: Namespace,
        /// Its epoch; higher than before.
        epoch: u64,
        /// The first checkpoint of its log in this epoch, if one was agreed.
        checkpoint: Option<String>,
    },
    /// Notes that a partner has withdrawn too much at once.
    HoldPartner {
        /// Which partner; must be active.
        name: Namespace,
        /// How many entries are held back; 0 for none any more.
        entries: u64,
    },
    /// Has what is held back of a partner carried out.
    ReleasePartner {
        /// Which partner; must have something held back.
        name: Namespace,
    },
    /// Notes that pulls fail.
    FailPartner {
        /// Which partner; must be active.
        name: Namespace,
        /// Why.
        reason: String,
        /// How many in a row.
        pulls: u32,
    },
}

/// What stood when a pull began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullStart {
    /// How far the partner was pulled.
    pub cursor: u64,
    /// What the operator had said.
    pub agreement: Agreement,
}

impl From<Foreign> for Command {
    fn from(wish: Foreign) -> Self {
        Self::Foreign(wish)
    }
}

/// An entry of another registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Import {
    /// The partner that gave it; must be active.
    pub partner: Namespace,
    /// Record or card.
    pub kind: ImportKind,
    /// Its name.
    pub handle: Handle,
    /// The registry that is its authority.
    pub home: Origin,
    /// Its revision there; must exceed what is kept, but for an entry that is gone, or there again.
    pub home_revision: u64,
    /// The cluster epoch of its home.
    #[serde(default)]
    pub home_epoch: u64,
    /// How many registries it is away from home, counting to us: 1 from the home itself.
    pub hops: u8,
    /// How many it may be, as far as those before us agreed.
    pub hops_max: u8,
    /// What it is; `None` withdraws it.
    pub entry: Option<ImportedRecord>,
}

/// What an imported entry says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportedRecord {
    /// Its body; must be stored (by a `PutBody` before it).
    pub digest: Digest,
    /// What its signature was found to be worth here.
    pub assurance: Assurance,
    /// The peer enrolled here whose key signed it.
    pub owner: Option<(Origin, Kid)>,
    /// Whether its home shows it to everybody.
    pub public: bool,
    /// `updatedAt` of a record. It is shown; nothing is decided by it.
    pub updated_at: WallMs,
    /// `validUntil` of a record.
    pub valid_until: Option<WallMs>,
    /// `ttlSecondsRecommended` of a record.
    pub ttl_s: Option<u64>,
    /// Where a record's card is; empty for a card.
    pub agent_card_url: String,
}
