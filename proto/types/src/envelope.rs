//! The WAN envelope of ours (version 2): one message from peer to peer, signed whole.
//!
//! Decides whether an envelope makes sense on its own at a given time. Must never look into the
//! payload.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::digest::Digest;
use crate::id::{CorrelationId, EnvelopeId, Handle, IdempotencyKey};
use crate::life::{self, LifeError};
use crate::origin::Origin;
use crate::signed::Document;
use crate::time::{self, WallMs};

/// The most hops an envelope may ask for. Federations of registries are shallow; arbitrary.
pub const HOPS_MAX: u8 = 16;

/// The longest life: how long a queue may have to keep it, and how long its id is remembered.
/// Seven days let a peer be away for a week; arbitrary.
pub const LIFE_MS_MAX: u64 = 7 * 24 * 3_600 * 1_000;

/// The longest media type. RFC 6838 allows 127 + 1 + 127 without parameters.
const CONTENT_TYPE_LEN_MAX: usize = 255;

/// `ecumene-envelope-v2`. Exactly one of `payload` and `payload_ref` is present.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// A UUID of version 7, drawn by the source: (source, id) is delivered with effect once.
    pub id: EnvelopeId,
    /// What it answers or belongs to.
    pub correlation_id: CorrelationId,
    /// The peer that sends it.
    pub source: Origin,
    /// Whom it is for.
    pub target: TargetRef,
    /// When it was made.
    #[serde(with = "time::rfc3339")]
    pub issued_at: WallMs,
    /// When it is dropped if it has not arrived.
    #[serde(with = "time::rfc3339")]
    pub expires_at: WallMs,
    /// How many gateways may pass it on.
    pub hop_limit: u8,
    /// The gateways that it is to pass or has passed, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub via: Vec<Origin>,
    /// The media type of the payload.
    pub content_type: String,
    /// The message itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<Value>,
    /// Where the message lies, if it is large.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload_ref: Option<PayloadRef>,
    /// For the target: two envelopes with one key ask for one effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<IdempotencyKey>,
}

/// Whom an envelope is for: `{"origin": …}` or `{"handle": …}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetRef {
    /// A peer.
    Origin(Origin),
    /// A directory entry.
    Handle(Handle),
}

/// A payload that is fetched separately and checked against its digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PayloadRef {
    /// Where.
    pub url: String,
    /// Of exactly those bytes.
    pub sha256: Digest,
    /// In bytes.
    pub size: u64,
}

/// Why an envelope makes no sense at this time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The id is not a UUID of version 7 in lower case.
    #[error("the id is not a lower-case UUID of version 7")]
    Id,
    /// It does not count at this time.
    #[error(transparent)]
    Life(#[from] LifeError),
    /// The hop limit is 0 or too great, or the path is longer than it.
    #[error("{hops} hops with a limit of {limit}; the limit is 1 to {HOPS_MAX}")]
    Hops {
        /// The path's length.
        hops: usize,
        /// What the envelope allows.
        limit: u8,
    },
    /// The path goes through one origin twice, or through the source.
    #[error("the path goes through {origin} twice")]
    Loop {
        /// That origin.
        origin: Origin,
    },
    /// The media type is not `type/subtype` in visible ASCII, parameters allowed.
    #[error("the content type is malformed")]
    ContentType,
    /// Neither or both of `payload` and `payload_ref`.
    #[error("exactly one of payload and payload_ref must be present")]
    Payload,
    /// The reference is not an absolute http or https URL, or its size cannot be written.
    #[error("payload_ref is malformed")]
    PayloadRef,
}

impl Document for Envelope {
    const TYPE: &'static str = "ecumene-envelope-v2";

    fn issuer(&self) -> &Origin {
        &self.source
    }
}

impl Envelope {
    /// Whether it makes sense on its own at this time.
    ///
    /// # Errors
    /// The first thing that is wrong, in the order of the members.
    pub fn check(&self, now: WallMs) -> Result<(), Error> {
        if !is_uuid_v7(self.id.as_str()) {
            return Err(Error::Id);
        }
        life::check(self.issued_at, self.expires_at, LIFE_MS_MAX, now)?;
        self.check_path()?;
        if !is_media_type(&self.content_type) {
            return Err(Error::ContentType);
        }
        match (&self.payload, &self.payload_ref) {
            (Some(_), None) => Ok(()),
            (None, Some(reference)) if reference.is_sound() => Ok(()),
            (None, Some(_)) => Err(Error::PayloadRef),
            _ => Err(Error::Payload),
        }
    }

    fn check_path(&self) -> Result<(), Error> {
        let (hops, limit) = (self.via.len(), self.hop_limit);
        if !(1..=HOPS_MAX).contains(&limit) || hops > usize::from(limit) {
            return Err(Error::Hops { hops, limit });
        }
        let mut passed = BTreeSet::from([&self.source]);
        match self.via.iter().find(|origin| !passed.insert(origin)) {
            Some(origin) => Err(Error::Loop { origin: origin.clone() }),
            None => Ok(()),
        }
    }
}

impl PayloadRef {
    fn is_sound(&self) -> bool {
        crate::manifest::is_url(&self.url) && self.size <= crate::json::INTEGER_MAX
    }
}

/// RFC 9562: 8-4-4-4-12 hexadecimal digits, version 7, variant 10.
fn is_uuid_v7(text: &str) -> bool {
    let digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let fits = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        14 => byte == b'7',
        19 => matches!(byte, b'8' | b'9' | b'a' | b'b'),
        _ => digit(byte),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

fn is_media_type(text: &str) -> bool {
    let essence = text.split(';').next().unwrap_or_default().trim_end();
    let token = |part: &str| !part.is_empty() && part.bytes().all(is_token_byte);
    text.len() <= CONTENT_TYPE_LEN_MAX
        && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        && essence.split_once('/').is_some_and(|(kind, subtype)| token(kind) && token(subtype))
}

/// RFC 6838, section 4.2.
fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte)
}

#[cfg(test)]
mod tests;
