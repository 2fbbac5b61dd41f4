//! The peers' roster, version 1: which origins have which keys, signed by who keeps the list.
//!
//! Decides whether bytes are such a roster signed by a given key. Must never add a member to the
//! payload (a Pilox verifier strips what it does not know before it verifies), nor look at a peer
//! before the signature holds: checking the keys of a long list is dear.

use serde_json::{Value, json};

use super::key_from_hex;
use crate::json;
use crate::key::{PublicKey, SecretKey};
use crate::origin::Origin;
use crate::schema::{self, Invalid, Problem, Spot, closed_document};
use crate::time::WallMs;

/// The longest roster: some 60,000 peers. Arbitrary.
pub const LEN_MAX: usize = 8 * 1_024 * 1_024;

/// More peers than are ever listed in [`LEN_MAX`] bytes at their usual length.
pub const PEERS_MAX: usize = 65_536;

/// Peers that a Pilox instance takes from a roster: it refuses a longer one, and so knows nobody.
pub const READ_PEERS_MAX: usize = 8_192;

/// Bytes that it reads of one.
pub const READ_LEN_MAX: usize = 2 * 1_024 * 1_024;

/// What a roster has beside its peers, with room to spare.
const FRAME_LEN: usize = 1_024;

/// A peer in the list without its origin.
const PEER_LEN: usize = r#"{"ed25519PublicKeyHex":"","origin":""},"#.len() + 64;

/// A roster whose signature holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roster {
    /// When it was made. Readers keep the newest.
    pub issued_at: WallMs,
    /// In the order of the list.
    pub peers: Vec<RosterPeer>,
}

/// One peer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RosterPeer {
    /// Its origin, in the normal form.
    pub origin: Origin,
    /// Its key.
    pub key: PublicKey,
}

/// Why a roster is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Too long, not strict JSON, or not after the format, a key that we refuse included.
    #[error("not a roster")]
    Invalid(#[from] Invalid),
    /// The key has not signed this payload.
    #[error("the signature does not verify")]
    BadSignature,
}

/// Peers for a roster, as many as a Pilox instance reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    peers: Vec<RosterPeer>,
    len: usize,
}

impl Default for Listed {
    fn default() -> Self {
        Self { peers: Vec::new(), len: FRAME_LEN }
    }
}

impl Listed {
    /// Adds a peer; false if there is no room for it.
    #[must_use]
    pub fn add(&mut self, peer: RosterPeer) -> bool {
        self.len += PEER_LEN + peer.origin.as_str().len();
        let has_room = self.peers.len() < READ_PEERS_MAX && self.len <= READ_LEN_MAX;
        if has_room {
            self.peers.push(peer);
        }
        has_room
    }

    /// The peers that found room.
    #[must_use]
    pub fn peers(&self) -> &[RosterPeer] {
        &self.peers
    }
}

/// Makes the signed document. Peers are listed by origin, so that a list has one encoding.
#[must_use]
pub fn sign(peers: &[RosterPeer], issued_at: WallMs, key: &SecretKey) -> Value {
    let mut listed: Vec<&RosterPeer> = peers.iter().collect();
    listed.sort_by(|a, b| a.origin.cmp(&b.origin));
    let peer = |peer: &RosterPeer| json!({ "origin": peer.origin.as_str(), "ed25519PublicKeyHex": peer.key.to_hex() });
    let peers: Vec<Value> = listed.into_iter().map(peer).collect();
    let payload = json!({ "v": 1, "issuedAt": issued_at.to_rfc3339(), "peers": peers });
    let signature = hex::encode(key.sign(&json::canonical(&payload)));
    json!({ "payload": payload, "sigHex": signature })
}

/// Reads a roster that `key` has signed. Members that the format does not have are refused.
///
/// # Errors
/// See [`enum@Error`]; of a payload that is signed, all faults.
pub fn verify(bytes: &[u8], key: &PublicKey) -> Result<Roster, Error> {
    schema::bounded(bytes, LEN_MAX)?;
    let raw = json::parse(bytes).map_err(Invalid::from)?;
    let signature = closed_document(&raw, &["payload", "sigHex"], |document| {
        let payload = document.required("payload", |spot| spot.object().map(drop));
        let signature = document.required("sigHex", |spot| {
            spot.parsed("128 hexadecimal digits", |text| {
                hex::decode(text).ok().filter(|bytes| bytes.len() == 64)
            })
        });
        payload.and(signature)
    })
    .map_err(Invalid::Schema)?;
    key.verify(&json::canonical(&raw["payload"]), &signature).map_err(|_| Error::BadSignature)?;
    Ok(closed_document(&raw, &["payload", "sigHex"], |document| {
        document.required("payload", read_payload)
    })
    .map_err(Invalid::Schema)?)
}

fn read_payload(spot: Spot<'_, '_>) -> Option<Roster> {
    let payload = spot.closed_object(&["v", "issuedAt", "peers"])?;
    let version = payload.required("v", |spot| match spot.integer(0, i64::MAX)? {
        1 => Some(()),
        _ => spot.fault(Problem::Value("1")),
    });
    let issued_at = payload.required("issuedAt", |spot| {
        spot.parsed("an RFC 3339 time", |text| WallMs::parse_rfc3339(text).ok())
    });
    let peers = payload.required("peers", |spot| spot.list((0, PEERS_MAX), read_peer));
    version?;
    Some(Roster { issued_at: issued_at?, peers: peers? })
}

fn read_peer(spot: Spot<'_, '_>) -> Option<RosterPeer> {
    let peer = spot.closed_object(&["origin", "ed25519PublicKeyHex"])?;
    let origin = peer.required("origin", |spot| {
        spot.parsed("a web origin", |text| Origin::normalise(text).ok())
    });
    let key = peer.required("ed25519PublicKeyHex", |spot| {
        spot.parsed("an Ed25519 key in 64 hexadecimal digits", key_from_hex)
    });
    Some(RosterPeer { origin: origin?, key: key? })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn peer(host: &str, number: usize) -> RosterPeer {
        let origin = Origin::normalise(&format!("https://p{number}.{host}")).unwrap();
        RosterPeer { origin, key: SecretKey::from_seed(&[7; 32]).public() }
    }

    fn filled(host: &str) -> Listed {
        let mut listed = Listed::default();
        let added = (0..=READ_PEERS_MAX).take_while(|number| listed.add(peer(host, *number)));
        assert!(added.count() <= READ_PEERS_MAX);
        listed
    }

    #[test]
    fn a_roster_is_no_longer_than_a_pilox_instance_reads() {
        let key = SecretKey::from_seed(&[1; 32]);
        let made = |listed: &Listed| sign(listed.peers(), WallMs(0), &key).to_string();

        let usual = filled("example");
        assert_eq!(usual.peers().len(), READ_PEERS_MAX);
        assert!(made(&usual).len() <= READ_LEN_MAX);

        let long = vec!["a".repeat(60); 3].join(".");
        let wide = filled(&long);
        assert!(wide.peers().len() < READ_PEERS_MAX);
        let document = made(&wide);
        assert!((READ_LEN_MAX - 2 * FRAME_LEN..=READ_LEN_MAX).contains(&document.len()));
        assert_eq!(
            verify(document.as_bytes(), &key.public()).unwrap().peers.len(),
            wide.peers().len()
        );
    }
}
