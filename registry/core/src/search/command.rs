//! What a command tells the search. The edge reads a body once; the words come with the command.

use proto_types::{Digest, Handle};
use serde::{Deserialize, Serialize};

use crate::source::Source;

use super::document::Document;

/// Says what a search reads in the body of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PutSearch {
    /// Which kind of entry.
    pub source: Source,
    /// Which one.
    pub handle: Handle,
    /// The body that was read; must be the entry's.
    pub digest: Digest,
    /// What was read.
    pub document: Document,
}
