//! One running member and clients of it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use deploy_service::{Shutdown, units};
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use proto_types::{SecretKey, base64url};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::cluster_client::ClusterClient;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use proto_wire::registry::v1::fleet_client::FleetClient;
use proto_wire::registry::v1::log_client::LogClient;
use proto_wire::registry::v1::partners_client::PartnersClient;
use proto_wire::registry::v1::search_client::SearchClient;
use registry_server::{Config, Error, Summary};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tonic::transport::{Channel, Endpoint};

/// Far more than any test waits; a hang fails instead of blocking the run.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The origin that federation tokens are for.
pub(crate) const ORIGIN: &str = "https://registry.example";

pub(crate) const OPERATOR: &str = "operator-secret-of-the-tests";

/// Long enough for a busy machine, short enough to wait for.
pub(crate) const LEASE_TTL: Duration = Duration::from_millis(1_500);

pub(crate) struct World {
    pub(crate) addr: SocketAddr,
    pub(crate) channel: Channel,
    http: Client<HttpConnector, Body>,
    shutdown: Shutdown,
    running: JoinHandle<Result<Summary, Error>>,
    config: Config,
    _folder: Arc<tempfile::TempDir>,
}

impl World {
    /// A cluster of one.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A cluster of one with other settings.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let mut config = config(folder.path(), 1);
        change(&mut config);
        Self::run(config, folder).await.ready().await
    }

    /// A cluster of one with settings of its own, which may name files of its folder.
    pub(crate) async fn with(change: impl FnOnce(&mut Config, &Path)) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let mut config = config(folder.path(), 1);
        change(&mut config, folder.path());
        Self::run(config, folder).await.ready().await
    }

    /// One member of a cluster of three whose others never come: it is never ready.
    pub(crate) async fn lonely() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let addrs = [free_addr(), free_addr(), free_addr()];
        let members = (1..)
            .zip(addrs)
            .map(|(id, addr)| (format!("{id}"), format!("http://{addr}")))
            .collect();
        let config = Config { listen: addrs[0], members, ..config(folder.path(), 1) };
        Self::run(config, folder).await
    }

    /// An empty member that asks a cluster to be let in.
    pub(crate) async fn joining(&self, id: u64, promote: bool) -> Self {
        let folder = Arc::clone(&self._folder);
        let token = self.invite("registry").await;
        let join = registry_server::config::Join {
            token_file: secret(folder.path(), &format!("join-{id}"), &token),
            seeds: vec![format!("http://{}", self.addr)],
            promote,
        };
        let config = Config { join: Some(join), ..config(folder.path(), id) };
        Self::run(config, folder).await.ready().await
    }

    /// A cluster of one that may fetch from this machine, crawls and pulls all the time, and is
    /// otherwise as the test says.
    pub(crate) async fn outbound(change: impl FnOnce(&mut Config)) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let mut config = config(folder.path(), 1);
        let often = units::Duration::from_millis(200);
        config.fetch.allow_loopback = true;
        (config.crawler.enabled, config.crawler.every) = (true, often);
        (config.crawler.gap, config.crawler.pause_max) = (units::Duration::from_millis(1), often);
        (config.federation.every, config.federation.pause_max) = (often, often);
        change(&mut config);
        Self::run(config, folder).await.ready().await
    }

    /// A cluster of three, in the order of their numbers.
    pub(crate) async fn three() -> [Self; 3] {
        Self::three_with(|_| {}).await
    }

    /// A cluster of three with other settings.
    pub(crate) async fn three_with(change: impl Fn(&mut Config)) -> [Self; 3] {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let addrs = [free_addr(), free_addr(), free_addr()];
        let members: BTreeMap<String, String> = (1..)
            .zip(addrs)
            .map(|(id, addr)| (format!("{id}"), format!("http://{addr}")))
            .collect();
        let member = |id: u64, listen| {
            let folder = Arc::clone(&folder);
            let members = members.clone();
            let artifacts = Some(folder.path().join("artifacts"));
            let mut config = Config { listen, members, artifacts, ..config(folder.path(), id) };
            change(&mut config);
            Box::pin(Self::run(config, folder))
        };
        let [one, two, three] = addrs;
        let (one, two, three) = tokio::join!(member(1, one), member(2, two), member(3, three));
        [one.ready().await, two.ready().await, three.ready().await]
    }

    async fn run(config: Config, folder: Arc<tempfile::TempDir>) -> Self {
        let addr_file = config.addr_file.clone().unwrap();
        let shutdown = Shutdown::new();
        let running = tokio::spawn(registry_server::run(config.clone(), shutdown.clone()));
        let addr: SocketAddr = eventually("the address file", || async {
            std::fs::read_to_string(&addr_file).ok()?.trim().parse().ok()
        })
        .await;
        let endpoint = Endpoint::from_shared(format!("http://{addr}")).unwrap();
        let http = Client::builder(TokioExecutor::new()).build_http();
        let channel = endpoint.connect_lazy();
        Self { addr, channel, http, shutdown, running, config, _folder: folder }
    }

    /// Takes a copy of the state.
    pub(crate) async fn copy(&self) -> PathBuf {
        let file = self._folder.path().join(format!("copy-of-{}", self.addr.port()));
        let mut intake = registry_raft::offline::Intake::begin(&file).unwrap();
        let asked = self.cluster().backup(by(OPERATOR, wire::BackupRequest::default())).await;
        let mut chunks = asked.unwrap().into_inner();
        while let Some(chunk) = chunks.message().await.unwrap() {
            intake.write(&chunk.bytes).unwrap();
        }
        intake.finish().unwrap();
        file
    }

    /// The cluster that is made of a copy of this one, at its address and with its settings.
    pub(crate) async fn restored(self, copy: &Path) -> Self {
        let (addr, mut config, folder) = (self.addr, self.config.clone(), self._folder.clone());
        self.stop().await;
        (config.listen, config.data_dir) = (addr, folder.path().join("restored"));
        let members = BTreeMap::from([(config.id, format!("http://{addr}"))]);
        registry_raft::offline::restore(copy, &config.data_dir, &members, None).unwrap();
        Self::run(config, folder).await.ready().await
    }

    async fn ready(self) -> Self {
        eventually("a listener", || async { TcpStream::connect(self.addr).await.ok() }).await;
        eventually("readiness", || async {
            let ready = self.get("/readyz").await.status() == StatusCode::OK;
            ready.then_some(())
        })
        .await;
        self
    }

    pub(crate) async fn stop(self) -> Summary {
        self.shutdown.trigger();
        drop((self.channel, self.http));
        timeout(PATIENCE, self.running).await.unwrap().unwrap().unwrap()
    }

    pub(crate) fn directory(&self) -> DirectoryClient<Channel> {
        DirectoryClient::new(self.channel.clone())
    }

    pub(crate) fn log(&self) -> LogClient<Channel> {
        LogClient::new(self.channel.clone())
    }

    pub(crate) fn search(&self) -> SearchClient<Channel> {
        SearchClient::new(self.channel.clone())
    }

    pub(crate) fn cluster(&self) -> ClusterClient<Channel> {
        ClusterClient::new(self.channel.clone())
    }

    pub(crate) fn partners(&self) -> PartnersClient<Channel> {
        PartnersClient::new(self.channel.clone())
    }

    pub(crate) fn fleet(&self) -> FleetClient<Channel> {
        FleetClient::new(self.channel.clone())
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Bytes> {
        let (parts, body) = self.open(request).await.into_parts();
        Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
    }

    /// Sends a request and leaves the answer's body to be read.
    pub(crate) async fn open(&self, request: Request<Body>) -> Response<Incoming> {
        self.by(&self.http, request).await
    }

    /// As [`World::open`], over HTTP/2.
    pub(crate) async fn send_h2(&self, request: Request<Body>) -> Response<Incoming> {
        let http = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        self.by(&http, request).await
    }

    async fn by(
        &self,
        http: &Client<HttpConnector, Body>,
        mut request: Request<Body>,
    ) -> Response<Incoming> {
        let path = request.uri().to_string();
        *request.uri_mut() = format!("http://{}{path}", self.addr).parse().unwrap();
        timeout(PATIENCE, http.request(request)).await.unwrap().unwrap()
    }

    pub(crate) async fn get(&self, path: &str) -> Response<Bytes> {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// A request by the operator, with a JSON body.
    pub(crate) async fn call(&self, method: Method, path: &str, body: &[u8]) -> Response<Bytes> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {OPERATOR}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_vec()));
        self.send(request.unwrap()).await
    }

    pub(crate) async fn invite(&self, role: &str) -> String {
        let request = wire::IssueJoinTokenRequest { role: role.to_owned(), ttl_seconds: 0 };
        let answer = self.directory().issue_join_token(by(OPERATOR, request)).await.unwrap();
        answer.into_inner().token
    }

    /// Registers a gateway and gives its bearer token.
    pub(crate) async fn gateway(&self, id: &str) -> String {
        let credential = credential(id);
        let request = wire::RegisterGatewayRequest {
            id: id.to_owned(),
            endpoint: "http://127.0.0.1:7443".to_owned(),
            join_token: self.invite("gateway").await,
            credential: credential.clone(),
        };
        self.fleet().register_gateway(request).await.unwrap();
        format!("gateway:{id}:{credential}")
    }

    /// Registers a node and gives its bearer token.
    pub(crate) async fn node(&self, id: &str) -> String {
        let credential = credential(id);
        let request = wire::RegisterNodeRequest {
            id: id.to_owned(),
            capacity: Some(capacity()),
            join_token: self.invite("node").await,
            credential: credential.clone(),
        };
        self.fleet().register_node(request).await.unwrap();
        format!("node:{id}:{credential}")
    }

    /// Enrols a peer with one key, by the operator's word.
    pub(crate) async fn enrol(&self, origin: &str, kid: &str, key: &SecretKey) {
        let keys = vec![wire::Key {
            kid: kid.to_owned(),
            public_key_hex: key.public().to_hex(),
            ..Default::default()
        }];
        let request =
            wire::EnrolPeerRequest { origin: origin.to_owned(), keys, ..Default::default() };
        self.directory().enrol_peer(by(OPERATOR, request)).await.unwrap();
    }
}

pub(crate) fn capacity() -> wire::Capacity {
    wire::Capacity {
        slots: 2,
        memory_bytes: 1 << 30,
        runs_per_second: 100,
        isolation: vec!["wasm-proc".to_owned()],
    }
}

/// 43 characters of base64url, the same for the same name.
pub(crate) fn credential(name: &str) -> String {
    base64url::encode(proto_types::Digest::of(name.as_bytes()).as_bytes())
}

/// A gRPC request with a bearer token.
pub(crate) fn by<T>(token: &str, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    let value = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    request
}

/// The code of a refused gRPC call.
pub(crate) fn code(status: &tonic::Status) -> &str {
    status.metadata().get("ecumene-code").map_or("", |code| code.to_str().unwrap())
}

/// Holds that a call was refused with this code and the status that goes with it.
#[track_caller]
pub(crate) fn refused<T>(
    says: &str,
    answer: Result<tonic::Response<T>, tonic::Status>,
    with: &str,
) {
    let Err(status) = answer else { panic!("{says} is not refused") };
    let expected = registry_api::problem::grpc(with.parse().unwrap());
    let found = (status.code(), code(&status));
    assert_eq!(found, (expected, with), "{says}: {}", status.message());
}

pub(crate) fn json(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

/// The Pilox documents and signatures that every part of the system is tested with.
pub(crate) fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../../proto/types/tests/vectors/pilox-formats.json"))
        .unwrap()
}

pub(crate) fn vector_key(name: &str) -> SecretKey {
    let seed = vectors()["keys"][name]["seedHex"].as_str().unwrap().to_owned();
    let digest = proto_types::Digest::parse(&format!("sha256:{seed}")).unwrap();
    SecretKey::from_seed(&digest.0)
}

/// Asks until there is an answer: for facts that come about and then stay.
pub(crate) async fn eventually<T, F>(what: &str, ask: impl Fn() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let found = timeout(PATIENCE, async {
        loop {
            if let Some(found) = ask().await {
                return found;
            }
            sleep(Duration::from_millis(10)).await;
        }
    });
    found.await.unwrap_or_else(|_| panic!("{what} does not come about"))
}

/// A port that was free a moment ago: the members of a cluster must know each other's before they
/// start.
pub(crate) fn free_addr() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

pub(crate) fn config(folder: &Path, id: u64) -> Config {
    Config {
        id,
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: folder.join(format!("data-{id}")),
        cluster_secret_file: secret(folder, "cluster", "cluster-secret-of-the-tests"),
        operator_token_file: secret(folder, "operator", OPERATOR),
        signing_key_file: secret(
            folder,
            "signing",
            vectors()["keys"]["catalog"]["seedHex"].as_str().unwrap(),
        ),
        plain_loopback: true,
        origin: Some(ORIGIN.to_owned()),
        addr_file: Some(folder.join(format!("addr-{id}"))),
        lease_ttl: units::Duration::from_millis(LEASE_TTL.as_millis().try_into().unwrap()),
        ..Config::default()
    }
}

/// A secret's file. Moved into its place whole: a member that runs already may be reading it.
pub(crate) fn secret(folder: &Path, name: &str, text: &str) -> PathBuf {
    let (path, fresh) = (folder.join(name), folder.join(format!("{name}.new")));
    std::fs::write(&fresh, text).unwrap();
    std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::rename(&fresh, &path).unwrap();
    path
}
