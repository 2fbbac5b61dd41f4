//! What the crawler last saw of a record's agent or a peer.
//! Data only: it decides nothing. It must never claim more than what was seen, when, and by whom.

use std::fmt;
use std::str::FromStr;

use proto_types::{Handle, Origin, Revision, WallMs};
use serde::{Deserialize, Serialize};

/// What an agent or a peer answered when it was asked as anybody may ask (decision 19).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Liveness {
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

impl Liveness {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Open,
        Self::Gated,
        Self::NotSpeaking,
        Self::WrongTransport,
        Self::Unreachable,
        Self::Unknown,
    ];

    /// The word that is shown.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Gated => "gated",
            Self::NotSpeaking => "not-speaking",
            Self::WrongTransport => "wrong-transport",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Liveness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no liveness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one of open, gated, not-speaking, wrong-transport, unreachable, unknown")]
pub struct NotALiveness;

impl FromStr for Liveness {
    type Err = NotALiveness;

    fn from_str(text: &str) -> Result<Self, NotALiveness> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or(NotALiveness)
    }
}

/// Whose liveness it is.
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
pub struct LivenessEntry {
    /// Whose.
    pub subject: Subject,
    /// What was seen last.
    pub class: Liveness,
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
