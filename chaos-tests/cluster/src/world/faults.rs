//! What is done to a member from outside, and what it says to it. It must never touch the folder of a member that runs.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};

use super::{PATIENCE, World};
use crate::log::Log;
use crate::process::Process;

impl World {
    /// Adds settings to the configuration of every member. They count from its next start.
    ///
    /// # Errors
    /// A configuration cannot be written.
    pub fn configure(&self, settings: &str) -> Result<()> {
        for member in &self.members {
            let mut file = File::options().append(true).open(&member.config)?;
            file.write_all(settings.as_bytes())?;
        }
        Ok(())
    }

    /// Where a member keeps its log, its state and its snapshots.
    #[must_use]
    pub fn data_dir(&self, at: usize) -> PathBuf {
        self.path(&format!("r{}", self.members[at].id))
    }

    /// What a member logs from now on.
    #[must_use]
    pub fn log_of(&self, at: usize) -> Log {
        Log::from_now(self.path(&format!("r{}.log", self.members[at].id)))
    }

    /// Ends a member as a power cut would. One that is down stays so.
    ///
    /// # Errors
    /// The system refuses.
    pub fn kill_member(&mut self, at: usize) -> Result<()> {
        self.members[at].process.take().map_or(Ok(()), Process::kill_9)
    }

    /// Starts a member that is refused: it has to end by itself, with exit code 1. The line that it ends with.
    ///
    /// # Errors
    /// It runs on, or ends in another way.
    pub fn refused_start(&mut self, at: usize) -> Result<String> {
        let log = self.log_of(at);
        self.start_member(at)?;
        let mut process = self.members[at].process.take().context("it was started")?;
        let ended = process.wait(PATIENCE)?;
        let code = ended.and_then(|status| status.code());
        ensure!(code == Some(1), "it ended with {ended:?}: {}", process.tail());
        log.last_words()
    }
}
