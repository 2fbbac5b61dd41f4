//! The HTTP floor: hyper and nothing else, in a process of its own, on the servers' cores.
//! It decides nothing. It must never outlive the process that started it.

use std::convert::Infallible;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use crate::cores;
use crate::drive::{self, Pace, Pool};
use crate::web::{self, Web};

/// What it answers, always.
const ANSWER: &[u8] = b"hello, world\n";

/// The server's process, and clients of it.
pub(crate) struct Hello {
    base: String,
    clients: Vec<Web>,
    // Last, so that the clients leave first.
    process: Server,
}

/// Ends with its owner.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        // It may be gone already; then both calls fail, and that is as wished.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Hello {
    /// Starts the server on the cores that this process has now, and connects clients.
    ///
    /// # Errors
    /// It does not start.
    pub(crate) async fn start(clients: usize) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("floor-http").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = Server(command.spawn()?);
        let output = process.0.stdout.take().context("the floor's server has no output")?;
        let mut base = String::new();
        BufReader::new(output.take(100)).read_line(&mut base)?;
        let base = base.trim_end().to_owned();
        let clients =
            web::clients(&base, clients, |status, body| status == StatusCode::OK && body == ANSWER)
                .await?;
        Ok(Self { base, clients, process })
    }

    /// One closed-loop turn: answers, and the CPU time of the server.
    ///
    /// # Errors
    /// The server is gone, or an answer is not the expected one.
    pub(crate) async fn turn(&mut self, length: Duration) -> Result<(u64, Duration)> {
        let pool = Pool::again(vec![web::shot(Method::GET, &self.base, "/", None, Bytes::new())?]);
        let before = cores::used(self.process.0.id())?;
        let clients = std::mem::take(&mut self.clients);
        let (clients, turn) = drive::run(clients, pool, Pace::Closed, length).await?;
        self.clients = clients;
        anyhow::ensure!(turn.tally.failed == 0, "the floor's server failed: {:?}", turn.tally.why);
        Ok((turn.tally.done(), cores::used(self.process.0.id())?.saturating_sub(before)))
    }
}

/// Serves until standard input ends: then whoever started it is gone.
///
/// # Errors
/// It cannot listen.
pub(crate) async fn serve() -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    println!("http://{}", listener.local_addr()?);
    let mut owner = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0]));
    loop {
        tokio::select! {
            _ = &mut owner => return Ok(()),
            accepted = listener.accept() => {
                tokio::spawn(connection(accepted?.0));
            }
        }
    }
}

async fn connection(stream: TcpStream) {
    let answer = service_fn(async |_| {
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(ANSWER))))
    });
    // Without its delay a client of a kept connection would wait for it; an error is the client's
    // leaving.
    if stream.set_nodelay(true).is_ok() {
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
    }
}
