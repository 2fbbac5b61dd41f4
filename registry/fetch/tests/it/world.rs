//! Servers on loopback that answer as a test says, and fetchers that may reach them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use registry_fetch::resolve::Table;
use registry_fetch::{Config, Fetcher};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A server; it ends with the test's runtime.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Server {
    /// Answers each request with what `answer` makes of its head.
    pub(crate) async fn start(
        answer: impl Fn(&str) -> Vec<u8> + Clone + Send + Sync + 'static,
    ) -> Self {
        Self::with(move |mut stream, head| {
            let answer = answer.clone();
            async move {
                let _ = stream.write_all(&answer(&head)).await;
            }
        })
        .await
    }

    /// Hands each connection to `talk` with the head of its request.
    pub(crate) async fn with<F: Future<Output = ()> + Send + 'static>(
        talk: impl Fn(TcpStream, String) -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                counter.fetch_add(1, Ordering::SeqCst);
                let talk = talk.clone();
                tokio::spawn(async move {
                    let head = head(&mut stream).await;
                    talk(stream, head).await;
                });
            }
        });
        Self { addr, connections }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addr)
    }

    /// The URL under a name.
    pub(crate) fn at(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.addr.port())
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 16_384 {
        match stream.read_u8().await {
            // A client that speaks TLS is answered in clear text at once.
            Ok(byte) if head.is_empty() && !byte.is_ascii_uppercase() => break,
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// An answer with a body and these header lines.
pub(crate) fn answer(status: &str, headers: &[&str], body: &[u8]) -> Vec<u8> {
    let mut lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
    lines.push_str(&format!("content-length: {}\r\n", body.len()));
    let mut bytes = format!("HTTP/1.1 {status}\r\n{lines}\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

pub(crate) fn ok(body: &[u8]) -> Vec<u8> {
    answer("200 OK", &["content-type: application/json"], body)
}

pub(crate) fn dev() -> Config {
    Config { allow_loopback: true, ..Config::default() }
}

/// A fetcher for servers on loopback that knows no names.
pub(crate) fn local() -> Fetcher {
    named(dev(), Table::default()).0
}

pub(crate) fn named(config: Config, table: Table) -> (Fetcher, Arc<Table>) {
    let table = Arc::new(table);
    let resolver: Arc<Table> = Arc::clone(&table);
    (Fetcher::with_resolver(&config, resolver).unwrap(), table)
}
