//! What a search follows of an entry: who finds it, as the entry itself says it, and what a proposal says of its body. It
//! never reads the state.

use proto_types::card::Assurance;
use proto_types::{Digest, Revision, WallMs};

use crate::visibility::Scope;

use super::document::Document;

/// What decides who finds an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The body that is searched.
    pub digest: Digest,
    /// Who may find it.
    pub scope: Scope,
    /// What the entry's signature is worth.
    pub assurance: Assurance,
    /// Past this nobody finds it.
    pub valid_until: Option<WallMs>,
    /// The revision that wrote the entry.
    pub revision: Revision,
}

/// An entry as a proposal leaves it.
pub(crate) struct Touched {
    /// `None` if it cannot be found.
    pub(crate) subject: Option<Subject>,
    /// What a search reads in its body, if the proposal says so.
    pub(crate) document: Option<Document>,
}
