//! Reads of the transparency log, the audit, and what was witnessed.
//! They decide nothing; a proof is given by the shell, to who may read the document.

use proto_types::Digest;
use proto_types::audit::AuditLine;
use proto_types::tlog::{self, Checkpoint, Inclusion, Rows};

use super::{Read, cluster_epoch};
use crate::layout;
use crate::ledger::{AuditHead, Log, Place, audit_key, corrupt, row_key};
use crate::table::{Entity, decode};
use crate::view::{Space, View, ViewError};

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

/// The rows of the log as a view has them.
#[derive(Clone, Copy)]
pub struct LogRows<'v>(pub &'v dyn View);

impl Rows for LogRows<'_> {
    type Error = ViewError;

    fn row(&self, level: u8, first: u64, count: usize) -> Read<Vec<Digest>> {
        let values = row(self.0, level, first, count)?;
        let hash = |value: Vec<u8>| match level {
            0 => Ok(tlog::leaf_hash(&value)),
            _ => value.try_into().map(Digest).map_err(|_| corrupt("log row", "a hash")),
        };
        values.into_iter().map(hash).collect()
    }
}

impl std::fmt::Debug for LogRows<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LogRows")
    }
}

fn row(view: &dyn View, level: u8, first: u64, count: usize) -> Read<Vec<Vec<u8>>> {
    let (from, to) = (row_key(level, first), row_key(level, first.saturating_add(count as u64)));
    let pairs = view.range(Space::Tiles, &from, &to, count)?;
    if pairs.len() != count {
        return Err(corrupt("log row", "as long as the tree"));
    }
    Ok(pairs.into_iter().map(|(_, value)| value).collect())
}

/// The head of the log: its size and root; `None` until it is opened.
///
/// # Errors
/// As [`super::revision`].
pub fn log_head(view: &dyn View) -> Read<Option<(u64, Digest)>> {
    Ok(Log::read(view)?.map(|log| (log.frontier.size(), log.frontier.root())))
}

/// The head of the log as a checkpoint of this origin, with epoch and audit; `None` until the log is
/// opened. The same for every member at one revision.
///
/// # Errors
/// As [`super::revision`].
pub fn checkpoint(view: &dyn View, origin: &str) -> Read<Option<Checkpoint>> {
    let Some(head) = log_head(view)? else { return Ok(None) };
    let audit = AuditHead::read(view)?;
    let checkpoint = Checkpoint::new(origin, head, cluster_epoch(view)?);
    Ok(Some(checkpoint.with_audit(audit.lines, &audit.digest)))
}

/// Entries of the log from `first` on; all of them must be there.
///
/// # Errors
/// As [`super::revision`], and if the log ends before.
pub fn log_entries(view: &dyn View, first: u64, count: usize) -> Read<Vec<Vec<u8>>> {
    row(view, 0, first, count)
}

/// The proof that what the log says of this entry is in the tree of `size`; `None` if it is not, or
/// is from before the log was opened.
///
/// # Errors
/// As [`super::revision`], and if the log says something else.
pub fn inclusion<T: Entity>(view: &dyn View, entry: &T, size: u64) -> Read<Option<Inclusion>> {
    let (Some(mut fact), Some(log)) = (entry.fact(), Log::read(view)?) else { return Ok(None) };
    let place = Place::read(view, &fact.kind, &fact.id)?;
    let Some(Place { index, at }) = place.filter(|place| place.index < size) else {
        return Ok(None);
    };
    fact.at_ms = at.0;
    let salt = tlog::salt(&log.seed, index);
    if row(view, 0, index, 1)?.first() != Some(&fact.entry(&salt)) {
        return Err(corrupt("log leaf", "what its entry says"));
    }
    let path = tlog::inclusion(&LogRows(view), index, size)?;
    Ok(Some(Inclusion { fact, salt, index, size, path }))
}

/// The end of the audit.
///
/// # Errors
/// As [`super::revision`].
pub fn audit_end(view: &dyn View) -> Read<AuditEnd> {
    let AuditHead { lines, digest, first, .. } = AuditHead::read(view)?;
    Ok(AuditEnd { lines, digest, first })
}

/// Up to `limit` lines of the audit after `since`, in order.
///
/// # Errors
/// As [`super::revision`].
pub fn audit_lines(view: &dyn View, since: u64, limit: usize) -> Read<Vec<AuditLine>> {
    let all = layout::key(layout::state::AUDIT, &[]);
    let from = audit_key(since.saturating_add(1));
    let pairs = view.range(Space::State, &from, &layout::past(&all), limit)?;
    pairs.iter().map(|(_, value)| decode("audit line", value)).collect()
}

/// The head of another log that this cluster signed last as its witness: size and root.
///
/// # Errors
/// As [`super::revision`].
pub fn witnessed(view: &dyn View, origin: &str) -> Read<Option<(u64, Digest)>> {
    Ok(crate::apply::witness::read(view, origin)?.map(|(head, _)| head))
}

/// The cluster epoch that this head is of; 0 where none was signed.
///
/// # Errors
/// As [`super::revision`].
pub fn witnessed_epoch(view: &dyn View, origin: &str) -> Read<u64> {
    Ok(crate::apply::witness::read(view, origin)?.map_or(0, |(_, epoch)| epoch))
}
