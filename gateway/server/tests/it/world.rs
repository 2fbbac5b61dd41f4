//! A registry member, a gateway and clients of both, for these tests.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use axum::body::{Body, Bytes};
use deploy_service::{Reload, Shutdown, units};
use gateway_server::{Config, Error, Summary};
use http::{Request, Response, StatusCode, Version};
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use proto_types::token::{Claims, Kind, Subject, mint};
use proto_types::{Jti, Origin, SecretKey, base64url};
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use proto_wire::registry::v1::fleet_client::FleetClient;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tonic::transport::{Channel, Endpoint};

/// Far more than any test waits; a hang fails instead of blocking the run.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) const OPERATOR: &str = "operator-secret-of-the-tests";
pub(crate) const SUBSCRIBER: &str = "subscriber-token-of-the-tests";

pub(crate) struct World {
    pub(crate) gateway: Gateway,
    pub(crate) channel: Channel,
    pub(crate) registry_url: String,
    registry: Shutdown,
    folder: tempfile::TempDir,
}

/// One gateway, its address as origin, and a client of it.
pub(crate) struct Gateway {
    pub(crate) addr: SocketAddr,
    http: Client<HttpConnector, Body>,
    h2: Client<HttpConnector, Body>,
    pub(crate) shutdown: Shutdown,
    pub(crate) running: JoinHandle<Result<Summary, Error>>,
}

/// An enrolled peer, or one that only says so.
pub(crate) struct Peer {
    pub(crate) origin: String,
    pub(crate) key: SecretKey,
}

impl Peer {
    pub(crate) fn new(name: &str, seed: u8) -> Self {
        let origin = format!("https://{name}.example");
        Self { origin, key: SecretKey::from_seed(&[seed; 32]) }
    }
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// A world whose gateway's configuration is changed before it starts. It has the agent `echo`
    /// and the enrolled peers `a` (seed 1) and `c` (seed 3).
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (registry, addr) = start_registry(folder.path()).await;
        let channel = Endpoint::from_shared(format!("http://{addr}")).unwrap().connect_lazy();
        let directory = || DirectoryClient::new(channel.clone());
        eventually("a leader", || async {
            let status =
                directory().status(wire::StatusRequest::default()).await.ok()?.into_inner();
            (status.leader > 0).then_some(())
        })
        .await;
        for peer in [Peer::new("a", 1), Peer::new("c", 3)] {
            enrol(&channel, &peer).await;
        }
        deploy(&channel, "echo", &json!({"name": "Echo", "description": "Says it again."})).await;
        let mut config = gateway_config(folder.path(), addr, &invite(&channel, "gateway").await);
        change(&mut config);
        let gateway = Gateway::start(config).await;
        let registry_url = format!("http://{addr}");
        let world = Self { gateway, channel, registry_url, registry, folder };
        eventually("readiness", || async {
            let ready = world.gateway.get("/readyz").await.status() == StatusCode::OK;
            ready.then_some(())
        })
        .await;
        world
    }

    pub(crate) fn fleet(&self) -> FleetClient<Channel> {
        FleetClient::new(self.channel.clone())
    }

    /// Stops the registry, which then answers nobody.
    pub(crate) fn stop_registry(&self) {
        self.registry.trigger();
    }

    /// The registry's counters.
    pub(crate) async fn registry_metrics(&self) -> String {
        let url = format!("{}/v1/metrics", self.registry_url).parse().unwrap();
        let answer = timeout(PATIENCE, self.gateway.http.get(url)).await.unwrap().unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.folder.path().join("gateway")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.gateway.shutdown.trigger();
        self.registry.trigger();
    }
}

impl Gateway {
    pub(crate) async fn start(config: Config) -> Self {
        Self::reloading(config, None).await
    }

    /// One whose configuration may be read anew.
    pub(crate) async fn reloading(config: Config, reload: Option<Reload>) -> Self {
        let addr_file = config.addr_file.clone().unwrap();
        let shutdown = Shutdown::new();
        let running = tokio::spawn(gateway_server::run_reloading(config, reload, shutdown.clone()));
        let addr = address(&addr_file).await;
        let http = Client::builder(TokioExecutor::new()).build_http();
        let h2 = Client::builder(TokioExecutor::new()).http2_only(true).build_http();
        Self { addr, http, h2, shutdown, running }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Sends a request, in the version that it has, and hands out the response while its body still comes in.
    pub(crate) async fn open(&self, mut request: Request<Body>) -> Response<hyper::body::Incoming> {
        let path = request.uri().to_string();
        *request.uri_mut() = format!("http://{}{path}", self.addr).parse().unwrap();
        let client = if request.version() == Version::HTTP_2 { &self.h2 } else { &self.http };
        timeout(PATIENCE, client.request(request)).await.unwrap().unwrap()
    }

    /// The whole answer; its trailers are among the headers.
    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Bytes> {
        let (mut parts, body) = self.open(request).await.into_parts();
        let read = timeout(PATIENCE, body.collect()).await.unwrap().unwrap();
        parts.headers.extend(read.trailers().cloned().unwrap_or_default());
        Response::from_parts(parts, read.to_bytes())
    }

    pub(crate) async fn get(&self, path: &str) -> Response<Bytes> {
        self.send(Request::get(path).body(Body::empty()).unwrap()).await
    }

    /// A POST of JSON with a fresh token of the peer.
    pub(crate) fn request(&self, peer: &Peer, path: &str, body: &str) -> Request<Body> {
        let token = self.token(peer);
        Request::post(path)
            .header("content-type", "application/json")
            .header("a2a-version", "1.0")
            .header("authorization", format!("Bearer {token}"))
            .body(Body::from(body.to_owned()))
            .unwrap()
    }

    pub(crate) async fn post(&self, peer: &Peer, path: &str, body: &str) -> Response<Bytes> {
        self.send(self.request(peer, path, body)).await
    }

    /// An A2A call; its answer.
    pub(crate) async fn call(&self, peer: &Peer, path: &str, method: &str, params: Value) -> Value {
        let response = self.post(peer, path, &rpc(method, params).to_string()).await;
        json_of(&response)
    }

    pub(crate) fn claims(&self, peer: &Peer) -> Claims {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let now = now_secs();
        Claims {
            kind: Kind::Plain,
            iss: Origin::parse(&peer.origin).unwrap(),
            sub: Subject::FederationPeer,
            jti: Jti::parse(&format!("jti-{}", NEXT.fetch_add(1, Ordering::Relaxed))).unwrap(),
            iat: now,
            exp: now + 120,
            aud: Origin::parse(&self.origin()).unwrap(),
            nbf: None,
            nonce: None,
            htm: None,
            htu: None,
            bd: None,
        }
    }

    pub(crate) fn token(&self, peer: &Peer) -> String {
        mint(&self.claims(peer), None, &peer.key)
    }
}

pub(crate) fn rpc(method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": "call-1", "method": method, "params": params})
}

pub(crate) fn message(text: &str) -> Value {
    json!({"message": {"messageId": "m1", "role": "ROLE_USER", "parts": [{"text": text}]}})
}

pub(crate) fn json_of(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

pub(crate) fn now_secs() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
}

/// A gRPC request with a bearer token.
pub(crate) fn by<T>(token: &str, message: T) -> tonic::Request<T> {
    let mut request = tonic::Request::new(message);
    let value = format!("Bearer {token}").parse().unwrap();
    request.metadata_mut().insert("authorization", value);
    request
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

pub(crate) async fn invite(channel: &Channel, role: &str) -> String {
    let request = wire::IssueJoinTokenRequest { role: role.to_owned(), ttl_seconds: 0 };
    let mut directory = DirectoryClient::new(channel.clone());
    directory.issue_join_token(by(OPERATOR, request)).await.unwrap().into_inner().token
}

pub(crate) async fn enrol(channel: &Channel, peer: &Peer) {
    let key = wire::Key {
        kid: "k1".to_owned(),
        public_key_hex: peer.key.public().to_hex(),
        ..Default::default()
    };
    let request = wire::EnrolPeerRequest {
        origin: peer.origin.clone(),
        keys: vec![key],
        ..Default::default()
    };
    DirectoryClient::new(channel.clone()).enrol_peer(by(OPERATOR, request)).await.unwrap();
}

pub(crate) async fn suspend(channel: &Channel, peer: &Peer) {
    let request = wire::SetPeerStandingRequest {
        origin: peer.origin.clone(),
        standing: "suspended".to_owned(),
        reason: String::new(),
    };
    DirectoryClient::new(channel.clone()).set_peer_standing(by(OPERATOR, request)).await.unwrap();
}

pub(crate) async fn revoke(channel: &Channel, peer: &Peer) {
    let request = wire::RevokePeerRequest { origin: peer.origin.clone() };
    DirectoryClient::new(channel.clone()).revoke_peer(by(OPERATOR, request)).await.unwrap();
}

/// Deploys an agent whose artifact nobody will run.
pub(crate) async fn deploy(channel: &Channel, handle: &str, card: &Value) {
    deploy_for(channel, (handle, ""), card).await;
}

/// The same for whom its visibility says.
pub(crate) async fn deploy_for(
    channel: &Channel,
    (handle, visibility): (&str, &str),
    card: &Value,
) {
    let mut directory = DirectoryClient::new(channel.clone());
    let chunk = wire::ArtifactChunk { bytes: Bytes::from_static(b"\0asm") };
    let chunks = tokio_stream::iter([chunk]);
    let artifact = directory.put_artifact(by(OPERATOR, chunks)).await.unwrap().into_inner();
    let request = wire::PutAgentRequest {
        handle: handle.to_owned(),
        artifact: artifact.digest,
        kind: "component".to_owned(),
        limits: Some(wire::Limits {
            fuel: 1_000_000,
            memory_bytes: 64 << 20,
            wall_ms: 10_000,
            output_bytes: 1 << 20,
        }),
        isolation: vec!["wasm-proc".to_owned()],
        card: card.to_string().into(),
        visibility: visibility.to_owned(),
    };
    directory.put_agent(by(OPERATOR, request)).await.unwrap();
}

async fn start_registry(folder: &Path) -> (Shutdown, SocketAddr) {
    let addr_file = folder.join("registry-addr");
    let config = registry_server::Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        data_dir: folder.join("registry"),
        plain_loopback: true,
        cluster_secret_file: secret(folder, "cluster", "cluster-secret-of-the-tests"),
        operator_token_file: secret(folder, "operator", OPERATOR),
        signing_key_file: secret(folder, "signing", &"04".repeat(32)),
        addr_file: Some(addr_file.clone()),
        // Longer than a busy machine stands still.
        lease_ttl: units::Duration::from_secs(4),
        ..registry_server::Config::default()
    };
    let shutdown = Shutdown::new();
    tokio::spawn(registry_server::run(config, shutdown.clone()));
    (shutdown, address(&addr_file).await)
}

pub(crate) fn gateway_config(folder: &Path, registry: SocketAddr, join_token: &str) -> Config {
    let mut config = Config {
        id: "g1".to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        registry: vec![format!("http://{registry}")],
        join_token_file: Some(secret(folder, "join", join_token)),
        state_dir: folder.join("gateway"),
        subscriber_token_files: vec![secret(folder, "subscriber", SUBSCRIBER)],
        operator_token_file: Some(folder.join("operator")),
        federation_key_file: Some(folder.join("signing")),
        addr_file: Some(folder.join("gateway-addr")),
        ..Config::default()
    };
    config.bounds.heartbeat = units::Duration::from_millis(200);
    config.bounds.task_deadline = units::Duration::from_secs(20);
    config
}

async fn address(file: &Path) -> SocketAddr {
    eventually("the address file", || async {
        std::fs::read_to_string(file).ok()?.trim().parse().ok()
    })
    .await
}

pub(crate) fn secret(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}

/// 43 characters of base64url, the same for the same name.
pub(crate) fn credential(name: &str) -> String {
    base64url::encode(proto_types::Digest::of(name.as_bytes()).as_bytes())
}
