//! One log entry: the proposals that were waiting, under one stamp of time. The proposing member encodes them once, in a
//! form that later members read in one way only.

use std::fmt;
use std::io;

use bytes::Bytes;
use proto_types::WallMs;
use registry_core::command::Proposal;
use serde::{Deserialize, Serialize};

use crate::codec;

/// What the bytes of a [`Payload`] encode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Batch {
    /// The leader's wall time.
    pub stamp: WallMs,
    /// In order; each is all or nothing by itself.
    pub proposals: Vec<Proposal>,
}

/// A batch as bytes. Followers and the log pass it on without looking into it; it is read where it is applied.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Payload {
    #[serde(with = "shared_bytes")]
    bytes: Bytes,
}

/// Bytes as `serde_bytes` writes them, shared by all copies of an entry.
mod shared_bytes {
    use bytes::Bytes;
    use serde::{Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        serde_bytes::serialize(bytes.as_ref(), to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        serde_bytes::deserialize::<Vec<u8>, D>(from).map(Bytes::from)
    }
}

impl Payload {
    /// Joins proposals that were encoded by [`encode_proposal`] already, each by its caller's own task.
    pub(crate) fn join<'a>(
        stamp: WallMs,
        proposals: impl ExactSizeIterator<Item = &'a [u8]> + Clone,
    ) -> Self {
        let length: usize = proposals.clone().map(<[u8]>::len).sum();
        let mut bytes = Vec::with_capacity(length + 64);
        bytes.push(codec::FORMAT);
        bytes.push(0x82); // a map of two
        text(&mut bytes, "stamp");
        bytes.push(0xcf); // a u64
        bytes.extend(stamp.0.to_be_bytes());
        text(&mut bytes, "proposals");
        bytes.push(0xdd); // an array of up to 2^32 - 1
        let count = u32::try_from(proposals.len()).expect("the proposer bounds a batch far below");
        bytes.extend(count.to_be_bytes());
        proposals.for_each(|proposal| bytes.extend_from_slice(proposal));
        Self { bytes: bytes.into() }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn read(&self) -> io::Result<Batch> {
        codec::decode(&self.bytes)
    }
}

/// A proposal as it stands inside a batch.
pub(crate) fn encode_proposal(proposal: &Proposal) -> Result<Vec<u8>, rmp_serde::encode::Error> {
    rmp_serde::to_vec_named(proposal)
}

/// A short MessagePack text: 0xa0 and its length, then its bytes.
fn text(bytes: &mut Vec<u8>, text: &'static str) {
    let length = u8::try_from(text.len()).ok().filter(|length| *length < 32);
    bytes.push(0xa0 | length.expect("both member names are short"));
    bytes.extend_from_slice(text.as_bytes());
}

impl fmt::Display for Payload {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "a batch of {} bytes", self.bytes.len())
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, out)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use registry_core::command::{Command, PutBody};

    use super::*;

    #[test]
    fn joined_proposals_are_read_as_the_batch_they_make() {
        let proposal = |length: usize| Proposal {
            commands: vec![Command::PutBody(PutBody { bytes: vec![7; length] })],
        };
        for count in [0, 1, 15, 16, 300] {
            let proposals: Vec<_> = (0..count).map(proposal).collect();
            let encoded: Vec<_> =
                proposals.iter().map(|each| encode_proposal(each).unwrap()).collect();
            let payload = Payload::join(WallMs(1_234), encoded.iter().map(Vec::as_slice));
            assert_eq!(payload.read().unwrap(), Batch { stamp: WallMs(1_234), proposals });
        }
    }

    #[test]
    fn a_batch_encoded_by_the_serializer_is_read_too() {
        let batch = Batch { stamp: WallMs(9), proposals: vec![Proposal { commands: vec![] }] };
        let payload = Payload { bytes: codec::encode(&batch).unwrap().into() };
        assert_eq!(payload.read().unwrap(), batch);
    }

    #[test]
    fn an_unknown_format_is_refused() {
        let mut bytes = codec::encode(&Batch { stamp: WallMs(9), proposals: vec![] }).unwrap();
        bytes[0] = 2;
        assert!(Payload { bytes: bytes.into() }.read().is_err());
        assert!(Payload { bytes: Bytes::new() }.read().is_err());
    }
}
