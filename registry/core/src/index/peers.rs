//! The derived keys of peers and of requests to be one: what is due, and what is void.
//! It must never hold what the entity does not.

use proto_types::WallMs;

use super::{Keys, until};
use crate::entry::{PeerEntry, PeerRequest, PeerStatus};
use crate::layout::{self, END, derived};
use crate::table::Entity as _;
use crate::view::{Pair, Space, View, ViewError};

pub(crate) fn of_peer(peer: &PeerEntry) -> Keys {
    let origin = peer.origin.as_str().as_bytes();
    let mut keys = Vec::new();
    if let Some(manifest) = peer.current_manifest() {
        let at = manifest.expires_at.0.to_be_bytes();
        keys.push((layout::key(derived::MANIFESTS_BY_EXPIRY, &[&at, origin]), origin.to_vec()));
    }
    if let Some(domain) = peer.domain.as_ref().filter(|_| peer.status == PeerStatus::Active) {
        keys.push((domain_due(OF_PEER, domain.ask_at, origin), origin.to_vec()));
    }
    keys
}

pub(crate) fn of_peer_request(request: &PeerRequest) -> Keys {
    let id = request.key().into_bytes();
    let at = request.expires_at.0.to_be_bytes();
    let mut keys = vec![(layout::key(derived::PEER_REQUESTS_BY_EXPIRY, &[&at, &id]), id.clone())];
    if let Some(source) = &request.source {
        let at = request.requested_at.0.to_be_bytes();
        let parts: [&[u8]; 5] = [of_kind(request.domain), source.as_bytes(), END, &at, &id];
        keys.push((layout::key(derived::PEER_REQUESTS_BY_SOURCE, &parts), id.clone()));
    }
    if let Some(at) = request.ask_at {
        keys.push((domain_due(OF_REQUEST, at, &id), id));
    }
    keys
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
) -> Result<Vec<(String, String)>, ViewError> {
    let first = layout::key(derived::PEER_REQUESTS_BY_SOURCE, &[of_kind(domain)]);
    let read = |(key, id): Pair| {
        // No source has an END in it.
        let source = key[first.len()..].split(|byte| END.contains(byte)).next();
        Ok((super::text(source.unwrap_or_default().to_vec())?, super::text(id)?))
    };
    let pairs = view.range(Space::Index, &first, &layout::past(&first), limit)?;
    pairs.into_iter().map(read).collect()
}

/// Tells hosts of peers and of requests apart.
const OF_PEER: &[u8] = &[0];
const OF_REQUEST: &[u8] = &[1];

fn domain_due(whose: &[u8], at: WallMs, id: &[u8]) -> Vec<u8> {
    layout::key(derived::DOMAINS_DUE, &[whose, &at.0.to_be_bytes(), id])
}

/// The peers whose host is to be asked at `now`: from, to.
pub(crate) fn peer_domains_due(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    domains_due(OF_PEER, now)
}

/// The requests whose host was asked and is not to be asked at `now`: from, to.
pub(crate) fn request_domains_asked(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    let (_, due) = domains_due(OF_REQUEST, now);
    (due, layout::past(&layout::key(derived::DOMAINS_DUE, &[OF_REQUEST])))
}

/// The requests whose host is to be asked at `now`: from, to.
pub(crate) fn request_domains_due(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    domains_due(OF_REQUEST, now)
}

fn domains_due(whose: &[u8], now: WallMs) -> (Vec<u8>, Vec<u8>) {
    let last = layout::key(derived::DOMAINS_DUE, &[whose, &now.0.to_be_bytes()]);
    (layout::key(derived::DOMAINS_DUE, &[whose]), layout::past(&last))
}

/// The manifests in force that are past their expiry at `now`: from, to.
pub(crate) fn manifests_expired(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    until(derived::MANIFESTS_BY_EXPIRY, now)
}

/// The requests that are void at `now`: from, to.
pub(crate) fn peer_requests_void(now: WallMs) -> (Vec<u8>, Vec<u8>) {
    until(derived::PEER_REQUESTS_BY_EXPIRY, now)
}
