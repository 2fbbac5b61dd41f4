//! The tables of peers, of the lines of their logs, and of requests to be enrolled, with the keys of what is due or void.
//! The lines of a log are listed in order.

use proto_types::tlog::Fact;
use proto_types::{Digest, Origin, WallMs};

use crate::entity::{Entity, Table};
use crate::index::{self, Keys};
use crate::layout::{self, END, Tag};
use crate::view::{Pair, Read, Space, View};

use super::entry::{PeerEntry, PeerLogEntry, PeerRequest, PeerStatus};
use super::fact;

/// Peers by origin.
pub const PEERS: Table<PeerEntry> = Table::new(1, "peer");
/// The lines of peers' logs by [`peer_log_key`].
pub const PEER_LOG: Table<PeerLogEntry> = Table::new(11, "log entry");
/// Peers that wait to be let in by [`peer_request_key`].
pub const PEER_REQUESTS: Table<PeerRequest> = Table::new(12, "peer request");

/// Peers by when their manifest in force is past its expiry.
pub(crate) const MANIFESTS_BY_EXPIRY: Tag = Tag(37);
/// Requests by when they are void.
pub(crate) const PEER_REQUESTS_BY_EXPIRY: Tag = Tag(38);
/// Peers and requests by when their host is asked.
pub(crate) const DOMAINS_DUE: Tag = Tag(39);
/// Requests by kind and source, the oldest first.
pub(crate) const PEER_REQUESTS_BY_SOURCE: Tag = Tag(51);

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

    fn index(&self) -> Keys {
        let origin = self.origin.as_str().as_bytes();
        let mut keys = Vec::new();
        if let Some(manifest) = self.current_manifest() {
            let at = manifest.expires_at.0.to_be_bytes();
            keys.push((MANIFESTS_BY_EXPIRY.key(&[&at, origin]), origin.to_vec()));
        }
        if let Some(domain) = self.domain.as_ref().filter(|_| self.status == PeerStatus::Active) {
            keys.push((domain_due(OF_PEER, domain.ask_at, origin), origin.to_vec()));
        }
        keys
    }

    fn bodies(&self) -> Vec<Digest> {
        self.manifest.iter().map(|manifest| manifest.digest).collect()
    }

    fn fact(&self) -> Option<Fact> {
        Some(fact::of(self))
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

    fn index(&self) -> Keys {
        let id = self.key().into_bytes();
        let at = self.expires_at.0.to_be_bytes();
        let mut keys = vec![(PEER_REQUESTS_BY_EXPIRY.key(&[&at, &id]), id.clone())];
        if let Some(source) = &self.source {
            let at = self.requested_at.0.to_be_bytes();
            let parts: [&[u8]; 5] = [of_kind(self.domain), source.as_bytes(), END, &at, &id];
            keys.push((PEER_REQUESTS_BY_SOURCE.key(&parts), id.clone()));
        }
        if let Some(at) = self.ask_at {
            keys.push((domain_due(OF_REQUEST, at, &id), id));
        }
        keys
    }

    fn bodies(&self) -> Vec<Digest> {
        self.candidate.founding.iter().map(|founding| founding.body).collect()
    }
}

/// Tells requests that wait for an operator and for their host apart.
const fn of_kind(domain: bool) -> &'static [u8] {
    if domain { &[1] } else { &[0] }
}

/// Up to `limit` requests of a kind whose source is known: the source and the id of each, by source, the oldest first.
pub(crate) fn peer_requests_of_sources(
    view: &dyn View,
    domain: bool,
    limit: usize,
) -> Read<Vec<(String, String)>> {
    let first = PEER_REQUESTS_BY_SOURCE.key(&[of_kind(domain)]);
    let read = |(key, id): Pair| {
        // No source has an END in it.
        let source = key[first.len()..].split(|byte| END.contains(byte)).next();
        Ok((index::text(source.unwrap_or_default().to_vec())?, index::text(id)?))
    };
    let pairs = view.range(Space::Index, &first, &layout::past(&first), limit)?;
    pairs.into_iter().map(read).collect()
}

/// Tells hosts of peers and of requests apart.
const OF_PEER: &[u8] = &[0];
const OF_REQUEST: &[u8] = &[1];

fn domain_due(whose: &[u8], at: WallMs, id: &[u8]) -> Vec<u8> {
    DOMAINS_DUE.key(&[whose, &at.0.to_be_bytes(), id])
}

/// The peers whose host is to be asked at `now`: from, to.
pub(crate) fn peer_domains_due(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    domains_due(OF_PEER, now)
}

/// The requests whose host was asked and is not to be asked at `now`: from, to.
pub(crate) fn request_domains_asked(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    let (_, due) = domains_due(OF_REQUEST, now);
    (due, layout::past(&DOMAINS_DUE.key(&[OF_REQUEST])))
}

/// The requests whose host is to be asked at `now`: from, to.
pub(crate) fn request_domains_due(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    domains_due(OF_REQUEST, now)
}

fn domains_due(whose: &[u8], now: WallMs) -> (Vec<u8>, Vec<u8>) {
    let last = DOMAINS_DUE.key(&[whose, &now.0.to_be_bytes()]);
    (DOMAINS_DUE.key(&[whose]), layout::past(&last))
}

/// The manifests in force that are past their expiry at `now`: from, to.
pub(crate) fn manifests_expired(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    index::until(MANIFESTS_BY_EXPIRY, now)
}

/// The requests that are void at `now`: from, to.
pub(crate) fn peer_requests_void(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    index::until(PEER_REQUESTS_BY_EXPIRY, now)
}
