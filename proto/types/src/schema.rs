//! What is wrong with a document, member by member: all of it, not the first thing only.
//!
//! Decides how a fault is named (a JSON pointer and a problem) and how many are told. Must never
//! quote a value in a problem: values may be hostile or secret, paths are cut and escaped.

mod read;
pub(crate) mod text;

pub(crate) use read::{Dialect, Object, Spot, closed_document, read};

use std::fmt;

use serde::{Serialize, Serializer};

use crate::json;

/// How many faults of one document are told. A hostile document may have one per byte; whoever
/// mends a document mends these first. Arbitrary.
pub const FAULTS_MAX: usize = 64;

/// One fault. Every role tells it in one form, which is that of Pilox: `instancePath` and `message`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{path:?}: {problem}")]
pub struct SchemaError {
    /// Where: a JSON pointer (RFC 6901), empty for the document itself.
    #[serde(rename = "instancePath")]
    pub path: String,
    /// What.
    #[serde(rename = "message", serialize_with = "as_text")]
    pub problem: Problem,
}

/// What is wrong with one member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It must be there.
    #[error("is required")]
    Missing,
    /// It must not be there.
    #[error("is not a member of this document")]
    Unknown,
    /// It is there in both forms, `camelCase` and `snake_case`.
    #[error("is given twice, in two spellings")]
    Twice,
    /// It has another JSON type.
    #[error("must be {0}")]
    Type(&'static str),
    /// A text that is too short or too long, in characters.
    #[error("has {found} characters, but {}", Bounds(*min, *max))]
    Length {
        /// What it has.
        found: usize,
        /// The least.
        min: usize,
        /// The most.
        max: usize,
    },
    /// A list that is too short or too long.
    #[error("has {found} items, but {}", Bounds(*min, *max))]
    Count {
        /// What it has.
        found: usize,
        /// The least.
        min: usize,
        /// The most.
        max: usize,
    },
    /// An integer out of range.
    #[error("must be an integer from {min} to {max}")]
    Range {
        /// The least.
        min: i64,
        /// The greatest.
        max: i64,
    },
    /// Of the right type, but not one of the values or forms that are allowed.
    #[error("must be {0}")]
    Value(&'static str),
}

/// How many may be there; where there is no bound above, none is told.
struct Bounds(usize, usize);

impl std::fmt::Display for Bounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match *self {
            Self(min, usize::MAX) => write!(f, "at least {min} must be there"),
            Self(min, max) => write!(f, "{min} to {max} are allowed"),
        }
    }
}

/// Why bytes are not such a document. The bytes are at fault, never we.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// Longer than the kind of document may be.
    #[error("{len} bytes, but at most {max} are allowed")]
    TooLong {
        /// Its length.
        len: usize,
        /// The greatest length.
        max: usize,
    },
    /// Not strict JSON.
    #[error("not strict JSON")]
    Json(#[from] json::Error),
    /// Strict JSON with faults: at least one and at most [`FAULTS_MAX`].
    #[error("{} faults, the first at {}", .0.len(), FirstOf(.0))]
    Schema(Vec<SchemaError>),
}

impl Invalid {
    /// The faults as one list, for an answer to the client.
    #[must_use]
    pub fn faults(&self) -> Vec<SchemaError> {
        match self {
            Self::Schema(faults) => faults.clone(),
            Self::Json(json::Error::UnsafeNumber { path }) => {
                let problem = Problem::Value("a number that its canonical form can hold");
                vec![SchemaError { path: path.clone(), problem }]
            }
            Self::Json(json::Error::TooMany { .. }) => {
                vec![SchemaError::root(Problem::Value("a document of at most 100,000 values"))]
            }
            Self::Json(_) => vec![SchemaError::root(Problem::Type("strict JSON"))],
            Self::TooLong { len, max } => {
                vec![SchemaError::root(Problem::Length { found: *len, min: 0, max: *max })]
            }
        }
    }
}

impl SchemaError {
    fn root(problem: Problem) -> Self {
        Self { path: String::new(), problem }
    }

    /// The path as `google.rpc.BadRequest` writes it: `message.parts[0].text`.
    #[must_use]
    pub fn field(&self) -> String {
        let mut field = String::new();
        for segment in self.path.split('/').skip(1) {
            if !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) {
                field.push_str(&format!("[{segment}]"));
                continue;
            }
            if !field.is_empty() {
                field.push('.');
            }
            field.push_str(&segment.replace("~1", "/").replace("~0", "~"));
        }
        field
    }
}

/// The length check that comes before everything else.
pub(crate) fn bounded(bytes: &[u8], max: usize) -> Result<(), Invalid> {
    if bytes.len() > max {
        return Err(Invalid::TooLong { len: bytes.len(), max });
    }
    Ok(())
}

struct FirstOf<'a>(&'a [SchemaError]);

impl fmt::Display for FirstOf<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.first() {
            Some(fault) => fault.fmt(f),
            None => f.write_str("nowhere"),
        }
    }
}

fn as_text<S: Serializer>(problem: &Problem, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(problem)
}

#[cfg(test)]
mod tests;
