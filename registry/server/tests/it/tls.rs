//! The role in TLS: a cluster by certificates, and whom a certificate stands for.
//!
//! What they guard: without the comparison of certificate and credential two principals pass, without
//! taking the client's own header away a stranger passes for an operator.

use std::path::Path;

use deploy_service::Shutdown;
use deploy_service::tls::{ClientFiles, Connector};
use hyper_util::rt::TokioIo;
use proto_types::SecretKey;
use proto_wire::registry::v1 as wire;
use proto_wire::registry::v1::directory_client::DirectoryClient;
use proto_wire::registry::v1::fleet_client::FleetClient;
use registry_server::{Config, Error, Summary};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};
use tower::Service as _;

use crate::safe::Safe;
use crate::world::{OPERATOR, PATIENCE, by, config, credential, eventually, free_addr, refused};

const CARD: &str = r#"{
    "name": "Mine", "description": "of a peer", "version": "1",
    "supportedInterfaces": [{ "url": "https://p.example/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0" }],
    "capabilities": {}, "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
    "skills": [{ "id": "s", "name": "s", "description": "s", "tags": ["s"] }]
}"#;

/// Members in TLS, and the authority of all.
pub(crate) struct Certified {
    pub(crate) safe: Safe,
    pub(crate) urls: Vec<String>,
    running: Vec<(Shutdown, JoinHandle<Result<Summary, Error>>)>,
}

impl Certified {
    async fn start(count: u64) -> Self {
        Self::with(count, |_, _| {}).await
    }

    /// Members with settings of their own, which may name files of their folder.
    pub(crate) async fn with(count: u64, change: impl Fn(&mut Config, &Path)) -> Self {
        let mut world = Self { safe: Safe::new(), urls: Vec::new(), running: Vec::new() };
        let addrs: Vec<_> = (0..count).map(|_| free_addr()).collect();
        world.urls = addrs.iter().map(|addr| format!("https://{addr}")).collect();
        for (id, listen) in (1..).zip(addrs) {
            let mut config = Config { listen, ..world.config(id) };
            change(&mut config, world.safe.folder());
            let shutdown = Shutdown::new();
            let run = registry_server::run(config, shutdown.clone());
            world.running.push((shutdown, tokio::spawn(run)));
        }
        for at in 0..world.urls.len() {
            eventually("a leader that every member knows", || async {
                let mut directory = world.directory(at, "operator/alice");
                let status = directory.status(wire::StatusRequest::default()).await.ok()?;
                (status.get_ref().leader > 0).then_some(())
            })
            .await;
        }
        world
    }

    fn config(&self, id: u64) -> Config {
        let folder = self.safe.folder();
        let members = (1_u64..).zip(&self.urls).map(|(id, url)| (id.to_string(), url.clone()));
        // Anonymous callers have this share; who shows a certificate has none.
        let mut bounds = config(folder, id).bounds;
        (bounds.source_requests_per_second, bounds.source_burst) = (1, 50);
        Config {
            bounds,
            tls: Some(self.safe.server(&format!("registry/{id}"))),
            plain_loopback: false,
            members: members.collect(),
            artifacts: Some(folder.join("artifacts")),
            ..config(folder, id)
        }
    }

    /// A client with the certificate of this identity; with none for the empty one.
    fn connector(&self, path: &str) -> Connector {
        let mut files = ClientFiles::new(self.safe.ca());
        if !path.is_empty() {
            let (cert, key) = self.safe.issue(path);
            files = files.showing(cert, key);
        }
        Connector::open(files).unwrap()
    }

    fn channel(&self, at: usize, path: &str) -> Channel {
        let endpoint = Endpoint::from_shared(self.urls[at].clone()).unwrap();
        endpoint.connect_with_connector_lazy(self.connector(path))
    }

    fn directory(&self, at: usize, path: &str) -> DirectoryClient<Channel> {
        DirectoryClient::new(self.channel(at, path))
    }

    fn fleet(&self, at: usize, path: &str) -> FleetClient<Channel> {
        FleetClient::new(self.channel(at, path))
    }

    pub(crate) async fn stop(self) {
        for (shutdown, _) in &self.running {
            shutdown.trigger();
        }
        for (_, running) in self.running {
            tokio::time::timeout(PATIENCE, running).await.unwrap().unwrap().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_in_tls_serves_an_operator_by_certificate_at_every_member() {
    let world = Certified::start(3).await;
    for at in 0..3 {
        let key = SecretKey::from_seed(&[u8::try_from(at).unwrap(); 32]);
        let origin = format!("https://p{at}.example");
        let keys = vec![wire::Key {
            kid: "k1".to_owned(),
            public_key_hex: key.public().to_hex(),
            ..Default::default()
        }];
        let request = wire::EnrolPeerRequest { origin: origin.clone(), keys, ..Default::default() };
        world.directory(at, "operator/alice").enrol_peer(request).await.unwrap();
        let request = wire::GetPeerRequest { origin, consistency: 1 };
        let read = world.directory((at + 1) % 3, "").get_peer(request).await;
        assert!(read.is_ok(), "a strong read, also through a follower: {read:?}");
    }
    world.stop().await;
}

/// What REST answers on the path, to a client that claims to be an operator by a header.
async fn rest(world: &Certified, path: &str, identity: &str) -> String {
    let url = world.urls[0].parse().unwrap();
    let stream = world.connector(identity).web().call(url).await.unwrap();
    let mut stream = TokioIo::into_inner(stream);
    let request = format!(
        "DELETE {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
         ecumene-client-identity: spiffe://a.example/operator/root\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    let _ = stream.read_to_end(&mut seen).await;
    String::from_utf8(seen).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_stands_for_what_the_registry_knows_of_its_holder() {
    let world = Certified::start(1).await;
    let list = wire::ListRequest::default;
    let unknown = world.fleet(0, "gateway/g1").list_nodes(list()).await;
    refused("a gateway that is not registered", unknown, "unauthenticated");

    for id in ["g1", "g2"] {
        let invite = wire::IssueJoinTokenRequest { role: "gateway".to_owned(), ttl_seconds: 0 };
        let invited = world.directory(0, "operator/alice").issue_join_token(invite).await.unwrap();
        let request = wire::RegisterGatewayRequest {
            id: id.to_owned(),
            endpoint: "https://127.0.0.1:1".to_owned(),
            join_token: invited.into_inner().token,
            credential: credential(id),
        };
        let own = format!("gateway/{id}");
        world.fleet(0, &own).register_gateway(request).await.unwrap();
        world.fleet(0, &own).list_nodes(list()).await.expect("no other credential is needed");
    }
    let bearer = format!("gateway:g1:{}", credential("g1"));
    let mut gateway = world.fleet(0, "gateway/g1");
    gateway.list_nodes(by(&bearer, list())).await.expect("both of one principal");
    for (identity, token) in
        [("gateway/g2", &*bearer), ("gateway/g1", OPERATOR), ("registry/2", OPERATOR)]
    {
        let mixed = world.fleet(0, identity).list_nodes(by(token, list())).await;
        refused("two principals", mixed, "unauthenticated");
    }
    let token = by(OPERATOR, list());
    world.fleet(0, "operator/alice").list_nodes(token).await.expect("an operator is an operator");
    let token = by("not-the-operator-at-all", list());
    let wrong = world.fleet(0, "operator/alice").list_nodes(token).await;
    refused("a certificate does not heal a wrong credential", wrong, "unauthenticated");

    let mut forged = tonic::Request::new(list());
    let claim = "spiffe://a.example/operator/root".parse().unwrap();
    forged.metadata_mut().insert("ecumene-client-identity", claim);
    refused("a claim", world.fleet(0, "").list_nodes(forged).await, "unauthenticated");
    let path = "/v1/records/urn:test:agent:1";
    assert!(rest(&world, path, "").await.starts_with("HTTP/1.1 401"));
    assert!(rest(&world, path, "operator/alice").await.starts_with("HTTP/1.1 404"));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_stands_for_a_peer_as_long_as_it_is_active() {
    const PEER: &str = "https://p.example";
    let world = Certified::start(1).await;
    let put = |identity: &str, handle: &str| {
        let mut directory = world.directory(0, identity);
        let request = wire::PutCardRequest {
            handle: handle.to_owned(),
            document: CARD.into(),
            ..Default::default()
        };
        async move { directory.put_card(request).await }
    };
    let (own, other) = ("peer/https/p.example", "peer/https/q.example");
    refused("a peer that is not enrolled", put(own, "urn:p:agent:0001").await, "unauthenticated");
    let keys = vec![wire::Key {
        kid: "k1".to_owned(),
        public_key_hex: SecretKey::from_seed(&[9; 32]).public().to_hex(),
        ..Default::default()
    }];
    let request = wire::EnrolPeerRequest { origin: PEER.to_owned(), keys, ..Default::default() };
    let mut operator = world.directory(0, "operator/alice");
    operator.enrol_peer(request).await.unwrap();
    let terms = format!(r#"{{ "owners": ["{PEER}"], "prefixes": ["urn:p:"] }}"#);
    let request = wire::PutNamespaceRequest { name: "p".to_owned(), terms: terms.into() };
    operator.put_namespace(request).await.unwrap();
    let card = put(own, "urn:p:agent:0001").await.unwrap().into_inner();
    assert_eq!(card.namespace, "p");
    // There is no token to spend: the same certificate writes again.
    put(own, "urn:p:agent:0002").await.unwrap();
    refused("another peer", put(other, "urn:p:agent:0003").await, "unauthenticated");
    let revoke = wire::RevokePeerRequest { origin: PEER.to_owned() };
    operator.revoke_peer(revoke).await.unwrap();
    refused("a revoked peer", put(own, "urn:p:agent:0004").await, "unauthenticated");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_certificate_has_no_share_of_the_unverified() {
    let world = Certified::start(1).await;
    let mut operator = world.directory(0, "operator/alice");
    for _ in 0..80 {
        operator.list_peers(wire::ListRequest::default()).await.expect("an operator is known");
    }
    let mut unknown = world.directory(0, "gateway/nobody");
    let mut answer = unknown.list_peers(wire::ListRequest::default()).await;
    for _ in 0..80 {
        answer = unknown.list_peers(wire::ListRequest::default()).await;
    }
    refused("who is not registered", answer, "rate-limited");
    world.stop().await;
}

#[tokio::test]
async fn a_member_with_the_certificate_of_another_does_not_start() {
    let world = Certified::start(1).await;
    let config = Config { id: 1, ..world.config(2) };
    let started = registry_server::run(config, Shutdown::new()).await;
    let told = started.map(|_| ()).map_err(|error| deploy_service::telemetry::chain(&error));
    assert!(told.unwrap_err().contains("does not name member 1"));
    world.stop().await;
}
