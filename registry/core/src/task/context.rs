//! The owner of a conversation: only the owner of its first task may open another one in it. An agent tells its callers
//! apart by the conversation, so two owners never share one.

use crate::bound;
use crate::draft::{Draft, Stop};
use crate::layout;
use crate::view::Space;

use super::entry::TaskEntry;
use super::table;

/// A conversation is its first owner's for as long as any task of it is kept.
pub(crate) fn check(draft: &Draft<'_>, task: &TaskEntry) -> Result<(), Stop> {
    let prefix = table::tasks_of_context(&task.context);
    let kept = draft.view().range(Space::Index, &prefix, &layout::past(&prefix), 1)?;
    match kept.first() {
        Some((_, owner)) if *owner != task.owner.as_str().as_bytes() => {
            Err(bound::conflict("context", task.context.as_str()).into())
        }
        _ => Ok(()),
    }
}
