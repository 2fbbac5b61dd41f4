//! What may be configured, as data: each setting with its meaning, its form and its default.
//!
//! It decides the words for a form. Everything else is made from the configuration structs themselves by
//! `#[derive(Setting)]`, so that the reference, the example and the check say what the code reads. It must never know
//! a role's settings.
//!
//! `ecumene config` prints the reference, the example and the check. A role that starts makes the same check of the files
//! that it names, before it listens (`config/files.rs`).

mod example;
mod reference;
mod unknown;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;

pub use deploy_derive::Setting;
use serde::Serialize;

pub use self::example::example;
pub use self::reference::reference;
pub use self::unknown::unknown;
use crate::Network;
use crate::units::{Bytes, Duration};

/// Something that a configuration file may say.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be described as a setting",
    note = "a section of a configuration derives `deploy_service::settings::Setting` beside `Deserialize`"
)]
pub trait Setting {
    /// What may be written there.
    fn shape() -> Shape;

    /// This value as TOML has it; nothing for a section, and for a setting that is not set.
    fn written(&self) -> Option<String> {
        None
    }

    /// Adds the paths in this value to those that were found, by their settings.
    fn paths(&self, _key: &str, _found: &mut Vec<(String, PathBuf)>) {}

    /// Adds the settings that another value has otherwise to those that were found.
    fn changed(&self, other: &Self, key: &str, found: &mut Vec<String>) {
        if self.written() != other.written() {
            found.push(key.to_owned());
        }
    }
}

/// The settings in which two configurations of a role differ.
#[must_use]
pub fn changes<T: Setting>(one: &T, other: &T) -> Vec<String> {
    let mut found = Vec::new();
    one.changed(other, "", &mut found);
    // Sections in a list may differ in the same setting.
    let mut told = BTreeSet::new();
    found.retain(|key| told.insert(key.clone()));
    found
}

/// What may be written as a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One value.
    Value {
        /// What it is, in words.
        words: &'static str,
        /// One that can be read, in TOML.
        sample: &'static str,
    },
    /// Several in brackets.
    List(Box<Shape>),
    /// One, or nothing.
    Optional(Box<Shape>),
    /// Settings under a name.
    Section(Vec<Field>),
}

/// A setting of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it means.
    pub doc: &'static str,
    /// What may be written.
    pub shape: Shape,
    /// What holds when nothing is written, in TOML; none if that is nothing, or a section.
    pub default: Option<String>,
    /// Whether something has to be written.
    pub is_required: bool,
}

impl Shape {
    /// The settings below this one, if it is a section, an optional one or a list of them.
    #[must_use]
    pub fn fields(&self) -> Option<&[Field]> {
        match self {
            Self::Section(fields) => Some(fields),
            Self::Optional(inner) | Self::List(inner) => inner.fields(),
            Self::Value { .. } => None,
        }
    }

    /// The form in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Value { words, .. } => (*words).to_owned(),
            Self::List(inner) => format!("list: {}", inner.words()),
            Self::Optional(inner) => inner.words(),
            Self::Section(_) => "section".to_owned(),
        }
    }
}

/// The name of a setting within a section; the name of the outermost section is empty.
#[must_use]
pub fn below(section: &str, name: &str) -> String {
    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") }
}

/// A value as TOML has it, by way of JSON, whose texts, numbers and lists are TOML's too.
#[must_use]
pub fn serialized<T: Serialize>(value: &T) -> Option<String> {
    serde_json::to_string(value).ok()
}

macro_rules! values {
    ($($type:ty: $words:literal, $sample:literal;)*) => {
        $(impl Setting for $type {
            fn shape() -> Shape {
                Shape::Value { words: $words, sample: $sample }
            }

            fn written(&self) -> Option<String> {
                serialized(self)
            }
        })*
    };
}

values! {
    bool: "`true` or `false`", "false";
    u8: "whole number", "0";
    u16: "whole number", "0";
    u32: "whole number", "0";
    u64: "whole number", "0";
    usize: "whole number", "0";
    f64: "number", "0.5";
    String: "text", "\"\"";
    SocketAddr: "address and port", "\"127.0.0.1:0\"";
    Network: "network, such as `10.0.0.0/8`", "\"127.0.0.0/8\"";
    Duration: "time, such as `250ms`, `30s`, `5m`, `1d`", "\"1s\"";
    Bytes: "size, such as `64KiB`, `1GiB`", "\"1KiB\"";
    BTreeMap<String, String>: "table of texts", "{}";
}

impl Setting for PathBuf {
    fn shape() -> Shape {
        Shape::Value { words: "path", sample: "\"\"" }
    }

    fn written(&self) -> Option<String> {
        serialized(self)
    }

    fn paths(&self, key: &str, found: &mut Vec<(String, PathBuf)>) {
        if !self.as_os_str().is_empty() {
            found.push((key.to_owned(), self.clone()));
        }
    }
}

impl<T: Setting> Setting for Option<T> {
    fn shape() -> Shape {
        Shape::Optional(Box::new(T::shape()))
    }

    fn written(&self) -> Option<String> {
        self.as_ref().and_then(T::written)
    }

    fn paths(&self, key: &str, found: &mut Vec<(String, PathBuf)>) {
        self.iter().for_each(|value| value.paths(key, found));
    }

    fn changed(&self, other: &Self, key: &str, found: &mut Vec<String>) {
        match (self, other) {
            (Some(one), Some(other)) => one.changed(other, key, found),
            (None, None) => {}
            _ => found.push(key.to_owned()),
        }
    }
}

impl<T: Setting> Setting for Vec<T> {
    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()))
    }

    fn written(&self) -> Option<String> {
        let values: Option<Vec<String>> = self.iter().map(T::written).collect();
        values.map(|values| format!("[{}]", values.join(", ")))
    }

    fn paths(&self, key: &str, found: &mut Vec<(String, PathBuf)>) {
        self.iter().for_each(|value| value.paths(key, found));
    }

    fn changed(&self, other: &Self, key: &str, found: &mut Vec<String>) {
        match self.len() == other.len() {
            true => self.iter().zip(other).for_each(|(one, other)| one.changed(other, key, found)),
            false => found.push(key.to_owned()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
