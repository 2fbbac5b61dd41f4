//! Reads of the transparency log, and proofs from it. The shell gives a proof only to callers that may read the document.

use proto_types::Digest;
use proto_types::tlog::{self, Checkpoint, Inclusion, Rows};

use crate::audit::rows::AuditHead;
use crate::entity::Entity;
use crate::member;
use crate::view::{Read, Space, View, ViewError};

use super::rows::{Log, Place, corrupt, row_key};

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
pub fn log_head(view: &dyn View) -> Read<Option<(u64, Digest)>> {
    Ok(Log::read(view)?.map(|log| (log.frontier.size(), log.frontier.root())))
}

/// The head of the log as a checkpoint of this origin, with epoch and audit; `None` until the log is
/// opened. The same for every member at one revision.
pub fn checkpoint(view: &dyn View, origin: &str) -> Read<Option<Checkpoint>> {
    let Some(head) = log_head(view)? else { return Ok(None) };
    let audit = AuditHead::read(view)?;
    let checkpoint = Checkpoint::new(origin, head, member::query::cluster_epoch(view)?);
    Ok(Some(checkpoint.with_audit(audit.lines, &audit.digest)))
}

/// Entries of the log from `first` on; all of them must be there.
///
/// # Errors
/// As [`crate::query::revision`], and if the log ends before.
pub fn log_entries(view: &dyn View, first: u64, count: usize) -> Read<Vec<Vec<u8>>> {
    row(view, 0, first, count)
}

/// The proof that what the log says of this entry is in the tree of `size`; `None` if it is not, or
/// is from before the log was opened.
///
/// # Errors
/// As [`crate::query::revision`], and if the log says something else.
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
