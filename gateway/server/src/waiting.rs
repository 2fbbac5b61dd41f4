//! The tasks that callers of this gateway wait for.
//!
//! Decides who may push events for a task (whoever holds the secret that was handed out with it)
//! and wakes the waiter when the registry reports a change. Must never grow beyond its bound, nor
//! hold an entry longer than its waiter lives.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proto_types::a2a::StreamResponse;
use proto_types::{Digest, TaskId};
use tokio::sync::{Notify, mpsc};

/// Events of one task that its caller has not read yet. Arbitrary; the node waits while it is full.
const EVENTS: usize = 64;

/// The table.
#[derive(Debug)]
pub(crate) struct Waiting {
    tasks: Mutex<BTreeMap<String, Entry>>,
    max: usize,
}

#[derive(Debug)]
struct Entry {
    secret: String,
    /// The newest lease epoch that has pushed; older ones are not listened to any more.
    epoch: u64,
    changed: Arc<Notify>,
    events: mpsc::Sender<StreamResponse>,
}

/// One who waits; dropping it ends the waiting.
pub(crate) struct Waiter {
    table: Arc<Waiting>,
    task: TaskId,
    /// Wakes when the registry reports a change of the task.
    pub(crate) changed: Arc<Notify>,
    /// What nodes push.
    pub(crate) events: mpsc::Receiver<StreamResponse>,
}

/// The table is at its bound.
#[derive(Debug)]
pub(crate) struct Full;

impl Waiting {
    pub(crate) fn new(max: usize) -> Self {
        Self { tasks: Mutex::default(), max }
    }

    /// Begins to wait for a task; whoever shows `secret` may push its events.
    pub(crate) fn open(self: &Arc<Self>, task: &TaskId, secret: String) -> Result<Waiter, Full> {
        let changed = Arc::new(Notify::new());
        let (events, received) = mpsc::channel(EVENTS);
        let mut tasks = self.tasks();
        if tasks.len() >= self.max {
            return Err(Full);
        }
        let entry = Entry { secret, epoch: 0, changed: Arc::clone(&changed), events };
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
    pub(crate) fn push(
        &self,
        task: &str,
        epoch: u64,
        secret: &str,
    ) -> Option<mpsc::Sender<StreamResponse>> {
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

    #[test]
    fn only_the_holder_of_the_secret_pushes_and_only_under_the_newest_epoch() {
        let table = Arc::new(Waiting::new(8));
        let _waiter = table.open(&task("t1"), "secret".to_owned()).unwrap();
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
        let first = table.open(&task("t1"), "one".to_owned()).unwrap();
        let second = table.open(&task("t1"), "two".to_owned()).unwrap();
        drop(first);
        assert!(table.push("t1", 1, "two").is_some());
        drop(second);
        assert_eq!(table.len(), 0);
    }

    #[test]
    fn the_table_is_bounded_and_empties_with_its_waiters() {
        let table = Arc::new(Waiting::new(1));
        let waiter = table.open(&task("t1"), String::new()).unwrap();
        assert!(table.open(&task("t2"), String::new()).is_err());
        drop(waiter);
        assert_eq!(table.len(), 0);
        assert!(table.open(&task("t2"), String::new()).is_ok());
    }
}
