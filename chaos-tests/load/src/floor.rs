//! Floors: what the same machine does in the same minute with no server of ours in the way.
//! It decides what each work is held against. It must never be cached: a floor of another minute is
//! another machine's.

pub(crate) mod hello;

use std::fs::File;
use std::hint::black_box;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use proto_types::SecretKey;

use crate::cores;

/// The size of the floor's appends: that of the records.
const APPEND_BYTES: usize = 1_024;
/// The length of what the floor verifies: about that of a token's signed part.
const MESSAGE_BYTES: usize = 300;
/// Looks at the clock are rare beside verifications.
const BETWEEN_LOOKS: u64 = 64;

/// What a work is held against.
pub(crate) enum Floor {
    /// Appends to a file of this path, each synced, one at a time.
    Append(PathBuf),
    /// Verifications of one Ed25519 signature, strictly.
    Verify,
    /// A bare hyper server under the same clients.
    Hello(hello::Hello),
}

/// What a floor's turns came to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rate {
    /// How often.
    pub(crate) count: u64,
    /// In seconds of wall time or of CPU time: see [`Floor::per_cpu`].
    pub(crate) seconds: f64,
}

impl Rate {
    /// A second.
    pub(crate) fn rate(self) -> f64 {
        self.count as f64 / self.seconds.max(f64::MIN_POSITIVE)
    }

    fn add(&mut self, count: u64, time: Duration) {
        self.count += count;
        self.seconds += time.as_secs_f64();
    }
}

impl Floor {
    /// What it is, in words.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Append(_) => {
                "appends of 1,024 B to one file in the same folder, fdatasync each, one at a time"
            }
            Self::Verify => "Ed25519 verify_strict of 300 B on one core",
            Self::Hello(_) => "hello world of a bare hyper server, same clients and connections",
        }
    }

    /// Whether it is counted per CPU second, and not per second.
    pub(crate) fn per_cpu(&self) -> bool {
        !matches!(self, Self::Append(_))
    }

    /// One turn, added to those before.
    ///
    /// # Errors
    /// The disk or the server fails.
    pub(crate) async fn turn(&mut self, length: Duration, so_far: &mut Rate) -> Result<()> {
        match self {
            Self::Append(path) => tokio::task::block_in_place(|| append(path, length, so_far)),
            Self::Verify => tokio::task::block_in_place(|| verify(length, so_far)),
            Self::Hello(hello) => {
                let (count, time) = hello.turn(length).await?;
                so_far.add(count, time);
                Ok(())
            }
        }
    }
}

fn append(path: &PathBuf, length: Duration, so_far: &mut Rate) -> Result<()> {
    let mut file = File::options().create(true).append(true).open(path)?;
    let (begun, bytes, mut count) = (Instant::now(), [b'x'; APPEND_BYTES], 0);
    while begun.elapsed() < length {
        file.write_all(&bytes)?;
        file.sync_data()?;
        count += 1;
    }
    so_far.add(count, begun.elapsed());
    Ok(())
}

fn verify(length: Duration, so_far: &mut Rate) -> Result<()> {
    let secret = SecretKey::from_seed(&[7; 32]);
    let (public, message) = (secret.public(), [b'm'; MESSAGE_BYTES]);
    let signature = secret.sign(&message);
    let (begun, used, mut count) = (Instant::now(), cores::used(std::process::id())?, 0);
    while begun.elapsed() < length {
        for _ in 0..BETWEEN_LOOKS {
            public.verify(black_box(&message), &signature)?;
        }
        count += BETWEEN_LOOKS;
    }
    so_far.add(count, cores::used(std::process::id())?.saturating_sub(used));
    Ok(())
}
