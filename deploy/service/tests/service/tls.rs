//! Attack case 28 for handshakes, and who is let in by a certificate.
//!
//! What they guard: without the time limit a stalled handshake stays, without the look at the trust
//! domain a client of another cluster comes in, without the look at the other side's role a gateway
//! passes for a registry.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::{Duration, Instant, SystemTime},
};

use deploy_service::{
    Limits, Security,
    tls::{
        Authority, ClientFiles, ConnectError, Connector, Error, Order, Role, ServerFiles, Stream,
    },
    units,
};
use hyper::Uri;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::Service;

use crate::world::{World, brief, read_to_close};

const DAY: Duration = Duration::from_secs(86_400);
/// The bound of case 28.
const CLOSED_WITHIN: Duration = Duration::from_secs(10);

/// A folder of authorities and certificates.
pub(crate) struct Safe {
    folder: tempfile::TempDir,
    authority: Authority,
}

impl Safe {
    pub(crate) fn new(domain: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(domain, SystemTime::now(), 400 * DAY).unwrap();
        let safe = Self { folder, authority };
        safe.write("ca.crt", safe.authority.cert());
        safe
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        use std::os::unix::fs::PermissionsExt;
        let (path, beside) = (self.path(name), self.path("beside"));
        std::fs::write(&beside, text).unwrap();
        std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::rename(beside, &path).unwrap();
        path
    }

    /// Certificate and key of an identity, such as `registry/1`.
    fn issue(&self, path: &str) -> (PathBuf, PathBuf) {
        self.issue_at(path, SystemTime::now(), DAY)
    }

    fn issue_at(&self, path: &str, now: SystemTime, validity: Duration) -> (PathBuf, PathBuf) {
        let identity = format!("spiffe://{}/{path}", self.authority.domain()).parse().unwrap();
        let order = Order {
            identity,
            names: vec!["localhost".to_owned()],
            addresses: vec!["127.0.0.1".parse().unwrap()],
            now,
            validity,
        };
        let issued = self.authority.issue(&order).unwrap();
        let name = path.replace('/', "-");
        (
            self.write(&format!("{name}.crt"), &issued.cert),
            self.write(&format!("{name}.key"), &issued.key),
        )
    }

    pub(crate) fn server(&self, path: &str) -> ServerFiles {
        let (cert, key) = self.issue(path);
        let client_ca = Some(self.path("ca.crt"));
        let reload = units::Duration::from_millis(0);
        ServerFiles { client_ca, reload, ..ServerFiles::new(cert, key) }
    }

    fn client(&self, path: &str) -> Connector {
        let (cert, key) = self.issue(path);
        open(self.trust().showing(cert, key))
    }

    fn trust(&self) -> ClientFiles {
        ClientFiles {
            reload: units::Duration::from_millis(0),
            ..ClientFiles::new(self.path("ca.crt"))
        }
    }
}

fn open(files: ClientFiles) -> Connector {
    Connector::open(files).unwrap().web()
}

async fn serve(files: ServerFiles, limits: Limits) -> World {
    World::secured(limits, Security::open(Some(files)).unwrap()).await
}

/// What a client hears on `/me`; nothing if it is turned away after its handshake.
async fn me(addr: SocketAddr, connector: &Connector) -> Result<String, ConnectError> {
    let uri: Uri = format!("https://{addr}").parse().unwrap();
    Ok(ask(connector.clone().call(uri).await?.into_inner()).await)
}

async fn ask(mut stream: Stream) -> String {
    let request = "GET /me HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let mut seen = Vec::new();
    // In TLS 1.3 a client hears of its refusal when it reads.
    if stream.write_all(request.as_bytes()).await.is_ok() {
        let _ = stream.read_to_end(&mut seen).await;
    }
    let seen = String::from_utf8(seen).unwrap();
    seen.split("\r\n\r\n").nth(1).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_client_is_whom_its_certificate_names_and_without_one_nobody() {
    let safe = Safe::new("a.example");
    let world = serve(safe.server("registry/1"), brief()).await;
    let identity = me(world.addr, &safe.client("gateway/g1")).await.unwrap();
    assert_eq!(identity, "spiffe://a.example/gateway/g1");
    assert_eq!(me(world.addr, &open(safe.trust())).await.unwrap(), "nobody");
    let answer = world.get("/me").await;
    assert!(!answer.contains("200"), "clear text gets no answer: {answer}");
}

#[tokio::test]
async fn a_client_without_a_certificate_is_turned_away_where_one_is_required() {
    let safe = Safe::new("a.example");
    let files = ServerFiles { require_client_cert: true, ..safe.server("registry/1") };
    let world = serve(files, brief()).await;
    assert_eq!(me(world.addr, &open(safe.trust())).await.unwrap(), "");
    assert_ne!(me(world.addr, &safe.client("node/n1")).await.unwrap(), "");
}

#[tokio::test]
async fn case_40_certificates_of_others_and_expired_ones_are_turned_away() {
    let (safe, other) = (Safe::new("a.example"), Safe::new("a.example"));
    let world = serve(safe.server("registry/1"), brief()).await;
    let (cert, key) = other.issue("registry/2");
    let foreign = open(safe.trust().showing(cert, key));
    assert_eq!(me(world.addr, &foreign).await.unwrap(), "", "another authority of the same name");
    let (cert, key) = safe.issue_at("registry/3", SystemTime::now() - 2 * DAY, DAY);
    let expired = open(safe.trust().showing(cert, key));
    assert_eq!(me(world.addr, &expired).await.unwrap(), "", "expired");
    let mistaken = me(world.addr, &open(other.trust())).await;
    assert!(matches!(mistaken, Err(ConnectError::Handshake { .. })), "the server is not theirs");

    let second = Safe::new("b.example");
    let (cert, key) = second.issue("registry/2");
    let mut files = safe.server("registry/1");
    let both = format!("{}{}", safe.authority.cert(), second.authority.cert());
    files.client_ca = Some(safe.write("both.crt", &both));
    let world = serve(files, brief()).await;
    let foreign = open(safe.trust().showing(cert, key));
    assert_eq!(me(world.addr, &foreign).await.unwrap(), "", "a trusted authority, another domain");
}

#[tokio::test]
async fn case_40_a_caller_ends_the_connection_to_whom_it_did_not_call() {
    let safe = Safe::new("a.example");
    let world = serve(safe.server("gateway/g1"), brief()).await;
    let client = safe.client("registry/1");
    let strange =
        |answer: Result<String, _>| matches!(answer, Err(ConnectError::WrongIdentity { .. }));
    assert!(strange(me(world.addr, &client.clone().to(Role::Registry)).await));
    assert!(strange(me(world.addr, &client.clone().to_one(Role::Gateway, "g2")).await));
    assert!(me(world.addr, &client.clone().to(Role::Gateway)).await.is_ok());
    assert!(me(world.addr, &client.clone().to_one(Role::Gateway, "g1")).await.is_ok());
    let anonymous = open(safe.trust()).to_one(Role::Gateway, "g1");
    assert!(strange(me(world.addr, &anonymous).await), "without a domain of its own none is right");
    let plain = format!("http://{}", world.addr).parse().unwrap();
    let refused = client.to_one(Role::Gateway, "g1").call(plain).await;
    assert!(matches!(refused, Err(ConnectError::Plain(_))));
}

#[tokio::test]
async fn a_host_of_others_is_verified_by_its_name_wherever_its_address_was_found() {
    let safe = Safe::new("a.example");
    let world = serve(safe.server("registry/1"), brief()).await;
    let (cert, key) = safe.issue("gateway/g1");
    let client = Connector::public_showing(safe.trust().showing(cert, key)).unwrap().web();
    let named: Uri = "https://localhost".parse().unwrap();
    let stream = client.connect_at(&named, &[world.addr]).await.unwrap();
    assert_eq!(ask(stream).await, "spiffe://a.example/gateway/g1");
    let other: Uri = "https://elsewhere.example".parse().unwrap();
    let refused = client.connect_at(&other, &[world.addr]).await;
    assert!(matches!(refused, Err(ConnectError::Handshake { .. })), "{refused:?}");
}

#[tokio::test]
async fn clear_text_is_sent_to_loopback_only() {
    let off = "http://192.0.2.1:1".parse().unwrap();
    let refused = Connector::plain().call(off).await;
    assert!(matches!(refused, Err(ConnectError::PlainOffLoopback { .. })));
    let secure = "https://127.0.0.1:1".parse().unwrap();
    assert!(matches!(Connector::plain().call(secure).await, Err(ConnectError::NoAuthority(_))));
}

#[tokio::test]
async fn case_28_a_handshake_that_stalls_or_drips_is_closed() {
    let safe = Safe::new("a.example");
    let world = serve(safe.server("registry/1"), brief()).await;
    // The head of a record that announces a ClientHello of 512 bytes.
    let hello = [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03];
    for beginning in [&hello[..0], &hello[..1], &hello[..]] {
        let started = Instant::now();
        let mut client = world.connect().await;
        client.write_all(beginning).await.unwrap();
        assert_eq!(read_to_close(&mut client).await, "");
        assert!(started.elapsed() < CLOSED_WITHIN, "{beginning:?}");
    }
    let started = Instant::now();
    let (mut read, mut write) = world.connect().await.into_split();
    let drip = tokio::spawn(async move {
        let _ = write.write_all(&hello).await;
        while write.write_all(&[0]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let _ = read.read_to_end(&mut Vec::new()).await;
    assert!(started.elapsed() < CLOSED_WITHIN);
    drip.abort();
}

#[tokio::test]
async fn case_28_silence_after_the_handshake_is_closed_and_every_handshake_takes_a_permit() {
    let safe = Safe::new("a.example");
    let limits = Limits { connections_per_address_max: 1, ..brief() };
    let world = serve(safe.server("registry/1"), limits).await;
    let mut silent = open(safe.trust());
    let uri: Uri = format!("https://{}", world.addr).parse().unwrap();
    let started = Instant::now();
    let mut stream = silent.call(uri).await.unwrap().into_inner();
    let refused = me(world.addr, &open(safe.trust())).await;
    assert!(matches!(refused, Err(ConnectError::Handshake { .. })), "the only permit is taken");
    let _ = stream.read_to_end(&mut Vec::new()).await;
    assert!(started.elapsed() < CLOSED_WITHIN);
}

#[tokio::test]
async fn certificates_and_authorities_are_replaced_while_the_process_runs() {
    let safe = Safe::new("a.example");
    let files = safe.server("registry/1");
    let cert = files.cert.clone();
    let world = serve(files, brief()).await;
    let client = safe.client("gateway/g1").to_one(Role::Registry, "1");
    assert!(me(world.addr, &client).await.is_ok());

    std::fs::write(&cert, "half a file").unwrap();
    assert!(me(world.addr, &client).await.is_ok(), "what works stays");
    safe.issue("registry/2");
    std::fs::copy(safe.path("registry-2.crt"), &cert).unwrap();
    assert!(me(world.addr, &client).await.is_ok(), "nor does a key change its holder");
    std::fs::copy(safe.path("registry-2.key"), safe.path("registry-1.key")).unwrap();
    assert!(me(world.addr, &client).await.is_ok(), "nor a process");

    // The old authority goes: both sides follow, and old certificates count no more.
    let new = Safe::new("a.example");
    let (fresh_cert, fresh_key) = new.issue("registry/1");
    let copy = |from: &Path, name: &str| {
        safe.write(name, &std::fs::read_to_string(from).unwrap());
    };
    let (old_cert, old_key) = safe.issue("gateway/g2");
    copy(&fresh_cert, "registry-1.crt");
    copy(&fresh_key, "registry-1.key");
    copy(&new.path("ca.crt"), "ca.crt");
    let old = open(new.trust().showing(old_cert, old_key));
    assert_eq!(me(world.addr, &old).await.unwrap(), "", "signed by the old authority");
    let identity = me(world.addr, &new.client("gateway/g1").to_one(Role::Registry, "1")).await;
    assert_eq!(identity.unwrap(), "spiffe://a.example/gateway/g1");
    let stale = me(world.addr, &client).await.unwrap();
    assert_eq!(stale, "", "a running client trusts the new one, and is itself not trusted");
}

#[tokio::test]
async fn a_connection_ends_with_the_certificate_that_opened_it() {
    let safe = Safe::new("a.example");
    let limits = Limits { header_timeout: units::Duration::from_secs(10), ..brief() };
    let world = serve(safe.server("registry/1"), limits).await;
    // Whole seconds count: it ends between one and two from now.
    let (cert, key) = safe.issue_at("node/n1", SystemTime::now(), Duration::from_secs(2));
    let uri: Uri = format!("https://{}", world.addr).parse().unwrap();
    let started = Instant::now();
    let mut stream = open(safe.trust().showing(cert, key)).call(uri).await.unwrap().into_inner();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    assert!(started.elapsed() < Duration::from_secs(9), "before any other time limit");
}

#[test]
fn files_that_do_not_go_together_are_refused_by_name() {
    let safe = Safe::new("a.example");
    let good = safe.server("registry/1");
    let (_, other_key) = safe.issue("registry/2");
    let open = |files: ServerFiles| Security::open(Some(files)).map(|_| ());
    assert!(open(good.clone()).is_ok());
    let mixed = ServerFiles { key: other_key, ..good.clone() };
    assert!(matches!(open(mixed), Err(Error::Rustls(_))));
    let swapped = ServerFiles { cert: good.key.clone(), ..good.clone() };
    assert!(matches!(open(swapped), Err(Error::Pem { what: "certificate", .. })));
    let swapped = ServerFiles { key: good.cert.clone(), ..good.clone() };
    assert!(matches!(open(swapped), Err(Error::Pem { what: "private key", .. })));
    let absent = ServerFiles { cert: safe.path("absent"), ..good.clone() };
    assert!(matches!(open(absent), Err(Error::File { .. })));
    let none = ServerFiles { client_ca: None, require_client_cert: true, ..good.clone() };
    assert!(matches!(open(none), Err(Error::NoClientCa)));
    let half = ClientFiles { cert: Some(good.cert.clone()), ..safe.trust() };
    assert!(matches!(Connector::open(half), Err(Error::Half)));
    let shown = std::process::Command::new("chmod").arg("644").arg(&good.key).status().unwrap();
    assert!(shown.success());
    assert!(matches!(open(good), Err(Error::Key(_))));
}
