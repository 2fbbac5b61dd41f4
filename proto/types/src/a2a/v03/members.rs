//! An object in the making, member by member.
//!
//! Decides that what is absent is left out. Must never print `null`.

use serde_json::{Map, Value};

use super::form::{Form, Kind};

/// The members so far.
#[derive(Default)]
pub(super) struct Members(Map<String, Value>);

impl Members {
    /// What a server sends: only the JSON-RPC form says its kind.
    pub(super) fn of(form: Form, kind: Kind) -> Self {
        Self::of_kind(form, kind.as_str())
    }

    /// The same for a part.
    pub(super) fn of_kind(form: Form, kind: &str) -> Self {
        match form {
            Form::JsonRpc => Self::default().with("kind", kind),
            Form::Rest => Self::default(),
        }
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Left out where there is none.
    pub(super) fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Left out where it is empty.
    pub(super) fn with_list(self, name: &str, items: Vec<Value>) -> Self {
        if items.is_empty() { self } else { self.with(name, items) }
    }

    /// The same for texts.
    pub(super) fn with_texts(self, name: &str, texts: &[String]) -> Self {
        self.with_list(name, texts.iter().map(|text| Value::from(text.as_str())).collect())
    }

    /// Left out where it is false.
    pub(super) fn with_flag(self, name: &str, flag: bool) -> Self {
        if flag { self.with(name, flag) } else { self }
    }
}

impl From<Members> for Value {
    fn from(members: Members) -> Self {
        Self::Object(members.0)
    }
}
