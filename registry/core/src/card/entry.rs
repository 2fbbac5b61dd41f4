//! An A2A card as it is stored. It holds digests of its bodies, never the bodies.

use proto_types::card::Assurance;
use proto_types::{Digest, Handle, Kid, Namespace, Origin, Revision};
use serde::{Deserialize, Serialize};

use crate::namespace::entry::Usage;
use crate::visibility::{Scope, Scoped, Visibility};

/// An A2A card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardEntry {
    /// Its name.
    pub handle: Handle,
    /// Its body, kept byte for byte.
    pub digest: Digest,
    /// What its signature is worth.
    pub assurance: Assurance,
    /// The owning peer whose key signed it.
    pub owner: Option<Origin>,
    /// The key that signed it.
    pub kid: Option<Kid>,
    /// Who may see it.
    #[serde(default)]
    pub visibility: Visibility,
    /// Whose it is to administrate; decided by the handle.
    #[serde(default)]
    pub namespace: Namespace,
    /// How long its body is.
    #[serde(default)]
    pub bytes: u64,
    /// The revision that wrote this entry.
    pub revision: Revision,
}

impl Scoped for CardEntry {
    fn scope(&self) -> Scope {
        let (visibility, namespace) = (self.visibility, self.namespace.clone());
        Scope { visibility, namespace, owner: self.owner.clone() }
    }
}

impl CardEntry {
    /// What it takes of its namespace.
    pub(crate) fn usage(&self) -> Usage {
        Usage { cards: 1, bytes: self.bytes, ..Usage::default() }
    }
}
