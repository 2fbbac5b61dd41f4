//! Something made of files, made again when they change.
//!
//! It decides when it looks: at a use, at most once in an interval. So it needs no task and no
//! signal, and costs nothing while nobody connects. It must never take away what works: files that
//! cannot be used leave the former state in place, and are said so once.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;

use crate::file_marks::{Mark, mark};
use crate::telemetry::chain;

use super::Error;

type Load<T> = Box<dyn Fn() -> Result<T, Error> + Send + Sync>;

/// The newest usable state of some files.
pub(super) struct Watched<T> {
    current: ArcSwap<T>,
    load: Load<T>,
    check: fn(&T, &T) -> Result<(), Error>,
    files: Vec<PathBuf>,
    interval: Duration,
    looked: Mutex<Looked>,
}

struct Looked {
    at: Instant,
    mark: Mark,
}

impl<T> Watched<T> {
    /// Loads it for the first time. `check` compares what is loaded later with that.
    ///
    /// # Errors
    /// It cannot be loaded.
    pub(super) fn open(
        files: Vec<PathBuf>,
        interval: Duration,
        load: impl Fn() -> Result<T, Error> + Send + Sync + 'static,
        check: fn(&T, &T) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        // Looked at before they are read: a change in between is seen the next time.
        let looked = Mutex::new(Looked { at: Instant::now(), mark: mark(&files) });
        let current = ArcSwap::from_pointee(load()?);
        Ok(Self { current, load: Box::new(load), check, files, interval, looked })
    }

    /// The newest state. Reads small files at times; else it takes no lock for long.
    pub(super) fn current(&self) -> Arc<T> {
        // Whoever finds the lock taken finds somebody who looks.
        if let Ok(mut looked) = self.looked.try_lock()
            && looked.at.elapsed() >= self.interval
        {
            looked.at = Instant::now();
            self.look(&mut looked.mark);
        }
        self.current.load_full()
    }

    fn look(&self, known: &mut Mark) {
        let found = mark(&self.files);
        if found == *known {
            return;
        }
        // A failure is kept in mind too: it is tried again after the next change, and said once.
        *known = found;
        let usable = |fresh: T| (self.check)(&self.current.load(), &fresh).map(|()| fresh);
        match (self.load)().and_then(usable) {
            Ok(fresh) => {
                self.current.store(Arc::new(fresh));
                tracing::info!(files = ?self.files, "certificates are read again");
            }
            Err(error) => {
                let error = chain(&error);
                tracing::error!(files = ?self.files, error, "changed certificates are not usable");
            }
        }
    }
}

impl<T> std::fmt::Debug for Watched<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watched").field("files", &self.files).finish_non_exhaustive()
    }
}
