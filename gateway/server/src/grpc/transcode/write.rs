//! ProtoJSON, written as protobuf.
//!
//! Decides that members which the descriptor does not know are left out, as ProtoJSON readers do, and that a number of
//! free-form data is the double next to it, or its digits where it is beyond all doubles. Must never write a member as another type than its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use proto_types::WallMs;
use serde_json::{Map, Number, Value};

use super::is_default;

const VALUE: &str = "google.protobuf.Value";

/// Appends a message; `None` if the value is none of its type. As deep as the value, which whoever made it has bounded.
pub(super) fn write(desc: &MessageDescriptor, value: &Value, out: &mut Vec<u8>) -> Option<()> {
    match desc.full_name() {
        VALUE => free(value, out),
        "google.protobuf.Struct" => members(value.as_object()?, out),
        "google.protobuf.Timestamp" => timestamp(value.as_str()?, out),
        _ => {
            let said = value.as_object()?;
            for field in desc.fields() {
                if let Some(value) = said.get(field.json_name()) {
                    write_field(&field, value, out)?;
                }
            }
            Some(())
        }
    }
}

fn write_field(field: &FieldDescriptor, value: &Value, out: &mut Vec<u8>) -> Option<()> {
    let (number, kind) = (field.number(), field.kind());
    let is_free = kind.as_message().is_some_and(|desc| desc.full_name() == VALUE);
    match value {
        Value::Null if !is_free => Some(()),
        Value::Object(entries) if field.is_map() => write_map(number, &kind, entries, out),
        Value::Array(items) if field.is_list() => {
            items.iter().try_for_each(|item| write_one(number, &kind, item, out))
        }
        _ if field.is_map() || field.is_list() => None,
        value if !field.supports_presence() && is_default(value) => Some(()),
        value => write_one(number, &kind, value, out),
    }
}

fn write_one(number: u32, kind: &Kind, value: &Value, out: &mut Vec<u8>) -> Option<()> {
    match kind {
        Kind::String => delimited(number, value.as_str()?.as_bytes(), out),
        Kind::Bytes => delimited(number, &STANDARD.decode(value.as_str()?).ok()?, out),
        Kind::Bool => varint(number, u64::from(value.as_bool()?), out),
        Kind::Int32 => varint(number, bits(i32::try_from(value.as_i64()?).ok()?), out),
        Kind::Enum(desc) => {
            let known = desc.get_value_by_name(value.as_str()?)?;
            varint(number, bits(known.number()), out);
        }
        Kind::Message(desc) => nested(number, out, |out| write(desc, value, out))?,
        // A2A has no field of another kind.
        _ => return None,
    }
    Some(())
}

/// A map is a list of entries.
fn write_map(
    number: u32,
    kind: &Kind,
    entries: &Map<String, Value>,
    out: &mut Vec<u8>,
) -> Option<()> {
    let value_kind = kind.as_message()?.map_entry_value_field().kind();
    entries.iter().try_for_each(|(name, value)| {
        nested(number, out, |out| {
            delimited(1, name.as_bytes(), out);
            write_one(2, &value_kind, value, out)
        })
    })
}

/// The members of a `Struct`.
fn members(said: &Map<String, Value>, out: &mut Vec<u8>) -> Option<()> {
    said.iter().try_for_each(|(name, value)| {
        nested(1, out, |out| {
            delimited(1, name.as_bytes(), out);
            nested(2, out, |out| free(value, out))
        })
    })
}

/// A `Value`, which is one of six.
fn free(value: &Value, out: &mut Vec<u8>) -> Option<()> {
    match value {
        Value::Null => varint(1, 0, out),
        Value::Number(number) => write_number(number, out),
        Value::String(text) => delimited(3, text.as_bytes(), out),
        Value::Bool(is) => varint(4, u64::from(*is), out),
        Value::Object(said) => nested(5, out, |out| members(said, out))?,
        Value::Array(items) => nested(6, out, |out| {
            let mut items = items.iter();
            items.try_for_each(|item| nested(1, out, |out| free(item, out)))
        })?,
    }
    Some(())
}

/// A number that no double is near would be none of JSON's: its digits are text. One such number in one task must not keep
/// a caller from the answers that have it.
fn write_number(number: &Number, out: &mut Vec<u8>) {
    match number.as_f64().filter(|double| double.is_finite()) {
        Some(double) => {
            encode_key(2, WireType::SixtyFourBit, out);
            out.extend(double.to_le_bytes());
        }
        None => delimited(3, number.to_string().as_bytes(), out),
    }
}

fn timestamp(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let at = WallMs::parse_rfc3339(text).ok()?;
    let (seconds, nanos) = (at.secs(), at.0 % 1_000 * 1_000_000);
    for (number, part) in [(1, seconds), (2, nanos)] {
        if part != 0 {
            varint(number, part, out);
        }
    }
    Some(())
}

fn nested(
    number: u32,
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Option<()>,
) -> Option<()> {
    let mut inner = Vec::new();
    write(&mut inner)?;
    delimited(number, &inner, out);
    Some(())
}

fn delimited(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn varint(number: u32, value: u64, out: &mut Vec<u8>) {
    encode_key(number, WireType::Varint, out);
    encode_varint(value, out);
}

/// An `int32` is written as the 64 bits of the same number.
fn bits(number: i32) -> u64 {
    i64::from(number) as u64
}
