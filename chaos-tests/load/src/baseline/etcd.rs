//! etcd, three members on the servers' cores with fsync on: the opponent of durable writes.
//! It decides how etcd is started: as its packages do, but for a place to keep more than 2 GiB. It must never
//! outlive the process that started it.

mod client;

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use self::client::{Put, PutRequest};
use super::rate::{APPEND_BYTES, Rate};
use super::server::{Server, free_port};
use crate::cores;
use crate::drive::{self, Pace, Pool, Tally};
use crate::put;

const MEMBERS: usize = 3;
/// As long as a cluster may take to agree on a leader.
const PATIENCE: Duration = Duration::from_secs(30);
/// Puts made beforehand for a turn: more than it does in one.
const PUTS_A_SECOND: usize = 20_000;

/// Three members, and clients of the one that leads.
pub(crate) struct Etcd {
    leader: String,
    clients: Vec<Put>,
    next: u64,
    // Last, so that the clients leave first.
    members: Vec<Server>,
}

impl Etcd {
    /// Starts a cluster in this folder, on the cores that this process has now.
    ///
    /// # Errors
    /// etcd is not installed, or nobody leads in time.
    pub(crate) async fn start(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let ports = (0..MEMBERS * 2).map(|_| free_port()).collect::<Result<Vec<_>>>()?;
        let (peers, callers) = ports.split_at(MEMBERS);
        let name = |place: usize| format!("e{}=http://127.0.0.1:{}", place + 1, peers[place]);
        let cluster = (0..MEMBERS).map(name).collect::<Vec<_>>().join(",");
        let start = |place: usize| start(folder, place, (peers[place], callers[place]), &cluster);
        let members = (0..MEMBERS).map(start).collect::<Result<Vec<_>>>()?;
        let urls = callers.iter().map(|port| format!("http://127.0.0.1:{port}"));
        let leader = leader(urls.collect()).await?;
        Ok(Self { leader, clients: Vec::new(), next: 0, members })
    }

    /// One closed-loop turn of so many clients, each put of a new key.
    ///
    /// # Errors
    /// A member is gone, or a put fails.
    pub(crate) async fn turn(
        &mut self,
        clients: usize,
        length: Duration,
        so_far: &mut Rate,
    ) -> Result<()> {
        if self.clients.len() != clients {
            self.clients = client::connect(&self.leader, clients, put::CONNECTIONS).await?;
        }
        let (pool, before) = (self.pool(length), self.used()?);
        let clients = std::mem::take(&mut self.clients);
        let (clients, turn) = drive::run(clients, pool, Pace::Closed, length).await?;
        self.clients = clients;
        ensure!(turn.tally.failed == 0, "etcd refuses: {:?}", turn.tally.why);
        let used = self.used()?.saturating_sub(before);
        so_far.add(turn.tally.done(), turn.elapsed, used);
        so_far.latency.get_or_insert_with(Tally::new).add(turn.tally);
        Ok(())
    }

    fn pool(&mut self, length: Duration) -> Pool<PutRequest> {
        let count = PUTS_A_SECOND as u64 * length.as_secs().max(1);
        let numbers = self.next..self.next + count;
        self.next += count;
        let value = vec![b'x'; APPEND_BYTES];
        Pool::once(numbers.map(|number| PutRequest::new(number, &value)).collect())
    }

    fn used(&self) -> Result<Duration> {
        self.members.iter().map(|member| cores::used(member.id())).sum()
    }
}

fn start(folder: &Path, place: usize, ports: (u16, u16), cluster: &str) -> Result<Server> {
    let name = format!("e{}", place + 1);
    let url = |port| format!("http://127.0.0.1:{port}");
    let (peer, caller) = (url(ports.0), url(ports.1));
    let log = File::create(folder.join(format!("{name}.log")))?;
    let mut command = Command::new("etcd");
    command
        .args(["--name", &name, "--data-dir"])
        .arg(folder.join(&name))
        .args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer])
        .args(["--listen-client-urls", &caller, "--advertise-client-urls", &caller])
        .args(["--initial-cluster", cluster, "--initial-cluster-state", "new"])
        .args(["--quota-backend-bytes", "8589934592"])
        .stderr(log);
    Server::start(&mut command).context("`make deps` installs etcd")
}

/// The member that says that it leads.
async fn leader(urls: Vec<String>) -> Result<String> {
    let until = tokio::time::Instant::now() + PATIENCE;
    while tokio::time::Instant::now() < until {
        for url in &urls {
            if client::leads(url).await.unwrap_or(false) {
                return Ok(url.clone());
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("no member of etcd leads within {PATIENCE:?}")
}
