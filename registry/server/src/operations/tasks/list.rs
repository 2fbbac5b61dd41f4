//! The list of an owner's tasks, by pages. No page is longer than a bound, however long its tasks are, nor is one read on the
//! network's threads.

use proto_types::Revision;
use proto_wire::registry::v1::{self as wire, Consistency};
use registry_api::decode::task::list::{Listing, Place, cursor, read};
use registry_api::{List, Problem, render};
use registry_core::entry::TaskEntry;
use registry_core::query::{self, TaskPage};
use registry_core::viewer::Viewer;

use crate::call::Call;
use crate::lookup;
use crate::member::{Member, Reading};
use crate::search;

use super::with_wait;

/// Documents of one page: about as many bytes as one task may have, with all that was said in it. They are read, and left
/// out after that if it was asked for.
const DOCUMENT_BYTES_MAX: usize = 4 << 20;

/// A page of the tasks of an owner.
pub(crate) async fn list(
    member: &Member,
    call: &Call,
    request: &wire::ListTasksRequest,
    consistency: Consistency,
) -> Result<(Reading, wire::TaskList), Problem> {
    let cursors = member.cursors(List::Tasks);
    let listing = read(&call.principal, request, cursors)?;
    let (owner, omit_outcome) = (listing.filter.owner.clone(), request.omit_outcome);
    let reading = member.read(consistency).await?;
    let caller = (&call.principal, call.source);
    // Thousands of keys may be looked at, and MiB of documents read: too long for the network's threads.
    let work = move |reading: &Reading, _: &Viewer| found(reading, &listing, omit_outcome);
    let (reading, (found, total)) = search::aside(member, caller, (reading, 1), work).await?;
    let waits = |(entry, task): (TaskEntry, _)| with_wait(member, &reading, &entry, task);
    let tasks = found.tasks.into_iter().map(waits).collect::<Result<_, _>>()?;
    let next = found.before.map(|before| cursor(cursors, &owner, Place { before, total }));
    Ok((reading, wire::TaskList { tasks, next: next.unwrap_or_default(), total }))
}

/// What a page has.
struct Found {
    /// With their documents.
    tasks: Vec<(TaskEntry, wire::Task)>,
    /// Where the next page begins; `None` at the end.
    before: Option<Revision>,
}

/// The page that is asked for, and how many tasks there are on all pages.
fn found(
    reading: &Reading,
    listing: &Listing,
    omit_outcome: bool,
) -> Result<(Found, u64), Problem> {
    let Listing { filter, limit, place } = listing;
    let (page, total) = match *place {
        None => query::tasks_listed(&reading.view, filter, *limit)?,
        Some(Place { before, total }) => {
            (query::tasks_listed_before(&reading.view, filter, before, *limit)?, total)
        }
    };
    Ok((with_documents(reading, page, omit_outcome)?, total))
}

/// The first tasks of a page, one at least, as far as their documents are not too long together.
fn with_documents(reading: &Reading, page: TaskPage, omit_outcome: bool) -> Result<Found, Problem> {
    let (mut tasks, mut bytes, mut last) = (Vec::with_capacity(page.tasks.len()), 0, None);
    for entry in page.tasks {
        let task = lookup::whole_task(&reading.view, &entry, false)?;
        bytes += document_bytes(&task);
        if bytes > DOCUMENT_BYTES_MAX && last.is_some() {
            return Ok(Found { tasks, before: last });
        }
        let task = if omit_outcome { render::outcome::without_artifacts(task) } else { task };
        last = Some(entry.revision);
        tasks.push((entry, task));
    }
    Ok(Found { tasks, before: page.before })
}

fn document_bytes(task: &wire::Task) -> usize {
    let turns = task.turns.iter().map(|turn| turn.input.len() + turn.outcome.len());
    task.input.len() + task.outcome.len() + turns.sum::<usize>()
}
