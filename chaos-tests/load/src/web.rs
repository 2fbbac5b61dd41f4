//! An HTTP/1.1 client on one kept connection: hyper's own, without a pool, so that it costs little. It looks at an answer
//! only to tell whether it is the expected one.

use std::error::Error;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Body;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::drive::Client;

/// No answer here is larger.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// A request as it is kept in a pool.
pub(crate) type Shot = Request<Full<Bytes>>;

/// Whether an answer is the expected one.
pub(crate) type Expected = fn(StatusCode, &[u8]) -> bool;

/// One connection.
pub(crate) struct Web {
    address: SocketAddr,
    expected: Expected,
    sender: SendRequest<Full<Bytes>>,
}

/// Opens `count` connections to a base URL.
///
/// # Errors
/// It takes none.
pub(crate) async fn clients(base: &str, count: usize, expected: Expected) -> Result<Vec<Web>> {
    let address =
        authority(base).parse().with_context(|| format!("{base} is no address and port"))?;
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(Web { address, expected, sender: connect(address).await? });
    }
    Ok(clients)
}

/// A request to a path below a base URL; with a body it is JSON.
///
/// # Errors
/// The path is none.
pub(crate) fn shot(
    method: Method,
    base: &str,
    path: &str,
    token: Option<&str>,
    body: Bytes,
) -> Result<Shot> {
    let mut request = Request::builder().method(method).uri(path).header(HOST, authority(base));
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    if !body.is_empty() {
        request = request.header(CONTENT_TYPE, "application/json").header("a2a-version", "1.0");
    }
    Ok(request.body(Full::new(body))?)
}

impl Client for Web {
    type Request = Shot;

    async fn send(&mut self, request: Shot) -> Result<(), String> {
        if self.sender.is_closed() {
            self.sender = connect(self.address).await.map_err(|error| format!("{error:#}"))?;
        }
        let (status, body) =
            exchange(&mut self.sender, request).await.map_err(|error| format!("{error:#}"))?;
        if (self.expected)(status, &body) {
            return Ok(());
        }
        Err(format!(
            "{status}: {}",
            String::from_utf8_lossy(&body).chars().take(300).collect::<String>()
        ))
    }
}

async fn exchange(
    sender: &mut SendRequest<Full<Bytes>>,
    request: Shot,
) -> Result<(StatusCode, Bytes)> {
    sender.ready().await?;
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body =
        Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(anyhow::Error::from_boxed)?;
    Ok((head.status, body.to_bytes()))
}

/// A connection for requests with such bodies.
///
/// # Errors
/// Nobody takes it.
pub(crate) async fn connect<B>(address: SocketAddr) -> Result<SendRequest<B>>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let stream = TcpStream::connect(address)
        .await
        .with_context(|| format!("{address} takes no connection"))?;
    stream.set_nodelay(true)?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the sender; a failure shows in the next request.
    tokio::spawn(connection);
    Ok(sender)
}

fn authority(base: &str) -> &str {
    base.trim_start_matches("http://")
}
