//! Members over mutual TLS: each proves which one it is, and consensus answers nobody else (attack case 40).
//!
//! What they guard: without the look at the caller's role a gateway that knows the secret is answered.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use deploy_service::tls::{Authority, ClientFiles, Connector, Order, ServerFiles};
use deploy_service::{Limits, Security, Shutdown, listen, serve};
use proto_wire::raft::v1::Frame;
use proto_wire::raft::v1::raft_transport_client::RaftTransportClient;
use registry_raft::{ClusterSecret, Config, Credentials, Registry};
use tokio::task::JoinSet;
use tonic::service::Routes;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request};

use crate::cluster::{SECRET, body, stored, until, until_has};

const DAY: Duration = Duration::from_secs(86_400);

/// An authority and the files that it has signed.
struct Safe {
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Safe {
    fn new(domain: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(domain, SystemTime::now(), 2 * DAY).unwrap();
        std::fs::write(folder.path().join("ca.crt"), authority.cert()).unwrap();
        Self { folder, authority }
    }

    fn issue(&self, path: &str) -> (PathBuf, PathBuf) {
        let order = Order {
            identity: format!("spiffe://{}/{path}", self.authority.domain()).parse().unwrap(),
            names: Vec::new(),
            addresses: vec!["127.0.0.1".parse().unwrap()],
            now: SystemTime::now(),
            validity: DAY,
        };
        let issued = self.authority.issue(&order).unwrap();
        let write = |end: &str, text: &str| {
            let path = self.folder.path().join(format!("{}.{end}", path.replace('/', "-")));
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
            path
        };
        (write("crt", &issued.cert), write("key", &issued.key))
    }

    fn trust(&self) -> ClientFiles {
        ClientFiles::new(self.folder.path().join("ca.crt"))
    }

    fn client(&self, path: &str) -> Connector {
        let (cert, key) = self.issue(path);
        Connector::open(self.trust().showing(cert, key)).unwrap()
    }

    fn server(&self, path: &str) -> Security {
        let (cert, key) = self.issue(path);
        let client_ca = Some(self.folder.path().join("ca.crt"));
        Security::open(Some(ServerFiles { client_ca, ..ServerFiles::new(cert, key) })).unwrap()
    }
}

/// Members that run until they are dropped.
struct Members {
    registries: BTreeMap<u64, Registry>,
    urls: BTreeMap<u64, String>,
    _served: JoinSet<deploy_service::Drained>,
    _dir: tempfile::TempDir,
}

async fn start(safe: &Safe, count: u64) -> Members {
    let dir = tempfile::tempdir().unwrap();
    let (mut listeners, mut urls) = (Vec::new(), BTreeMap::new());
    for id in 1..=count {
        let security = safe.server(&format!("registry/{id}"));
        let bound = listen::bind("127.0.0.1:0".parse().unwrap(), None, security).await.unwrap();
        urls.insert(id, format!("https://{}", bound.1));
        listeners.push((id, bound.0));
    }
    let (mut registries, mut served) = (BTreeMap::new(), JoinSet::new());
    for (id, listener) in listeners {
        let config = Config::new(id, dir.path().join(id.to_string()), urls.clone());
        let connector = safe.client(&format!("registry/{id}"));
        let secret = ClusterSecret::new(SECRET).unwrap();
        let credentials = Credentials::mutual(id, secret, connector).unwrap();
        let registry = Registry::start(config, credentials).await.unwrap();
        let router = Routes::new(registry.transport_service()).prepare().into_axum_router();
        served.spawn(serve(listener, router, Limits::default(), Shutdown::new()));
        registries.insert(id, registry);
    }
    Members { registries, urls, _served: served, _dir: dir }
}

impl Members {
    async fn stop(self) {
        for registry in self.registries.values() {
            registry.stop().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_members_commit_and_forward_over_mutual_tls() {
    let safe = Safe::new("a.example");
    let members = start(&safe, 3).await;
    for id in 1..=3 {
        let registry = &members.registries[&id];
        let replies = until("a write through any member", || async {
            registry.write(body(format!("through {id}").as_bytes()), None).await.ok()
        });
        let digest = stored(&replies.await);
        for other in members.registries.values() {
            until_has(other, &digest).await;
        }
    }
    members.stop().await;
}

fn call(secret: &str) -> Request<Frame> {
    let mut request = Request::new(Frame { body: Bytes::new() });
    request.set_timeout(Duration::from_secs(10));
    let value = format!("Bearer {secret}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

/// What each of the calls is refused with. `InvalidArgument` is what an empty message gets behind
/// authentication.
async fn codes(url: &str, connector: Connector, secret: &str) -> [Code; 4] {
    let channel: Channel =
        Endpoint::from_shared(url.to_owned()).unwrap().connect_with_connector_lazy(connector);
    let mut client = RaftTransportClient::new(channel);
    [
        client.append(call(secret)).await.unwrap_err().code(),
        client.vote(call(secret)).await.unwrap_err().code(),
        client.transfer(call(secret)).await.unwrap_err().code(),
        client.forward(call(secret)).await.unwrap_err().code(),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_40_consensus_answers_members_of_this_cluster_only() {
    let safe = Safe::new("a.example");
    let members = start(&safe, 1).await;
    let url = &members.urls[&1];
    let inside = [Code::InvalidArgument; 4];
    let outside = [Code::Unauthenticated; 4];
    assert_eq!(codes(url, safe.client("registry/2"), SECRET).await, inside);
    let wrong = "correct-horse-battery-staplf";
    assert_eq!(codes(url, safe.client("registry/2"), wrong).await, outside, "another cluster");
    for role in ["gateway/g1", "node/n1", "operator/alice", "peer/https/b.example"] {
        assert_eq!(codes(url, safe.client(role), SECRET).await, outside, "{role}");
    }
    let anonymous = Connector::open(safe.trust()).unwrap();
    assert_eq!(codes(url, anonymous, SECRET).await, outside, "nobody");

    // Of another authority or trust domain: the connection ends before any call.
    let other = Safe::new("a.example");
    let (cert, key) = other.issue("registry/2");
    let foreign = Connector::open(safe.trust().showing(cert, key)).unwrap();
    let never = |codes: [Code; 4]| codes.iter().all(|code| !inside.contains(code));
    assert!(never(codes(url, foreign, SECRET).await));
    let plain = url.replace("https", "http");
    assert!(never(codes(&plain, Connector::plain(), SECRET).await), "clear text");
    assert!(members.registries[&1].strong().await.is_ok(), "the member still leads");
    members.stop().await;
}

#[tokio::test]
async fn a_member_does_not_start_with_the_certificate_of_another() {
    let safe = Safe::new("a.example");
    let secret = || ClusterSecret::new(SECRET).unwrap();
    assert!(Credentials::mutual(1, secret(), safe.client("registry/1")).is_ok());
    assert!(Credentials::mutual(2, secret(), safe.client("registry/1")).is_err());
    assert!(Credentials::mutual(1, secret(), safe.client("gateway/1")).is_err());
    assert!(Credentials::mutual(1, secret(), Connector::open(safe.trust()).unwrap()).is_err());
    assert!(Credentials::mutual(1, secret(), Connector::plain()).is_err());
}
