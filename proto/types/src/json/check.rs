//! The parser's events, of which only the names of objects are kept, each as long as its object is read.
//!
//! Decides whether a text is strict JSON, and whether it is an object. Must never make a value of it, nor let pass what a
//! reading (`strict.rs`) refuses.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use super::Error;
use super::parser::{Digits, Faults, NUMBER, pass};

pub(super) fn is_object(bytes: &[u8]) -> Result<bool, Error> {
    let faults = Faults::default();
    pass(bytes, &faults, Node { faults: &faults })
}

/// A value, of which is said whether it is an object.
#[derive(Clone, Copy)]
struct Node<'a> {
    faults: &'a Faults,
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<bool, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<bool, A::Error> {
        let mut count = 0_usize;
        loop {
            let next = items.next_element_seed(self);
            match next.map_err(|error| self.faults.inside(count, error))? {
                Some(_) => count += 1,
                None => return Ok(false),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<bool, A::Error> {
        let mut names: BTreeSet<Cow<'de, str>> = BTreeSet::new();
        while let Some(name) = members.next_key_seed(Name)? {
            if name == NUMBER && names.is_empty() {
                let digits = members.next_value_seed(Digits)?;
                return digits.map(|_| false).ok_or_else(|| self.faults.reserved(&name));
            }
            self.faults.check::<A::Error>(&name, names.contains(&name))?;
            let member = members.next_value_seed(self);
            member.map_err(|error| self.faults.inside(&name, error))?;
            names.insert(name);
        }
        Ok(true)
    }
}

/// The name of a member, where it stands if it has no escapes.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}
