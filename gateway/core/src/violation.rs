//! What is wrong with a document, and where.
//!
//! Decides how a place in a document is spelled: member names and indexes from its root, such as
//! `message.parts[0].text`. Must never quote the document: what it says may be secret or hostile.

use serde::Serialize;

/// More are not collected: a caller mends its program after a few, and an answer must stay small.
pub const VIOLATIONS_MAX: usize = 16;

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// Where.
    pub path: String,
    /// What is wrong there, without quoting it.
    pub problem: String,
}

/// The faults found so far, at most [`VIOLATIONS_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// One fault.
    #[must_use]
    pub fn one(path: impl Into<String>, problem: impl Into<String>) -> Self {
        let mut violations = Self::default();
        violations.add(path, problem);
        violations
    }

    /// Notes a fault, unless there are enough.
    pub fn add(&mut self, path: impl Into<String>, problem: impl Into<String>) {
        if self.0.len() < VIOLATIONS_MAX {
            self.0.push(Violation { path: path.into(), problem: problem.into() });
        }
    }

    /// The faults, in the order in which they were found.
    #[must_use]
    pub fn as_slice(&self) -> &[Violation] {
        &self.0
    }

    /// The value, if nothing is wrong with what it was made from.
    ///
    /// # Errors
    /// The faults.
    pub fn unless_any<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}
