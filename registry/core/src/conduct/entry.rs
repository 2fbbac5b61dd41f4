//! What one gateway has reported of one peer, as it is stored. There is never more than one entry for a peer and a
//! gateway.

use proto_types::{GatewayId, Origin, Revision, WallMs};
use serde::{Deserialize, Serialize};

use super::reputation::Evidence;

/// How long a window is.
const WINDOW_MS: u64 = 60_000;

/// A minute of Unix time, counted from the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Window(pub u64);

impl Window {
    /// The window that this time lies in.
    #[must_use]
    pub const fn at(time: WallMs) -> Self {
        Self(time.0 / WINDOW_MS)
    }

    /// When it has ended.
    #[must_use]
    pub const fn ends_at(self) -> WallMs {
        WallMs(self.0.saturating_add(1).saturating_mul(WINDOW_MS))
    }

    /// Windows from `earlier` to this one; 0 if it is not earlier.
    #[must_use]
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// What one gateway has seen of one peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceEntry {
    /// Of whom.
    pub peer: Origin,
    /// By whom.
    pub reporter: GatewayId,
    /// The newest window that it speaks of.
    pub window: Window,
    /// What it came to at the end of that window: all windows before have faded until then.
    pub evidence: Evidence,
    /// The revision that wrote this entry.
    pub revision: Revision,
}

impl EvidenceEntry {
    /// What is left of it at a time.
    #[must_use]
    pub fn at(&self, now: WallMs) -> Evidence {
        self.evidence.after(now.since(self.window.ends_at()) / WINDOW_MS)
    }
}

/// How far a gateway's reports have come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReporterEntry {
    /// Which gateway.
    pub id: GatewayId,
    /// The newest window that was taken; none up to it is taken again.
    pub window: Window,
    /// The revision of that report.
    pub revision: Revision,
}
