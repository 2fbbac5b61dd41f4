//! A sighting as it is stored: what was seen, when, and by whom.

use proto_types::{Handle, Origin, Revision, WallMs, words};
use serde::{Deserialize, Serialize};

/// What an agent or a peer answered when it was asked as anybody may ask (decision 19).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Reachability {
    /// It answered a harmless A2A call.
    Open,
    /// It asked for a credential first.
    Gated,
    /// Something answers there, and it is not A2A.
    NotSpeaking,
    /// It cannot be spoken to over TLS 1.3 and HTTP/1.1 with JSON.
    WrongTransport,
    /// Nothing answers.
    Unreachable,
    /// It was not asked, or what it answered says nothing.
    #[default]
    Unknown,
}

words!(Reachability {
    Open = "open",
    Gated = "gated",
    NotSpeaking = "not-speaking",
    WrongTransport = "wrong-transport",
    Unreachable = "unreachable",
    Unknown = "unknown",
});

/// Whose reachability it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subject {
    /// The agent whose card a record points at.
    Record(Handle),
    /// A peer's own instance.
    Peer(Origin),
}

impl Subject {
    /// `record/<handle>` or `peer/<origin>`: how it is keyed, and how changes name it.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::Record(handle) => format!("record/{handle}"),
            Self::Peer(origin) => format!("peer/{origin}"),
        }
    }
}

/// One sighting that is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReachabilityEntry {
    /// Whose.
    pub subject: Subject,
    /// What was seen last.
    pub class: Reachability,
    /// Since when it has been so, by the state machine's time.
    pub since: WallMs,
    /// When that was last confirmed; at most once an hour.
    pub seen_at: WallMs,
    /// The member that asked.
    pub prober: u64,
    /// Why it was judged so: a word of the prober's, never of the far side's.
    pub why: String,
    /// The revision of the transition.
    pub revision: Revision,
}
