//! Watches: the past changes by pages, then new ones as they come, through one short queue for each watcher. Both are
//! read from the same place, so no change is skipped between them.
//!
//! A watcher that takes nothing for 10 s is cut, and resumes from the last revision that it has seen. One for which
//! nothing comes for 15 s is told how far it is. `follow/cursor.rs` decides what of a page it may see.

mod cursor;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use proto_types::Revision;
use registry_api::{Code, Problem};
use registry_core::entry::ChangeEvent;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_stream::wrappers::ReceiverStream;

use crate::holder::Place;
use crate::member::{Member, stopping};

pub(crate) use self::cursor::{Cursor, WatchQuery};

/// Changes read at a time.
pub(crate) const PAGE: usize = 256;

/// Changes that wait for a watcher to take them.
const QUEUE_MAX: usize = 64;

/// A watcher that takes nothing for this long is ended.
const STALL_MAX: Duration = Duration::from_secs(10);

/// A watcher that is told nothing for this long is told how far it is: proxies commonly end a
/// connection that is silent for 60 s, some after 30.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);

/// One thing that a watcher gets.
#[derive(Clone, Debug)]
pub(crate) enum WatchItem {
    /// A change that it wants.
    Change(Box<ChangeEvent>),
    /// Nothing that it wants came up to here.
    Progress(Revision),
}

/// The next changes that the cursor wants, at most `limit` and at most a page; it moves on. None
/// if there is none until `until`, or its source cannot pay for as far as there is one.
pub(crate) async fn await_changes(
    member: &Member,
    cursor: &mut Cursor,
    limit: usize,
    until: Instant,
) -> Result<Vec<ChangeEvent>, Problem> {
    let (limit, mut revisions) = (limit.min(PAGE), member.registry.revisions());
    loop {
        if !cursor.settle(member, until).await? {
            return Ok(Vec::new());
        }
        revisions.mark_unchanged();
        if let Some(page) = cursor.next_page(member, limit)? {
            if !page.is_empty() || Instant::now() >= until {
                return Ok(page);
            }
            // A long history of what is not wanted must not hold a thread of the runtime.
            tokio::task::yield_now().await;
            continue;
        }
        tokio::select! {
            () = member.shutdown.triggered() => return Err(stopping()),
            changed = timeout_at(until, revisions.changed()) => match changed {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return Err(member.ended()),
                Err(_) => return Ok(Vec::new()),
            },
        }
    }
}

/// What one watcher is told, until it leaves or is ended with the reason.
pub(crate) fn follow(
    member: &Arc<Member>,
    cursor: Cursor,
    place: Place,
) -> BoxStream<'static, Result<WatchItem, Problem>> {
    let (items, taken) = mpsc::channel(QUEUE_MAX);
    let (end, ended) = oneshot::channel();
    let member = Arc::clone(member);
    tokio::spawn(async move {
        if let Err(problem) = feed(&member, cursor, items).await {
            // A watcher that has gone does not want the reason.
            let _ = end.send(problem);
        }
        drop(place);
    });
    let reason = stream::once(ended).filter_map(|reason| async { reason.ok().map(Err) });
    ReceiverStream::new(taken).map(Ok).chain(reason).boxed()
}

/// Feeds one watcher until it leaves.
async fn feed(
    member: &Member,
    mut cursor: Cursor,
    items: mpsc::Sender<WatchItem>,
) -> Result<(), Problem> {
    let mut last = cursor.since;
    loop {
        let until = Instant::now() + HEARTBEAT;
        let page = tokio::select! {
            () = items.closed() => return Ok(()),
            page = await_changes(member, &mut cursor, PAGE, until) => page?,
        };
        let changes = page.into_iter().map(|change| WatchItem::Change(Box::new(change)));
        // After a page the next wait says how far it is.
        let progress = (changes.len() == 0).then_some(WatchItem::Progress(cursor.since));
        for each in changes.chain(progress) {
            let revision = each.revision();
            if !send(&items, each, STALL_MAX).await.map_err(|Stalled| lagged(last))? {
                return Ok(());
            }
            last = revision;
        }
    }
}

/// The watcher takes nothing.
#[derive(Debug, PartialEq, Eq)]
struct Stalled;

/// False once the watcher has left.
async fn send(
    items: &mpsc::Sender<WatchItem>,
    each: WatchItem,
    stall_max: Duration,
) -> Result<bool, Stalled> {
    timeout(stall_max, items.send(each)).await.map_or(Err(Stalled), |sent| Ok(sent.is_ok()))
}

impl WatchItem {
    /// Where to resume after it.
    pub(crate) fn revision(&self) -> Revision {
        match self {
            Self::Change(change) => change.revision,
            Self::Progress(revision) => *revision,
        }
    }
}

/// The end of a slow watcher. It has been given everything up to `last`, which may still be under
/// way to it.
fn lagged(last: Revision) -> Problem {
    let why = "the watcher took nothing for 10 s; resume from the last revision that it has seen";
    Problem::new(Code::WatchLagged, why).with("resume", last.0)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_watcher_that_takes_nothing_is_cut_with_where_to_resume() {
        let (items, taken) = mpsc::channel(1);
        let brief = Duration::from_millis(20);
        let progress = |revision| WatchItem::Progress(Revision(revision));
        assert_eq!(send(&items, progress(1), brief).await, Ok(true));
        assert_eq!(send(&items, progress(2), brief).await, Err(Stalled));
        drop(taken);
        assert_eq!(send(&items, progress(3), brief).await, Ok(false));
        let cut = lagged(Revision(1));
        let json: serde_json::Value = serde_json::from_slice(&cut.to_json()).unwrap();
        assert_eq!((cut.code(), &json["resume"]), (Code::WatchLagged, &1.into()));
    }
}
