//! A hostile HTTP/2 client: bodies that never end, and answers that nobody reads.
//!
//! It decides nothing about outcomes. What it sends is one static block, so that what the process holds is the server's.

use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Bytes;
use hyper::body::{Body, Frame, Incoming};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;

static BLOCK: [u8; 64 << 10] = [b' '; 64 << 10];

/// A body that begins, goes on for some bytes, and never ends.
pub(crate) struct Unending {
    begin: Bytes,
    left: usize,
}

impl Unending {
    pub(crate) fn new(begin: &'static [u8], bytes: usize) -> Self {
        Self { begin: Bytes::from_static(begin), left: bytes }
    }

    /// One gRPC message that is a byte short.
    pub(crate) fn message(bytes: u32) -> Self {
        let [a, b, c, d] = (bytes + 1).to_be_bytes();
        Self { begin: Bytes::from(vec![0, a, b, c, d]), left: bytes as usize }
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
            next = Bytes::from_static(&BLOCK[..this.left.min(BLOCK.len())]);
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

/// MiB that this process holds in memory.
pub(crate) fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() >> 10
}
