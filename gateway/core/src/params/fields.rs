//! The members of one JSON object, read under ProtoJSON's rules.
//!
//! Decides what a member's value may be and notes a fault with its place when it is something
//! else. Must never stop at the first fault: a caller should learn all of them at once.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::violation::Violations;

/// One object, its place and the faults found so far.
pub(super) struct Fields<'v, 'f> {
    members: &'v Map<String, Value>,
    place: String,
    found: &'f mut Violations,
}

impl<'v, 'f> Fields<'v, 'f> {
    pub(super) fn new(
        members: &'v Map<String, Value>,
        place: impl Into<String>,
        found: &'f mut Violations,
    ) -> Self {
        Self { members, place: place.into(), found }
    }

    /// The members of a value that must be an object.
    pub(super) fn of(value: &'v Value, place: &str, found: &'f mut Violations) -> Option<Self> {
        match value {
            Value::Object(members) => Some(Self::new(members, place, found)),
            _ => {
                found.add(if place.is_empty() { "params" } else { place }, "not an object");
                None
            }
        }
    }

    /// The place of a member of this object.
    pub(super) fn place_of(&self, name: &str) -> String {
        match self.place.is_empty() {
            true => name.to_owned(),
            false => format!("{}.{name}", self.place),
        }
    }

    pub(super) fn fault(&mut self, name: &str, problem: &str) {
        self.found.add(self.place_of(name), problem);
    }

    /// The faults, for reading an inner object.
    pub(super) fn found(&mut self) -> &mut Violations {
        self.found
    }

    /// A member under its name in JSON or its name in the .proto file; `null` is absent.
    pub(super) fn value(&mut self, name: &str) -> Option<&'v Value> {
        let present = |name: &str| self.members.get(name).filter(|value| !value.is_null());
        let proto_name = snake(name);
        match (present(name), present(&proto_name)) {
            (Some(_), Some(_)) if proto_name != name => {
                self.fault(name, "given in both spellings");
                None
            }
            (one, other) => one.or(other),
        }
    }

    pub(super) fn object(&mut self, name: &str) -> Option<&'v Map<String, Value>> {
        let value = self.value(name)?;
        self.expect_object(name, value)
    }

    pub(super) fn expect_object(
        &mut self,
        name: &str,
        value: &'v Value,
    ) -> Option<&'v Map<String, Value>> {
        let object = value.as_object();
        if object.is_none() {
            self.fault(name, "not an object");
        }
        object
    }

    /// A text that is neither empty (which ProtoJSON reads as absent) nor too long.
    pub(super) fn text(&mut self, name: &str, len_max: usize) -> Option<String> {
        let value = self.value(name)?;
        match value.as_str() {
            Some("") => None,
            Some(text) if text.len() <= len_max => Some(text.to_owned()),
            Some(_) => {
                self.fault(name, &format!("longer than {len_max} bytes"));
                None
            }
            None => {
                self.fault(name, "not a string");
                None
            }
        }
    }

    /// [`Self::text`], of which something must be there.
    pub(super) fn required_text(&mut self, name: &str, len_max: usize) -> Option<String> {
        let text = self.text(name, len_max);
        if self.is_blank(name) {
            self.fault(name, "required");
        }
        text
    }

    /// Whether nothing is said under either spelling.
    pub(super) fn is_blank(&self, name: &str) -> bool {
        let blank =
            |name: &str| self.members.get(name).is_none_or(|value| value.is_null() || value == "");
        blank(name) && blank(&snake(name))
    }

    pub(super) fn flag(&mut self, name: &str) -> bool {
        match self.value(name) {
            None => false,
            Some(Value::Bool(flag)) => *flag,
            Some(_) => {
                self.fault(name, "not a boolean");
                false
            }
        }
    }

    /// A whole number; ProtoJSON allows it as a string and with a fraction of zero.
    pub(super) fn count(&mut self, name: &str) -> Option<u32> {
        let value = self.value(name)?;
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.parse::<u32>().ok().map(f64::from),
            _ => None,
        };
        let count = number
            .filter(|number| number.fract() == 0.0 && (0.0..=f64::from(i32::MAX)).contains(number));
        if count.is_none() {
            self.fault(name, "not a whole number from 0 to 2147483647");
        }
        // In range and whole: the filter above keeps it so.
        count.map(|count| count as u32)
    }

    pub(super) fn list(&mut self, name: &str, len_max: usize) -> &'v [Value] {
        match self.value(name) {
            None => &[],
            Some(Value::Array(items)) if items.len() <= len_max => items,
            Some(Value::Array(_)) => {
                self.fault(name, &format!("more than {len_max} items"));
                &[]
            }
            Some(_) => {
                self.fault(name, "not an array");
                &[]
            }
        }
    }

    pub(super) fn texts(&mut self, name: &str, len_max: usize) -> Vec<Value> {
        let items = self.list(name, len_max);
        for (at, item) in items.iter().enumerate() {
            if !item.as_str().is_some_and(|text| (1..=TEXT_LEN_MAX).contains(&text.len())) {
                self.fault(&format!("{name}[{at}]"), "not a string of 1 to 2048 bytes");
            }
        }
        items.to_vec()
    }
}

/// A URI or media type; what browsers and proxies take as the longest URL.
const TEXT_LEN_MAX: usize = 2048;

/// `historyLength` as the .proto file spells it: `history_length`.
fn snake(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            text.push('_');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "{}", letter.to_ascii_lowercase());
    }
    text
}
