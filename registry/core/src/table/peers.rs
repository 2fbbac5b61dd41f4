//! The tables about peers: how a log's lines and requests are keyed.
//! They decide where an entity lies; they must never let the lines of a log be listed out of order.

use proto_types::tlog::Fact;
use proto_types::{Digest, Origin};

use crate::entry::{PeerEntry, PeerLogEntry, PeerRequest};
use crate::layout::state;
use crate::{index, ledger};

use super::{Entity, Table};

/// The lines of peers' logs by [`peer_log_key`].
pub const PEER_LOG: Table<PeerLogEntry> = Table::new(state::PEER_LOG, "log entry");
/// Peers that wait to be let in by [`peer_request_key`].
pub const PEER_REQUESTS: Table<PeerRequest> = Table::new(state::PEER_REQUESTS, "peer request");

/// What a line of a peer's log is looked up by; in the order of their numbers.
#[must_use]
pub fn peer_log_key(origin: &Origin, index: u64) -> String {
    format!("{}\0{index:020}", origin.as_str())
}

/// What a request to be let in is looked up by.
#[must_use]
pub fn peer_request_key(origin: &Origin, id: &Digest) -> String {
    format!("{}\0{}", origin.as_str(), id.hex())
}

impl Entity for PeerEntry {
    fn key(&self) -> String {
        self.origin.as_str().to_owned()
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        index::of_peer(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        self.manifest.iter().map(|manifest| manifest.digest).collect()
    }

    fn fact(&self) -> Option<Fact> {
        Some(ledger::of_peer(self))
    }
}

impl Entity for PeerLogEntry {
    fn key(&self) -> String {
        peer_log_key(&self.entry.origin, self.entry.index)
    }

    fn bodies(&self) -> Vec<Digest> {
        self.body.into_iter().collect()
    }
}

impl Entity for PeerRequest {
    fn key(&self) -> String {
        peer_request_key(&self.candidate.origin, &self.id)
    }

    fn index(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        index::of_peer_request(self)
    }

    fn bodies(&self) -> Vec<Digest> {
        self.candidate.founding.iter().map(|founding| founding.body).collect()
    }
}
