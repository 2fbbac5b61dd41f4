//! The list of an owner's tasks, the one that changed last first. It must never tell of another owner's, nor hand out more
//! than a bound for one page. What is in it its keys say: only the tasks of a page are read, and those of a short conversation.
//!
//! Its order is that of revisions. Each change of a task has one, so that a revision is a place in the list, and they rise with
//! the times of the changes, unless an operator sets the cluster's time back.

use std::cmp::Reverse;

use proto_types::{ContextId, Handle, Revision, TaskOwner, WallMs};

use crate::index;
use crate::layout;
use crate::view::{Read, Space, View};

use super::entry::TaskEntry;
use super::listed::Listed;
use super::table::{self, TASKS};

/// The tasks of a conversation are looked for by its keys, and read, up to this many: as many entries as a page of any list
/// may have.
const READ_MAX: usize = 1_000;

/// Keys that are read at once. Arbitrary; a page of the usual 50 tasks needs no second look.
const STEP: usize = 250;

/// The tasks of an owner are looked through for one page, and counted, up to this many. Reckoned, not measured: RocksDB hands
/// out a key in half a microsecond, with its value in about one. Keys that are deleted are passed by and not counted: each
/// change of a task leaves one until RocksDB compacts it away.
pub const TASKS_COUNTED_MAX: usize = 10_000;

// As many steps as it takes, and no part of one.
const _: () = assert!(TASKS_COUNTED_MAX.is_multiple_of(STEP));

/// The state of a task in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateWord {
    /// It waits for a node.
    Pending,
    /// A node works on it.
    Assigned,
    /// The agent finished.
    Completed,
    /// The agent or a limit ended it.
    Failed,
    /// Its caller ended it.
    Canceled,
    /// The agent would not take it.
    Rejected,
    /// The agent asks its caller for more.
    InputRequired,
}

proto_types::words!(StateWord {
    Pending = "pending",
    Assigned = "assigned",
    Completed = "completed",
    Failed = "failed",
    Canceled = "canceled",
    Rejected = "rejected",
    InputRequired = "input-required",
});

/// Which tasks a list has: those for which all of this holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFilter {
    /// Whose they are.
    pub owner: TaskOwner,
    /// Their conversation, if it matters.
    pub context: Option<ContextId>,
    /// Who runs them, if it matters.
    pub agent: Option<Handle>,
    /// The states that they may be in; any, if there is none here.
    pub states: Vec<StateWord>,
    /// They changed then or later.
    pub since: WallMs,
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskPage {
    /// The one that changed last first; perhaps fewer than were asked for, or none, although there are more.
    pub tasks: Vec<TaskEntry>,
    /// The next page has what changed before this revision; `None` at the end.
    pub before: Option<Revision>,
}

impl TaskFilter {
    /// Whether it takes a task of its owner.
    fn takes(&self, task: &Listed<'_>) -> bool {
        task.changed_at >= self.since
            && self.context.as_ref().is_none_or(|context| context.as_str() == task.context)
            && self.agent.as_ref().is_none_or(|agent| agent.as_str() == task.agent)
            && (self.states.is_empty() || self.states.iter().any(|of| of.as_str() == task.state))
    }

    /// Whether it takes all tasks of its owner.
    fn is_whole(&self) -> bool {
        let Self { owner: _, context, agent, states, since } = self;
        context.is_none() && agent.is_none() && states.is_empty() && *since == WallMs(0)
    }
}

/// Tasks that a list has.
#[derive(Debug, Default)]
struct Found {
    /// The one that changed last first: its revision, and its id.
    places: Vec<(Revision, String)>,
    /// What changed before this revision was not looked at; `None` at the end.
    before: Option<Revision>,
}

/// Up to `limit` tasks of the first page, and how many there are on all pages, up to [`TASKS_COUNTED_MAX`]: of those of a
/// conversation all, if it has up to 1,000; otherwise as many as are among so many of their owner that changed last.
pub fn tasks_listed(view: &dyn View, filter: &TaskFilter, limit: usize) -> Read<(TaskPage, u64)> {
    if filter.is_whole() {
        let (from, to) = table::tasks_of_owner(&filter.owner, None);
        let total = view.count(Space::Index, &from, &to, TASKS_COUNTED_MAX)?;
        return Ok((page(view, walk(view, filter, None, limit + 1)?, limit)?, total as u64));
    }
    let all = match of_conversation(view, filter)? {
        Some(all) => all,
        None => walk(view, filter, None, TASKS_COUNTED_MAX)?,
    };
    let total = all.places.len() as u64;
    Ok((page(view, all, limit)?, total))
}

/// Up to `limit` tasks of a page behind the first: of those that changed before this revision.
pub fn tasks_listed_before(
    view: &dyn View,
    filter: &TaskFilter,
    before: Revision,
    limit: usize,
) -> Read<TaskPage> {
    let found = match of_conversation(view, filter)? {
        Some(mut all) => {
            all.places.retain(|(revision, _)| *revision < before);
            all
        }
        None => walk(view, filter, Some(before), limit + 1)?,
    };
    page(view, found, limit)
}

/// All that the list has of a conversation; `None` if it is not of one, or of one with too many tasks to read them all.
fn of_conversation(view: &dyn View, filter: &TaskFilter) -> Read<Option<Found>> {
    let Some(context) = &filter.context else { return Ok(None) };
    let of_context = table::tasks_of_context(context);
    let to = layout::past(&of_context);
    let keys = view.range(Space::Index, &of_context, &to, READ_MAX + 1)?;
    if keys.len() > READ_MAX {
        return Ok(None);
    }
    let mut places = Vec::new();
    for (key, owner) in keys {
        if owner == filter.owner.as_str().as_bytes() {
            let id = index::text(key[of_context.len()..].to_vec())?;
            let task = TASKS.entry(view, &id)?;
            // One from before there were lists is in none, however it is looked for.
            let task = task.filter(|task| task.listed && filter.takes(&Listed::of(task)));
            places.extend(task.map(|task| (task.revision, id)));
        }
    }
    places.sort_by_key(|(revision, _)| Reverse(*revision));
    Ok(Some(Found { places, before: None }))
}

/// Looks through the keys of the owner's tasks one after the other, for up to `most` that the list has.
fn walk(
    view: &dyn View,
    filter: &TaskFilter,
    before: Option<Revision>,
    most: usize,
) -> Read<Found> {
    let (mut from, to) = table::tasks_of_owner(&filter.owner, before);
    let mut found = Found::default();
    for _ in 0..TASKS_COUNTED_MAX / STEP {
        let pairs = view.range(Space::Index, &from, &to, STEP)?;
        for pair in &pairs {
            let task = Listed::read(pair)?;
            if task.changed_at < filter.since {
                // So did all behind it.
                return Ok(Found { before: None, ..found });
            }
            found.before = Some(task.revision);
            let takes = filter.takes(&task);
            found.places.extend(takes.then(|| (task.revision, task.id.to_owned())));
            if found.places.len() == most {
                return Ok(found);
            }
        }
        match pairs.last() {
            Some((last, _)) if pairs.len() == STEP => from = layout::after(last),
            _ => return Ok(Found { before: None, ..found }),
        }
    }
    Ok(found)
}

/// The first tasks of those that were found; the next page begins with those that are left.
fn page(view: &dyn View, found: Found, limit: usize) -> Read<TaskPage> {
    let Found { mut places, mut before } = found;
    if places.len() > limit {
        places.truncate(limit);
        before = places.last().map(|(revision, _)| *revision);
    }
    let mut tasks = Vec::with_capacity(places.len());
    for (_, id) in &places {
        tasks.extend(TASKS.entry(view, id)?);
    }
    Ok(TaskPage { tasks, before })
}

#[cfg(test)]
mod tests {
    use proto_types::TaskEnd;
    use proto_types::task::{ASSIGNED, PENDING};

    use super::*;

    #[test]
    fn the_words_are_those_that_a_task_is_told_with() {
        let ends = TaskEnd::WORDS.iter().copied();
        let told: Vec<&str> = [PENDING, ASSIGNED].into_iter().chain(ends).collect();
        assert_eq!(told, StateWord::WORDS);
    }
}
