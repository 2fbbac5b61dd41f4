//! Pilox records of a wanted size, each new, signed by the enrolled peer.
//! It decides their filling; it must never make two of one handle.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Result;
use bytes::Bytes;
use chaos_cluster::peer::Peer;
use proto_types::pilox::proof;
use proto_types::{WallMs, json};
use proto_wire::registry::v1::PutRecordRequest;

use crate::drive::Pool;

/// The size that targets are stated for.
pub(super) const BYTES: usize = 1_024;

/// Numbers the records that it makes.
pub(super) struct Records {
    /// How long a record without filling is; all are equally long, because numbers have nine
    /// digits.
    bare_bytes: usize,
    next: u64,
}

impl Records {
    /// Records in the name of a peer.
    ///
    /// # Errors
    /// They would not be valid.
    pub(super) fn new(peer: &Peer) -> Result<Self> {
        Ok(Self { bare_bytes: one(peer, 0, 0, now()?)?.len(), next: 0 })
    }

    /// The handle of a record by its number.
    pub(super) fn handle(number: u64) -> String {
        format!("urn:pilox:agent:load:{number:09}")
    }

    /// How many there are; the number of the next.
    pub(super) fn made(&self) -> u64 {
        self.next
    }

    /// Requests for `count` records of `bytes` each, with handles that none before had.
    ///
    /// # Errors
    /// They would not be valid.
    pub(super) fn pool(
        &mut self,
        peer: &Peer,
        count: usize,
        bytes: usize,
    ) -> Result<Pool<PutRecordRequest>> {
        let (now, mut requests) = (now()?, Vec::with_capacity(count));
        for _ in 0..count {
            let filling = bytes.saturating_sub(self.bare_bytes);
            let document = one(peer, self.next, filling, now)?;
            requests.push(PutRecordRequest {
                document,
                if_match: String::new(),
                visibility: String::new(),
            });
            self.next += 1;
        }
        Ok(Pool::once(requests))
    }
}

fn one(peer: &Peer, number: u64, filling: usize, now: WallMs) -> Result<Bytes> {
    let record = serde_json::json!({
        "schema": "pilox-registry-record-v1",
        "handle": Records::handle(number),
        "updatedAt": now.to_rfc3339(),
        "agentCardUrl": format!("{}/agents/{number:09}/card.json", peer.origin),
        // A capability is the one text in a record that may be as long as the record.
        "capabilities": ["a2a-jsonrpc", format!("x{}", "x".repeat(filling))],
    });
    let signed = proof::sign(&record, &peer.origin, &peer.kid, &peer.key)?;
    Ok(json::canonical(signed.raw()).into())
}

/// Whole seconds, so that every text of it is equally long.
fn now() -> Result<WallMs> {
    Ok(WallMs::from_secs(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proto_types::pilox::record;

    use super::*;

    #[test]
    fn records_are_valid_signed_of_the_wanted_size_and_differ() {
        let peer = Peer::new("https://load.example").unwrap();
        let mut records = Records::new(&peer).unwrap();
        for bytes in [BYTES, 10 * BYTES] {
            assert!(records.pool(&peer, 2, bytes).is_ok());
            let (number, filling) = (records.next, bytes - records.bare_bytes);
            let document = one(&peer, number, filling, now().unwrap()).unwrap();
            assert_eq!(document.len(), bytes);
            let parsed = record::parse(&document).unwrap();
            assert_eq!(parsed.handle.as_str(), Records::handle(number));
            assert!(matches!(proof::verify(&parsed), Ok(proof::ProofState::SelfAsserted { .. })));
        }
        assert_eq!(records.made(), 4);
    }
}
