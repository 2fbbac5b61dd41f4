//! Baselines: what the same machine does in the same minute with no server of ours in the way.
//! It decides what each benchmark is held against. It must never be cached: a baseline of another minute is
//! another machine's.

pub(crate) mod etcd;
pub(crate) mod hello;
pub(crate) mod prototype;
pub(crate) mod proxy;
mod rate;
mod server;
pub(crate) mod upstream;

use std::fs::File;
use std::hint::black_box;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Result;
use proto_types::SecretKey;

use self::rate::APPEND_BYTES;
pub(crate) use self::rate::Rate;
use crate::cores;
use crate::drive::Tally;
use crate::put::CONNECTIONS;

/// The length of what the baseline verifies: about that of a token's signed part.
const MESSAGE_BYTES: usize = 300;
/// Looks at the clock are rare beside verifications.
const BETWEEN_LOOKS: u64 = 64;

/// What a benchmark is held against.
pub(crate) enum Baseline {
    /// Appends to a file of this path, each synced, one at a time.
    Append(PathBuf),
    /// Verifications of one Ed25519 signature, strictly.
    Verify,
    /// A bare server under the same clients.
    Hello(hello::Hello),
    /// Puts to three members of etcd, by as many clients.
    Etcd(etcd::Etcd),
    /// The same calls through another proxy, to the same upstream.
    Proxy(Box<proxy::Proxy>),
}

impl Baseline {
    /// What it is, in words.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Append(_) => {
                "appends of 1,024 B to one file in the same folder, fdatasync each, one at a time"
                    .to_owned()
            }
            Self::Verify => "Ed25519 verify_strict of 300 B on one core".to_owned(),
            Self::Hello(hello) => hello.name().to_owned(),
            Self::Proxy(proxy) => proxy.name().to_owned(),
            Self::Etcd(_) => format!(
                "etcd, 3 members, put of a new key and 1,024 B to the leader, as many clients on \
                 {CONNECTIONS} connections, fsync on"
            ),
        }
    }

    /// Whether it is counted per CPU second, and not per second.
    pub(crate) fn per_cpu(&self) -> bool {
        matches!(self, Self::Verify | Self::Hello(_) | Self::Proxy(_))
    }

    /// One turn of so many clients, added to those before.
    ///
    /// # Errors
    /// The disk or the server fails.
    pub(crate) async fn turn(
        &mut self,
        clients: usize,
        length: Duration,
        so_far: &mut Rate,
    ) -> Result<()> {
        match self {
            Self::Append(path) => tokio::task::block_in_place(|| append(path, length, so_far)),
            Self::Verify => tokio::task::block_in_place(|| verify(length, so_far)),
            Self::Hello(hello) => hello.turn(length, so_far).await,
            Self::Etcd(etcd) => etcd.turn(clients, length, so_far).await,
            Self::Proxy(proxy) => proxy.turn(clients, length, so_far).await,
        }
    }
}

fn append(path: &PathBuf, length: Duration, so_far: &mut Rate) -> Result<()> {
    let mut file = File::options().create(true).append(true).open(path)?;
    let (begun, bytes, mut count) = (Instant::now(), [b'x'; APPEND_BYTES], 0);
    let used = cores::used(std::process::id())?;
    let latency = so_far.latency.get_or_insert_with(Tally::new);
    while begun.elapsed() < length {
        let start = Instant::now();
        file.write_all(&bytes)?;
        file.sync_data()?;
        latency.record(start.elapsed());
        count += 1;
    }
    let used = cores::used(std::process::id())?.saturating_sub(used);
    so_far.add(count, begun.elapsed(), used);
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
    let used = cores::used(std::process::id())?.saturating_sub(used);
    so_far.add(count, begun.elapsed(), used);
    Ok(())
}
