//! What is asked and what comes back.
//!
//! Data only. A request has no place for headers of the caller's, so that no credential can be
//! sent by mistake.

use std::time::Duration;

use bytes::Bytes;

/// The largest answer that any caller may take: a catalog of 10,000 long handles is 5 MiB.
pub const BYTES_MAX: usize = 8 * 1_024 * 1_024;

/// The longest that any fetch may last, redirects and waiting included.
pub const DEADLINE_MAX: Duration = Duration::from_secs(60);

/// A descriptor or card (attack case 25).
pub const DESCRIPTOR_BYTES_MAX: usize = 256 * 1_024;

/// What to fetch.
#[derive(Clone, Debug)]
pub struct Request {
    /// Absolute, https; see [`crate::url`].
    pub url: String,
    /// The version that is known: the answer may be 304.
    pub etag: Option<String>,
    /// The most bytes of the answer, decoded; at most [`BYTES_MAX`].
    pub bytes_max: usize,
    /// From now to the last byte, everything included; at most [`DEADLINE_MAX`].
    pub deadline: Duration,
    /// The media types that are wanted.
    pub accept: &'static str,
    /// A JSON body to POST instead of a GET. Redirects of it are not followed.
    pub post: Option<Bytes>,
}

impl Request {
    /// A GET of at most 256 KiB of JSON within 10 s.
    #[must_use]
    pub fn get(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            etag: None,
            bytes_max: DESCRIPTOR_BYTES_MAX,
            deadline: Duration::from_secs(10),
            accept: "application/json",
            post: None,
        }
    }

    /// A POST of JSON with the same bounds.
    #[must_use]
    pub fn post_json(url: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self { post: Some(body.into()), ..Self::get(url) }
    }
}

/// An answer of any status; redirects have been followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Where it came from in the end.
    pub url: String,
    /// Its status: 304 if the etag still holds.
    pub status: u16,
    /// Its `ETag`, if it is one line of visible ASCII and at most 256 bytes.
    pub etag: Option<String>,
    /// Its media type without parameters, in lower case.
    pub content_type: Option<String>,
    /// The proof that an entry is in its registry's log, at most 16 KiB.
    pub log_proof: Option<String>,
    /// The revision of the state that a registry answered from, if it names one.
    pub revision: Option<u64>,
    /// The cluster epoch of that state, likewise.
    pub epoch: Option<u64>,
    /// `Retry-After` in seconds; dates are passed over.
    pub retry_after_s: Option<u64>,
    /// The body, decoded.
    pub body: Bytes,
}

impl Fetched {
    /// Whether the status is 200..=299.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        self.status >= 200 && self.status < 300
    }
}
