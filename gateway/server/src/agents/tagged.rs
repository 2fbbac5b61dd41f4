//! A document that is served as it is, with what its readers are told of its version. It must never be changed once it has a
//! tag.

use bytes::Bytes;
use proto_types::{Digest, WallMs};
use serde_json::Value;

/// A body with its strong tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tagged {
    pub(crate) body: Bytes,
    pub(crate) etag: String,
    /// When it was changed last, if that is known.
    pub(crate) modified: Option<WallMs>,
    /// Whether each of its changes moves that time, so that it may stand for the tag.
    pub(crate) is_dated: bool,
}

impl Tagged {
    pub(crate) fn new(value: &Value) -> Self {
        Self::of(value.to_string().into())
    }

    /// A document as its makers wrote it.
    pub(crate) fn of(body: Bytes) -> Self {
        Self { etag: Digest::of(&body).etag(), body, modified: None, is_dated: false }
    }

    pub(crate) fn changed_at(self, at: WallMs) -> Self {
        Self { modified: Some(at), is_dated: true, ..self }
    }

    /// The newest of its parts is of this time; a part that goes leaves none.
    pub(super) fn with_parts_of(self, newest: WallMs) -> Self {
        Self { modified: Some(newest), is_dated: false, ..self }
    }
}
