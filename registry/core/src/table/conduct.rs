//! The tables of peers' conduct: how evidence is keyed, so that all that is said of a peer lies together.
//! They decide nothing beyond their keys.

use proto_types::{Digest, GatewayId, Origin};

use crate::entry::{EvidenceEntry, ReporterEntry};
use crate::index;
use crate::layout::state;

use super::{Entity, Table};

/// What gateways have seen of peers by [`evidence_key`].
pub const EVIDENCE: Table<EvidenceEntry> = Table::new(state::EVIDENCE, "evidence");
/// How far each gateway's reports have come, by its id.
pub const REPORTERS: Table<ReporterEntry> = Table::new(state::REPORTERS, "reporter");

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

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        index::of_evidence(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }
}

impl Entity for ReporterEntry {
    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }

    fn bodies(&self) -> Vec<Digest> {
        Vec::new()
    }
}
