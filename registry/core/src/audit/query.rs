//! Reads of the audit.
//! They decide nothing.

use proto_types::Digest;
use proto_types::audit::AuditLine;

use crate::codec::decode;
use crate::layout;
use crate::view::{Read, Space, View};

use super::rows::{AUDIT, AuditHead, audit_key};

/// The end of the audit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditEnd {
    /// Lines there ever were.
    pub lines: u64,
    /// The digest of the last one; zeroes if there is none.
    pub digest: Digest,
    /// The first line that is kept.
    pub first: u64,
}

/// The end of the audit.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn audit_end(view: &dyn View) -> Read<AuditEnd> {
    let AuditHead { lines, digest, first, .. } = AuditHead::read(view)?;
    Ok(AuditEnd { lines, digest, first })
}

/// Up to `limit` lines of the audit after `since`, in order.
///
/// # Errors
/// As [`crate::query::revision`].
pub fn audit_lines(view: &dyn View, since: u64, limit: usize) -> Read<Vec<AuditLine>> {
    let all = AUDIT.key(&[]);
    let from = audit_key(since.saturating_add(1));
    let pairs = view.range(Space::State, &from, &layout::past(&all), limit)?;
    pairs.iter().map(|(_, value)| decode("audit line", value)).collect()
}
