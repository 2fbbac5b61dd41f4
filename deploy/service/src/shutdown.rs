//! One wish to stop, shared by everything in a process.
//!
//! It decides what counts as that wish: a call, SIGTERM or SIGINT. Each part hears the wish, finishes its work and
//! returns; a process that has not ended by its deadline is aborted, whatever its threads do.
//!
//! `ready.rs` says no at once; after the lame-duck time the listener closes; requests in flight finish until the
//! deadline, then are cut and counted.

use std::{io, process, sync::Arc, thread, time::Duration};

use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
    sync::watch,
};

use crate::wait_until;

/// What may follow a drain: handing over leadership, closing databases.
pub const CLOSING_MAX: Duration = Duration::from_secs(10);

/// The wish to stop: clones share it, and it is never taken back.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Shutdown {
    /// A wish that only [`Shutdown::trigger`] makes: for tests and for parts of a process.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// A wish that SIGTERM or SIGINT makes too. Signals are heard by a thread of their own, which needs none of the
    /// process's other threads to run. `timeout` after the first signal it aborts the process, if that is still there.
    ///
    /// # Errors
    /// The system refuses a signal handler or a thread.
    pub fn on_signals(timeout: Duration) -> io::Result<Self> {
        let shutdown = Self::new();
        let stop = shutdown.clone();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let (mut terminate, mut interrupt) = {
            let _inside = runtime.enter();
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
        };
        let hear = async move {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            tracing::info!(signal = name, "stopping");
            stop.trigger();
            tokio::time::sleep(timeout).await;
            tracing::error!(?timeout, "not stopped in time: aborting");
            process::abort();
        };
        thread::Builder::new().name("signals".to_owned()).spawn(move || runtime.block_on(hear))?;
        Ok(shutdown)
    }

    /// Makes the wish. Again is the same as once.
    pub fn trigger(&self) {
        self.0.send_replace(true);
    }

    /// Whether the wish was made.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "copied in one statement")]
    pub fn is_triggered(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the wish; at once when it was made before. Cancel safe.
    pub async fn triggered(&self) {
        let mut stop = self.0.subscribe();
        // An error would mean that the sender is gone, and we hold it.
        let _ = wait_until(&mut stop, |made| *made).await;
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}
