//! The sync thread: everything that waits when a sync starts is covered by it.
//! It must never answer `Ok` for a write that came after the sync had begun, nor after any sync has failed: what a
//! failed fsync left in the page cache is unknown, and asking again proves nothing (fsyncgate, 2018).

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use crate::Error;

/// Called once with the outcome of the sync that covers a write.
pub type Done = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// Writes that wait for a sync; beyond it the writer waits too. A raft core has a handful in flight.
const WAITING_MAX: usize = 1024;

/// Set once, for as long as the process runs, by the first failed write or sync.
#[derive(Default)]
pub(super) struct Poison(OnceLock<Arc<str>>);

impl Poison {
    pub(super) fn check(&self) -> Result<(), Error> {
        match self.0.get() {
            Some(why) => Err(Error::Poisoned(Arc::clone(why))),
            None => Ok(()),
        }
    }

    pub(super) fn set(&self, why: &str) -> Error {
        Error::Poisoned(Arc::clone(self.0.get_or_init(|| Arc::from(why))))
    }
}

pub(super) struct Syncer {
    /// `None` only while dropping.
    queue: Option<SyncSender<Done>>,
    thread: Option<JoinHandle<()>>,
    poison: Arc<Poison>,
}

impl Syncer {
    pub(super) fn start(
        poison: Arc<Poison>,
        sync: impl FnMut() -> Result<(), String> + Send + 'static,
    ) -> Result<Self, Error> {
        let (queue, waiting) = sync_channel(WAITING_MAX);
        let shared = Arc::clone(&poison);
        let thread = std::thread::Builder::new()
            .name("registry-log-sync".to_owned())
            .spawn(move || run(&waiting, &shared, sync))
            .map_err(|cause| Error::Write(format!("no thread to sync the log: {cause}")))?;
        Ok(Self { queue: Some(queue), thread: Some(thread), poison })
    }

    /// Asks for a sync of everything written so far.
    pub(super) fn submit(&self, done: Done) -> Result<(), Error> {
        let queue = self.queue.as_ref().expect("only drop takes the queue out");
        queue.send(done).map_err(|_| self.poison.set("the sync thread has died"))
    }
}

fn run(waiting: &Receiver<Done>, poison: &Poison, mut sync: impl FnMut() -> Result<(), String>) {
    while let Ok(first) = waiting.recv() {
        let mut covered = vec![first];
        covered.extend(waiting.try_iter().take(WAITING_MAX));
        let outcome = poison.check().and_then(|()| sync().map_err(|why| poison.set(&why)));
        for done in covered {
            done(outcome.clone());
        }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has been reported by its hook.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn case_44_a_failed_sync_poisons_every_later_one_even_if_it_would_succeed() {
        let poison = Arc::new(Poison::default());
        let mut outcomes = vec![Ok(()), Err("disk on fire".to_owned()), Ok(())];
        let syncer = Syncer::start(Arc::clone(&poison), move || outcomes.remove(0)).unwrap();
        let results: Vec<_> = (0..3).map(|_| outcome(&syncer)).collect();
        assert!(results[0].is_ok());
        assert!(matches!(&results[1], Err(Error::Poisoned(why)) if &**why == "disk on fire"));
        assert!(matches!(&results[2], Err(Error::Poisoned(why)) if &**why == "disk on fire"));
        assert!(poison.check().is_err());
    }

    #[test]
    fn writes_that_wait_during_a_sync_share_the_next_one() {
        let (started, starts) = mpsc::channel();
        let (release, gate) = mpsc::channel::<()>();
        let sync = move || {
            started.send(()).unwrap();
            gate.recv().map_err(|_| "gone".to_owned())
        };
        let syncer = Syncer::start(Arc::new(Poison::default()), sync).unwrap();
        let (done, finished) = mpsc::channel();
        let submit = || {
            let done = done.clone();
            syncer.submit(Box::new(move |outcome| done.send(outcome.is_ok()).unwrap())).unwrap();
        };
        submit();
        starts.recv().unwrap();
        (0..10).for_each(|_| submit());
        release.send(()).unwrap();
        starts.recv().unwrap();
        release.send(()).unwrap();
        assert_eq!(finished.iter().take(11).filter(|ok| *ok).count(), 11);
        assert!(starts.try_recv().is_err(), "ten waiting writes took more than one sync");
    }

    fn outcome(syncer: &Syncer) -> Result<(), Error> {
        let (send, receive) = mpsc::channel();
        syncer.submit(Box::new(move |outcome| send.send(outcome).unwrap())).unwrap();
        receive.recv().unwrap()
    }
}
