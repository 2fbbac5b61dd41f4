//! Following the total order: the past by pages, then what comes.
//!
//! It decides how far a watcher may fall behind, and what it is told when nothing comes. It must
//! never skip a change, and never keep more for a watcher than one page and a short queue. History
//! and the live tail are read from the same place, so there is no seam between them.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use proto_types::{Namespace, Revision};
use registry_api::{Code, Principal, Problem, field, render};
use registry_core::entry::{ChangeEvent, ChangeKind};
use registry_core::query;
use registry_core::view::View;
use registry_core::viewer::{self, Viewer};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_stream::wrappers::ReceiverStream;

use crate::cursor;
use crate::holder::Place;
use crate::member::{Member, stopping};

/// Changes read at a time.
const PAGE: usize = 256;

/// Changes that wait for a watcher to take them.
const QUEUE_MAX: usize = 64;

/// A watcher that takes nothing for this long is ended.
const STALL_MAX: Duration = Duration::from_secs(10);

/// A watcher that is told nothing for this long is told how far it is: proxies commonly end a
/// connection that is silent for 60 s, some after 30.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);

/// The longest prefix: that of the longest handle.
const PREFIX_LEN_MAX: usize = 512;

/// What a watcher asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Asked {
    /// The last revision seen.
    pub(crate) since: u64,
    /// Only these kinds; empty for all.
    pub(crate) kinds: Vec<String>,
    /// Only ids that begin so; empty for all.
    pub(crate) prefix: String,
    /// Only entries of this namespace; empty for all.
    pub(crate) namespace: String,
}

/// Where a watcher stands, and what it wants.
#[derive(Clone, Debug)]
pub(crate) struct Cursor {
    pub(crate) since: Revision,
    caller: Principal,
    kinds: Vec<ChangeKind>,
    prefix: String,
    namespace: Option<Namespace>,
}

/// One thing that a watcher is told.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    /// A change that it wants.
    Change(Box<ChangeEvent>),
    /// Nothing that it wants came up to here.
    Progress(Revision),
}

impl Cursor {
    /// What strangers may watch is the directory; the fleet's doings are its own, and reputation the operator's.
    pub(crate) fn new(caller: &Principal, asked: &Asked) -> Result<Self, Problem> {
        let mut kinds = render::directory::kinds(&asked.kinds)?;
        match caller {
            Principal::Anonymous
            | Principal::Peer(_)
            | Principal::Instance(_)
            | Principal::Node(_) => {
                kinds.retain(is_public);
            }
            // Who reports, and when, is between a gateway and the operator.
            Principal::Gateway(_) => kinds.retain(|kind| *kind != ChangeKind::Reputation),
            Principal::Operator => {}
        }
        if !asked.kinds.is_empty() && kinds.len() < asked.kinds.len() {
            return Err(not_for(caller));
        }
        if !asked.prefix.is_empty() {
            field::text("prefix", &asked.prefix, PREFIX_LEN_MAX)?;
        }
        let namespace = field::optional("namespace", &asked.namespace)?;
        let since = Revision(asked.since);
        let caller = caller.clone();
        Ok(Self { since, caller, kinds, prefix: asked.prefix.clone(), namespace })
    }

    /// The change as far as it exists to this viewer; what it loses sight of is gone to it.
    fn seen(&self, change: ChangeEvent, viewer: &Viewer) -> Option<ChangeEvent> {
        use ChangeKind::{Agent, Card, Liveness, Namespace, Record};
        if !self.wants(&change) {
            return None;
        }
        match change.kind {
            // What is told of a peer is told to everybody.
            Liveness if change.before.is_none() && change.after.is_none() => Some(change),
            Record | Card | Agent | Namespace | Liveness => {
                viewer::change(viewer, &change).map(|deleted| ChangeEvent { deleted, ..change })
            }
            _ => Some(change),
        }
    }

    /// Whether the watcher asked for this change. Both namespaces of an entry that moved count.
    fn wants(&self, change: &ChangeEvent) -> bool {
        let scopes = || change.before.iter().chain(&change.after);
        self.kinds.contains(&change.kind)
            && change.id.starts_with(&self.prefix)
            && self
                .namespace
                .as_ref()
                .is_none_or(|wanted| scopes().any(|scope| scope.namespace == *wanted))
    }

    /// Holds if no change after the cursor is forgotten.
    pub(crate) fn check(&self, view: &dyn View) -> Result<(), Problem> {
        cursor::kept(view, self.since)
    }
}

fn is_public(kind: &ChangeKind) -> bool {
    match kind {
        ChangeKind::Peer
        | ChangeKind::Record
        | ChangeKind::Card
        | ChangeKind::Agent
        | ChangeKind::Namespace
        | ChangeKind::Liveness => true,
        ChangeKind::Gateway
        | ChangeKind::Node
        | ChangeKind::Task
        | ChangeKind::Envelope
        | ChangeKind::Reputation => false,
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
        let page = next_page(member, cursor, limit.min(PAGE))?;
        if let Some(page) = page {
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

fn not_for(caller: &Principal) -> Problem {
    match caller {
        Principal::Anonymous => {
            Problem::new(Code::Unauthenticated, "these kinds need a credential")
        }
        _ => Problem::new(Code::PermissionDenied, "these kinds are not for this role"),
    }
}

/// What is wanted of the next page, from which the cursor moves on; `None` at the end.
fn next_page(
    member: &Member,
    cursor: &mut Cursor,
    limit: usize,
) -> Result<Option<Vec<ChangeEvent>>, Problem> {
    let view = member.registry.view().0;
    cursor.check(&view)?;
    let page = query::changes(&view, cursor.since, limit)?;
    let Some(last) = page.last() else { return Ok(None) };
    // The eyes of now: a peer that is revoked while it watches is blind from the next page on.
    let viewer = cursor.caller.viewer(&view)?;
    cursor.since = last.revision;
    Ok(Some(page.into_iter().filter_map(|change| cursor.seen(change, &viewer)).collect()))
}

/// What one watcher is told, until it leaves or is ended with the reason.
pub(crate) fn follow(
    member: &Arc<Member>,
    cursor: Cursor,
    place: Place,
) -> BoxStream<'static, Result<Told, Problem>> {
    let (told, taken) = mpsc::channel(QUEUE_MAX);
    let (end, ended) = oneshot::channel();
    let member = Arc::clone(member);
    tokio::spawn(async move {
        if let Err(problem) = feed(&member, cursor, told).await {
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
    told: mpsc::Sender<Told>,
) -> Result<(), Problem> {
    let mut last = cursor.since;
    loop {
        let until = Instant::now() + HEARTBEAT;
        let page = tokio::select! {
            () = told.closed() => return Ok(()),
            page = await_changes(member, &mut cursor, PAGE, until) => page?,
        };
        let changes = page.into_iter().map(|change| Told::Change(Box::new(change)));
        // After a page the next wait says how far it is.
        let progress = (changes.len() == 0).then_some(Told::Progress(cursor.since));
        for each in changes.chain(progress) {
            let revision = each.revision();
            if !tell(&told, each, STALL_MAX).await.map_err(|Stalled| lagged(last))? {
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
async fn tell(told: &mpsc::Sender<Told>, each: Told, stall_max: Duration) -> Result<bool, Stalled> {
    timeout(stall_max, told.send(each)).await.map_or(Err(Stalled), |sent| Ok(sent.is_ok()))
}

impl Told {
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
    use proto_types::{Stamp, WallMs};
    use registry_core::command::Command;
    use registry_core::entry::Scope;
    use registry_core::view::Memory;

    use super::*;

    fn cursor(since: u64) -> Cursor {
        Cursor::new(&Principal::Operator, &Asked { since, ..Asked::default() }).unwrap()
    }

    #[test]
    fn a_forgotten_cursor_is_told_how_far_it_is_forgotten() {
        let mut view = Memory::default();
        // A key belongs to one peer.
        let commands = [1, 2, 3].map(|number| Command::EnrolPeer {
            origin: format!("https://peer{number}.example").parse().unwrap(),
            keys: vec![registry_core::entry::EnrolledKey::new(
                "k".parse().unwrap(),
                proto_types::SecretKey::from_seed(&[number; 32]).public(),
            )],
            approval: registry_core::entry::Approval::Operator,
        });
        let compact = Command::Compact { changes_through: Revision(2), tasks_until: WallMs(0) };
        for command in commands.into_iter().chain([compact]) {
            let change = registry_core::apply(&view, Stamp { now: WallMs(1) }, &command).unwrap();
            view.commit(&change.writes);
        }
        for since in [2, 3] {
            assert_eq!(cursor(since).check(&view), Ok(()));
        }
        for since in [0, 1] {
            let forgotten = cursor(since).check(&view).unwrap_err();
            assert_eq!(forgotten.code(), Code::Compacted);
            let json: serde_json::Value = serde_json::from_slice(&forgotten.to_json()).unwrap();
            assert_eq!((&json["status"], &json["compacted"]), (&410.into(), &2.into()));
        }
    }

    #[test]
    fn a_watch_takes_what_its_filters_name() {
        let scope = |namespace: &str| Scope {
            visibility: registry_core::entry::Visibility::Public,
            namespace: namespace.parse().unwrap(),
            owner: None,
        };
        let change = |kind, id: &str, before, after| ChangeEvent {
            revision: Revision(1),
            at: WallMs(1),
            kind,
            id: id.to_owned(),
            deleted: false,
            before,
            after,
        };
        let moved = change(ChangeKind::Record, "urn:a:1", Some(scope("old")), Some(scope("new")));
        let peer = change(ChangeKind::Peer, "https://a.example", None, None);
        let asked = |kinds: &[&str], prefix: &str, namespace: &str| {
            let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
            let (prefix, namespace) = (prefix.to_owned(), namespace.to_owned());
            let asked = Asked { since: 0, kinds, prefix, namespace };
            let cursor = Cursor::new(&Principal::Anonymous, &asked).unwrap();
            (cursor.wants(&moved), cursor.wants(&peer))
        };
        assert_eq!(asked(&[], "", ""), (true, true));
        assert_eq!(asked(&["peer"], "", ""), (false, true));
        assert_eq!(asked(&[], "urn:a:", ""), (true, false));
        assert_eq!(asked(&[], "", "old"), (true, false));
        assert_eq!(asked(&[], "", "new"), (true, false));
        assert_eq!(asked(&[], "", "other"), (false, false));
        let mut hidden = scope("n");
        hidden.visibility = registry_core::entry::Visibility::Private;
        let secret = change(ChangeKind::Card, "urn:a:2", None, Some(hidden.clone()));
        let published = change(ChangeKind::Card, "urn:a:2", Some(hidden), Some(scope("n")));
        let cursor = Cursor::new(&Principal::Operator, &Asked::default()).unwrap();
        let sees = |viewer, change: &ChangeEvent| cursor.seen(change.clone(), &viewer).is_some();
        assert!(!sees(Viewer::Anonymous, &secret));
        assert!(sees(Viewer::Operator, &secret) && sees(Viewer::Anonymous, &published));
    }

    #[tokio::test]
    async fn a_watcher_that_takes_nothing_is_cut_with_where_to_resume() {
        let (told, taken) = mpsc::channel(1);
        let brief = Duration::from_millis(20);
        let progress = |revision| Told::Progress(Revision(revision));
        assert_eq!(tell(&told, progress(1), brief).await, Ok(true));
        assert_eq!(tell(&told, progress(2), brief).await, Err(Stalled));
        drop(taken);
        assert_eq!(tell(&told, progress(3), brief).await, Ok(false));
        let cut = lagged(Revision(1));
        let json: serde_json::Value = serde_json::from_slice(&cut.to_json()).unwrap();
        assert_eq!((cut.code(), &json["resume"]), (Code::WatchLagged, &1.into()));
    }
}
