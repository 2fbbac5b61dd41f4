//! A configuration that is read anew while its role runs: on SIGHUP, and when one of its files has changed.
//!
//! It decides when it is read, that it is checked as a start checks it, and that it counts whole or not at all: what is
//! refused leaves the last good one in place, and is tried again until it is right. It must never know what a role does with
//! it, nor tell more of a setting than its name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::spawn_blocking;
use tokio::time::sleep;

use crate::config::{self, Role, Use};
use crate::file_marks::{Mark, mark};
use crate::{settings, telemetry};

/// How often files are looked at, as those of certificates are. What is refused is tried again as often.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// A file that has changed may be half written: it is read once it stays the same for this part of the time between two
/// looks.
const SETTLED: u32 = 10;

/// So often it may go on changing before it is read as it is.
const UNSETTLED_MAX: u32 = 10;

/// Where a configuration comes from, and what has it read anew.
#[derive(Debug)]
pub struct Reload {
    file: Option<PathBuf>,
    overrides: Vec<(String, String)>,
    hangups: Signal,
    every: Duration,
    /// How the file looked before it was read for the start.
    seen: Mark,
    /// How all files looked before the secrets were read, if they were marked.
    marked: Option<Watched>,
}

/// How it went so far.
#[derive(Debug, Default)]
pub struct Reloads {
    taken: AtomicU64,
    refused: AtomicU64,
    is_refused: AtomicBool,
}

impl Reloads {
    /// How often a configuration was taken over.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::Relaxed)
    }

    /// How often one was refused; not how often it was tried again in vain.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Whether what counts is what the files say, as far as a running process takes it over.
    #[must_use]
    pub fn is_last_good(&self) -> bool {
        !self.is_refused.load(Ordering::Relaxed)
    }

    fn note_taken(&self) {
        self.taken.fetch_add(1, Ordering::Relaxed);
        self.is_refused.store(false, Ordering::Relaxed);
    }

    fn note_refused(&self, why: &str) {
        tracing::error!(why, "a changed configuration is refused, the former one stays");
        self.refused.fetch_add(1, Ordering::Relaxed);
        self.is_refused.store(true, Ordering::Relaxed);
    }
}

/// The files that are looked at: the configuration's own, if there is one, then the secrets and tables that are taken over. Certificates
/// are looked at where they are used.
#[derive(Debug)]
struct Watched {
    files: Vec<PathBuf>,
    known: Mark,
}

impl Watched {
    fn new(file: Option<&Path>, config: &impl Role, is_live: fn(&str) -> bool) -> Self {
        let mut paths = Vec::new();
        config.paths("", &mut paths);
        let is_read =
            |key: &str| matches!(Use::of(key), Some(Use::Secret | Use::SigningKey | Use::Table));
        let is_taken = |key: &str| is_live(key) && is_read(key);
        let taken = paths.into_iter().filter(|(key, _)| is_taken(key)).map(|(_, path)| path);
        let files: Vec<PathBuf> = file.map(Path::to_owned).into_iter().chain(taken).collect();
        let known = mark(&files);
        Self { files, known }
    }

    /// As it was before the configuration was read: it may have changed since.
    fn with_first_of(mut self, former: &Self) -> Self {
        if let (Some(first), Some(seen)) = (self.known.first_mut(), former.known.first()) {
            *first = *seen;
        }
        self
    }

    fn has_changed(&mut self) -> bool {
        let found = mark(&self.files);
        std::mem::replace(&mut self.known, found) != self.known
    }

    /// Waits until the files stay the same between two looks.
    async fn settle(&mut self, pause: Duration) {
        for _ in 0..UNSETTLED_MAX {
            sleep(pause).await;
            if !self.has_changed() {
                return;
            }
        }
    }
}

impl Reload {
    /// Of a role that is started with this file and these overrides; before they are read, so that no change of the file after
    /// that is missed. From here on SIGHUP ends the process no more.
    ///
    /// # Errors
    /// The system refuses a signal handler.
    pub fn on_signals(file: Option<&Path>, overrides: &[(String, String)]) -> io::Result<Self> {
        let hangups = signal(SignalKind::hangup())?;
        let (file, overrides) = (file.map(Path::to_owned), overrides.to_vec());
        let seen = mark(file.as_slice());
        Ok(Self { file, overrides, hangups, every: LOOK_EVERY, seen, marked: None })
    }

    /// The same with another time between two looks at the files.
    #[must_use]
    pub fn looking_every(self, every: Duration) -> Self {
        Self { every, ..self }
    }

    /// The same once the configuration is read and before its secrets are, so that no change of theirs is missed either.
    #[must_use]
    pub fn before_secrets(mut self, started: &impl Role, is_live: fn(&str) -> bool) -> Self {
        self.marked = Some(self.at_start(started, is_live));
        self
    }

    /// Has `take_over` take each configuration that is read anew, or say why it is refused. Of what it was started with, only
    /// the settings that are live may be taken over; changes of others are named in the log. Never returns.
    pub async fn run<C: Role + Send + 'static>(
        mut self,
        started: C,
        reloads: Arc<Reloads>,
        is_live: fn(&str) -> bool,
        mut take_over: impl FnMut(&C) -> Result<(), String> + Send,
    ) {
        let (mut watched, mut refused) = (self.marked(&started, is_live), None::<String>);
        loop {
            let is_news = self.cause(&mut watched, refused.is_some()).await;
            let read = read::<C>(self.file.clone(), self.overrides.clone()).await;
            let taken = read.and_then(|fresh| {
                let next = self.watched(&fresh, is_live).with_first_of(&watched);
                take_over(&fresh).map(|()| (fresh, next))
            });
            match taken {
                Ok((fresh, next)) => {
                    (watched, refused) = (next, None);
                    reloads.note_taken();
                    tell_taken(&started, &fresh, is_live);
                }
                Err(why) if is_news || refused.as_ref() != Some(&why) => {
                    reloads.note_refused(&why);
                    refused = Some(why);
                }
                Err(_) => {}
            }
        }
    }

    fn marked(&mut self, started: &impl Role, is_live: fn(&str) -> bool) -> Watched {
        self.marked.take().unwrap_or_else(|| self.at_start(started, is_live))
    }

    fn at_start(&self, started: &impl Role, is_live: fn(&str) -> bool) -> Watched {
        let before = Watched { files: Vec::new(), known: self.seen.clone() };
        self.watched(started, is_live).with_first_of(&before)
    }

    fn watched(&self, config: &impl Role, is_live: fn(&str) -> bool) -> Watched {
        Watched::new(self.file.as_deref(), config, is_live)
    }

    /// Waits until there is cause to read; false if that is only to try again what was refused.
    async fn cause(&mut self, watched: &mut Watched, is_refused: bool) -> bool {
        loop {
            let is_told = tokio::select! {
                Some(()) = self.hangups.recv() => true,
                () = sleep(self.every) => false,
            };
            let has_changed = watched.has_changed();
            if has_changed && !is_told {
                watched.settle(self.every / SETTLED).await;
            }
            if has_changed || is_told {
                return true;
            }
            if is_refused {
                return false;
            }
        }
    }
}

/// Reads the configuration as a start does.
async fn read<C: Role + Send + 'static>(
    file: Option<PathBuf>,
    overrides: Vec<(String, String)>,
) -> Result<C, String> {
    let read = spawn_blocking(move || {
        match file.as_deref().map(|path| (path, fs::metadata(path))) {
            Some((path, Err(error))) => Err(format!("{}: {error}", path.display())),
            // A pipe gives its text once.
            Some((path, Ok(found))) if !found.is_file() => {
                Err(format!("{} is no file that can be read again", path.display()))
            }
            _ => config::load_role(file.as_deref(), &overrides)
                .map_err(|error| telemetry::chain(&error)),
        }
    });
    read.await.unwrap_or_else(|panicked| Err(panicked.to_string()))
}

fn tell_taken<C: Role>(started: &C, fresh: &C, is_live: fn(&str) -> bool) {
    if let Err(error) = telemetry::set_filter(fresh.log_filter()) {
        tracing::error!(%error, "the filter of the log stays");
    }
    tracing::info!("the configuration is read again");
    let fixed = settings::changes(started, fresh).into_iter();
    let fixed: Vec<String> = fixed.filter(|key| !(is_live(key) || key == LOG_FILTER)).collect();
    if !fixed.is_empty() {
        let settings = fixed.join(", ");
        tracing::warn!(settings, "changed settings count after a restart only");
    }
}

/// The setting of [`Role::log_filter`], which every role takes over.
const LOG_FILTER: &str = "log_filter";

#[cfg(test)]
mod tests;
