//! What is written of an envelope in JetStream: its headers, its lease in one number, and what has become of it so far.
//!
//! Decides forms only. Must never trust what it reads there: a stream has other writers than this gateway.

use async_nats::HeaderMap;
use bytes::Bytes;
use proto_types::Digest;
use proto_wire::registry::v1 as wire;
use serde::{Deserialize, Serialize};

/// A repeated one within the window of the stream is not stored again.
pub(super) const MESSAGE_ID: &str = "Nats-Msg-Id";
/// The last message of a subject must have this sequence; 0 is none.
pub(super) const EXPECTED_LAST: &str = "Nats-Expected-Last-Subject-Sequence";

const ID: &str = "Ecumene-Envelope-Id";
const SOURCE: &str = "Ecumene-Source";
const TARGET: &str = "Ecumene-Target";
const CORRELATION: &str = "Ecumene-Correlation-Id";
const TRACEPARENT: &str = "traceparent";
const ACCEPTED_AT: &str = "Ecumene-Accepted-At-Ms";
const EXPIRES_AT: &str = "Ecumene-Expires-At-Ms";
const HOPS: &str = "Ecumene-Hops";
const DEATH: &str = "Ecumene-Death";

/// An envelope as a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) id: String,
    pub(super) source: String,
    pub(super) target: String,
    pub(super) correlation: String,
    pub(super) traceparent: String,
    pub(super) accepted_at_ms: u64,
    pub(super) expires_at_ms: u64,
    pub(super) document: Bytes,
    /// Who has handed it on.
    pub(super) hops: Vec<String>,
    /// What has become of it, if it is a dead letter.
    pub(super) death: Option<Death>,
}

/// Why and when an envelope has become a dead letter, and what was tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Death {
    pub(super) cause: String,
    pub(super) at_ms: u64,
    pub(super) record: Record,
}

/// What has become of an envelope in its queue. It is there once the envelope was leased again, or an attempt has failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The number of the newest lease that a gateway knows of.
    pub(super) deliveries: u64,
    /// Attempts that have failed since it was accepted, or replayed.
    pub(super) failures: u32,
    /// The last of them.
    pub(super) attempts: Vec<Attempt>,
}

/// An attempt that has failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempt {
    pub(super) at_ms: u64,
    pub(super) epoch: u64,
    pub(super) reason: String,
}

impl Stored {
    /// As a gateway takes it.
    pub(super) fn taken(message: wire::EnqueueEnvelopeRequest, now_ms: u64) -> Self {
        Self {
            id: message.id,
            source: message.source,
            target: message.target,
            correlation: message.correlation,
            traceparent: message.traceparent,
            accepted_at_ms: now_ms,
            expires_at_ms: message.expires_at_ms,
            document: message.document,
            hops: message.hops,
            death: None,
        }
    }

    /// From a message; `None` if it is not one of ours.
    pub(super) fn read(headers: &HeaderMap, document: Bytes) -> Option<Self> {
        let text = |name: &str| headers.get(name).map(|value| value.as_str().to_owned());
        let number = |name: &str| text(name)?.parse().ok();
        Some(Self {
            id: text(ID)?,
            source: text(SOURCE)?,
            target: text(TARGET)?,
            correlation: text(CORRELATION)?,
            traceparent: text(TRACEPARENT).unwrap_or_default(),
            accepted_at_ms: number(ACCEPTED_AT)?,
            expires_at_ms: number(EXPIRES_AT)?,
            document,
            hops: text(HOPS)
                .map_or_else(Vec::new, |hops| hops.split(',').map(str::to_owned).collect()),
            death: text(DEATH).and_then(|death| serde_json::from_str(&death).ok()),
        })
    }

    /// The headers, under the id by which JetStream knows the message again; `None` if a text has a line end.
    pub(super) fn headers(&self, message_id: &str) -> Option<HeaderMap> {
        let mut headers = HeaderMap::new();
        let mut put = |name: &'static str, text: &str| {
            let value: async_nats::HeaderValue = text.parse().ok()?;
            headers.insert(name, value);
            Some(())
        };
        put(MESSAGE_ID, message_id)?;
        put(ID, &self.id)?;
        put(SOURCE, &self.source)?;
        put(TARGET, &self.target)?;
        put(CORRELATION, &self.correlation)?;
        put(ACCEPTED_AT, &self.accepted_at_ms.to_string())?;
        put(EXPIRES_AT, &self.expires_at_ms.to_string())?;
        if !self.traceparent.is_empty() {
            put(TRACEPARENT, &self.traceparent)?;
        }
        if !self.hops.is_empty() {
            // No origin has a comma.
            put(HOPS, &self.hops.join(","))?;
        }
        if let Some(death) = &self.death {
            put(DEATH, &serde_json::to_string(death).ok()?)?;
        }
        Some(headers)
    }

    /// What it is known by: ids are unique within their source only.
    pub(super) fn key(&self) -> String {
        key(&self.source, &self.id)
    }

    /// As whoever leases it sees it.
    pub(super) fn leased(self, lease: Lease, until_ms: u64, failures: u32) -> wire::LeasedEnvelope {
        wire::LeasedEnvelope {
            id: self.id,
            source: self.source,
            target: self.target,
            correlation: self.correlation,
            document: self.document,
            traceparent: self.traceparent,
            epoch: lease.epoch(),
            leased_until_ms: until_ms,
            deliveries: u32::try_from(lease.delivery).unwrap_or(u32::MAX),
            accepted_at_ms: self.accepted_at_ms,
            failures,
            ordering_key: String::new(),
            hops: self.hops,
        }
    }

    /// As an operator sees it; `None` if it is no dead letter.
    pub(super) fn dead_letter(self, kept_ms: u64) -> Option<wire::DeadLetter> {
        let Death { cause, at_ms, record } = self.death?;
        let shown = |attempt: Attempt| {
            let Attempt { at_ms, epoch, reason } = attempt;
            wire::FailedAttempt { at_ms, epoch, reason }
        };
        Some(wire::DeadLetter {
            id: self.id,
            source: self.source,
            target: self.target,
            correlation: self.correlation,
            document: self.document,
            traceparent: self.traceparent,
            accepted_at_ms: self.accepted_at_ms,
            expires_at_ms: self.expires_at_ms,
            deliveries: u32::try_from(record.deliveries).unwrap_or(u32::MAX),
            failures: record.failures,
            attempts: record.attempts.into_iter().map(shown).collect(),
            cause,
            dead_at_ms: at_ms,
            kept_until_ms: at_ms.saturating_add(kept_ms),
        })
    }
}

/// What an envelope of this source and id is known by: 32 hexadecimal digits, which are one token of a subject.
pub(super) fn key(source: &str, id: &str) -> String {
    short(&[source.as_bytes(), &[0], id.as_bytes()])
}

/// What a target is known by.
pub(super) fn target_key(target: &str) -> String {
    short(&[target.as_bytes()])
}

fn short(parts: &[&[u8]]) -> String {
    let mut hex = Digest::of_parts(parts).hex();
    hex.truncate(32);
    hex
}

/// Bits of an epoch that number the leases of an envelope. With the rest, a stream of 10^11 messages has epochs that JSON's
/// readers take for exact numbers (RFC 8259, section 6).
const DELIVERY_BITS: u32 = 16;
const DELIVERY_MAX: u64 = (1 << DELIVERY_BITS) - 1;

/// A lease: which message of the stream, and the how-manieth delivery of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lease {
    pub(super) sequence: u64,
    pub(super) delivery: u64,
}

impl Lease {
    /// As one number, which says it to any gateway.
    pub(super) const fn epoch(self) -> u64 {
        let delivery = if self.delivery < DELIVERY_MAX { self.delivery } else { DELIVERY_MAX };
        (self.sequence << DELIVERY_BITS) | delivery
    }

    /// The lease of this epoch, if it can be one.
    pub(super) const fn of(epoch: u64) -> Option<Self> {
        let (sequence, delivery) = (epoch >> DELIVERY_BITS, epoch & DELIVERY_MAX);
        if sequence == 0 || delivery == 0 { None } else { Some(Self { sequence, delivery }) }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn stored() -> Stored {
        Stored {
            id: "e1".to_owned(),
            source: "https://a.example".to_owned(),
            target: "urn:agent:b".to_owned(),
            correlation: "corr-0001".to_owned(),
            traceparent: String::new(),
            accepted_at_ms: 1,
            expires_at_ms: 2,
            document: Bytes::from_static(b"{}"),
            hops: Vec::new(),
            death: None,
        }
    }

    #[test]
    fn what_is_written_is_read_and_what_is_not_ours_is_not() {
        let reason = "the receiver said \"no\",\u{2028}\u{e9}".to_owned();
        let attempts = vec![Attempt { at_ms: 3, epoch: 65_537, reason }];
        let record = Record { deliveries: 1, failures: 1, attempts };
        let death = Some(Death { cause: "attempts".to_owned(), at_ms: 4, record });
        let hops = vec!["https://b.example".to_owned(), "https://c.example".to_owned()];
        let full = Stored { death, hops, traceparent: "00-1".to_owned(), ..stored() };
        for whole in [stored(), full] {
            let headers = whole.headers("m1").unwrap();
            assert_eq!(headers.get(MESSAGE_ID).unwrap().as_str(), "m1");
            assert_eq!(Stored::read(&headers, whole.document.clone()), Some(whole));
        }
        assert_eq!(Stored::read(&HeaderMap::new(), Bytes::new()), None);
        let broken = Stored { correlation: "a\r\nb".to_owned(), ..stored() };
        assert!(broken.headers("m1").is_none());
    }

    #[test]
    fn a_lease_is_one_number_that_no_other_lease_has() {
        let lease = Lease { sequence: 7, delivery: 3 };
        assert_eq!(Lease::of(lease.epoch()), Some(lease));
        assert_ne!(Lease { delivery: 4, ..lease }.epoch(), lease.epoch());
        assert_ne!(Lease { sequence: 8, ..lease }.epoch(), lease.epoch());
        for none in [0, 99, 1 << DELIVERY_BITS] {
            assert_eq!(Lease::of(none), None, "{none}");
        }
        assert_eq!(Lease { sequence: 1, delivery: 1 << 40 }.epoch(), 0x1_ffff);
    }

    #[test]
    fn ids_of_two_sources_are_two_keys() {
        assert_ne!(key("https://a.example", "e1"), key("https://b.example", "e1"));
        assert_eq!(target_key("urn:agent:b").len(), 32);
    }
}
