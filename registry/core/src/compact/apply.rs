//! The decision what one `Compact` command forgets: a bounded part of old changes, ended tasks and unnamed bodies. A body
//! that an entity names is never taken.

use proto_types::{Digest, Revision, WallMs};

use crate::body::rows::{LOOSE_BODIES, body_key, body_refs};
use crate::bound;
use crate::change::Reply;
use crate::conduct;
use crate::counter::COMPACTED;
use crate::draft::{Draft, Outcome, Step};
use crate::envelope;
use crate::index;
use crate::join_token;
use crate::layout;
use crate::peer::waiting;
use crate::task;
use crate::task::table::TASKS;
use crate::token;
use crate::view::{Read, Space, ViewError, Write};

use super::command::Compact;

/// Tasks, bodies, and evidence, forgotten by one command: a few milliseconds of work.
const STEP_MAX: usize = 256;

pub(crate) fn compact(draft: &mut Draft<'_>, command: &Compact) -> Outcome {
    let Compact { changes_through, tasks_until } = *command;
    if changes_through > draft.revision() {
        return Err(bound::invalid("changes_through", "names a revision to come").into());
    }
    bound::near("tasks_until", tasks_until, draft.now(), 0)?;
    let compacted = drop_changes(draft, changes_through)?;
    let tasks = forget_tasks(draft, tasks_until)?;
    // What is swept by the way elsewhere would wait for ever where nothing comes.
    let swept =
        [envelope::apply::sweep(draft)?, join_token::apply::sweep(draft)?, waiting::sweep(draft)?];
    token::apply::forget_past(draft)?;
    let steps = [tasks, conduct::apply::sweep(draft, STEP_MAX)?, forget_bodies(draft)?];
    let more = steps.contains(&STEP_MAX) || swept.contains(&true);
    Ok(Reply::Compacted { compacted, more })
}

/// One range, however many there are.
fn drop_changes(draft: &mut Draft<'_>, through: Revision) -> Read<Revision> {
    let kept = Revision(draft.count(COMPACTED)?);
    if through <= kept {
        return Ok(kept);
    }
    let (from, to) =
        (kept.next().0.to_be_bytes().to_vec(), through.next().0.to_be_bytes().to_vec());
    draft.write(Write::DeleteRange { space: Space::Changes, from, to });
    draft.set_count(COMPACTED, through.0);
    Ok(through)
}

/// Nobody is told: that it ended was the last that happened to it.
fn forget_tasks(draft: &mut Draft<'_>, until: WallMs) -> Step<usize> {
    let (from, to) = task::table::tasks_ended(until);
    let ended = index::ids(draft.view(), (&from, &to), STEP_MAX)?;
    for id in &ended {
        let task = draft.existing(&TASKS, id)?;
        task::open::forget(draft, &task)?;
    }
    Ok(ended.len())
}

/// Looks at bodies that lost a name or never had one; how many.
fn forget_bodies(draft: &mut Draft<'_>) -> Read<usize> {
    let first = LOOSE_BODIES.key(&[]);
    let loose = draft.view().range(Space::State, &first, &layout::past(&first), STEP_MAX)?;
    for (key, _) in &loose {
        let digest = digest_of(&key[first.len()..])?;
        let refs = body_refs(&digest);
        if draft.view().range(Space::Index, &refs, &layout::past(&refs), 1)?.is_empty() {
            draft.write(Write::Delete { space: Space::Bodies, key: body_key(&digest) });
        }
        draft.write(Write::Delete { space: Space::State, key: key.clone() });
    }
    Ok(loose.len())
}

fn digest_of(bytes: &[u8]) -> Read<Digest> {
    let corrupt = |_| ViewError::Corrupt {
        table: "loose body",
        cause: format!("the key has {} bytes, not 32", bytes.len()),
    };
    bytes.try_into().map(Digest).map_err(corrupt)
}
