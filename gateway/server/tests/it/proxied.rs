//! Attack case 36 at a gateway: the limit of an address where a proxy stands between, and where somebody only says so.
//!
//! Caught: an address that was taken from `X-Forwarded-For` of whoever sent it, so that a rotated header passed the limit
//! each time.

use std::net::{Ipv4Addr, SocketAddr};

use axum::body::Body;
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::time::timeout;

use crate::world::{PATIENCE, World};

const CARD: &str = "/.well-known/agent-card.json";

/// Requests of one address that come at once. Those that wait for readiness are among them.
const BURST: u32 = 300;

/// More than that, and than come about meanwhile.
const MANY: usize = 400;

/// A gateway whose addresses have that share, behind the proxies of a network if there is one.
async fn limited(proxies: Option<&str>, proxy_protocol: bool) -> World {
    World::with(|config| {
        config.bounds.address_requests_per_second = 1;
        config.bounds.address_burst = BURST;
        config.trusted_proxies = proxies.iter().map(|text| text.parse().unwrap()).collect();
        config.proxy_protocol = proxy_protocol;
    })
    .await
}

async fn status(world: &World, name: &str, value: &str) -> StatusCode {
    let request = Request::get(CARD).header(name, value).body(Body::empty());
    world.gateway.send(request.unwrap()).await.status()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_36_a_header_that_rotates_gains_nothing_where_no_proxy_is_trusted() {
    let world = limited(None, false).await;
    let mut refused = 0;
    for hop in 0..MANY {
        let address = format!("198.51.{}.{}", hop / 250, hop % 250);
        let status = match hop % 2 {
            0 => status(&world, "x-forwarded-for", &address).await,
            _ => status(&world, "forwarded", &format!("for={address}")).await,
        };
        refused += usize::from(status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused > 0, "one address has sent {MANY} requests");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_36_each_client_of_a_trusted_proxy_has_its_own_limit_whatever_it_writes_before() {
    let world = limited(Some("127.0.0.0/8"), false).await;
    let mut refused = 0;
    for hop in 0..MANY {
        let path = format!("198.51.100.{}, 192.0.2.1", hop % 250);
        let status = status(&world, "x-forwarded-for", &path).await;
        refused += usize::from(status == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused > 0, "one client has sent {MANY} requests");
    assert_eq!(status(&world, "forwarded", "for=192.0.2.1").await, StatusCode::TOO_MANY_REQUESTS);
    for other in ["192.0.2.2", "198.51.100.1"] {
        assert_eq!(status(&world, "x-forwarded-for", other).await, StatusCode::OK, "{other}");
    }
}

/// How many of so many requests on one connection were let in, and how many refused, of a client that the proxy at
/// 127.0.0.2 names.
async fn answered(world: &World, client: &str, requests: usize) -> (usize, usize) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0))).unwrap();
    let mut stream = socket.connect(world.gateway.addr).await.unwrap();
    let header = format!("PROXY TCP4 {client} 127.0.0.1 5123 443\r\n");
    let one = format!("GET {CARD} HTTP/1.1\r\nhost: x\r\n\r\n");
    let last = format!("GET {CARD} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let sent = format!("{header}{}{last}", one.repeat(requests - 1));
    stream.write_all(sent.as_bytes()).await.unwrap();
    let mut answers = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answers)).await.unwrap().unwrap();
    let answers = String::from_utf8(answers).unwrap();
    (answers.matches("HTTP/1.1 200").count(), answers.matches("HTTP/1.1 429").count())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn case_36_each_client_that_a_proxy_names_by_the_proxy_protocol_has_its_own_limit() {
    let world = limited(Some("127.0.0.2/32"), true).await;
    let (served, refused) = answered(&world, "192.0.2.1", MANY).await;
    assert!(served >= BURST as usize && refused > 0, "{served} served, {refused} refused");
    assert_eq!(answered(&world, "192.0.2.2", 10).await, (10, 0));
    let (_, refused) = answered(&world, "192.0.2.1", 10).await;
    assert!(refused > 0, "another connection is the same client's");
}
