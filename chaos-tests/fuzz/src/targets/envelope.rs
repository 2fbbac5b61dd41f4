//! WAN envelopes, version 1.

use proto_types::Origin;
use proto_types::pilox::envelope::{Envelope, LEN_MAX};

pub(crate) fn run(bytes: &[u8]) {
    let envelope = match Envelope::parse(bytes) {
        Ok(envelope) => envelope,
        Err(invalid) => return assert!(!invalid.faults().is_empty(), "it says why"),
    };
    assert!(bytes.len() <= LEN_MAX);
    assert!(Origin::parse(envelope.source_origin.as_str()).is_ok(), "in its normal form");
    let printed = serde_json::to_vec(&envelope).expect("an envelope has string keys only");
    assert_eq!(Envelope::parse(&printed), Ok(envelope));
}
