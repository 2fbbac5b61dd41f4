//! A hostile HTTP/2 client: bodies that never end, and answers that nobody reads; and what its victims notice of it. What it
//! sends is one static block, so that what the process holds is the server's.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

static BLOCK: [u8; 64 << 10] = [b' '; 64 << 10];

/// A body that begins, goes on for some bytes, and never ends.
pub(crate) struct Unending {
    begin: Bytes,
    /// What it goes on with, again and again.
    block: &'static [u8],
    left: usize,
}

impl Unending {
    pub(crate) fn new(begin: &'static [u8], bytes: usize) -> Self {
        Self::of(Bytes::from_static(begin), &BLOCK, bytes)
    }

    /// One gRPC message that is a byte short.
    pub(crate) fn message(bytes: u32) -> Self {
        let [a, b, c, d] = (bytes + 1).to_be_bytes();
        Self::of(Bytes::from(vec![0, a, b, c, d]), &BLOCK, bytes as usize)
    }

    /// One that goes on with these blocks.
    pub(crate) fn of(begin: Bytes, block: &'static [u8], left: usize) -> Self {
        Self { begin, block, left }
    }
}

impl Body for Unending {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let mut next = std::mem::take(&mut this.begin);
        if next.is_empty() {
            next = Bytes::from_static(&this.block[..this.left.min(this.block.len())]);
            this.left -= next.len();
        }
        if next.is_empty() { Poll::Pending } else { Poll::Ready(Some(Ok(Frame::data(next)))) }
    }
}

/// One connection.
pub(crate) struct Flood {
    send: SendRequest<Unending>,
    connection: JoinHandle<()>,
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Flood {
    /// Connects from an address of this machine's own network; `window` is what each answer may send unread.
    pub(crate) async fn open(to: SocketAddr, from: u8, window: u32) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, from), 0))).unwrap();
        let stream = TokioIo::new(socket.connect(to).await.unwrap());
        let mut builder = Builder::new(TokioExecutor::new());
        let (send, connection) =
            builder.initial_stream_window_size(window).handshake(stream).await.unwrap();
        let connection = tokio::spawn(async move { drop(connection.await) });
        Self { send, connection }
    }

    /// Sends a GET in the background.
    fn get(&self, path: &str) -> JoinHandle<Option<Response<Incoming>>> {
        self.send(Request::get(format!("http://x{path}")).body(Unending::new(b"", 0)).unwrap())
    }

    /// Sends a request in the background; its answer, if there is one.
    pub(crate) fn send(
        &self,
        request: Request<Unending>,
    ) -> JoinHandle<Option<Response<Incoming>>> {
        let mut send = self.send.clone();
        tokio::spawn(async move {
            send.ready().await.ok()?;
            send.send_request(request).await.ok()
        })
    }
}

/// The answers that have come after a while; they are not read.
pub(crate) async fn answered(
    sent: Vec<JoinHandle<Option<Response<Incoming>>>>,
    within: Duration,
) -> Vec<Response<Incoming>> {
    let until = tokio::time::Instant::now() + within;
    let mut answers = Vec::new();
    for each in sent {
        if let Ok(Ok(Some(answer))) = tokio::time::timeout_at(until, each).await {
            answers.push(answer);
        }
    }
    answers
}

/// A victim of another source is answered within this, on a machine that has other things to do.
const PATIENT: Duration = Duration::from_secs(3);

/// From one request of the victim to the next, answered or not: what waits for an answer would ask less the longer it waits.
const PAUSE: Duration = Duration::from_millis(5);

/// So many requests of the victim are a p99 worth the name. A flood that is over before them is held for as long.
const REQUESTS_MIN: usize = 50;

/// What was seen while a flood went on.
pub(crate) struct Seen {
    before_mib: u64,
    most_mib: u64,
    waits: Vec<Duration>,
}

/// The outcome of a flood, and what was seen while it went on; a victim of another source gets `path` again and again.
pub(crate) async fn beside<T>(
    (to, path): (SocketAddr, &str),
    flood: impl Future<Output = T>,
) -> (T, Seen) {
    let victim = Flood::open(to, 9, 1 << 16).await;
    let before_mib = resident_mib();
    let (mut most_mib, mut requests, mut ended) = (before_mib, Vec::new(), None);
    let mut flood = std::pin::pin!(flood);
    let mut pause = tokio::time::interval(PAUSE);
    pause.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while ended.is_none() || requests.len() < REQUESTS_MIN {
        tokio::select! {
            outcome = &mut flood, if ended.is_none() => ended = Some(outcome),
            _ = pause.tick() => requests.push(tokio::spawn(waited(victim.get(path)))),
        }
        most_mib = most_mib.max(resident_mib());
    }
    let mut waits = Vec::new();
    for each in requests {
        waits.push(each.await.expect("the victim is answered"));
    }
    most_mib = most_mib.max(resident_mib());
    (ended.expect("it has ended"), Seen { before_mib, most_mib, waits })
}

/// How long an answer took, counted from this call.
fn waited(sent: JoinHandle<Option<Response<Incoming>>>) -> impl Future<Output = Duration> + Send {
    let began = Instant::now();
    async move {
        let answer = sent.await.unwrap().expect("the victim is answered");
        assert_eq!(answer.status(), StatusCode::OK);
        began.elapsed()
    }
}

impl Seen {
    /// Prints the line of a table of floods, and holds that the process stayed below its ceiling and what a flood costs
    /// besides, and that the victim noticed little.
    #[track_caller]
    pub(crate) fn assert_below(mut self, flood: &str, (ceiling_mib, besides_mib): (u64, u64)) {
        self.waits.sort_unstable();
        let p99 = self.waits[(self.waits.len() * 99).div_ceil(100) - 1];
        let Self { before_mib, most_mib, waits } = &self;
        println!(
            "flood | {flood} | peak {most_mib} MiB, {before_mib} before it | ceiling {ceiling_mib} MiB | \
             victim's p99 {} ms of {} requests",
            p99.as_millis(),
            waits.len()
        );
        let bound = before_mib + ceiling_mib + besides_mib;
        assert!(*most_mib < bound, "{flood}: from {before_mib} to {most_mib} MiB");
        assert!(waits.iter().all(|wait| *wait < PATIENT), "{flood}: {:?}", waits.last());
    }
}

/// MiB that this process holds in memory.
pub(crate) fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() >> 10
}
