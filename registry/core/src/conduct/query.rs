//! Reads of a peer's reputation at the state's time. The answer depends on the state alone, so that every member gives a
//! peer the same score at the same revision.

use proto_types::{Origin, WallMs};

use crate::clock;
use crate::gateway;
use crate::view::{Read, View};

use super::entry::EvidenceEntry;
use super::reputation::{Evidence, Working};
use super::table::{EVIDENCE, REPORTERS_MAX};

/// A peer's score, and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reputation {
    /// The state's time.
    pub at: WallMs,
    /// The sum of what counts, and its score.
    pub working: Working,
    /// What each gateway has seen, by its id.
    pub lines: Vec<Line>,
}

/// What one gateway has seen of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// As it is kept.
    pub entry: EvidenceEntry,
    /// What is left of it; nothing if its gateway is not registered any more.
    pub left: Evidence,
}

/// The reputation of a peer, whether it is enrolled or not.
pub fn reputation(view: &dyn View, peer: &Origin) -> Read<Reputation> {
    let at = clock::query::clock(view)?;
    // No more gateways report than that.
    let kept = EVIDENCE.starting(view, &format!("{}\0", peer.as_str()), REPORTERS_MAX)?;
    let mut lines = Vec::with_capacity(kept.len());
    for entry in kept {
        // Who has been taken out of the fleet is not believed any more, whatever it said before.
        let counts = gateway::query::gateway(view, &entry.reporter)?.is_some();
        let left = if counts { entry.at(at) } else { Evidence::default() };
        lines.push(Line { entry, left });
    }
    let all = lines.iter().fold(Evidence::default(), |all, line| all.plus(line.left));
    Ok(Reputation { at, working: all.working(), lines })
}
