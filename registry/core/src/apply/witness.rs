//! Other logs, of which this cluster is a witness.
//! Decides which head of a log was signed last; must never let two signatures be given for two
//! histories, so the head before must be the one that the proof starts from.

use proto_types::Digest;

use crate::change::{Refusal, Reply, Write};
use crate::layout;
use crate::ledger::{corrupt, witnessed_key};
use crate::view::{Space, View, ViewError};

use super::bound::{self, NAME_BYTES_MAX};
use super::draft::{Draft, Outcome};

/// Logs that one cluster is a witness of; each is a line of its configuration. Arbitrary.
const LOGS_MAX: usize = 1_024;

/// A size and a root.
type Head = (u64, Digest);

pub(super) fn follow(draft: &mut Draft<'_>, origin: &str, from: Head, to: Head) -> Outcome {
    bound::text("origin", origin, NAME_BYTES_MAX)?;
    let kept = read(draft.view(), origin)?;
    let first = (0, proto_types::tlog::empty_root());
    if kept.unwrap_or(first) != from {
        return Err(Refusal::PreconditionFailed { stored: kept.map(|(_, root)| root) }.into());
    }
    if to.0 < from.0 || (to.0 == from.0 && to.1 != from.1) {
        return Err(bound::invalid("size", "does not continue the tree before").into());
    }
    if kept.is_none() {
        let from = witnessed_key("");
        let known = draft.view().range(Space::State, &from, &layout::past(&from), LOGS_MAX)?;
        bound::number("witnessed logs", known.len() as u64, (0, LOGS_MAX as u64 - 1))?;
    }
    let value = [to.0.to_be_bytes().as_slice(), to.1.as_bytes()].concat();
    draft.write(Write::Put { space: Space::State, key: witnessed_key(origin), value });
    Ok(Reply::Done(draft.revision()))
}

/// What was signed last of this log.
pub(crate) fn read(view: &dyn View, origin: &str) -> Result<Option<Head>, ViewError> {
    let Some(value) = view.value(Space::State, &witnessed_key(origin))? else { return Ok(None) };
    let torn = || corrupt("witnessed log", "a size and a root");
    let (size, root) = value.split_first_chunk::<8>().ok_or_else(torn)?;
    let root = root.try_into().map_err(|_| torn())?;
    Ok(Some((u64::from_be_bytes(*size), Digest(root))))
}
