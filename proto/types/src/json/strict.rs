//! The parser's events, gathered into a value, with each member name seen once.
//!
//! Decides which member names are refused. Must never recurse deeper than the bounds pass allows,
//! which has run before.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{Error, pointer, segment};

/// The name by which `serde_json` hands on raw text: in foreign input it would be parsed a second
/// time, past every check made here.
const RAW: &str = "$serde_json::private::RawValue";

/// The name by which `serde_json` hands on a number that is no 64-bit integer, as a map of this one
/// member. Foreign input may not use it; see [`Digits`] for how the two are told apart.
const NUMBER: &str = "$serde_json::private::Number";

/// How much of a name goes into an error.
const NAME_CHARS_MAX: usize = 64;

/// A refused member. It travels beside the parser's own error, which can only carry text.
struct Fault {
    reserved: bool,
    name: String,
    /// Innermost first: it is gathered while the error unwinds.
    path: Vec<String>,
}

pub(super) fn read(bytes: &[u8]) -> Result<Value, Error> {
    let fault = RefCell::new(None);
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    // The bounds pass holds the depth, at our limit instead of the library's 127.
    parser.disable_recursion_limit();
    let read = Node { fault: &fault }.deserialize(&mut parser);
    let read = read.and_then(|value| parser.end().map(|()| value));
    read.map_err(|error| match fault.take() {
        Some(fault) => fault.into_error(),
        None => Error::Syntax { reason: error.to_string() },
    })
}

impl Fault {
    fn into_error(self) -> Error {
        let path = pointer(&self.path);
        let name = self.name.chars().take(NAME_CHARS_MAX).collect();
        if self.reserved {
            Error::ReservedMember { name, path }
        } else {
            Error::DuplicateMember { name, path }
        }
    }
}

#[derive(Clone, Copy)]
struct Node<'a> {
    fault: &'a RefCell<Option<Fault>>,
}

impl Node<'_> {
    fn refuse<E: serde::de::Error>(self, name: &str, reserved: bool) -> E {
        *self.fault.borrow_mut() = Some(Fault { reserved, name: name.to_owned(), path: vec![] });
        E::custom("refused member")
    }

    /// Adds where we are to a fault from further in.
    fn inside<E>(self, step: impl fmt::Display, error: E) -> E {
        if let Some(fault) = self.fault.borrow_mut().as_mut() {
            fault.path.push(segment(&step.to_string()));
        }
        error
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        loop {
            let next = items.next_element_seed(self);
            match next.map_err(|error| self.inside(array.len(), error))? {
                Some(item) => array.push(item),
                None => return Ok(Value::Array(array)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if name == NUMBER && object.is_empty() {
                let digits = members.next_value_seed(Digits)?;
                return digits.map(Value::Number).ok_or_else(|| self.refuse(&name, true));
            }
            if [RAW, NUMBER].contains(&name.as_str()) {
                return Err(self.refuse(&name, true));
            }
            if object.contains_key(&name) {
                return Err(self.refuse(&name, false));
            }
            let value = members.next_value_seed(self);
            let value = value.map_err(|error| self.inside(&name, error))?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

/// The digits of a number. The parser hands its own over as an owned text; a text of the input comes
/// borrowed, and any other value as what it is: those are no number of the parser's.
struct Digits;

impl<'de> DeserializeSeed<'de> for Digits {
    type Value = Option<Number>;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_string(self)
    }
}

impl<'de> Visitor<'de> for Digits {
    type Value = Option<Number>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the digits of a number")
    }

    fn visit_string<E>(self, digits: String) -> Result<Self::Value, E> {
        Ok(digits.parse().ok())
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
}
