//! The command that states a precondition (RFC 9110, section 13).

use proto_types::{Digest, Handle, Origin, PolicyName};
use serde::{Deserialize, Serialize};

/// A condition on the version that is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Precondition {
    /// Of what.
    pub subject: Versioned,
    /// One of these must be stored.
    pub if_match: Option<Versions>,
    /// None of these may be stored.
    pub if_none_match: Option<Versions>,
}

/// Something that has a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versioned {
    /// A record; a deleted one has no version.
    Record(Handle),
    /// A card.
    Card(Handle),
    /// A peer's manifest in force.
    Manifest(Origin),
    /// An agent, hosted or attached.
    Agent(Handle),
    /// A policy of calls.
    Policy(PolicyName),
}

/// Some versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Versions {
    /// Every one.
    Any,
    /// These.
    OneOf(Vec<Digest>),
}

impl Versions {
    /// Whether what is stored, if anything is, is among them.
    #[must_use]
    pub fn include(&self, stored: Option<&Digest>) -> bool {
        match self {
            Self::Any => stored.is_some(),
            Self::OneOf(versions) => stored.is_some_and(|stored| versions.contains(stored)),
        }
    }
}
