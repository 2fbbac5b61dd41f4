//! Hosts that take their time (attack case 26).

use std::time::{Duration, Instant};

use registry_fetch::resolve::Table;
use registry_fetch::{Config, FetchError, Request};
use tokio::io::AsyncWriteExt;

use crate::world::{LOOPBACK, Server, dev, local, named, ok};

/// Sends a byte now and then, for ever.
async fn dripping() -> Server {
    Server::with(|mut stream, _| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n").await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}

#[tokio::test]
async fn case_26_a_host_that_drips_is_left_at_the_deadline() {
    let server = dripping().await;
    let mut request = Request::get(server.url("/"));
    request.deadline = Duration::from_millis(300);
    let started = Instant::now();
    let fetched = local().fetch(request).await;
    assert!(matches!(fetched, Err(FetchError::Deadline(_))), "{fetched:?}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
}

#[tokio::test]
async fn case_26_slow_hosts_hold_two_connections_each_and_nobody_else_waits() {
    let slow = dripping().await;
    let good = Server::start(|_| ok(b"{}")).await;
    let table = Table::default().with("slow.test", &[LOOPBACK]).with("good.test", &[LOOPBACK]);
    let (fetcher, _) = named(Config { connections_max: 3, ..dev() }, table);
    let mut held = Vec::new();
    for _ in 0..20 {
        let (fetcher, url) = (fetcher.clone(), slow.at("slow.test", "/"));
        held.push(tokio::spawn(async move { fetcher.fetch(Request::get(url)).await }));
    }
    while slow.connections() < 2 {
        tokio::task::yield_now().await;
    }
    for _ in 0..50 {
        let mut request = Request::get(good.at("good.test", "/"));
        request.deadline = Duration::from_secs(5);
        fetcher.fetch(request).await.unwrap();
    }
    assert_eq!(slow.connections(), 2, "two connections to one host");
    for task in held {
        task.abort();
    }
}

#[tokio::test]
async fn too_many_waiting_fetches_are_refused() {
    let slow = dripping().await;
    let (fetcher, _) = named(Config { connections_max: 1, ..dev() }, Table::default());
    let all: Vec<_> = (0..40)
        .map(|_| {
            let mut request = Request::get(slow.url("/"));
            request.deadline = Duration::from_millis(500);
            let fetcher = fetcher.clone();
            tokio::spawn(async move { fetcher.fetch(request).await })
        })
        .collect();
    let mut busy = 0;
    for task in all {
        busy += usize::from(matches!(task.await.unwrap(), Err(FetchError::Busy)));
    }
    assert_eq!(busy, 8, "32 wait for one connection");
}
