//! Watching: the past by pages, then what comes, over one stream.
//!
//! It decides how far a watcher may fall behind. It must never skip a change, and never keep more
//! for a watcher than one page and a short queue. History and the live tail are read from the same
//! place, so there is no seam between them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use proto_types::Revision;
use proto_wire::registry::v1 as wire;
use registry_api::{Code, Principal, Problem, render};
use registry_core::entry::{ChangeEvent, ChangeKind};
use registry_core::query;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Status};

use crate::member::{Member, stopping};

use super::{Handled, at, caller, log_cause};

/// Changes read at a time.
const PAGE: usize = 256;

/// Changes that wait for a watcher to take them.
const QUEUE_MAX: usize = 64;

/// A watcher that takes nothing for this long is ended.
const STALL_MAX: Duration = Duration::from_secs(10);

/// Longer than any watch lives.
const FOR_EVER: Duration = Duration::from_secs(86_400 * 365);

/// What one watch sends.
pub(crate) type ChangeStream = BoxStream<'static, Result<wire::Change, Status>>;

/// Where a watcher stands, and what it wants.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    pub(crate) since: Revision,
    kinds: Vec<ChangeKind>,
}

impl Cursor {
    /// What strangers may watch is the directory; the fleet's doings are its own.
    pub(crate) fn new(caller: &Principal, since: u64, kinds: &[String]) -> Result<Self, Problem> {
        let mut wanted = render::directory::kinds(kinds)?;
        if *caller == Principal::Anonymous {
            wanted.retain(is_public);
            if !kinds.is_empty() && wanted.len() < kinds.len() {
                return Err(Problem::new(Code::Unauthenticated, "these kinds need a credential"));
            }
        }
        Ok(Self { since: Revision(since), kinds: wanted })
    }
}

fn is_public(kind: &ChangeKind) -> bool {
    match kind {
        ChangeKind::Peer
        | ChangeKind::Record
        | ChangeKind::Card
        | ChangeKind::Agent
        | ChangeKind::Liveness => true,
        ChangeKind::Gateway | ChangeKind::Node | ChangeKind::Task | ChangeKind::Envelope => false,
    }
}

/// The next changes that the cursor wants, at most `limit` and at most a page; it moves on. None
/// if there is none until `until`.
pub(crate) async fn await_changes(
    member: &Member,
    cursor: &mut Cursor,
    limit: usize,
    until: Instant,
) -> Result<Vec<ChangeEvent>, Problem> {
    let mut revisions = member.registry.revisions();
    loop {
        revisions.mark_unchanged();
        let view = member.registry.view().0;
        let mut page = query::changes(&view, cursor.since, limit.min(PAGE))?;
        drop(view);
        if let Some(last) = page.last() {
            cursor.since = last.revision;
            page.retain(|change| cursor.kinds.contains(&change.kind));
            if !page.is_empty() {
                return Ok(page);
            }
            continue;
        }
        tokio::select! {
            () = member.shutdown.triggered() => return Err(stopping()),
            changed = timeout_at(until, revisions.changed()) => match changed {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(stopping()),
                Err(_) => return Ok(Vec::new()),
            },
        }
    }
}

/// Opens a watch.
pub(super) async fn open(
    member: &Arc<Member>,
    request: Request<wire::WatchRequest>,
) -> Handled<ChangeStream> {
    let caller = caller(member, request.metadata()).await?;
    let request = request.into_inner();
    let cursor = Cursor::new(&caller, request.since, &request.kinds)?;
    let seat = member.wait_seat()?;
    let (changes, taken) = mpsc::channel(QUEUE_MAX);
    let (end, ended) = oneshot::channel();
    let watched = Arc::clone(member);
    tokio::spawn(async move {
        if let Err(problem) = feed(&watched, cursor, changes).await {
            log_cause(&problem);
            // A watcher that has gone does not want the reason.
            let _ = end.send(Status::from(problem));
        }
        drop(seat);
    });
    let reason = stream::once(ended).filter_map(|reason| async { reason.ok().map(Err) });
    let stream = ReceiverStream::new(taken).map(Ok).chain(reason).boxed();
    Ok(at(&member.stale(), stream))
}

/// Feeds one watcher until it leaves.
async fn feed(
    member: &Member,
    mut cursor: Cursor,
    changes: mpsc::Sender<wire::Change>,
) -> Result<(), Problem> {
    loop {
        let until = Instant::now() + FOR_EVER;
        let page = tokio::select! {
            () = changes.closed() => return Ok(()),
            page = await_changes(member, &mut cursor, PAGE, until) => page?,
        };
        for change in &page {
            let sent = changes.send(render::directory::change(change));
            match timeout(STALL_MAX, sent).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Ok(()),
                Err(_) => {
                    let why = "the watcher took nothing for 10 s; resume from the last revision";
                    return Err(Problem::new(Code::WatchLagged, why));
                }
            }
        }
    }
}
