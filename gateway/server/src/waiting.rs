//! The tasks that callers of this gateway wait for.
//!
//! Decides who may push events for a task (whoever holds the secret that was handed out with it)
//! and wakes the waiter when the registry reports a change. Must never grow beyond its bound, nor
//! hold an entry longer than its waiter lives, nor let one peer's calls keep another's out.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deploy_service::{Place, Pool};
use proto_types::a2a::StreamResponse;
use proto_types::{Class, Digest, Full, Origin, Shares, TaskId};
use tokio::sync::{Notify, mpsc};

/// Events of one task that its caller has not read yet. Arbitrary; the node waits while it is full.
const EVENTS: usize = 64;

/// Bytes of events that callers have not read yet, of all tasks. One event may have a MiB.
const EVENT_BYTES: u64 = 64 << 20;

/// The table.
#[derive(Debug)]
pub(crate) struct Waiting {
    tasks: Mutex<BTreeMap<String, Entry>>,
    /// One for each call, by its peer.
    places: Pool<Origin>,
    /// Bytes of events, by the peer that has not read them.
    unread: Pool<Origin>,
}

#[derive(Debug)]
struct Entry {
    secret: String,
    /// The newest lease epoch that has pushed; older ones are not listened to any more.
    epoch: u64,
    changed: Arc<Notify>,
    events: Events,
    _place: Place<Origin>,
}

/// Where the events of a task go.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    queue: mpsc::Sender<Unread>,
    unread: Pool<Origin>,
    caller: Origin,
}

/// An event that its caller has not read.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) event: StreamResponse,
    _bytes: Place<Origin>,
}

impl Events {
    /// Hands an event of so many bytes to its caller; false if that takes nothing any more.
    pub(crate) async fn send(&self, event: StreamResponse, bytes: u64, patience: Duration) -> bool {
        let place = self.unread.places(Class::Ordinary, self.caller.clone(), bytes);
        let Ok(_bytes) = place else { return false };
        self.queue.send_timeout(Unread { event, _bytes }, patience).await.is_ok()
    }
}

/// One who waits; dropping it ends the waiting.
pub(crate) struct Waiter {
    table: Arc<Waiting>,
    task: TaskId,
    /// Wakes when the registry reports a change of the task.
    pub(crate) changed: Arc<Notify>,
    /// What nodes push.
    pub(crate) events: mpsc::Receiver<Unread>,
}

impl Waiting {
    pub(crate) fn new(max: usize) -> Self {
        // Only peers call: there is nobody to keep places for.
        let pool = |amount| Pool::new(Shares::new(amount).without_reserve());
        Self { tasks: Mutex::default(), places: pool(max as u64), unread: pool(EVENT_BYTES) }
    }

    /// Begins to wait for a task of a caller; whoever shows `secret` may push its events.
    pub(crate) fn open(
        self: &Arc<Self>,
        task: &TaskId,
        secret: String,
        caller: &Origin,
    ) -> Result<Waiter, Full> {
        let place = self.places.place(Class::Ordinary, caller.clone())?;
        let changed = Arc::new(Notify::new());
        let (queue, received) = mpsc::channel(EVENTS);
        let events = Events { queue, unread: self.unread.clone(), caller: caller.clone() };
        let mut tasks = self.tasks();
        let entry =
            Entry { secret, epoch: 0, changed: Arc::clone(&changed), events, _place: place };
        tasks.insert(task.as_str().to_owned(), entry);
        Ok(Waiter { table: Arc::clone(self), task: task.clone(), changed, events: received })
    }

    /// The registry reports a change of a task.
    pub(crate) fn changed(&self, task: &str) {
        if let Some(entry) = self.tasks().get(task) {
            entry.changed.notify_one();
        }
    }

    /// Where a node's events go, if it shows the secret and no newer epoch has pushed.
    pub(crate) fn push(&self, task: &str, epoch: u64, secret: &str) -> Option<Events> {
        let mut tasks = self.tasks();
        let entry = tasks.get_mut(task)?;
        let known = Digest::of(entry.secret.as_bytes()).same_secret(&Digest::of(secret.as_bytes()));
        if !known || epoch < entry.epoch {
            return None;
        }
        entry.epoch = epoch;
        Some(entry.events.clone())
    }

    /// Whether events of this epoch are still listened to.
    pub(crate) fn is_current(&self, task: &str, epoch: u64) -> bool {
        self.tasks().get(task).is_some_and(|entry| entry.epoch <= epoch)
    }

    /// How many callers wait.
    pub(crate) fn len(&self) -> usize {
        self.tasks().len()
    }

    fn tasks(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        // Nothing panics while the lock is held, and each change of the table is one call.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut tasks = self.table.tasks();
        // A call that continues the task may wait in this one's place by now.
        let own = |entry: &Entry| Arc::ptr_eq(&entry.changed, &self.changed);
        if tasks.get(self.task.as_str()).is_some_and(own) {
            tasks.remove(self.task.as_str());
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn task(name: &str) -> TaskId {
        TaskId::parse(name).unwrap()
    }

    fn peer(name: &str) -> Origin {
        Origin::parse(&format!("https://{name}.example")).unwrap()
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
        assert!(table.is_current("t1", 2) && !table.is_current("t1", 1));
    }

    #[test]
    fn a_waiter_that_leaves_late_does_not_take_its_successors_place() {
        let table = Arc::new(Waiting::new(8));
        let first = table.open(&task("t1"), "one".to_owned(), &peer("a")).unwrap();
        let second = table.open(&task("t1"), "two".to_owned(), &peer("a")).unwrap();
        drop(first);
        assert!(table.push("t1", 1, "two").is_some());
        drop(second);
        assert_eq!(table.len(), 0);
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
            |at: usize, peer: &Origin| table.open(&task(&format!("t{at}")), String::new(), peer);
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
        let event = || {
            StreamResponse::parse(br#"{"statusUpdate":{"taskId":"t","contextId":"c","status":{"state":"TASK_STATE_WORKING"}}}"#).unwrap()
        };
        let patience = Duration::from_millis(10);
        let events = table.push("a", 1, "").unwrap();
        let mut taken = 0;
        while events.send(event(), 1 << 20, patience).await {
            taken += 1;
        }
        assert_eq!(taken, 32, "half of the bytes");
        assert!(table.push("b", 1, "").unwrap().send(event(), 1 << 20, patience).await);
        drop((one, two));
        assert_eq!(table.unread.taken(), 0);
    }
}
