//! The HTTP baselines: hyper and nothing else, or axum and nothing else, in a process of its own, on the servers' cores. It
//! must never outlive the process that started it.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::Result;
use axum::serve::ListenerExt as _;
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::rate::Rate;
use super::server::{self, Server};
use crate::cores;
use crate::drive::{self, Pace, Pool};
use crate::web::{self, Web};

/// What it answers, always.
const ANSWER: &[u8] = b"hello, world\n";

/// What the baseline is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// hyper's own HTTP/1 server.
    Hyper,
    /// A router of axum with one route, on its own server.
    Axum,
}

impl Kind {
    fn argument(self) -> &'static str {
        match self {
            Self::Hyper => "baseline-http",
            Self::Axum => "baseline-axum",
        }
    }
}

/// The server's process, and clients of it.
pub(crate) struct Hello {
    kind: Kind,
    base: String,
    clients: Vec<Web>,
    // Last, so that the clients leave first.
    process: Server,
}

impl Hello {
    /// Starts the server on the cores that this process has now, and connects clients.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) async fn start(kind: Kind, clients: usize) -> Result<Self> {
        let (process, base) = Server::part(&[kind.argument()])?;
        let clients =
            web::clients(&base, clients, |status, body| status == StatusCode::OK && body == ANSWER)
                .await?;
        Ok(Self { kind, base, clients, process })
    }

    /// What it is, in words.
    pub(crate) fn name(&self) -> &'static str {
        match self.kind {
            Kind::Hyper => "hello world of a bare hyper server, 64 clients and connections",
            Kind::Axum => "hello world of a bare axum server, 64 clients and connections",
        }
    }

    /// One closed-loop turn: answers, and the CPU time of the server.
    ///
    /// # Errors
    /// The server is gone, or an answer is not the expected one.
    pub(crate) async fn turn(&mut self, length: Duration, so_far: &mut Rate) -> Result<()> {
        let pool = Pool::again(vec![web::shot(Method::GET, &self.base, "/", None, Bytes::new())?]);
        let before = cores::used(self.process.id())?;
        let clients = std::mem::take(&mut self.clients);
        let (clients, turn) = drive::run(clients, pool, Pace::Closed, length).await?;
        self.clients = clients;
        anyhow::ensure!(
            turn.tally.failed == 0,
            "the baseline's server failed: {:?}",
            turn.tally.why
        );
        let used = cores::used(self.process.id())?.saturating_sub(before);
        so_far.add(turn.tally.done(), turn.elapsed, used);
        Ok(())
    }
}

/// Serves until standard input ends: then whoever started it is gone.
///
/// # Errors
/// It cannot listen.
pub(crate) async fn serve(kind: Kind) -> Result<()> {
    if kind == Kind::Hyper {
        return server::serve(connection).await;
    }
    let listener = server::listen().await?;
    let router = axum::Router::new().route("/", axum::routing::get(async || ANSWER));
    tokio::select! {
        () = server::orphaned() => Ok(()),
        served = axum::serve(listener.tap_io(undelayed), router) => Ok(served?),
    }
}

/// Without its delay a client of a kept connection would wait for it; a failure is the client's
/// leaving.
fn undelayed(stream: &mut TcpStream) {
    let _ = stream.set_nodelay(true);
}

async fn connection(stream: TcpStream) {
    let answer = service_fn(async |_| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(ANSWER))))
    });
    // An error is the client's leaving.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}
