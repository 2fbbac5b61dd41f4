//! Servers on loopback that answer as a test says: peers, agents and registries of strangers.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proto_types::{Kid, SecretKey, WallMs};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A status and a body.
pub(crate) type Answer = (u16, Vec<u8>);

/// A server; it ends with the test's runtime.
pub(crate) struct Site {
    pub(crate) addr: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Site {
    /// Answers `METHOD /path` as `answer` says.
    pub(crate) async fn start(
        answer: impl Fn(&str, &str) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let answer = Arc::new(answer);
        Self::with(move |mut stream, head| {
            let answer = Arc::clone(&answer);
            async move {
                let mut words = head.split(' ');
                let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
                let (status, body) = answer(method, path);
                let location = match status {
                    302 => format!("location: {}\r\n", String::from_utf8_lossy(&body)),
                    _ => String::new(),
                };
                let head = format!(
                    "HTTP/1.1 {status} X\r\n{location}content-length: {}\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
            }
        })
        .await
    }

    /// Hands each connection to `talk` with the head of its request.
    pub(crate) async fn with<F: Future<Output = ()> + Send + 'static>(
        talk: impl Fn(TcpStream, String) -> F + Clone + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
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

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.addr)
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

pub(crate) fn now() -> WallMs {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    WallMs(since.as_millis().try_into().unwrap())
}

/// A card whose agent is called at `url`.
pub(crate) fn card(url: &str) -> Value {
    json!({
        "name": "Text", "description": "d", "version": "1",
        "supportedInterfaces": [{
            "url": url, "protocolBinding": "JSONRPC", "protocolVersion": "1.0",
        }],
        "capabilities": { "streaming": true }, "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [{ "id": "s", "name": "s", "description": "d", "tags": ["t"] }],
    })
}

/// A record of `signer` under this handle.
pub(crate) fn record(handle: &str, card_url: &str, signer: &str, key: &SecretKey) -> Vec<u8> {
    let record = json!({
        "schema": "pilox-registry-record-v1",
        "handle": handle,
        "updatedAt": now().to_rfc3339(),
        "agentCardUrl": card_url,
    });
    let kid = Kid::parse("k1").unwrap();
    let parsed =
        proto_types::pilox::proof::sign(&record, &signer.parse().unwrap(), &kid, key).unwrap();
    parsed.raw().to_string().into_bytes()
}

/// What a Pilox registry answers: a signed list of whatever it calls a handle.
pub(crate) fn catalog(handles: &[&str], issued: WallMs, key: &SecretKey) -> Value {
    let kid = Kid::parse("registry-catalog").unwrap();
    let brand = proto_types::pilox::Brand::Hive;
    let proof = proto_types::pilox::catalog::CatalogProof::sign(brand, handles, issued, &kid, key);
    json!({ "handles": handles, "catalogProof": proof })
}

/// A handle as one segment of a path.
pub(crate) fn segment(handle: &str) -> String {
    proto_types::path::encode(handle)
}
