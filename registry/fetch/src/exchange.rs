//! One request and its answer over one connection.
//!
//! It decides what is sent and how much is read. It must never send a header that the caller
//! chose, nor read past the bound.

use std::convert::Infallible;
use std::pin::pin;

use bytes::{Bytes, BytesMut};
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH,
    RETRY_AFTER, USER_AGENT,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use proto_types::metadata::{EPOCH_KEY, LOG_PROOF_KEY, REVISION_KEY};

use crate::connect::Stream;
use crate::decode;
use crate::error::FetchError;
use crate::message::{Fetched, Request};
use crate::url::Target;

/// Who we are, so that an operator who wonders can find out.
const AGENT: &str = concat!("ecumene/", env!("CARGO_PKG_VERSION"), " (federation crawler)");

/// Status line and headers of an answer.
const HEAD_BYTES_MAX: usize = 64 * 1_024;

/// Headers of an answer.
const HEADERS_MAX: usize = 96;

/// The longest etag that is kept.
const ETAG_BYTES_MAX: usize = 256;

const LOG_PROOF: HeaderName = HeaderName::from_static(LOG_PROOF_KEY);
const REVISION: HeaderName = HeaderName::from_static(REVISION_KEY);
const EPOCH: HeaderName = HeaderName::from_static(EPOCH_KEY);

/// A path of 64 hashes and a checkpoint with its cosignatures.
const LOG_PROOF_BYTES_MAX: usize = 16 * 1_024;

/// Sends the request and reads the whole answer.
pub(crate) async fn exchange(
    stream: Box<dyn Stream>,
    target: &Target,
    request: &Request,
) -> Result<Answer, FetchError> {
    let mut http = http1::Builder::new();
    http.max_buf_size(HEAD_BYTES_MAX).max_headers(HEADERS_MAX);
    let (mut sender, connection) =
        http.handshake(TokioIo::new(stream)).await.map_err(FetchError::Http)?;
    let asking = async {
        let response = sender.send_request(head(target, request)?).await;
        let (parts, body) = response.map_err(FetchError::Http)?.into_parts();
        let body = read(&parts.headers, body, request.bytes_max).await?;
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, body })
    };
    // The connection ends before its last bytes are read: then it is the reader's turn alone.
    let driving = async {
        let _ = connection.await;
        std::future::pending::<Infallible>().await
    };
    let (asking, driving) = (pin!(asking), pin!(driving));
    tokio::select! {
        answered = asking => answered,
        never = driving => match never {},
    }
}

fn head(target: &Target, request: &Request) -> Result<http::Request<Full<Bytes>>, FetchError> {
    let body = request.post.clone();
    let method = if body.is_some() { Method::POST } else { Method::GET };
    let mut built = http::Request::builder()
        .method(method)
        .uri(&target.path)
        .header(HOST, target.origin.authority())
        .header(USER_AGENT, AGENT)
        .header(ACCEPT, request.accept)
        .header(ACCEPT_ENCODING, decode::ACCEPTED)
        .header(CONNECTION, "close");
    if body.is_some() {
        built = built.header(CONTENT_TYPE, "application/json");
    }
    if let Some(etag) = request.etag.as_deref().and_then(|etag| HeaderValue::from_str(etag).ok()) {
        built = built.header(IF_NONE_MATCH, etag);
    }
    built
        .body(Full::new(body.unwrap_or_default()))
        .map_err(|_| FetchError::Redirect("to a path that HTTP cannot carry"))
}

async fn read(
    headers: &HeaderMap,
    mut body: Incoming,
    bytes_max: usize,
) -> Result<Bytes, FetchError> {
    let too_large = || FetchError::TooLarge { bytes_max };
    let coding = decode::coding(headers)?;
    let stated = text(headers, CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    if stated.is_some_and(|length| length > bytes_max as u64) {
        return Err(too_large());
    }
    let mut packed = BytesMut::new();
    while let Some(frame) = body.frame().await {
        // Trailers say nothing that we ask for.
        let Ok(data) = frame.map_err(FetchError::Http)?.into_data() else { continue };
        if packed.len() + data.len() > bytes_max {
            return Err(too_large());
        }
        packed.extend_from_slice(&data);
    }
    let packed = packed.freeze();
    if coding == decode::Coding::Plain {
        return Ok(packed);
    }
    let unpacking = tokio::task::spawn_blocking(move || decode::unpack(coding, packed, bytes_max));
    unpacking.await.unwrap_or(Err(FetchError::Encoding("unpacking it ended early")))
}

/// An answer as it came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn text(&self, name: HeaderName) -> Option<&str> {
        text(&self.headers, name)
    }

    pub(crate) fn into_fetched(self, target: &Target) -> Fetched {
        let etag = self.text(ETAG).filter(|etag| etag.len() <= ETAG_BYTES_MAX).map(str::to_owned);
        let content_type = self
            .text(CONTENT_TYPE)
            .map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
        let number = |name| self.text(name).and_then(|digits| digits.parse::<u64>().ok());
        let (revision, epoch) = (number(REVISION), number(EPOCH));
        let retry_after_s = number(RETRY_AFTER);
        let log_proof = self.text(LOG_PROOF).filter(|proof| proof.len() <= LOG_PROOF_BYTES_MAX);
        let log_proof = log_proof.map(str::to_owned);
        let (url, status, body) = (target.url(), self.status, self.body);
        Fetched { url, status, etag, content_type, log_proof, revision, epoch, retry_after_s, body }
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
