//! The least that does to a plain call what a gateway does, on hyper alone: an Ed25519 signature, single use, a rate, and the call
//! passed on. One issuer, one key and one upstream. It decides what the ceiling is that a gateway is held against. It must never
//! do less than check all three, nor more.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use chaos_cluster::peer::now_ms;
use clap::Args;
use gateway_core::gcra::{Cell, Quota};
use http::header::AUTHORIZATION;
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use proto_types::{MonoUs, PublicKey, WallMs, base64url};
use serde::Deserialize;
use tokio::net::TcpStream;

use super::server;
use crate::web;

/// How it is called on the command line.
pub(super) const PART: &str = "prototype";
/// Tokens that are remembered: more than a run shows. Beyond that all are refused, so that none is forgotten.
const SPENT_MAX: usize = 1 << 20;
/// What a gateway is told in `bounds.rs`, in its window.
const REQUESTS: u32 = 10_000_000;
const WINDOW_US: u64 = 60_000_000;
/// To whoever shows no token that is good: it is not told why.
const DENIED: StatusCode = StatusCode::UNAUTHORIZED;

/// What it is told.
#[derive(Args, Clone, Debug)]
pub(crate) struct Settings {
    /// Where calls go.
    #[arg(long)]
    upstream: SocketAddr,
    /// For whom tokens have to be.
    #[arg(long)]
    audience: String,
    /// Whose tokens are taken.
    #[arg(long)]
    issuer: String,
    /// The issuer's public key, in hexadecimal digits.
    #[arg(long)]
    key: String,
}

/// Serves until standard input ends.
///
/// # Errors
/// The key is none, or it cannot listen.
pub(crate) async fn serve(settings: Settings) -> Result<()> {
    let checks = Arc::new(Checks::new(settings)?);
    server::serve(move |stream| connection(Arc::clone(&checks), stream)).await
}

struct Checks {
    settings: Settings,
    key: PublicKey,
    quota: Quota,
    rate: Cell,
    spent: Mutex<HashSet<String>>,
    begun: Instant,
}

#[derive(Deserialize)]
struct Header<'a> {
    alg: &'a str,
}

#[derive(Deserialize)]
struct Claims<'a> {
    iss: &'a str,
    aud: &'a str,
    jti: &'a str,
    exp: u64,
}

impl Checks {
    fn new(settings: Settings) -> Result<Self> {
        let key = PublicKey::from_hex(&settings.key)?;
        let quota = Quota::new(REQUESTS, WINDOW_US).context("the quota is zero")?;
        let (rate, spent, begun) = (Cell::default(), Mutex::default(), Instant::now());
        Ok(Self { settings, key, quota, rate, spent, begun })
    }

    fn lets_in(&self, request: &Request<Incoming>) -> Result<(), StatusCode> {
        let value = request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = value.and_then(|value| value.strip_prefix("Bearer ")).ok_or(DENIED)?;
        let mono_us = u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.admit(token, WallMs(now_ms()), MonoUs(mono_us))
    }

    fn admit(&self, token: &str, now: WallMs, mono: MonoUs) -> Result<(), StatusCode> {
        let (signed, signature) = token.rsplit_once('.').ok_or(DENIED)?;
        let (header, claims) = signed.split_once('.').ok_or(DENIED)?;
        let (header, claims, signature) = (decode(header)?, decode(claims)?, decode(signature)?);
        let (header, claims): (Header<'_>, Claims<'_>) = (read(&header)?, read(&claims)?);
        let fits = header.alg == "EdDSA"
            && claims.iss == self.settings.issuer
            && claims.aud == self.settings.audience
            && now < WallMs::from_secs(claims.exp);
        if !fits {
            return Err(DENIED);
        }
        self.key.verify(signed.as_bytes(), &signature).map_err(|_| DENIED)?;
        self.rate.check(mono, self.quota).map_err(|_| StatusCode::TOO_MANY_REQUESTS)?;
        self.spend(claims.jti)
    }

    fn spend(&self, jti: &str) -> Result<(), StatusCode> {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.len() >= SPENT_MAX {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        spent.insert(jti.to_owned()).then_some(()).ok_or(DENIED)
    }
}

fn decode(part: &str) -> Result<Vec<u8>, StatusCode> {
    base64url::decode(part).map_err(|_| DENIED)
}

fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, StatusCode> {
    serde_json::from_slice(json).map_err(|_| DENIED)
}

/// The way to the upstream of one client's connection, which has one call at a time.
type Sender = Arc<tokio::sync::Mutex<SendRequest<Incoming>>>;

/// A client that leaves, and an upstream that is gone, end both connections.
async fn connection(checks: Arc<Checks>, stream: TcpStream) {
    let Ok(sender) = web::connect::<Incoming>(checks.settings.upstream).await else { return };
    let sender: Sender = Arc::new(tokio::sync::Mutex::new(sender));
    let service =
        service_fn(move |request| forward(Arc::clone(&checks), Arc::clone(&sender), request));
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn forward(
    checks: Arc<Checks>,
    sender: Sender,
    mut request: Request<Incoming>,
) -> hyper::Result<Response<Either<Incoming, Full<Bytes>>>> {
    if let Err(status) = checks.lets_in(&request) {
        let mut refused = Response::new(Either::Right(Full::default()));
        *refused.status_mut() = status;
        return Ok(refused);
    }
    request.headers_mut().remove(AUTHORIZATION);
    let mut sender = sender.lock().await;
    sender.ready().await?;
    Ok(sender.send_request(request).await?.map(Either::Left))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use chaos_cluster::peer::Peer;

    use super::*;

    const AUDIENCE: &str = "https://gateway.example";

    fn checks(peer: &Peer) -> Checks {
        let (issuer, key) = (peer.origin.to_string(), peer.key.public().to_hex());
        let upstream = SocketAddr::from(([127, 0, 0, 1], 1));
        Checks::new(Settings { upstream, audience: AUDIENCE.to_owned(), issuer, key }).unwrap()
    }

    #[test]
    fn a_token_is_good_once_for_its_audience_by_its_key_and_in_its_time() {
        let peer = Peer::new("https://bench.example").unwrap();
        let (checks, now) = (checks(&peer), WallMs(now_ms()));
        let admit = |token: &str, now| checks.admit(token, now, MonoUs(1));
        let token = peer.token(AUDIENCE).unwrap();
        assert_eq!(admit(&token, now.plus_ms(120_000)), Err(DENIED), "its time is over");
        assert_eq!(admit(&token, now), Ok(()));
        assert_eq!(admit(&token, now), Err(DENIED), "it is spent");
        let elsewhere = peer.token("https://other.example").unwrap();
        assert_eq!(admit(&elsewhere, now), Err(DENIED), "another's audience");
        let forged = Peer::new("https://bench.example").unwrap().token(AUDIENCE).unwrap();
        assert_eq!(admit(&forged, now), Err(DENIED), "another key");
        let stranger = Peer::new("https://stranger.example").unwrap().token(AUDIENCE).unwrap();
        assert_eq!(admit(&stranger, now), Err(DENIED), "another issuer");
        for broken in ["", "a.b", "a.b.c"] {
            assert_eq!(admit(broken, now), Err(DENIED), "{broken:?}");
        }
    }

    #[test]
    fn who_is_too_fast_is_refused_and_the_token_is_not_spent() {
        let peer = Peer::new("https://bench.example").unwrap();
        let mut checks = checks(&peer);
        checks.quota = Quota::new(1, WINDOW_US).unwrap();
        let (first, second) = (peer.token(AUDIENCE).unwrap(), peer.token(AUDIENCE).unwrap());
        let (now, mono) = (WallMs(now_ms()), MonoUs(1));
        assert_eq!(checks.admit(&first, now, mono), Ok(()));
        assert_eq!(checks.admit(&second, now, mono), Err(StatusCode::TOO_MANY_REQUESTS));
        assert_eq!(checks.admit(&second, now, mono.plus_us(WINDOW_US)), Ok(()));
    }
}
