//! Who an entry is meant for.
//! Data only: `viewer` decides what a caller sees of it, and nothing else may.

use std::fmt;
use std::str::FromStr;

use proto_types::{Namespace, Origin};
use serde::{Deserialize, Serialize};

/// Who an entry is meant for.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Visibility {
    /// Everybody.
    #[default]
    Public,
    /// Everybody may know its name and description; the rest is as `Private`.
    Redacted,
    /// Every enrolled, active peer.
    Federated,
    /// Its owner, and whom its namespace admits.
    Private,
}

impl Visibility {
    /// Every value, the widest audience first.
    pub const ALL: [Self; 4] = [Self::Public, Self::Redacted, Self::Federated, Self::Private];

    /// The word that is shown and serialised.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Redacted => "redacted",
            Self::Federated => "federated",
            Self::Private => "private",
        }
    }
}

impl fmt::Display for Visibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is no visibility.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("one of public, redacted, federated, private")]
pub struct NotAVisibility;

impl FromStr for Visibility {
    type Err = NotAVisibility;

    fn from_str(text: &str) -> Result<Self, NotAVisibility> {
        Self::ALL.into_iter().find(|known| known.as_str() == text).ok_or(NotAVisibility)
    }
}

/// All that decides who sees an entry: the state keeps it with every entry and every change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// Who it is meant for.
    pub visibility: Visibility,
    /// Whose grants count.
    pub namespace: Namespace,
    /// The owning peer.
    pub owner: Option<Origin>,
}

/// Entries that not everybody may see.
pub trait Scoped {
    /// Who may see it.
    fn scope(&self) -> Scope;
}
