//! Protobuf, read as ProtoJSON.
//!
//! Decides what is refused: bytes that are no such message, messages that are nested too deep, more values than a JSON text
//! may have, and what JSON cannot hold. What is said of a field twice is merged as every protobuf library does. Must never
//! panic, nor make a value that does not count.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use proto_types::WallMs;
use proto_types::json::{INTEGER_MAX, VALUES_MAX, is_reserved};
use serde_json::{Map, Number, Value};

use super::is_default;

/// How deep messages may be nested: what protobuf libraries take by default. A level of free-form data is two of them, or
/// three.
const DEPTH_MAX: usize = 100;

/// What the bytes have to be.
type MustBe = &'static str;

const ENCODED: MustBe = "an encoded message of the method's type";
const SHALLOW: MustBe = "messages nested at most 100 deep";
const FEW: MustBe = "at most 100000 values";
const UTF_8: MustBe = "text in UTF-8";
const FINITE: MustBe = "a finite number";
const NAME: MustBe = "members whose names are not reserved";
const TIME: MustBe = "one time since 1970";

/// Reads a request, or an answer of a server; no field of one that is read has a map, which cards have.
pub(super) fn read(desc: &MessageDescriptor, bytes: &[u8]) -> Result<Value, MustBe> {
    let mut values_left = VALUES_MAX;
    Reader { bytes, depth: 1, values_left: &mut values_left }.message(desc, Value::Null)
}

/// What is left of one message.
struct Reader<'b, 'l> {
    bytes: &'b [u8],
    depth: usize,
    values_left: &'l mut usize,
}

impl<'b> Reader<'b, '_> {
    /// This message, after what was said of the same field before.
    fn message(self, desc: &MessageDescriptor, before: Value) -> Result<Value, MustBe> {
        match desc.full_name() {
            "google.protobuf.Struct" => self.members(object(before)),
            "google.protobuf.Value" => self.free(before),
            "google.protobuf.Timestamp" if before.is_null() => self.timestamp(),
            "google.protobuf.Timestamp" => Err(TIME),
            _ => self.fields(desc, object(before)),
        }
    }

    fn fields(
        mut self,
        desc: &MessageDescriptor,
        mut into: Map<String, Value>,
    ) -> Result<Value, MustBe> {
        while let Some((number, wire)) = self.key()? {
            match desc.get_field(number) {
                Some(field) => self.field(&field, wire, &mut into)?,
                None => self.skip(number, wire)?,
            }
        }
        Ok(Value::Object(into))
    }

    fn field(
        &mut self,
        field: &FieldDescriptor,
        wire: WireType,
        into: &mut Map<String, Value>,
    ) -> Result<(), MustBe> {
        let name = field.json_name();
        if field.is_list() {
            let item = self.value(&field.kind(), wire, Value::Null)?;
            if let Value::Array(items) = into.entry(name).or_insert_with(|| Value::Array(vec![])) {
                items.push(item);
            }
            return Ok(());
        }
        let before = into.remove(name).unwrap_or_default();
        let value = self.value(&field.kind(), wire, before)?;
        // Of a `oneof`, what comes last is all there is.
        if let Some(oneof) = field.containing_oneof() {
            for other in oneof.fields() {
                into.remove(other.json_name());
            }
        }
        if field.supports_presence() || !is_default(&value) {
            into.insert(name.to_owned(), value);
        }
        Ok(())
    }

    fn value(&mut self, kind: &Kind, wire: WireType, before: Value) -> Result<Value, MustBe> {
        self.count()?;
        Ok(match kind {
            Kind::String => Value::String(self.text(wire)?),
            Kind::Bytes => Value::String(STANDARD.encode(self.delimited(wire)?)),
            Kind::Bool => Value::Bool(self.varint(wire)? != 0),
            Kind::Int32 => Value::from(low_bits(self.varint(wire)?)),
            Kind::Enum(desc) => named(desc, low_bits(self.varint(wire)?)),
            Kind::Message(desc) => self.nested(wire)?.message(desc, before)?,
            // A2A has no field of another kind.
            _ => return Err(ENCODED),
        })
    }

    /// The members of a `Struct`.
    fn members(mut self, mut into: Map<String, Value>) -> Result<Value, MustBe> {
        while let Some((number, wire)) = self.key()? {
            if number == 1 {
                let (name, value) = self.nested(wire)?.member()?;
                into.insert(name, value);
            } else {
                self.skip(number, wire)?;
            }
        }
        Ok(Value::Object(into))
    }

    fn member(mut self) -> Result<(String, Value), MustBe> {
        self.count()?;
        let (mut name, mut value) = (String::new(), Value::Null);
        while let Some((number, wire)) = self.key()? {
            match number {
                1 => name = self.text(wire)?,
                2 => value = self.nested(wire)?.free(value)?,
                _ => self.skip(number, wire)?,
            }
        }
        if is_reserved(&name) { Err(NAME) } else { Ok((name, value)) }
    }

    /// A `Value`; without a kind it is null.
    fn free(mut self, mut value: Value) -> Result<Value, MustBe> {
        while let Some((number, wire)) = self.key()? {
            value = match number {
                1 => self.varint(wire).map(|_| Value::Null)?,
                2 => read_number(self.double(wire)?)?,
                3 => Value::String(self.text(wire)?),
                4 => Value::Bool(self.varint(wire)? != 0),
                5 => self.nested(wire)?.members(object(value))?,
                6 => self.nested(wire)?.items(list(value))?,
                _ => {
                    self.skip(number, wire)?;
                    value
                }
            };
        }
        Ok(value)
    }

    /// The items of a `ListValue`.
    fn items(mut self, mut into: Vec<Value>) -> Result<Value, MustBe> {
        while let Some((number, wire)) = self.key()? {
            if number == 1 {
                self.count()?;
                into.push(self.nested(wire)?.free(Value::Null)?);
            } else {
                self.skip(number, wire)?;
            }
        }
        Ok(Value::Array(into))
    }

    /// A `Timestamp`, up to the next ms: the only time that a request says is the earliest that it asks for. In an answer it
    /// is as good as the one before.
    fn timestamp(mut self) -> Result<Value, MustBe> {
        let (mut seconds, mut nanos) = (0, 0);
        while let Some((number, wire)) = self.key()? {
            match number {
                1 => seconds = self.varint(wire)?,
                2 => nanos = self.varint(wire)?,
                _ => self.skip(number, wire)?,
            }
        }
        // What is negative is beyond both.
        if seconds > WallMs::RFC3339_MAX.secs() || nanos >= 1_000_000_000 {
            return Err(TIME);
        }
        let at = WallMs::from_secs(seconds).plus_ms(nanos.div_ceil(1_000_000));
        Ok(Value::String(at.to_rfc3339()))
    }

    /// The number of the next field, and how its value is encoded.
    fn key(&mut self) -> Result<Option<(u32, WireType)>, MustBe> {
        if self.bytes.is_empty() {
            return Ok(None);
        }
        decode_key(&mut self.bytes).map(Some).map_err(|_| ENCODED)
    }

    fn skip(&mut self, number: u32, wire: WireType) -> Result<(), MustBe> {
        let skipped = skip_field(wire, number, &mut self.bytes, DecodeContext::default());
        skipped.map_err(|_| ENCODED)
    }

    fn varint(&mut self, wire: WireType) -> Result<u64, MustBe> {
        check(wire, WireType::Varint)?;
        decode_varint(&mut self.bytes).map_err(|_| ENCODED)
    }

    fn double(&mut self, wire: WireType) -> Result<f64, MustBe> {
        check(wire, WireType::SixtyFourBit)?;
        let (double, rest) = self.bytes.split_first_chunk::<8>().ok_or(ENCODED)?;
        self.bytes = rest;
        Ok(f64::from_le_bytes(*double))
    }

    fn delimited(&mut self, wire: WireType) -> Result<&'b [u8], MustBe> {
        check(wire, WireType::LengthDelimited)?;
        let length = decode_varint(&mut self.bytes).map_err(|_| ENCODED)?;
        let length = usize::try_from(length).map_err(|_| ENCODED)?;
        let (bytes, rest) = self.bytes.split_at_checked(length).ok_or(ENCODED)?;
        self.bytes = rest;
        Ok(bytes)
    }

    fn text(&mut self, wire: WireType) -> Result<String, MustBe> {
        let bytes = self.delimited(wire)?;
        std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| UTF_8)
    }

    /// A message inside this one.
    fn nested(&mut self, wire: WireType) -> Result<Reader<'b, '_>, MustBe> {
        let bytes = self.delimited(wire)?;
        if self.depth == DEPTH_MAX {
            return Err(SHALLOW);
        }
        Ok(Reader { bytes, depth: self.depth + 1, values_left: &mut *self.values_left })
    }

    fn count(&mut self) -> Result<(), MustBe> {
        *self.values_left = self.values_left.checked_sub(1).ok_or(FEW)?;
        Ok(())
    }
}

fn check(is: WireType, must_be: WireType) -> Result<(), MustBe> {
    if is == must_be { Ok(()) } else { Err(ENCODED) }
}

/// An `int32` is written as the 64 bits of the same number; what is longer is cut, as everywhere.
fn low_bits(number: u64) -> i32 {
    number as i32
}

/// By its name; 0, which says nothing, and what has no name stay numbers.
fn named(desc: &EnumDescriptor, number: i32) -> Value {
    let known = desc.get_value(number).filter(|_| number != 0);
    known.map_or_else(|| Value::from(number), |known| Value::from(known.name()))
}

/// What was an integer in JSON is one again, as far as each double is one number.
fn read_number(double: f64) -> Result<Value, MustBe> {
    let is_minus_zero = double == 0.0 && double.is_sign_negative();
    if double.fract() == 0.0 && double.abs() <= INTEGER_MAX as f64 && !is_minus_zero {
        return Ok(Value::from(double as i64));
    }
    Number::from_f64(double).map(Value::Number).ok_or(FINITE)
}

fn object(before: Value) -> Map<String, Value> {
    match before {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn list(before: Value) -> Vec<Value> {
    match before {
        Value::Array(items) => items,
        _ => Vec::new(),
    }
}
