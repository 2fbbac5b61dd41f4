//! The list of an owner's tasks, by pages. No page is longer than a bound, however long its tasks are.

use proto_types::Revision;
use proto_wire::registry::v1::{self as wire, Consistency};
use registry_api::decode::task::list::{Listing, Place, cursor, read};
use registry_api::{List, Problem, render};
use registry_core::query::{self, TaskPage};

use crate::call::Call;
use crate::lookup;
use crate::member::{Member, Reading};

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
    let Listing { filter, limit, place } = read(&call.principal, request, cursors)?;
    let reading = member.read(consistency).await?;
    let (page, total) = match place {
        None => query::tasks_listed(&reading.view, &filter, limit)?,
        Some(Place { before, total }) => {
            (query::tasks_listed_before(&reading.view, &filter, before, limit)?, total)
        }
    };
    let (tasks, before) = with_documents(member, &reading, page, request.omit_outcome)?;
    let next = before.map(|before| cursor(cursors, &filter.owner, Place { before, total }));
    Ok((reading, wire::TaskList { tasks, next: next.unwrap_or_default(), total }))
}

/// The first tasks of a page, one at least, as far as their documents are not too long together; and where the next begins.
fn with_documents(
    member: &Member,
    reading: &Reading,
    page: TaskPage,
    omit_outcome: bool,
) -> Result<(Vec<wire::Task>, Option<Revision>), Problem> {
    let (mut tasks, mut bytes, mut last) = (Vec::with_capacity(page.tasks.len()), 0, None);
    for entry in &page.tasks {
        let task = lookup::whole_task(&reading.view, entry, false)?;
        bytes += document_bytes(&task);
        if bytes > DOCUMENT_BYTES_MAX && last.is_some() {
            return Ok((tasks, last));
        }
        let task = if omit_outcome { render::outcome::without_artifacts(task) } else { task };
        tasks.push(with_wait(member, reading, entry, task)?);
        last = Some(entry.revision);
    }
    Ok((tasks, page.before))
}

fn document_bytes(task: &wire::Task) -> usize {
    let turns = task.turns.iter().map(|turn| turn.input.len() + turn.outcome.len());
    task.input.len() + task.outcome.len() + turns.sum::<usize>()
}
