//! What the search knows of an entry, as it is stored: its document, and what decides who finds it. It follows from the
//! entry and its body, and is never a source of truth.

use proto_types::card::Assurance;
use proto_types::{Digest, Handle, WallMs};
use serde::{Deserialize, Serialize};

use crate::source::Source;
use crate::visibility::Scope;

use super::document::Document;

/// One entry as a search sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchEntry {
    /// Which kind of entry it is about.
    pub source: Source,
    /// Which one.
    pub handle: Handle,
    /// The body that the document was read from.
    pub digest: Digest,
    /// Who may find it.
    pub scope: Scope,
    /// What the entry's signature is worth.
    pub assurance: Assurance,
    /// Past this nobody finds it.
    pub valid_until: Option<WallMs>,
    /// What it is found by.
    pub document: Document,
}

impl SearchEntry {
    /// What the search entry of this entry is looked up by; in the order of handles.
    #[must_use]
    pub fn key_of(source: Source, handle: &Handle) -> String {
        format!("{handle}\0{}", char::from(source.byte()))
    }
}
