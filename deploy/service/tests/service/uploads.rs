//! Clients that send a large body whole before they read: each of them reads why it was refused. Without the lingering close
//! they are reset before that.

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    sync::Arc,
    time::Duration,
};

use deploy_service::{Limits, Security};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, StreamOwned,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::task::JoinSet;

use crate::tls::Safe;
use crate::world::World;

const CLIENTS: usize = 100;
/// So many of them at once, and one test after the other: more would take the processors from tests beside these, and learn
/// nothing more of a close.
const AT_ONCE: usize = 10;
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
/// What each of them sends.
const BYTES: usize = 30 << 20;
static BLOCK: [u8; 64 << 10] = [b'x'; 64 << 10];

/// Far more than any client waits.
const PATIENCE: Duration = Duration::from_secs(120);

/// Sends all of the body, then reads to the end, with the calls that block of the standard library.
fn upload(mut stream: impl Read + Write) -> io::Result<String> {
    let head = format!(
        "POST /guarded HTTP/1.1\r\nhost: x\r\nauthorization: Bearer bad\r\ncontent-length: {BYTES}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    for _ in 0..BYTES / BLOCK.len() {
        stream.write_all(&BLOCK)?;
    }
    stream.flush()?;
    let mut seen = Vec::new();
    // What was read before a reset counts.
    let ended = stream.read_to_end(&mut seen);
    match seen.is_empty() {
        true => ended.map(|_| String::new()),
        false => Ok(String::from_utf8_lossy(&seen).into_owned()),
    }
}

fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addr)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// Each of them has to read its status and that the connection ends.
async fn check(client: impl Fn() -> io::Result<String> + Clone + Send + 'static) {
    let _turn = TURN.lock().await;
    let mut threads = JoinSet::new();
    for _ in 0..AT_ONCE {
        let client = client.clone();
        threads
            .spawn_blocking(move || (0..CLIENTS / AT_ONCE).map(|_| client()).collect::<Vec<_>>());
    }
    let answers: Vec<_> = threads.join_all().await.into_iter().flatten().collect();
    let has_read = |answer: &&io::Result<String>| {
        answer.as_ref().is_ok_and(|answer| {
            answer.starts_with("HTTP/1.1 401 ") && answer.contains("connection: close\r\n")
        })
    };
    let read = answers.iter().filter(has_read).count();
    let other = answers.iter().find(|answer| !has_read(answer));
    assert_eq!(read, CLIENTS, "one of the others: {other:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_a_hundred_clients_reads_that_its_upload_is_refused() {
    let world = World::start(Limits::default()).await;
    let addr = world.addr;
    check(move || upload(connect(addr)?)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_a_hundred_clients_reads_it_over_tls() {
    let safe = Safe::new("a.example");
    let security = Security::open(Some(safe.server("registry/1"))).unwrap();
    let world = World::secured(Limits::default(), security).await;
    let (addr, config) = (world.addr, trusting(&safe.path("ca.crt")));
    let name = ServerName::try_from("localhost").unwrap();
    check(move || {
        let session = ClientConnection::new(Arc::clone(&config), name.clone());
        upload(StreamOwned::new(session.map_err(io::Error::other)?, connect(addr)?))
    })
    .await;
}

fn trusting(ca: &Path) -> Arc<ClientConfig> {
    let (pem, mut roots) = (std::fs::read(ca).unwrap(), RootCertStore::empty());
    for authority in CertificateDer::pem_slice_iter(&pem) {
        roots.add(authority.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}
