//! What may be asked about the transparency log, the audit and the state's time.
//! Data only; it must never carry a key, nor a text that is stored as it came.

use proto_types::{Digest, WallMs};
use serde::{Deserialize, Serialize};

/// One wish about log, audit or time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LedgerCommand {
    /// Opens the transparency log.
    OpenLog(OpenLog),
    /// Adds a line to the audit.
    Audit(Audit),
    /// Forgets lines of the audit that were exported.
    TruncateAudit(TruncateAudit),
    /// Remembers the head of another log that this cluster signs as its witness.
    Witness(Witness),
    /// Brings the state's time back to that of a majority's clocks.
    ResetTime(ResetTime),
    /// Another log has begun a cluster epoch.
    WitnessEpoch(WitnessEpoch),
}

/// Opens the transparency log; repeating it changes nothing. What was written before has no leaf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenLog {
    /// 32 random bytes that blind the leaves.
    pub seed: Digest,
}

/// Adds a line to the audit. Texts are escaped and cut, not refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Who did it.
    pub who: String,
    /// What.
    pub action: String,
    /// To what.
    pub target: String,
    /// `done`, or the code of the refusal.
    pub outcome: String,
    /// The request's id, if it has one.
    pub request_id: String,
}

/// Forgets lines of the audit that were exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TruncateAudit {
    /// The last line that goes; at least one must stay.
    pub through: u64,
}

/// Remembers the head of another log that this cluster signs as its witness.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// Which log.
    pub origin: String,
    /// The head that was signed last: size and root; the empty tree at first.
    pub from: (u64, Digest),
    /// The head that is signed now, which was proven to continue it.
    pub to: (u64, Digest),
    /// The cluster epoch of both. Absent in earlier logs: then it is the one that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
}

/// Brings the state's time back to that of a majority's clocks, where a version that followed one clock alone has
/// carried it ahead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetTime {
    /// The time now.
    pub to: WallMs,
}

/// Another log has begun a cluster epoch, which it has signed: what it was before does not bind it, and is never
/// signed again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WitnessEpoch {
    /// Which log.
    pub origin: String,
    /// Its epoch; higher than before.
    pub epoch: u64,
}
