//! Names that lead inside, at once or the second time (attack cases 22 and 23).

use std::net::IpAddr;

use registry_fetch::resolve::Table;
use registry_fetch::url::Refused;
use registry_fetch::{Config, FetchError, Request};

use crate::world::{LOOPBACK, Server, dev, named, ok};

const PRIVATE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

fn is_refused(fetched: &Result<registry_fetch::Fetched, FetchError>) -> bool {
    matches!(fetched, Err(FetchError::Refused(Refused::Address { .. })))
}

#[tokio::test]
async fn case_22_a_public_name_of_a_private_address_is_refused_unconnected() {
    let server = Server::start(|_| ok(b"{}")).await;
    for inside in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "fd00::1", "64:ff9b::7f00:1"]
    {
        let table = Table::default().with("peer.example.org", &[inside.parse().unwrap()]);
        let config = Config { ports: vec![server.addr.port()], ..Config::default() };
        let (fetcher, _) = named(config, table);
        let url = format!("https://peer.example.org:{}/", server.addr.port());
        let fetched = fetcher.fetch(Request::get(url)).await;
        assert!(is_refused(&fetched), "{inside}: {fetched:?}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn case_23_one_private_address_among_others_refuses_the_host() {
    let server = Server::start(|_| ok(b"{}")).await;
    let table = Table::default().with("peer.test", &[LOOPBACK, PRIVATE]);
    let (fetcher, _) = named(dev(), table);
    let fetched = fetcher.fetch(Request::get(server.at("peer.test", "/"))).await;
    assert!(is_refused(&fetched), "{fetched:?}");
    assert_eq!(server.connections(), 0);
}

/// Caught: looking the name up once for the check and once more for the connection.
#[tokio::test]
async fn case_23_a_name_that_alternates_is_connected_to_where_it_was_checked() {
    let server = Server::start(|_| ok(b"{}")).await;
    let table = Table::default().with("peer.test", &[LOOPBACK]).with("peer.test", &[PRIVATE]);
    let (fetcher, table) = named(dev(), table);
    let url = server.at("peer.test", "/");
    fetcher.fetch(Request::get(&*url)).await.unwrap();
    assert_eq!((table.lookups("peer.test"), server.connections()), (1, 1));
    let fetched = fetcher.fetch(Request::get(&*url)).await;
    assert!(is_refused(&fetched), "{fetched:?}");
    fetcher.fetch(Request::get(&*url)).await.unwrap();
    assert_eq!((table.lookups("peer.test"), server.connections()), (3, 2));
}

#[tokio::test]
async fn the_host_header_has_the_name_and_not_the_address() {
    let server = Server::start(|head| {
        let host = head.lines().find(|line| line.starts_with("host: ")).unwrap_or_default();
        ok(host.as_bytes())
    })
    .await;
    let (fetcher, _) = named(dev(), Table::default().with("peer.test", &[LOOPBACK]));
    let fetched = fetcher.fetch(Request::get(server.at("peer.test", "/"))).await.unwrap();
    let expected = format!("host: peer.test:{}", server.addr.port());
    assert_eq!(fetched.body, expected);
}
