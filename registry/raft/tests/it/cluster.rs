//! A cluster in one process. Each member has a runtime of its own, so that it can be killed between two instructions.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use proto_types::{Digest, EnvelopeId, GatewayId, Origin, Revision, WallMs};
use registry_core::change::Reply;
use registry_core::command::{
    Command, EnqueueEnvelope, IssueJoinToken, Proposal, PutBody, RegisterGateway,
};
use registry_core::entry::JoinRole;
use registry_core::query;
use registry_raft::{ClusterSecret, Config, ProposeError, Registry, Status, Timings};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

pub(crate) const SECRET: &str = "correct-horse-battery-staple";

/// How long a fact may take to come about on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Member {
    pub(crate) registry: Registry,
    runtime: Runtime,
}

pub(crate) struct Cluster {
    pub(crate) dir: TempDir,
    pub(crate) addresses: BTreeMap<u64, String>,
    pub(crate) members: BTreeMap<u64, Member>,
    /// Members up to this number make the cluster; later ones join it.
    founders: u64,
    /// Changes every member's configuration.
    adjust: fn(&mut Config),
}

impl Cluster {
    pub(crate) async fn start(count: u64) -> Self {
        Self::start_with(count, |_| {}).await
    }

    /// As [`Cluster::start`], but one of the members has not been started yet: there is no cluster until it is.
    pub(crate) async fn start_without(absent: u64, count: u64) -> Self {
        Self::begin(count, Some(absent), |_| {}).await
    }

    /// A cluster of one member with this number.
    pub(crate) async fn lone(id: u64) -> Self {
        let mut cluster = Self::empty();
        cluster.founders = id;
        cluster.newcomer(id).await;
        cluster
    }

    pub(crate) async fn start_with(count: u64, adjust: fn(&mut Config)) -> Self {
        Self::begin(count, None, adjust).await
    }

    async fn begin(count: u64, absent: Option<u64>, adjust: fn(&mut Config)) -> Self {
        let mut listeners = Vec::new();
        let mut addresses = BTreeMap::new();
        for id in 1..=count {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            addresses.insert(id, format!("http://{}", listener.local_addr().unwrap()));
            listeners.push((id, listener));
        }
        let dir = tempfile::tempdir().unwrap();
        let mut cluster =
            Self { dir, addresses, members: BTreeMap::new(), founders: count, adjust };
        for (id, listener) in listeners.into_iter().filter(|(id, _)| Some(*id) != absent) {
            cluster.run(id, listener.into_std().unwrap()).await;
        }
        for member in cluster.members.values().filter(|_| absent.is_none()) {
            // From then on it counts: before, it holds nothing, and might as well have lost it.
            until_status(&member.registry, "it has heard of a leader", |status| {
                status.leader.is_some()
            })
            .await;
        }
        cluster
    }

    pub(crate) fn config(&self, id: u64) -> Config {
        let dir = self.dir.path().join(id.to_string());
        let mut config = Config::new(id, dir, self.addresses.clone());
        config.timings = Timings {
            heartbeat: Duration::from_millis(50),
            election_min: Duration::from_millis(400),
            election_max: Duration::from_millis(800),
        };
        config.bootstrap = id <= self.founders;
        config.members.retain(|id, _| *id <= self.founders);
        (self.adjust)(&mut config);
        config
    }

    pub(crate) async fn run(&mut self, id: u64, listener: std::net::TcpListener) {
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let config = self.config(id);
        let started = runtime.spawn(async move {
            let secret = ClusterSecret::new(SECRET).unwrap();
            let registry = Registry::start(config, secret).await.unwrap();
            let listener = TcpListener::from_std(listener).unwrap();
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            let service = registry.transport_service();
            tokio::spawn(Server::builder().add_service(service).serve_with_incoming(incoming));
            registry
        });
        let registry = started.await.unwrap();
        self.members.insert(id, Member { registry, runtime });
    }

    /// No member, and none that would make a cluster.
    pub(crate) fn empty() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (addresses, members) = (BTreeMap::new(), BTreeMap::new());
        Self { dir, addresses, members, founders: 0, adjust: |_| {} }
    }

    /// A place for a member that is not started yet.
    pub(crate) async fn place(&mut self, id: u64) -> (String, std::net::TcpListener) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        self.addresses.insert(id, address.clone());
        (address, listener.into_std().unwrap())
    }

    /// Starts an empty member that is in no cluster yet.
    pub(crate) async fn newcomer(&mut self, id: u64) -> String {
        let (address, listener) = self.place(id).await;
        self.run(id, listener).await;
        address
    }

    pub(crate) async fn restart(&mut self, id: u64) {
        let address = self.addresses[&id].trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind(address).await.unwrap();
        self.run(id, listener.into_std().unwrap()).await;
    }

    /// Ends a member between two instructions, and waits until its directory is free.
    pub(crate) async fn kill(&mut self, id: u64) {
        let Member { registry, runtime } = self.members.remove(&id).unwrap();
        let closed = registry.closed();
        drop(registry);
        runtime.shutdown_background();
        tokio::time::timeout(PATIENCE, closed).await.expect("the store is closed");
    }

    /// Ends a member in order, its last breath being that of a killed one.
    pub(crate) async fn stop(&mut self, id: u64) {
        self.members[&id].registry.stop().await;
        self.kill(id).await;
    }

    pub(crate) fn ids(&self) -> Vec<u64> {
        self.members.keys().copied().collect()
    }

    pub(crate) fn registry(&self, id: u64) -> &Registry {
        &self.members[&id].registry
    }

    /// Waits until a member leads and can prove it.
    pub(crate) async fn leader(&self) -> &Registry {
        until("a leader", || async {
            for member in self.members.values() {
                if member.registry.strong().await.is_ok() {
                    return Some(&member.registry);
                }
            }
            None
        })
        .await
    }

    pub(crate) fn follower(&self, leader: u64) -> &Registry {
        let other = self.members.iter().find(|(id, _)| **id != leader).unwrap();
        &other.1.registry
    }

    /// Writes through whoever leads; repeating is harmless, since a body is named by its content.
    pub(crate) async fn put(&self, bytes: &[u8]) -> Digest {
        until("an acknowledged write", || async {
            for member in self.members.values() {
                if let Ok(replies) = member.registry.propose(body(bytes)).await {
                    return Some(stored(&replies));
                }
            }
            None
        })
        .await
    }
}

impl Drop for Cluster {
    /// Waits until every store is closed: RocksDB does not survive the end of a process that still uses it.
    fn drop(&mut self) {
        let mut closed = Vec::new();
        while let Some((_, Member { registry, runtime })) = self.members.pop_first() {
            closed.push(registry.closed());
            drop(registry);
            // A runtime cannot be dropped where this is called: inside another one.
            runtime.shutdown_background();
        }
        let wait = move || {
            let runtime = Builder::new_current_thread().enable_time().build().unwrap();
            let all = async { tokio::time::timeout(PATIENCE, join_all(closed)).await };
            runtime.block_on(all).is_ok()
        };
        // A test that has failed may still hold handles.
        let waited = std::thread::panicking() || std::thread::spawn(wait).join().unwrap();
        assert!(waited, "somebody holds a member's store open");
    }
}

pub(crate) fn body(bytes: &[u8]) -> Proposal {
    Proposal { commands: vec![Command::PutBody(PutBody { bytes: bytes.to_vec() })] }
}

/// A proposal that takes a revision.
pub(crate) fn gateway(name: &str, now: WallMs) -> Proposal {
    let join = Digest::of(name.as_bytes());
    let expires_at = WallMs(now.0 + 60_000);
    Proposal {
        commands: vec![
            Command::IssueJoinToken(IssueJoinToken {
                hash: join,
                role: JoinRole::Gateway,
                expires_at,
            }),
            Command::RegisterGateway(RegisterGateway {
                id: GatewayId::parse(name).unwrap(),
                endpoint: "http://127.0.0.1:1".parse().unwrap(),
                credential: Digest::of_parts(&[b"credential", name.as_bytes()]),
                join,
            }),
        ],
    }
}

/// A proposal with an effect.
pub(crate) fn envelope(body: Digest, now: WallMs) -> Proposal {
    let command = Command::EnqueueEnvelope(EnqueueEnvelope {
        id: EnvelopeId::parse("envelope-1").unwrap(),
        source: Origin::parse("https://source.example").unwrap(),
        target: "target".parse().unwrap(),
        correlation: "correlation".parse().unwrap(),
        body,
        traceparent: None,
        expires_at: WallMs(now.0 + 60_000),
        shared: true,
        metered: true,
        token: None,
        keep_undelivered: true,
        ordering_key: None,
        hops: Vec::new(),
    });
    Proposal { commands: vec![command] }
}

pub(crate) fn stored(replies: &[Reply]) -> Digest {
    match replies {
        [Reply::Stored(digest)] => *digest,
        other => panic!("not stored: {other:?}"),
    }
}

pub(crate) fn done(replies: &[Reply]) -> Revision {
    match replies {
        [Reply::Done(_), Reply::Done(revision)] => *revision,
        other => panic!("not done: {other:?}"),
    }
}

pub(crate) fn has(registry: &Registry, digest: &Digest) -> bool {
    query::body(&registry.view().0, digest).unwrap().is_some()
}

/// Waits until a member's own state holds a body.
pub(crate) async fn until_has(registry: &Registry, digest: &Digest) {
    let what = format!("{digest} on member {}", registry.id());
    until(&what, || async { has(registry, digest).then_some(()) }).await;
}

/// Waits for a fact about a member that, once it holds, goes on holding.
pub(crate) async fn until_status(registry: &Registry, what: &str, holds: impl Fn(&Status) -> bool) {
    until(what, || async { holds(&registry.status()).then_some(()) }).await;
}

pub(crate) async fn until<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut fact: impl FnMut() -> F,
) -> T {
    let wait = async {
        let mut tick = tokio::time::interval(Duration::from_millis(10));
        loop {
            tick.tick().await;
            if let Some(found) = fact().await {
                return found;
            }
        }
    };
    let outcome = tokio::time::timeout(PATIENCE, wait).await;
    outcome.unwrap_or_else(|_| panic!("{what} did not come about"))
}

pub(crate) fn not_leader(error: &ProposeError) -> Option<u64> {
    match error {
        ProposeError::NotLeader { leader } => leader.as_ref().map(|(id, _)| *id),
        other => panic!("not a redirection: {other}"),
    }
}
