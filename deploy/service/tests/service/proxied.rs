//! Attack case 36 on real sockets: proxies that speak the PROXY protocol, proxies that write `Forwarded`, and others that
//! only say so.
//!
//! What they guard: without the question whose network it is anybody may name a client, without the bound of the first
//! header a proxy holds a connection that says nothing, and without the permit that passes on one client has all of its
//! proxy's places.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use deploy_service::{Limits, Network, Security};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::tls::Safe;
use crate::world::{World, brief, read_to_close};

/// 127.0.0.2 is a proxy of ours, and 10.0.0.0/8 are those behind it.
const PROXY: u8 = 2;
/// 127.0.0.3 is none.
const STRANGER: u8 = 3;
/// The bound of case 28.
const CLOSED_WITHIN: Duration = Duration::from_secs(10);

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// A client, the address that it has called, and both ports: version 2 has them so.
const CLIENT_V4: &[u8] = &[192, 0, 2, 7, 198, 51, 100, 1, 0x14, 0x03, 0x01, 0xbb];

fn networks() -> [Network; 2] {
    ["127.0.0.2/32", "10.0.0.0/8"].map(|text| text.parse().unwrap())
}

async fn start(limits: Limits) -> World {
    World::proxied(limits, Security::Plain, &networks()).await
}

/// A connection from an address of this machine's own network.
async fn connect(to: SocketAddr, from: u8) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, from), 0))).unwrap();
    let stream = socket.connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

fn version_2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [SIGNATURE, &[command, family], &length[..], block].concat()
}

/// A header that names this client over IPv4.
fn named(client: &str) -> Vec<u8> {
    format!("PROXY TCP4 {client} 198.51.100.1 5123 443\r\n").into_bytes()
}

fn request(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}connection: close\r\n\r\n")
}

/// All that is answered to a header and a request.
async fn answer(world: &World, from: u8, header: &[u8], request: &str) -> String {
    let mut stream = connect(world.addr, from).await;
    // Who is refused may be gone before all is written.
    let _ = stream.write_all(&[header, request.as_bytes()].concat()).await;
    read_to_close(&mut stream).await
}

fn body(answer: &str) -> &str {
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer.split_once("\r\n\r\n").unwrap().1
}

/// Headers, and the client that each names, if it is not the proxy itself.
fn headers() -> Vec<(Vec<u8>, Option<&'static str>)> {
    let tcp_v6 =
        [&[0x20_u8, 0x01, 0x0d, 0xb8][..], &[0; 12], &[0; 16], &[0x14, 0x03, 0, 1]].concat();
    let with_more = [CLIENT_V4, &[0x04, 0, 3, 1, 2, 3]].concat();
    vec![
        (named("192.0.2.7"), Some("192.0.2.7")),
        (b"PROXY TCP6 2001:db8::7 ::1 5123 443\r\n".to_vec(), Some("2001:db8::7")),
        (version_2(0x21, 0x11, CLIENT_V4), Some("192.0.2.7")),
        (version_2(0x21, 0x11, &with_more), Some("192.0.2.7")),
        (version_2(0x21, 0x21, &tcp_v6), Some("2001:db8::")),
        (b"PROXY UNKNOWN\r\n".to_vec(), None),
        (b"PROXY UNKNOWN 192.0.2.7 198.51.100.1 5123 443\r\n".to_vec(), None),
        (version_2(0x20, 0x11, CLIENT_V4), None),
        (version_2(0x20, 0x00, b""), None),
        (version_2(0x21, 0x00, CLIENT_V4), None),
        (version_2(0x21, 0x31, &[b'/'; 216]), None),
    ]
}

/// Holds that the connection counts as the named client's, or as the proxy's own.
fn is_of(told: &str, client: Option<&str>, header: &[u8]) {
    assert_eq!(told, client.unwrap_or("127.0.0.2"), "{header:?}");
}

#[tokio::test]
async fn a_connection_is_of_the_client_that_its_proxy_names() {
    let world = start(brief()).await;
    for (header, client) in headers() {
        let answer = answer(&world, PROXY, &header, &request("/who", "")).await;
        is_of(body(&answer), client, &header);
    }
}

#[tokio::test]
async fn a_header_may_come_in_pieces() {
    let world = start(Limits::default()).await;
    for (header, client) in headers() {
        let mut stream = connect(world.addr, PROXY).await;
        for byte in [&header[..], request("/who", "").as_bytes()].concat() {
            stream.write_all(&[byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        is_of(body(&read_to_close(&mut stream).await), client, &header);
    }
}

/// A handshake on a connection whose header has been sent.
async fn shake(stream: TcpStream, safe: &Safe) -> TlsStream<TcpStream> {
    let authority = std::fs::read(safe.path("ca.crt")).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(&authority).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap()
}

#[tokio::test]
async fn a_header_stands_before_the_handshake_of_tls() {
    let safe = Safe::new("a.example");
    let security = Security::open(Some(safe.server("gateway/g1"))).unwrap();
    let world = World::proxied(Limits::default(), security, &networks()).await;
    for (header, client) in headers() {
        let mut stream = connect(world.addr, PROXY).await;
        stream.write_all(&header).await.unwrap();
        let mut stream = shake(stream, &safe).await;
        stream.write_all(request("/who", "").as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // Its end is a closed socket: HTTP says where the answer ends.
        let _ = stream.read_to_end(&mut answer).await;
        is_of(body(&String::from_utf8(answer).unwrap()), client, &header);
    }
    let clear = answer(&world, PROXY, &named("192.0.2.7"), &request("/who", "")).await;
    assert!(!clear.contains("HTTP/1.1"), "clear text gets no answer: {clear}");
}

#[tokio::test]
async fn a_proxy_that_does_not_begin_with_a_header_is_not_answered() {
    let world = start(brief()).await;
    for header in [
        &b""[..],
        b"PROXY TCP4 192.0.2.7 198.51.100.1 5123 65536\r\n",
        b"PROXY TCP4 192.0.2.7 198.51.100.1 5123 443\n",
        b"PROXY TCP6 192.0.2.7 198.51.100.1 5123 443\r\n",
        b"PROXY UNIX\r\n",
        format!("PROXY UNKNOWN {}\r\n", "x".repeat(107)).as_bytes(),
        &version_2(0x11, 0x11, CLIENT_V4)[..],
        &version_2(0x22, 0x11, CLIENT_V4)[..],
        &version_2(0x21, 0x41, CLIENT_V4)[..],
        &version_2(0x21, 0x21, CLIENT_V4)[..],
        &version_2(0x21, 0x11, &CLIENT_V4[..8])[..],
        &version_2(0x21, 0x11, &[0; 5_000])[..],
        b"\r\n\r\n\0\r\nQUIX\n",
    ] {
        let answer = answer(&world, PROXY, header, &request("/who", "")).await;
        assert_eq!(answer, "", "{header:?}");
    }
}

#[tokio::test]
async fn case_36_who_is_no_proxy_names_nobody() {
    let world = start(brief()).await;
    for (header, _) in headers() {
        let answer = answer(&world, STRANGER, &header, &request("/who", "")).await;
        assert!(!answer.contains("HTTP/1.1 200"), "{header:?}: {answer}");
        assert!(answer.starts_with("HTTP/1.1 400"), "{header:?}: {answer}");
    }
    let answer = answer(&world, STRANGER, b"", &request("/who", "")).await;
    assert_eq!(body(&answer), "127.0.0.3", "it counts as itself");
}

#[tokio::test]
async fn a_header_that_is_slow_is_closed() {
    let world = start(brief()).await;
    let whole = named("192.0.2.7");
    let long = version_2(0x21, 0x11, &[0; 100]);
    for beginning in [&b""[..], b"PROXY ", &whole[..whole.len() - 1], &long[..14], &long[..60]] {
        let started = Instant::now();
        assert_eq!(answer(&world, PROXY, beginning, "").await, "");
        assert!(started.elapsed() < CLOSED_WITHIN, "{beginning:?}");
    }
    // A drip would take longer than that for a whole header.
    let started = Instant::now();
    let (mut read, mut write) = connect(world.addr, PROXY).await.into_split();
    let drip = tokio::spawn(async move {
        for byte in long {
            if write.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let _ = read.read_to_end(&mut Vec::new()).await;
    assert!(started.elapsed() < CLOSED_WITHIN);
    drip.abort();
}

#[tokio::test]
async fn connections_count_by_the_client_and_by_the_proxy_until_it_has_named_one() {
    let world = start(Limits { connections_per_address_max: 1, ..Limits::default() }).await;
    let mut held = Vec::new();
    for client in ["192.0.2.7", "192.0.2.8", "192.0.2.9"] {
        let mut stream = connect(world.addr, PROXY).await;
        stream.write_all(&named(client)).await.unwrap();
        stream.write_all(b"GET /livez HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut begin = [0; 12];
        stream.read_exact(&mut begin).await.unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200", "{client}");
        held.push(stream);
    }
    let again = answer(&world, PROXY, &named("192.0.2.8"), "").await;
    assert!(again.starts_with("HTTP/1.1 429"), "a client has its share: {again}");
    let silent = connect(world.addr, PROXY).await;
    let beside = read_to_close(&mut connect(world.addr, PROXY).await).await;
    assert!(beside.starts_with("HTTP/1.1 429"), "the proxy has its share: {beside}");
    drop(silent);
    // The permit comes back once the server has seen the close; each try is a new connection.
    let mut fresh = String::new();
    while !fresh.contains("200 OK") {
        fresh = answer(&world, PROXY, &named("192.0.2.10"), &request("/livez", "")).await;
    }
}

const FORWARDED: &str = "forwarded: for=198.51.100.9\r\n";
const X_FORWARDED_FOR: &str = "x-forwarded-for: 198.51.100.9\r\n";

#[tokio::test]
async fn case_36_headers_of_http_are_believed_of_the_address_that_the_proxy_names() {
    let world = start(brief()).await;
    for (header, expected) in [
        (named("10.0.0.1"), "198.51.100.9"),
        (named("192.0.2.7"), "192.0.2.7"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.2"),
        (version_2(0x20, 0, b""), "127.0.0.2"),
    ] {
        for forwarded in [FORWARDED, X_FORWARDED_FOR] {
            let answer = answer(&world, PROXY, &header, &request("/who", forwarded)).await;
            assert_eq!(body(&answer), expected, "{header:?}");
        }
    }
    let answer = answer(&world, STRANGER, b"", &request("/who", FORWARDED)).await;
    assert_eq!(body(&answer), "127.0.0.3");
}

#[tokio::test]
async fn case_36_headers_of_http_are_believed_of_trusted_proxies_alone() {
    let world = World::behind(brief(), Security::Plain, &networks()).await;
    let differs = "forwarded: for=192.0.2.1\r\nx-forwarded-for: 198.51.100.9\r\n";
    for (from, headers, expected) in [
        (PROXY, FORWARDED, "198.51.100.9"),
        (PROXY, X_FORWARDED_FOR, "198.51.100.9"),
        (PROXY, "x-forwarded-for: 192.0.2.1, 198.51.100.9, 10.0.0.1\r\n", "198.51.100.9"),
        (PROXY, differs, "127.0.0.2"),
        (PROXY, "", "127.0.0.2"),
        (STRANGER, FORWARDED, "127.0.0.3"),
        (STRANGER, X_FORWARDED_FOR, "127.0.0.3"),
    ] {
        let answer = answer(&world, from, b"", &request("/who", headers)).await;
        assert_eq!(body(&answer), expected, "{from} {headers}");
    }
    let answer = answer(&world, PROXY, &named("192.0.2.7"), &request("/who", "")).await;
    assert!(answer.starts_with("HTTP/1.1 400"), "nobody has turned that on: {answer}");
}
