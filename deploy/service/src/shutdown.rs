//! One wish to stop, shared by everything in a process.
//!
//! It decides what counts as that wish: a call, SIGTERM or SIGINT. Each part hears the wish, finishes its work and
//! returns; a process that has not ended by its deadline is aborted, whatever its threads do.
//!
//! `ready.rs` says no at once, and answers over HTTP/1.1 are the last of their connections; after the lame-duck time the
//! listener closes, and connections of HTTP/2 are told to go away; requests in flight finish until the deadline, then are cut
//! and counted. What lasts ends by itself a little before that (`Limits::streams_end`), so that its client hears why.

use std::{io, process, sync::Arc, thread, time::Duration};

use tokio::{
    runtime,
    signal::unix::{SignalKind, signal},
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::wait_until;

/// What may follow a drain: handing over leadership, closing databases.
pub const CLOSING_MAX: Duration = Duration::from_secs(10);

/// The wish to stop, and since when there is one: clones share it, and it is never taken back.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<Option<Instant>>>);

impl Shutdown {
    /// A wish that only [`Shutdown::trigger`] makes: for tests and for parts of a process.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(None)))
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
        self.0.send_if_modified(|made| {
            let is_first = made.is_none();
            made.get_or_insert_with(Instant::now);
            is_first
        });
    }

    /// Whether the wish was made.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "copied in one statement")]
    pub fn is_triggered(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits for the wish; at once when it was made before. Cancel safe.
    pub async fn triggered(&self) {
        self.passed(Duration::ZERO).await;
    }

    /// Waits until so long after the wish; at once when that is past. Cancel safe.
    pub async fn passed(&self, since: Duration) {
        let mut stop = self.0.subscribe();
        // An error would mean that the sender is gone, and we hold it.
        if let Ok(Some(made)) = wait_until(&mut stop, Option::is_some).await
            && !since.is_zero()
        {
            sleep_until(made + since).await;
        }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn what_may_last_ends_so_long_after_the_first_call_to_stop_and_never_without_one() {
        let (shutdown, after) = (Shutdown::new(), Duration::from_millis(300));
        let early = timeout(Duration::from_millis(20), shutdown.passed(Duration::ZERO)).await;
        assert!(early.is_err() && !shutdown.is_triggered());
        let begin = Instant::now();
        shutdown.trigger();
        shutdown.triggered().await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        shutdown.trigger();
        shutdown.passed(after).await;
        assert!((after..after * 5).contains(&begin.elapsed()), "{:?}", begin.elapsed());
        let known = shutdown.passed(after);
        assert!(timeout(Duration::from_secs(5), known).await.is_ok(), "it is past");
    }
}
