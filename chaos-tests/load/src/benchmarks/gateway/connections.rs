//! The memory of one gateway: with idle connections, and with streams that an agent's server feeds every second.
//! It decides what idle and streaming are. It must never count a connection that has ended when the memory is looked at.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chaos_cluster::peer::Peer;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::baseline::upstream;
use crate::benchmarks::run::Run;
use crate::descriptors;
use crate::environment::{ATTACHED, Environment};
use crate::report::whole;
use crate::usage::resident;

/// What the target is stated for.
const IDLE: usize = 10_000;
/// Each is a call under way, with a connection to the agent's server too.
const STREAMS: usize = 1_000;
/// Connections that are opened at once.
const OPENERS: usize = 32;
/// Descriptors for everything else that the generator and the gateway have open.
const SPARE: usize = 1_000;
/// After the last connection was opened, or closed, until memory is looked at. An idle connection is closed after 10 s, so that the
/// first one must not have waited that long.
const REST: Duration = Duration::from_secs(2);

/// What was found with so many connections.
struct Found {
    what: &'static str,
    /// Those that were open.
    open: usize,
    bytes: u64,
}

pub(super) async fn run(run: &mut Run) -> Result<()> {
    println!("\nconnections: resident memory of one gateway");
    let granted = descriptors::granted();
    if granted < (IDLE + SPARE) as u64 {
        let needed = whole((IDLE + SPARE) as f64);
        println!(
            "  NOT measured: a process may have {granted} files open here, {needed} are needed"
        );
        return Ok(());
    }
    let gateway = pid(&run.environment)?;
    let mut all = vec![found("before", 0, gateway)?];
    all.push(idle(run, gateway).await?);
    tokio::time::sleep(REST).await;
    all.push(found("idle ones closed", 0, gateway)?);
    let (streaming, events) = streaming(run, gateway).await?;
    all.push(streaming);
    tokio::time::sleep(REST).await;
    all.push(found("streams closed", 0, gateway)?);
    for at in &all {
        print(at, &all[0]);
    }
    println!("  events       {} told on the streams in {:?}", whole(events as f64), run.length);
    let figures = all.iter().map(|at| json!([at.what, at.open, at.bytes])).collect::<Vec<_>>();
    println!("{}", json!({ "work": "connections", "found": figures, "events": events }));
    run.environment.world.check_alive()
}

fn print(at: &Found, before: &Found) {
    let mib = at.bytes as f64 / 1_048_576.0;
    let mut line = format!("  {:<18} {:>6} open   {mib:>7.1} MiB", at.what, whole(at.open as f64));
    if at.open > 0 {
        let each = at.bytes.saturating_sub(before.bytes) as f64 / at.open as f64 / 1_024.0;
        line += &format!("   {each:.1} KiB more for each");
    }
    println!("{line}");
}

fn found(what: &'static str, open: usize, gateway: u32) -> Result<Found> {
    Ok(Found { what, open, bytes: resident(gateway)? })
}

fn pid(environment: &Environment) -> Result<u32> {
    let process = environment.world.gateways.first().and_then(|gateway| gateway.process.as_ref());
    Ok(process.context("the gateway is not up")?.id())
}

fn address(environment: &Environment) -> Result<SocketAddr> {
    let address = environment.gateway().trim_start_matches("http://");
    address.parse().with_context(|| format!("{address} is no address and port"))
}

/// Connections that have had an answer and say nothing more.
async fn idle(run: &Run, gateway: u32) -> Result<Found> {
    let address = address(&run.environment)?;
    let request = format!("GET /livez HTTP/1.1\r\nhost: {address}\r\n\r\n");
    let connections = open_all(address, vec![request; IDLE]).await?;
    tokio::time::sleep(REST).await;
    let bytes = resident(gateway)?;
    let open = connections.iter().filter(|connection| is_open(connection)).count();
    Ok(Found { what: "idle", open, bytes })
}

/// Streams that are read all the while; how many events came on them.
async fn streaming(run: &Run, gateway: u32) -> Result<(Found, u64)> {
    let address = address(&run.environment)?;
    let requests = (0..STREAMS).map(|at| streamed(&run.environment.peer, address, at));
    let connections = open_all(address, requests.collect::<Result<_>>()?).await?;
    let (events, mut readers) = (Arc::new(AtomicU64::new(0)), JoinSet::new());
    for connection in connections {
        readers.spawn(read(connection, Arc::clone(&events)));
    }
    tokio::time::sleep(run.length).await;
    let bytes = resident(gateway)?;
    while readers.try_join_next().is_some() {}
    let found = Found { what: "streaming", open: readers.len(), bytes };
    readers.shutdown().await;
    Ok((found, events.load(Ordering::Relaxed)))
}

/// The request for a stream, of the next agent in turn.
fn streamed(peer: &Peer, gateway: SocketAddr, at: usize) -> Result<String> {
    let token = peer.token(&format!("http://{gateway}"))?;
    let (agent, body) = (ATTACHED[at % ATTACHED.len()], upstream::request("SendStreamingMessage"));
    Ok(format!(
        "POST /agents/{agent} HTTP/1.1\r\nhost: {gateway}\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\na2a-version: 1.0\r\naccept: text/event-stream\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    ))
}

/// Sends each request on a connection of its own, and waits until its answer has begun.
async fn open_all(address: SocketAddr, requests: Vec<String>) -> Result<Vec<TcpStream>> {
    let mut openers = JoinSet::new();
    for part in requests.chunks(requests.len().div_ceil(OPENERS).max(1)) {
        let part = part.to_vec();
        openers.spawn(async move {
            let mut opened = Vec::new();
            for request in part {
                opened.push(open(address, &request).await?);
            }
            anyhow::Ok(opened)
        });
    }
    let mut opened = Vec::new();
    while let Some(part) = openers.join_next().await {
        opened.append(&mut part??);
    }
    Ok(opened)
}

async fn open(address: SocketAddr, request: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await.context("no connection")?;
    stream.write_all(request.as_bytes()).await?;
    let (mut buffer, mut read) = ([0; 4_096], 0);
    while !is_begun(&buffer[..read]) {
        let more = stream.read(&mut buffer[read..]).await?;
        ensure!(more > 0, "not answered: {}", String::from_utf8_lossy(&buffer[..read]));
        read += more;
    }
    ensure!(is_good(&buffer[..read]), "{}", String::from_utf8_lossy(&buffer[..read]));
    Ok(stream)
}

/// Whether the head of an answer is there.
fn is_begun(answer: &[u8]) -> bool {
    answer.windows(4).any(|part| part == b"\r\n\r\n")
}

fn is_good(answer: &[u8]) -> bool {
    answer.starts_with(b"HTTP/1.1 200 ")
}

/// Reads until the stream ends, and counts its events.
async fn read(mut stream: TcpStream, events: Arc<AtomicU64>) {
    let mut buffer = [0; 4_096];
    while let Ok(read @ 1..) = stream.read(&mut buffer).await {
        events.fetch_add(count(&buffer[..read]), Ordering::Relaxed);
    }
}

/// Events in what has come. One that comes in two pieces may be missed.
fn count(chunk: &[u8]) -> u64 {
    chunk.windows(5).filter(|part| *part == b"data:").count() as u64
}

/// Whether the other side has not closed it. What is left of an answer is read.
fn is_open(stream: &TcpStream) -> bool {
    match stream.try_read(&mut [0; 1_024]) {
        Ok(read) => read > 0,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_good_if_it_says_so_and_its_events_are_counted() {
        let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        assert!(is_begun(head) && is_good(head));
        assert!(!is_begun(&head[..head.len() - 1]));
        assert!(!is_good(b"HTTP/1.1 503 Service Unavailable\r\n\r\n"));
        assert_eq!(count(b"data: {}\n\ndata: {}\n\n: a comment\n\n"), 2);
        assert_eq!(count(b""), 0);
    }

    #[tokio::test]
    async fn a_connection_that_the_other_side_has_closed_is_not_open() {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (other, _) = listener.accept().await.unwrap();
        assert!(is_open(&stream));
        drop(other);
        stream.readable().await.unwrap();
        assert!(!is_open(&stream));
    }
}
