//! A leaf of the transparency log: what a proposal has changed.

use proto_types::Digest;
use proto_types::tlog::Fact;

/// What a proposal adds to the log.
#[derive(Debug)]
pub(crate) enum Leaf {
    /// A change of the directory.
    Fact(Fact),
    /// The head of the audit: how many lines, and the digest of the last.
    Audit(u64, Digest),
}
