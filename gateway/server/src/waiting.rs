//! The calls of this gateway that wait for a task.
//!
//! Decides who may push events to a call (whoever holds the secret that was handed out with it)
//! and wakes the waiters of a task when the registry reports a change. Must never grow beyond its
//! bound, nor hold an entry longer than its waiter lives, nor let one call take another's place: which
//! of two messages continues a task, the registry decides.

mod cut_off;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deploy_service::{Place, Pool};
use proto_types::{Class, Digest, Full, Shares, TaskId, TaskOwner};
use tokio::sync::{Notify, mpsc};

pub(crate) use self::cut_off::{CutOffs, Lasting};

/// Events of one task that its caller has not read yet. Arbitrary; the node waits while it is full.
const EVENTS: usize = 64;

/// Bytes of events that callers have not read yet, of all tasks, and of what attached agents say. An event of a task may have a
/// MiB, an answer of an attached agent 8.
const EVENT_BYTES: u64 = 64 << 20;

/// The table.
#[derive(Debug)]
pub(crate) struct Waiting {
    calls: Mutex<BTreeMap<Key, Entry>>,
    /// The number of the next call.
    next: AtomicU64,
    /// One for each call, by its caller.
    places: Pool<TaskOwner>,
    /// Bytes of events and of agents' answers, by the caller that has not read them.
    unread: Pool<TaskOwner>,
    /// Peers whose calls end because they are let in no more.
    pub(crate) cut_offs: CutOffs,
}

/// A task, and the number of a call that waits for it: several may.
type Key = (String, u64);

#[derive(Debug)]
struct Entry {
    secret: String,
    /// The newest lease epoch that has pushed; older ones are not listened to any more.
    epoch: u64,
    changed: Arc<Notify>,
    events: Events,
}

/// Where the events for a call go.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    queue: mpsc::Sender<Unread>,
    room: Room,
}

/// What a caller may leave unread, and what is being read for it.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    unread: Pool<TaskOwner>,
    caller: TaskOwner,
}

impl Room {
    /// Room for so many bytes more.
    pub(crate) fn take(&self, bytes: u64) -> Result<Place<TaskOwner>, Full> {
        self.unread.places(Class::Ordinary, self.caller.clone(), bytes)
    }

    /// Whose it is.
    pub(crate) const fn caller(&self) -> &TaskOwner {
        &self.caller
    }
}

/// Where an event stands among those of its run, as its node says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    /// The lease epoch of the run.
    pub(crate) epoch: u64,
    /// Its number there, from 1 on; 0 of what sums up earlier ones.
    pub(crate) sequence: u64,
    /// Whether its caller has what it says, by other events.
    pub(crate) known: bool,
    /// Whether the push goes on where it was asked to, so that nothing between is missing.
    pub(crate) goes_on: bool,
}

/// An event that its caller has not read.
#[derive(Debug)]
pub(crate) struct Unread {
    /// As it came: read, it takes many times what is counted.
    pub(crate) event: Vec<u8>,
    pub(crate) mark: Mark,
    /// What it takes of what its caller may leave unread.
    pub(crate) place: Place<TaskOwner>,
}

impl Events {
    /// Hands an event to its caller; false if that takes nothing any more.
    pub(crate) async fn send(&self, (event, mark): (Vec<u8>, Mark), patience: Duration) -> bool {
        let Ok(place) = self.room.take(event.len() as u64) else { return false };
        self.queue.send_timeout(Unread { event, mark, place }, patience).await.is_ok()
    }

    /// Ends once the caller waits no more.
    pub(crate) async fn left(&self) {
        self.queue.closed().await;
    }
}

/// One who waits; dropping it ends the waiting.
pub(crate) struct Waiter {
    table: Arc<Waiting>,
    key: Key,
    _place: Place<TaskOwner>,
    /// For what its caller has not read yet.
    pub(crate) room: Room,
    /// Wakes when the registry reports a change of the task.
    pub(crate) changed: Arc<Notify>,
    /// What nodes push.
    pub(crate) events: mpsc::Receiver<Unread>,
}

impl Waiting {
    pub(crate) fn new(max: usize) -> Self {
        // Only callers from outside wait: there is nobody to keep places for.
        let pool = |amount| Pool::new(Shares::new(amount).without_reserve());
        let (calls, next) = (Mutex::default(), AtomicU64::new(0));
        let (places, unread) = (pool(max as u64), pool(EVENT_BYTES));
        Self { calls, next, places, unread, cut_offs: CutOffs::default() }
    }

    /// Begins to wait for a task of a caller; whoever shows `secret` may push events to this call.
    pub(crate) fn open(
        self: &Arc<Self>,
        task: &TaskId,
        secret: String,
        caller: &TaskOwner,
    ) -> Result<Waiter, Full> {
        let place = self.place(caller)?;
        let changed = Arc::new(Notify::new());
        let (queue, received) = mpsc::channel(EVENTS);
        let room = self.room(caller);
        let events = Events { queue, room: room.clone() };
        let key = (task.as_str().to_owned(), self.next.fetch_add(1, Ordering::Relaxed));
        let entry = Entry { secret, epoch: 0, changed: Arc::clone(&changed), events };
        self.calls().insert(key.clone(), entry);
        let table = Arc::clone(self);
        Ok(Waiter { table, key, _place: place, room, changed, events: received })
    }

    /// A place for a call that waits, whoever is to answer it.
    pub(crate) fn place(&self, caller: &TaskOwner) -> Result<Place<TaskOwner>, Full> {
        self.places.place(Class::Ordinary, holder(caller))
    }

    /// Room for what a caller has not read, whoever says it.
    pub(crate) fn room(&self, caller: &TaskOwner) -> Room {
        Room { unread: self.unread.clone(), caller: holder(caller) }
    }

    /// The registry reports a change of a task.
    pub(crate) fn changed(&self, task: &str) {
        for (_, entry) in self.calls().range(all_of(task)) {
            entry.changed.notify_one();
        }
    }

    /// Wakes the calls of one who may have ceased to be let in: each looks for itself.
    pub(crate) fn wake(&self, caller: &str) {
        let calls = self.calls();
        let own = calls.values().filter(|entry| entry.events.room.caller.as_str() == caller);
        own.for_each(|entry| entry.changed.notify_one());
    }

    /// Those that wait, once each.
    pub(crate) fn callers(&self) -> Vec<TaskOwner> {
        self.places.holders()
    }

    /// How many calls of one caller wait.
    pub(crate) fn held(&self, caller: &TaskOwner) -> u64 {
        self.places.held(caller)
    }

    /// Where a node's events go, if it shows the secret and no newer epoch has pushed.
    pub(crate) fn push(&self, task: &str, epoch: u64, secret: &str) -> Option<Events> {
        let shown = Digest::of(secret.as_bytes());
        let mut calls = self.calls();
        let mut entries = calls.range_mut(all_of(task)).map(|(_, entry)| entry);
        let entry =
            entries.find(|entry| Digest::of(entry.secret.as_bytes()).same_secret(&shown))?;
        if epoch < entry.epoch {
            return None;
        }
        entry.epoch = epoch;
        Some(entry.events.clone())
    }

    /// How many calls wait.
    pub(crate) fn len(&self) -> usize {
        self.calls().len()
    }

    fn calls(&self) -> MutexGuard<'_, BTreeMap<Key, Entry>> {
        // Nothing panics while the lock is held, and each change of the table is one call.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The keys of all calls that wait for a task.
fn all_of(task: &str) -> RangeInclusive<Key> {
    (task.to_owned(), 0)..=(task.to_owned(), u64::MAX)
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.table.calls().remove(&self.key);
    }
}

/// As whom a caller holds what there is a bounded number of.
fn holder(caller: &TaskOwner) -> TaskOwner {
    match caller.as_str().starts_with(TaskOwner::PUBLIC) {
        true => TaskOwner::parse(TaskOwner::PUBLIC).expect("seven visible letters are a name"),
        false => caller.clone(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn task(name: &str) -> TaskId {
        TaskId::parse(name).unwrap()
    }

    fn peer(name: &str) -> TaskOwner {
        TaskOwner::parse(&format!("https://{name}.example")).unwrap()
    }

    #[test]
    fn only_the_holder_of_the_secret_pushes_and_only_under_the_newest_epoch() {
        let table = Arc::new(Waiting::new(8));
        let _waiter = table.open(&task("t1"), "secret".to_owned(), &peer("a")).unwrap();
        assert!(table.push("t1", 1, "Secret").is_none());
        assert!(table.push("t1", 1, "").is_none());
        assert!(table.push("t2", 1, "secret").is_none());
        assert!(table.push("t1", 2, "secret").is_some());
        assert!(table.push("t1", 1, "secret").is_none());
        assert!(table.push("t1", 2, "secret").is_some());
    }

    #[tokio::test]
    async fn calls_that_wait_for_one_task_neither_end_nor_replace_each_other() {
        let table = Arc::new(Waiting::new(8));
        let open = |secret: &str| table.open(&task("t1"), secret.to_owned(), &peer("a")).unwrap();
        let (mut first, second) = (open("one"), open("two"));
        assert_eq!((table.len(), table.places.taken()), (2, 2));
        let patience = Duration::from_millis(10);
        let event = (b"{}".to_vec(), Mark::default());
        assert!(table.push("t1", 1, "one").unwrap().send(event, patience).await);
        assert_eq!(first.events.recv().await.unwrap().event, b"{}");
        table.changed("t1");
        first.changed.notified().await;
        second.changed.notified().await;
        drop(second);
        assert!(table.push("t1", 1, "two").is_none());
        assert!(table.push("t1", 2, "one").is_some(), "who leaves takes nobody with it");
        assert_eq!(first.events.try_recv().unwrap_err(), mpsc::error::TryRecvError::Empty);
        drop(first);
        assert_eq!((table.len(), table.places.taken()), (0, 0));
    }

    #[test]
    fn the_table_is_bounded_and_empties_with_its_waiters() {
        let table = Arc::new(Waiting::new(1));
        let open = |name| table.open(&task(name), String::new(), &peer("a"));
        let waiter = open("t1").unwrap();
        assert_eq!(open("t2").err(), Some(Full::Pool));
        drop(waiter);
        assert_eq!(table.len(), 0);
        assert!(open("t2").is_ok());
    }

    #[test]
    fn one_peers_open_calls_leave_room_for_anothers() {
        let table = Arc::new(Waiting::new(64));
        let open =
            |at: usize, peer: &TaskOwner| table.open(&task(&format!("t{at}")), String::new(), peer);
        let greedy = peer("a");
        let held: Vec<_> = (0..).map_while(|at| open(at, &greedy).ok()).take(64).collect();
        assert_eq!(held.len(), 32);
        assert_eq!(open(99, &greedy).err(), Some(Full::Share));
        assert!(open(99, &peer("b")).is_ok());
    }

    #[tokio::test]
    async fn what_one_peer_does_not_read_leaves_room_for_what_another_reads() {
        let table = Arc::new(Waiting::new(64));
        let [one, two] =
            ["a", "b"].map(|name| table.open(&task(name), String::new(), &peer(name)).unwrap());
        let event = || (vec![b' '; 1 << 20], Mark::default());
        let patience = Duration::from_millis(10);
        let events = table.push("a", 1, "").unwrap();
        let mut taken = 0;
        while events.send(event(), patience).await {
            taken += 1;
        }
        assert_eq!(taken, 32, "half of the bytes");
        assert_eq!(one.room.take(1 << 20).unwrap_err(), Full::Share, "a first frame counts alike");
        assert!(table.push("b", 1, "").unwrap().send(event(), patience).await);
        drop((one, two));
        assert_eq!(table.unread.taken(), 0);
    }
}
