//! What may be asked about sightings.
//! Data only: it must never carry a word of the far side's.

use serde::{Deserialize, Serialize};

use super::entry::{Liveness, Subject};

/// Notes what the crawler saw; a repetition within the hour changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetLiveness {
    /// Whose; must be live.
    pub subject: Subject,
    /// What was seen.
    pub class: Liveness,
    /// The member that asked.
    pub prober: u64,
    /// Why it is judged so, in a word.
    pub why: String,
}
