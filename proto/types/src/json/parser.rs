//! One pass of the parser over a text, and what is refused in it beside its syntax.
//!
//! Decides which member names are refused, and where. Must never know what a visitor makes of the text: whoever reads a
//! text and whoever only checks it refuse the same.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Visitor};
use serde_json::Number;

use super::{Error, is_reserved, pointer, segment};

/// The name by which `serde_json` hands on raw text: in foreign input it would be parsed a second
/// time, past every check made here.
pub(super) const RAW: &str = "$serde_json::private::RawValue";

/// The name by which `serde_json` hands on a number that is no 64-bit integer, as a map of this one
/// member. Foreign input may not use it; see [`Digits`] for how the two are told apart.
pub(super) const NUMBER: &str = "$serde_json::private::Number";

/// How much of a name goes into an error.
const NAME_CHARS_MAX: usize = 64;

/// A refused member. It travels beside the parser's own error, which can only carry text.
struct Fault {
    reserved: bool,
    name: String,
    /// Innermost first: it is gathered while the error unwinds.
    path: Vec<String>,
}

/// Where visitors leave the fault that ends a pass.
#[derive(Default)]
pub(super) struct Faults(RefCell<Option<Fault>>);

/// What a visitor, which leaves its fault in `faults`, makes of a whole text. The bounds pass has run before.
pub(super) fn pass<'de, S: DeserializeSeed<'de>>(
    bytes: &'de [u8],
    faults: &Faults,
    visitor: S,
) -> Result<S::Value, Error> {
    let mut parser = serde_json::Deserializer::from_slice(bytes);
    // The bounds pass holds the depth, at our limit instead of the library's 127.
    parser.disable_recursion_limit();
    let made = visitor.deserialize(&mut parser);
    let made = made.and_then(|made| parser.end().map(|()| made));
    made.map_err(|error| match faults.0.take() {
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

impl Faults {
    /// Holds if an object may have a member of this name, which it has already or not.
    pub(super) fn check<E: serde::de::Error>(&self, name: &str, has: bool) -> Result<(), E> {
        if is_reserved(name) {
            return Err(self.reserved(name));
        }
        if has { Err(self.refuse(name, false)) } else { Ok(()) }
    }

    /// A name with a meaning to the library.
    pub(super) fn reserved<E: serde::de::Error>(&self, name: &str) -> E {
        self.refuse(name, true)
    }

    fn refuse<E: serde::de::Error>(&self, name: &str, reserved: bool) -> E {
        *self.0.borrow_mut() = Some(Fault { reserved, name: name.to_owned(), path: vec![] });
        E::custom("refused member")
    }

    /// Adds where we are to a fault from further in.
    pub(super) fn inside<E>(&self, step: impl fmt::Display, error: E) -> E {
        if let Some(fault) = self.0.borrow_mut().as_mut() {
            fault.path.push(segment(&step.to_string()));
        }
        error
    }
}

/// The digits of a number. The parser hands its own over as an owned text; a text of the input comes
/// borrowed, and any other value as what it is: those are no number of the parser's.
pub(super) struct Digits;

impl<'de> DeserializeSeed<'de> for Digits {
    type Value = Option<Number>;

    fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
        from.deserialize_string(self)
    }
}

impl Visitor<'_> for Digits {
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
