//! A listener in the place of a member: it answers every call in one way, over gRPC and HTTP.

use std::convert::Infallible;
use std::future::ready;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use registry_api::Code;
use tokio::net::{TcpListener, TcpStream};

/// How it answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    /// With an empty message, or an empty page.
    Answers,
    /// So too, but a POST later than a command waits without a sign of life.
    Works,
    /// With this code.
    Refuses(Code),
    /// It takes the call and breaks off.
    Breaks,
    /// It takes the connection and says nothing.
    Hangs,
}

/// It serves until the runtime ends.
pub(crate) struct Member {
    pub(crate) url: String,
    calls: Arc<AtomicUsize>,
}

impl Member {
    pub(crate) async fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(AtomicUsize::new(0));
        tokio::spawn(serve(listener, manner, Arc::clone(&calls)));
        Self { url, calls }
    }

    /// How many calls it has taken.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

async fn serve(listener: TcpListener, manner: Manner, calls: Arc<AtomicUsize>) {
    let mut held = Vec::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        match manner {
            Manner::Hangs => held.push(stream),
            _ => drop(tokio::spawn(talk(stream, manner, Arc::clone(&calls)))),
        }
    }
}

async fn talk(stream: TcpStream, manner: Manner, calls: Arc<AtomicUsize>) {
    let service = service_fn(move |request: Request<Incoming>| {
        calls.fetch_add(1, Ordering::Relaxed);
        let kind = request.headers().get("content-type");
        let is_grpc = kind.is_some_and(|kind| kind == "application/grpc");
        let is_late = matches!(manner, Manner::Works) && request.method() == Method::POST;
        async move {
            if is_late {
                tokio::time::sleep(Duration::from_secs(8)).await;
            }
            answer(manner, is_grpc)
        }
    });
    let server = auto::Builder::new(TokioExecutor::new());
    // The caller may end the connection at any time.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

type Answer = Response<BoxBody<Bytes, Infallible>>;

fn answer(manner: Manner, is_grpc: bool) -> io::Result<Answer> {
    let code = match manner {
        Manner::Refuses(code) => Some(code),
        Manner::Breaks => return Err(io::Error::other("broken off")),
        Manner::Answers | Manner::Works | Manner::Hangs => None,
    };
    Ok(if is_grpc { message(code) } else { page(code) })
}

/// An empty message is one of every type. A refusal has its status in the headers.
fn message(code: Option<Code>) -> Answer {
    let Some(code) = code else {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("0"));
        let body = Full::new(Bytes::from_static(&[0; 5])).with_trailers(ready(Some(Ok(trailers))));
        return grpc(body.boxed());
    };
    let mut refusal = grpc(Full::<Bytes>::default().boxed());
    let headers = refusal.headers_mut();
    headers.insert("grpc-status", HeaderValue::from(i32::from(registry_api::problem::grpc(code))));
    headers.insert("grpc-message", HeaderValue::from_static("no"));
    headers.insert("ecumene-code", HeaderValue::from_static(code.as_str()));
    refusal
}

fn grpc(body: BoxBody<Bytes, Infallible>) -> Answer {
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert("content-type", kind);
    response
}

fn page(code: Option<Code>) -> Answer {
    let Some(code) = code else { return Response::new(Full::<Bytes>::default().boxed()) };
    let problem = serde_json::json!({ "code": code.as_str() }).to_string();
    let mut response = Response::new(Full::<Bytes>::from(problem).boxed());
    *response.status_mut() = StatusCode::from_u16(code.status()).unwrap();
    response
}
