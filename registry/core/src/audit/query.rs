//! Reads of the audit.

use proto_types::audit::AuditLine;

use crate::codec::decode;
use crate::layout;
use crate::view::{Read, Space, View};

use super::rows::{AUDIT, AuditHead, audit_key};

/// The end of the audit.
pub fn audit_end(view: &dyn View) -> Read<AuditHead> {
    AuditHead::read(view)
}

/// Up to `limit` lines of the audit after `since`, in order.
pub fn audit_lines(view: &dyn View, since: u64, limit: usize) -> Read<Vec<AuditLine>> {
    let all = AUDIT.key(&[]);
    let from = audit_key(since.saturating_add(1));
    let pairs = view.range(Space::State, &from, &layout::past(&all), limit)?;
    pairs.iter().map(|(_, value)| decode("audit line", value)).collect()
}
