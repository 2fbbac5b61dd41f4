//! ProtoJSON: how `a2a.proto` is encoded in JSON.
//!
//! Decides how scalars are read and printed. Must never accept an enum name that it does not know:
//! what we cannot name we cannot act on.

use std::str::FromStr;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose};
use serde::Serializer;

use super::Struct;
use crate::schema::{Object, Spot};
use crate::time::WallMs;

/// The longest id. Ids of others may be anything; this keeps them out of the megabytes. Arbitrary.
pub const ID_CHARS_MAX: usize = 1_024;

/// Lists are bounded by the length of the body that they are in.
pub(super) const ANY: usize = usize::MAX;

/// Gives each type its constructors from JSON, and a `Deserialize` that goes through them.
macro_rules! proto_json {
    ($($name:ident: $reader:path;)*) => {$(
        impl $name {
            /// Reads the ProtoJSON form.
            ///
            /// # Errors
            /// All faults, with their paths.
            pub fn from_value(
                value: &serde_json::Value,
            ) -> Result<Self, Vec<$crate::schema::SchemaError>> {
                $crate::schema::read(value, $crate::schema::Dialect::PROTO_JSON, $reader)
            }

            /// Reads the ProtoJSON form from strict JSON; numbers in free-form members keep their
            /// digits. The caller bounds the length.
            ///
            /// # Errors
            /// Not strict JSON, or with faults: all of them.
            pub fn parse(bytes: &[u8]) -> Result<Self, $crate::schema::Invalid> {
                let value = $crate::json::parse_lossless(bytes)?;
                Self::from_value(&value).map_err($crate::schema::Invalid::Schema)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let value = serde_json::Value::deserialize(from)?;
                Self::from_value(&value).map_err(|faults| {
                    serde::de::Error::custom($crate::schema::Invalid::Schema(faults))
                })
            }
        }
    )*};
}

pub(super) use proto_json;

/// A REQUIRED text. The empty one is how ProtoJSON encodes absence.
pub(super) fn id(spot: Spot<'_, '_>) -> Option<String> {
    spot.text_of(1, ID_CHARS_MAX).map(str::to_owned)
}

pub(super) fn text(spot: Spot<'_, '_>) -> Option<String> {
    spot.text().map(str::to_owned)
}

pub(super) fn texts(spot: Spot<'_, '_>) -> Option<Vec<String>> {
    spot.list((0, ANY), text)
}

/// A text that is not REQUIRED: empty is absent.
pub(super) fn implicit(object: &Object<'_, '_>, name: &str) -> Option<Option<String>> {
    let text = object.optional(name, text)?;
    Some(text.filter(|text| !text.is_empty()))
}

/// The same for an id.
pub(super) fn implicit_id(object: &Object<'_, '_>, name: &str) -> Option<Option<String>> {
    let id = object.optional(name, |spot| spot.text_of(0, ID_CHARS_MAX))?;
    Some(id.filter(|id| !id.is_empty()).map(str::to_owned))
}

pub(super) fn metadata(object: &Object<'_, '_>) -> Option<Option<Struct>> {
    object.optional("metadata", Spot::free)
}

/// An `int32` that counts something. ProtoJSON also takes its decimal text.
pub(super) fn count(spot: Spot<'_, '_>) -> Option<u32> {
    const MAX: u32 = i32::MAX.unsigned_abs();
    if spot.value.is_string() {
        return spot
            .parsed("a count", |text| text.parse().ok().filter(|count: &u32| *count <= MAX));
    }
    let count = spot.integer(0, i64::from(MAX))?;
    u32::try_from(count).ok()
}

pub(super) fn timestamp(spot: Spot<'_, '_>) -> Option<WallMs> {
    spot.parsed("an RFC 3339 time since 1970", |text| WallMs::parse_rfc3339(text).ok())
}

pub(super) fn print_timestamp<S: Serializer>(
    at: &Option<WallMs>,
    to: S,
) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => to.serialize_str(&at.to_rfc3339()),
        None => to.serialize_none(),
    }
}

/// An enum value by its name, or by its number, which ProtoJSON parsers take too.
pub(super) fn enumeration<T: Copy + FromStr>(
    spot: Spot<'_, '_>,
    expected: &'static str,
    all: &[T],
) -> Option<T> {
    // Numbers count from 1: 0 is UNSPECIFIED in each of our enums, and never a value.
    let named = match spot.value {
        serde_json::Value::Number(number) => number
            .as_u64()
            .and_then(|number| usize::try_from(number).ok()?.checked_sub(1))
            .and_then(|at| all.get(at).copied()),
        value => value.as_str().and_then(|text| text.parse().ok()),
    };
    named.or_else(|| spot.fault(crate::schema::Problem::Value(expected)))
}

/// Either alphabet, padded or not, as ProtoJSON parsers read `bytes`.
pub(super) fn bytes(spot: Spot<'_, '_>) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    spot.parsed("base64", |text| {
        if text.contains(['-', '_']) {
            return LENIENT.decode(text.replace('-', "+").replace('_', "/")).ok();
        }
        LENIENT.decode(text).ok()
    })
}

pub(super) fn print_bytes<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&general_purpose::STANDARD.encode(bytes))
}

/// For `skip_serializing_if`: a default `bool` is absent.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
pub(super) fn is_false(flag: &bool) -> bool {
    !*flag
}
