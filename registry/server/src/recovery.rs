//! The recovery of a member whose disk failed (attack case 43): it serves reads, and waits until the disk takes writes
//! again. The files of the store are never written here: after a failed sync only a fresh start, which reads them back,
//! knows what they hold.
//!
//! `registry-store` poisons its log at the first failed sync (`log/sync.rs`), consensus ends, and `run.rs` hears of it.
//! Once the disk is good, `run.rs` closes everything and starts the member anew.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// More than the databases need to be opened: a memory table is written out, and its log begun anew.
const PROBE_BYTES: usize = 16 << 20;

/// Written at a time.
const PIECE_BYTES: usize = 1 << 20;

/// Between two looks, at first and at most: a disk that fails again and again is left alone.
const PAUSE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A start that held for so long was a good one.
const GOOD: Duration = Duration::from_secs(60);

/// How long to wait before the next look.
#[derive(Debug)]
pub(crate) struct Pace {
    next: Duration,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { next: PAUSE.0 }
    }

    /// Waits longer from time to time.
    pub(crate) async fn wait(&mut self) {
        tokio::time::sleep(self.next).await;
        self.next = self.next.saturating_mul(2).min(PAUSE.1);
    }

    /// Begins anew after a start that held.
    pub(crate) fn held(&mut self, how_long: Duration) {
        if how_long >= GOOD {
            self.next = PAUSE.0;
        }
    }
}

/// Resolves once the disk under `dir` takes and syncs a file of 16 MiB.
pub(crate) async fn writable(dir: &Path) {
    loop {
        tokio::time::sleep(PAUSE.0).await;
        let path = dir.join("probe");
        match tokio::task::spawn_blocking(move || probe(path)).await {
            Ok(Ok(())) => return,
            Ok(Err(error)) => tracing::debug!(%error, "the disk takes no writes yet"),
            Err(error) => tracing::error!(%error, "the probe of the disk ended early"),
        }
    }
}

fn probe(path: PathBuf) -> io::Result<()> {
    let written = File::create(&path).and_then(|mut file| {
        let piece = vec![0xA5; PIECE_BYTES];
        for _ in 0..PROBE_BYTES / PIECE_BYTES {
            file.write_all(&piece)?;
        }
        file.sync_all()
    });
    // On a full disk the probe itself must not stay.
    let removed = std::fs::remove_file(&path);
    written.and(removed)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_probe_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        probe(dir.path().join("probe")).unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(probe(dir.path().join("gone/probe")).is_err());
    }
}
