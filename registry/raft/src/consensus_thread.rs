//! The thread of consensus. A member's proposer, consensus core, log, replication and state machine are tasks of one
//! single-threaded runtime: handing a proposal from one to the next is a poll, and wakes no other thread. The log's sync
//! is the only thread besides. Who calls from elsewhere meets it at bounded queues: proposals in, replies out.
//!
//! Nothing may block it for long: heartbeats wait behind. What takes long goes to its blocking threads
//! (`store_handle::blocking`).

use std::io;
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinError, JoinSet};

/// Blocking threads of one member: snapshots, large entries, purges. They end when they are idle.
const BLOCKING_THREADS_MAX: usize = 8;

/// Ends with its last user, as at a crash: every task is dropped where it stands. Disk work that is under way is waited for:
/// a process that exits meanwhile would take the store away under it.
pub(crate) struct ConsensusThread {
    handle: Handle,
    /// Taken to end the thread.
    alive: Mutex<Option<oneshot::Sender<()>>>,
    /// Closed once the thread has ended, and all its disk work.
    gone: watch::Receiver<()>,
    thread: Option<JoinHandle<()>>,
}

impl ConsensusThread {
    pub(crate) fn start(member: u64) -> io::Result<Self> {
        let (made, making) = mpsc::channel();
        let (alive, ended) = oneshot::channel::<()>();
        let (running, gone) = watch::channel(());
        // A runtime must be dropped on a thread that may block.
        let thread =
            thread::Builder::new().name(format!("consensus-{member}")).spawn(move || {
                let runtime = match runtime() {
                    Ok(runtime) => runtime,
                    Err(cause) => return drop(made.send(Err(cause))),
                };
                if made.send(Ok(runtime.handle().clone())).is_ok() {
                    // Nothing is sent: this resolves when the other end is dropped.
                    let _ = runtime.block_on(ended);
                }
                drop(runtime);
                drop(running);
            })?;
        let handle = making.recv().map_err(io::Error::other)??;
        Ok(Self { handle, alive: Mutex::new(Some(alive)), gone, thread: Some(thread) })
    }

    /// Runs a future there to its end.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, JoinError> {
        self.handle.spawn(work).await
    }

    /// Adds a task of it to a set, with which it ends.
    pub(crate) fn spawn(
        &self,
        tasks: &mut JoinSet<()>,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        tasks.spawn_on(task, &self.handle);
    }

    /// Ends it, and waits for its disk work.
    pub(crate) async fn end(&self) {
        self.tell_to_end();
        let mut gone = self.gone.clone();
        while gone.changed().await.is_ok() {}
    }

    fn tell_to_end(&self) {
        drop(self.alive.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Drop for ConsensusThread {
    fn drop(&mut self) {
        self.tell_to_end();
        // A task of it may be its last user.
        let others = |thread: &JoinHandle<()>| thread.thread().id() != thread::current().id();
        if let Some(thread) = self.thread.take().filter(others) {
            // A panic in the thread has been reported by its hook.
            let _ = thread.join();
        }
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(BLOCKING_THREADS_MAX)
        .thread_name("registry-disk")
        .build()
}
