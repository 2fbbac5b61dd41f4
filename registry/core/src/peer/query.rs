//! Reads of peers, of their logs, of requests to be enrolled, and of hosts that are due to be asked. Every read is
//! bounded.

use proto_types::card::Assurance;
use proto_types::{Digest, Origin, WallMs};

use crate::counter;
use crate::index;
use crate::view::{Read, View};

use super::entry::{PeerEntry, PeerLogEntry, PeerRequest, PeerStatus};
use super::table::{self, PEER_LOG, PEER_REQUESTS, PEERS, peer_log_key, peer_request_key};

/// The peer of this origin.
pub fn peer(view: &dyn View, origin: &Origin) -> Read<Option<PeerEntry>> {
    PEERS.entry(view, origin.as_str())
}

/// Up to `limit` peers after `after`, revoked ones included, by origin.
pub fn peers(view: &dyn View, after: Option<&Origin>, limit: usize) -> Read<Vec<PeerEntry>> {
    PEERS.list(view, after.map(Origin::as_str), limit)
}

/// Up to `limit` lines of a peer's log after number `after`, in order.
pub fn peer_log(
    view: &dyn View,
    origin: &Origin,
    after: u64,
    limit: usize,
) -> Read<Vec<PeerLogEntry>> {
    let mut lines = PEER_LOG.list(view, Some(&peer_log_key(origin, after)), limit)?;
    let own = lines.iter().take_while(|line| line.entry.origin == *origin).count();
    lines.truncate(own);
    Ok(lines)
}

/// Lines looked through for the one that a recovery goes back to: two windows of 64 signed lines, and
/// room for the operator's.
const SCAN_MAX: u64 = 512;

/// The line of this digest, if it is among the newest 512 of the peer's log, and those after it.
pub fn peer_log_from(
    view: &dyn View,
    peer: &PeerEntry,
    digest: &Digest,
) -> Read<Option<(PeerLogEntry, Vec<PeerLogEntry>)>> {
    let Some(head) = peer.log else { return Ok(None) };
    let (first, scan) = (head.index.saturating_sub(SCAN_MAX), SCAN_MAX as usize);
    let mut lines = peer_log(view, &peer.origin, first, scan)?;
    // A line's digest stands in the one after it.
    let known = lines.iter().skip(1).filter_map(|line| line.entry.prev).chain([head.digest]);
    let known: Vec<_> = known.collect();
    let Some(at) = known.iter().rposition(|known| known == digest) else { return Ok(None) };
    let later = lines.split_off(at + 1);
    Ok(lines.pop().map(|line| (line, later)))
}

/// Up to `limit` requests to be let in after `after` (origin and id), by origin.
pub fn peer_requests(
    view: &dyn View,
    after: Option<(&Origin, &Digest)>,
    limit: usize,
) -> Read<Vec<PeerRequest>> {
    let after = after.map(|(origin, id)| peer_request_key(origin, id));
    PEER_REQUESTS.list(view, after.as_deref(), limit)
}

/// One request to be let in.
pub fn peer_request(view: &dyn View, origin: &Origin, id: &Digest) -> Read<Option<PeerRequest>> {
    PEER_REQUESTS.entry(view, &peer_request_key(origin, id))
}

/// How many peers wait to be let in, void requests included until they are swept.
pub fn peer_requests_waiting(view: &dyn View) -> Read<u64> {
    counter::read(view, counter::PEER_REQUESTS)
}

/// Whose hosts are to be asked.
#[derive(Debug, Default)]
pub struct DomainsDue {
    /// Peers.
    pub peers: Vec<PeerEntry>,
    /// Requests.
    pub requests: Vec<PeerRequest>,
}

/// Up to `limit` of each whose hosts are to be asked at `now`, the longest overdue first.
pub fn domains_due(view: &dyn View, now: WallMs, limit: usize) -> Read<DomainsDue> {
    let (from, to) = table::peer_domains_due(now);
    let peers = PEERS.pointed_in(view, (&from, &to), limit)?;
    let (from, to) = table::request_domains_due(now);
    let requests = PEER_REQUESTS.pointed_in(view, (&from, &to), limit)?;
    Ok(DomainsDue { peers, requests })
}

/// Up to `limit` origins whose manifest in force is past its expiry at `now`.
pub fn expired_manifests(view: &dyn View, now: WallMs, limit: usize) -> Read<Vec<String>> {
    let (from, to) = table::manifests_expired(now);
    index::ids(view, (&from, &to), limit)
}

/// What an entry is worth now: an enrolled key's word is raised while its owner's host vouches for
/// the owner, and lowered to the signature alone while the owner may not act.
pub fn assurance(view: &dyn View, owner: Option<&Origin>, stored: Assurance) -> Read<Assurance> {
    let Some(owner) = owner.filter(|_| stored >= Assurance::Enrolled) else { return Ok(stored) };
    Ok(match peer(view, owner)? {
        Some(peer) if peer.status != PeerStatus::Active => Assurance::SelfAsserted,
        Some(peer) if peer.is_domain_proven() => Assurance::DomainProven,
        _ => stored,
    })
}
