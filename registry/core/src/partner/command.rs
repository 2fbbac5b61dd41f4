//! The commands about partners. A partner's own word is in them only where it says how far it was pulled.

use proto_types::Namespace;
use serde::{Deserialize, Serialize};

use super::entry::{Agreement, PartnerTerms, PassedOver};

/// Agrees with another registry, or changes the terms; ends a quarantine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutPartner {
    /// Its name here; not `default`.
    pub name: Namespace,
    /// The terms. URL and kind of a known partner stay.
    pub terms: Box<PartnerTerms>,
}

/// Notes how far a pull has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvancePartner {
    /// Which partner; must be active.
    pub name: Namespace,
    /// Never lower than before.
    pub cursor: u64,
    /// The newest verified checkpoint of its log, if it has one.
    pub checkpoint: Option<String>,
    /// What was passed over; `None` leaves what is known.
    #[serde(default)]
    pub passed_over: Option<PassedOver>,
    /// Where the pull began; only what still stands so moves on. Absent in earlier logs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<PullStart>,
}

/// What stood when a pull began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullStart {
    /// How far the partner was pulled.
    pub cursor: u64,
    /// What the operator had said.
    pub agreement: Agreement,
}

/// Stops pulling from a partner that was caught in a lie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantinePartner {
    /// Which.
    pub name: Namespace,
    /// Which lie.
    pub reason: String,
}

/// Ends an agreement: forgets the partner's entries, at most 128 a time, and then the partner.
/// Repeated until the partner is not found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovePartner {
    /// Which.
    pub name: Namespace,
}

/// A partner is at another cluster epoch, since it was restored from a backup: pulls begin anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetPartnerEpoch {
    /// Which partner; must be active.
    pub name: Namespace,
    /// Its epoch; higher than before.
    pub epoch: u64,
    /// The first checkpoint of its log in this epoch, if one was agreed.
    pub checkpoint: Option<String>,
}

/// Notes that a partner has withdrawn too much at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldPartner {
    /// Which partner; must be active.
    pub name: Namespace,
    /// How many entries are held back; 0 for none any more.
    pub entries: u64,
}

/// Has what is held back of a partner carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasePartner {
    /// Which partner; must have something held back.
    pub name: Namespace,
}

/// Notes that pulls fail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailPartner {
    /// Which partner; must be active.
    pub name: Namespace,
    /// Why.
    pub reason: String,
    /// How many in a row.
    pub pulls: u32,
}
