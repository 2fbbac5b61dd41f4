//! The parser's events, gathered into a value, with each member name seen once.
//!
//! Decides how a value keeps what is read. Must never refuse what a check (`check.rs`) lets pass.

use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::Error;
use super::parser::{Digits, Faults, NUMBER, pass};

pub(super) fn read(bytes: &[u8]) -> Result<Value, Error> {
    let faults = Faults::default();
    pass(bytes, &faults, Node { faults: &faults })
}

#[derive(Clone, Copy)]
struct Node<'a> {
    faults: &'a Faults,
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
            match next.map_err(|error| self.faults.inside(array.len(), error))? {
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
                return digits.map(Value::Number).ok_or_else(|| self.faults.reserved(&name));
            }
            self.faults.check::<A::Error>(&name, object.contains_key(&name))?;
            let value = members.next_value_seed(self);
            let value = value.map_err(|error| self.faults.inside(&name, error))?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}
