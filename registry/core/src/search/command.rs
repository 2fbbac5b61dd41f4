//! What may be told to a search.
//! Data only: the edge reads a body once, and what it read comes with the command.

use proto_types::{Digest, Handle};
use serde::{Deserialize, Serialize};

use crate::source::Source;

use super::document::Document;

/// Of which entry's body a document was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Which kind of entry.
    pub source: Source,
    /// Which one.
    pub handle: Handle,
    /// The body that was read; must be the entry's.
    pub digest: Digest,
    /// What was read.
    pub document: Document,
}
