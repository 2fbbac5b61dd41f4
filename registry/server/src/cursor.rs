//! Where a reader of the total order may go on: after a revision of this cluster epoch whose next change is kept. Any
//! other cursor is refused with where to start anew. It must never wait for a revision that nobody has: a cursor from
//! before a restore would skip what takes its place.

use proto_types::Revision;
use registry_api::{Code, Problem};
use registry_core::query;
use registry_core::view::View;

use crate::member::{Member, Reading};

/// A state that has reached the cursor. One that this member has not reached may be another member's: a majority says.
///
/// # Errors
/// The change after it is forgotten, or nobody has the revision: it is of a cluster that was restored since.
pub(crate) async fn reached(member: &Member, since: Revision) -> Result<Reading, Problem> {
    let mut reading = member.stale();
    if since > reading.revision {
        reading = member.strong().await?;
    }
    kept(&reading.view, since)?;
    if since <= reading.revision {
        return Ok(reading);
    }
    let why = format_args!(
        "revision {since} is not reached, the newest is {}; read the lists anew and watch from the \
         ecumene-revision that they carry",
        reading.revision
    );
    Err(Problem::new(Code::FutureRevision, why).with("revision", reading.revision.0))
}

/// Holds if no change after the cursor is forgotten. All of an earlier cluster epoch are.
pub(crate) fn kept(view: &dyn View, since: Revision) -> Result<(), Problem> {
    let compacted = query::compacted(view)?;
    if since >= compacted {
        return Ok(());
    }
    let why = format_args!(
        "changes up to revision {compacted} are forgotten; read the lists anew and watch from the \
         ecumene-revision that they carry"
    );
    Err(Problem::new(Code::Compacted, why).with("compacted", compacted.0))
}
