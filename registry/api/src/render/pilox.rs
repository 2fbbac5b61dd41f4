//! The signed lists that a Pilox instance reads: catalog and roster.
//!
//! It decides which peers are listed, and with which key. It must never add a member to what is
//! signed: their verifier strips what it does not know.

use proto_types::pilox::Brand;
use proto_types::pilox::catalog::CatalogProof;
use proto_types::pilox::roster::RosterPeer;
use proto_types::{Handle, Kid, SecretKey, WallMs};
use registry_core::entry::{EnrolledKey, PeerEntry};
use serde_json::{Value, json};

/// `GET /v1/records`. `next` and `truncated` are there only if the list is not whole.
#[must_use]
pub fn catalog(handles: &[Handle], next: &str, now: WallMs, kid: &Kid, key: &SecretKey) -> Value {
    // Older instances know this brand only, newer ones both.
    let proof = CatalogProof::sign(Brand::Hive, handles, now, kid, key);
    let handles: Vec<&str> = handles.iter().map(Handle::as_str).collect();
    let mut body = json!({ "handles": handles, "catalogProof": proof });
    if !next.is_empty() {
        body["next"] = next.into();
        body["truncated"] = true.into();
    }
    body
}

/// A peer of `GET /v1/peers/roster.json`: an active one, with the first of its signing keys that count
/// now, which is all that the format has room for.
#[must_use]
pub fn listed(peer: &PeerEntry, now: WallMs) -> Option<RosterPeer> {
    let key = peer.counting(now).find_map(EnrolledKey::signing)?;
    Some(RosterPeer { origin: peer.origin.clone(), key })
}
