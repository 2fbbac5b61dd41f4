//! The line about a peer in the transparency log. Its bytes must never change: whoever may read the peer makes the same
//! bytes from what is published.

use proto_types::Digest;
use proto_types::tlog::Fact;

use super::entry::PeerEntry;

pub(crate) fn of(peer: &PeerEntry) -> Fact {
    let digest = Digest::of(peer_statement(peer).as_bytes());
    Fact::new("peer", peer.origin.as_str(), Some(digest), peer.revision.0)
}

/// What the log says of a peer: which keys count, and by which manifest. A line each, so that it can
/// be written down from what is published about the peer.
#[must_use]
pub fn peer_statement(peer: &PeerEntry) -> String {
    let mut text = format!("ecumene-peer-v1\n{}\n{}\n", peer.origin, peer.status);
    for key in &peer.keys {
        text.push_str(&format!("key {} {}\n", key.kid, key.public_key.to_hex()));
    }
    if let Some(manifest) = &peer.manifest {
        text.push_str(&format!("manifest {} {}\n", manifest.seq, manifest.digest));
    }
    text
}
