//! The encoding of values in the state: MessagePack with member names, so that members can be added later. A value that
//! does not decode is an error, never skipped.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::view::{Read, ViewError};

/// The bytes of an entry.
pub(crate) fn encode<T: Serialize>(entry: &T) -> Vec<u8> {
    rmp_serde::to_vec_named(entry)
        .expect("entities are maps, lists, texts and numbers, which MessagePack can always hold")
}

/// Reads what `encode` wrote.
pub(crate) fn decode<T: DeserializeOwned>(table: &'static str, bytes: &[u8]) -> Read<T> {
    rmp_serde::from_slice(bytes)
        .map_err(|cause| ViewError::Corrupt { table, cause: cause.to_string() })
}

/// Whether a member says no more than its absence does.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
