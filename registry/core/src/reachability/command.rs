//! The command that reports sightings. It carries no word of the far side's.

use serde::{Deserialize, Serialize};

use super::entry::{Reachability, Subject};

/// Notes what the crawler saw; a repetition within the hour changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetReachability {
    /// Whose; must be live.
    pub subject: Subject,
    /// What was seen.
    pub class: Reachability,
    /// The member that asked.
    pub prober: u64,
    /// Why it is judged so, in a word.
    pub why: String,
}
