//! How values lie in the state: MessagePack with member names, so that members can be added later.
//! It decides bytes only; it must never hide a value that does not decode.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::view::ViewError;

/// The bytes of an entry.
pub(crate) fn encode<T: Serialize>(entry: &T) -> Vec<u8> {
    rmp_serde::to_vec_named(entry)
        .expect("entities are maps, lists, texts and numbers, which MessagePack can always hold")
}

/// Reads what `encode` wrote.
pub(crate) fn decode<T: DeserializeOwned>(
    table: &'static str,
    bytes: &[u8],
) -> Result<T, ViewError> {
    rmp_serde::from_slice(bytes)
        .map_err(|cause| ViewError::Corrupt { table, cause: cause.to_string() })
}

/// Whether a member says no more than its absence does.
pub(crate) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
