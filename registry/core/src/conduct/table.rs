//! The tables of evidence and of reporters. All evidence about a peer is stored side by side.

use proto_types::{GatewayId, Origin, WallMs};

use crate::entity::{Entity, Table};
use crate::index::{self, Keys};
use crate::layout::Tag;

use super::entry::{EvidenceEntry, ReporterEntry};

/// What gateways have seen of peers by [`evidence_key`].
pub const EVIDENCE: Table<EvidenceEntry> = Table::new(30, "evidence");
/// How far each gateway's reports have come, by its id.
pub const REPORTERS: Table<ReporterEntry> = Table::new(31, "reporter");

/// Evidence by when it has faded to nothing.
pub(crate) const EVIDENCE_BY_VOID: Tag = Tag(45);

/// Gateways that report: what all of them say of a peer is read whole each time that its score is. Arbitrary.
pub(crate) const REPORTERS_MAX: usize = 1_024;

/// What a gateway's evidence of a peer is looked up by.
#[must_use]
pub fn evidence_key(peer: &Origin, reporter: &GatewayId) -> String {
    format!("{}\0{}", peer.as_str(), reporter.as_str())
}

impl Entity for EvidenceEntry {
    fn key(&self) -> String {
        evidence_key(&self.peer, &self.reporter)
    }

    fn index(&self) -> Keys {
        let days = self.evidence.days_to_nothing();
        let void = self.window.ends_at().plus_ms(days * DAY_MS);
        let id = self.key().into_bytes();
        vec![(EVIDENCE_BY_VOID.key(&[&void.0.to_be_bytes(), &id]), id)]
    }
}

impl Entity for ReporterEntry {
    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }
}

/// Evidence fades by whole days at least.
const DAY_MS: u64 = 86_400_000;

/// The evidence that is nothing at `now`, and later: from, to.
pub(crate) fn evidence_void(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    index::until(EVIDENCE_BY_VOID, now)
}
