//! One wish to stop, shared by everything in a process.
//!
//! It decides what counts as that wish: a call, SIGTERM or SIGINT. It never ends the process:
//! each part hears the wish, finishes its work and returns.

use std::{io, sync::Arc};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// The wish to stop: clones share it, and it is never taken back.
#[derive(Clone, Debug)]
pub struct Shutdown(Arc<watch::Sender<bool>>);

impl Shutdown {
    /// A wish that only [`Shutdown::trigger`] makes: for tests and for parts of a process.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)))
    }

    /// A wish that SIGTERM or SIGINT makes too. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// The system refuses a signal handler.
    pub fn on_signals() -> io::Result<Self> {
        let shutdown = Self::new();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let wish = shutdown.clone();
        tokio::spawn(async move {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            tracing::info!(signal = name, "stopping");
            wish.trigger();
        });
        Ok(shutdown)
    }

    /// Makes the wish. Again is the same as once.
    pub fn trigger(&self) {
        self.0.send_replace(true);
    }

    /// Whether the wish was made.
    #[must_use]
    pub fn is_triggered(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the wish; at once when it was made before. Cancel safe.
    pub async fn triggered(&self) {
        let mut wish = self.0.subscribe();
        // An error would mean that the sender is gone, and we hold it.
        let _ = wish.wait_for(|made| *made).await;
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}
