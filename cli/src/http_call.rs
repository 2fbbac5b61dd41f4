//! HTTP calls to a gateway, and to whichever member of the registry answers. It decides bounds and deadlines; it must
//! never follow redirects or send a credential anywhere but to the URL it was given.

use std::time::Duration;

use bytes::Bytes;
use deploy_service::telemetry::chain;
use deploy_service::tls::Connector;
use http::uri::PathAndQuery;
use http::{Method, Request, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use registry_client::says_away;

use crate::client::Profile;
use crate::failure::Failure;
use crate::members::{Access, KEEP_ALIVE, late, rotate};

/// A body larger than this is no answer of a gateway of ours: envelopes are at most 1 MiB, pulled 100 at once.
const BODY_BYTES_MAX: usize = 128 << 20;
/// Longer than the longest long poll (60 s) and the default task deadline (120 s).
const DEADLINE: Duration = Duration::from_secs(150);

/// One call: where, how, with which credential and body.
#[derive(Clone)]
pub(crate) struct Call<'a> {
    /// GET or POST.
    pub(crate) method: Method,
    /// The whole URL.
    pub(crate) url: String,
    /// The bearer token.
    pub(crate) bearer: Option<&'a str>,
    /// JSON, or nothing.
    pub(crate) body: Vec<u8>,
}

/// Sends the call and hands out the response while its body still comes in.
pub(crate) async fn open(profile: &Profile, call: Call<'_>) -> Result<Response<Incoming>, Failure> {
    send(profile, call, DEADLINE).await
}

/// Sends the call and reads the whole answer; anything but a success is a failure.
pub(crate) async fn fetch(profile: &Profile, call: Call<'_>) -> Result<Bytes, Failure> {
    fetch_within(profile, call, DEADLINE).await
}

/// As [`fetch`], with so much time for the head of the answer, and as much for the rest.
pub(crate) async fn fetch_within(
    profile: &Profile,
    call: Call<'_>,
    limit: Duration,
) -> Result<Bytes, Failure> {
    let answer = read(profile, call, limit).await?;
    let status = answer.status();
    let body = answer.into_body();
    if status.is_success() { Ok(body) } else { Err(Failure::http(status, &body)) }
}

/// As [`fetch`], of the first member of the registry that answers; the call's URL is a path there.
pub(crate) async fn ask(profile: &Profile, call: Call<'_>) -> Result<Response<Bytes>, Failure> {
    let ask = |member| ask_member(profile, member, &call);
    rotate(&profile.registry, &profile.rotation, ask).await
}

async fn ask_member(
    profile: &Profile,
    member: String,
    call: &Call<'_>,
) -> Result<Response<Bytes>, Failure> {
    let access = Access::of_method(&call.method);
    let limit = if access == Access::Read { profile.read_timeout } else { DEADLINE };
    let url = format!("{member}{}", call.url);
    let answer = read(profile, Call { url, ..call.clone() }, limit).await?;
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let said = Failure::http(status, answer.body());
    let code = code_in(answer.body());
    // What the listener or a proxy says has no gRPC status.
    let grpc = code.filter(|code| code.grpc().is_some()).map(registry_api::problem::grpc);
    let away = grpc.map_or(is_gone(status), says_away);
    let code = code.map_or("", registry_api::Code::as_str);
    Err(if away { access.refused(&member, said, code) } else { said })
}

/// The code of a problem of the registry.
fn code_in(body: &[u8]) -> Option<registry_api::Code> {
    let problem: serde_json::Value = serde_json::from_slice(body).ok()?;
    let name = problem.get("code")?.as_str()?;
    name.parse().ok()
}

/// Whether something before the member says that it does not answer.
fn is_gone(status: StatusCode) -> bool {
    matches!(status.as_u16(), 502..=504)
}

async fn send(
    profile: &Profile,
    call: Call<'_>,
    limit: Duration,
) -> Result<Response<Incoming>, Failure> {
    let client: Web = Client::builder(TokioExecutor::new()).build(profile.connector()?.web());
    let (access, url) = (Access::of_method(&call.method), call.url.clone());
    let request = request(call)?;
    let uri = request.uri().clone();
    let sent = tokio::select! {
        sent = tokio::time::timeout(limit, client.request(request)) => sent.map_err(|_| late(limit)),
        why = silence(&client, uri) => Err(why),
    };
    sent.map_err(|why| access.unanswered(&url, why))?.map_err(|error| {
        let why = chain(&error);
        match error.is_connect() {
            true => Failure::unreachable(&url, why),
            false => access.unanswered(&url, why),
        }
    })
}

type Web = Client<Connector, Full<Bytes>>;

/// Ends once the server hangs: it is silent, and so to a question that every server answers at once, in whatever way.
/// HTTP/1.1 has no ping.
async fn silence(client: &Web, called: Uri) -> String {
    let mut parts = called.into_parts();
    parts.path_and_query = Some(PathAndQuery::from_static("/healthz"));
    let probe = Uri::from_parts(parts).unwrap_or_default();
    loop {
        tokio::time::sleep(KEEP_ALIVE).await;
        let answer = client.get(probe.clone());
        if tokio::time::timeout(KEEP_ALIVE, answer).await.is_err() {
            let limit = KEEP_ALIVE.as_secs();
            return format!("it hangs: {probe} has no answer within {limit} s either");
        }
    }
}

fn request(call: Call<'_>) -> Result<Request<Full<Bytes>>, Failure> {
    let mut request = Request::builder()
        .method(call.method)
        .uri(&call.url)
        .header("content-type", "application/json")
        .header("a2a-version", "1.0");
    if let Some(bearer) = call.bearer {
        request = request.header("authorization", format!("Bearer {bearer}"));
    }
    request
        .body(Full::new(Bytes::from(call.body)))
        .map_err(|error| Failure::usage(format!("{}: {error}", call.url)))
}

/// Sends the call and reads the whole answer, whatever it says.
async fn read(
    profile: &Profile,
    call: Call<'_>,
    limit: Duration,
) -> Result<Response<Bytes>, Failure> {
    let (access, url) = (Access::of_method(&call.method), call.url.clone());
    let (head, body) = send(profile, call, limit).await?.into_parts();
    let body = tokio::time::timeout(limit, Limited::new(body, BODY_BYTES_MAX).collect()).await;
    let body = body
        .map_err(|_| access.unanswered(&url, late(limit)))?
        .map_err(|error| access.unanswered(&url, error))?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

/// Reads the body's server-sent events, handing each `data` to `event`.
pub(crate) async fn events(
    response: Response<Incoming>,
    mut event: impl FnMut(&str) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut body = response.into_body();
    let mut pending = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame =
            frame.map_err(|error| Failure::internal(format!("the stream broke: {error}")))?;
        let Ok(data) = frame.into_data() else { continue };
        pending.extend_from_slice(&data);
        if pending.len() > BODY_BYTES_MAX {
            return Err(Failure::internal("an event is larger than 128 MiB"));
        }
        while let Some(end) = pending.iter().position(|&byte| byte == b'\n') {
            let line: Vec<u8> = pending.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            if let Some(data) = line.trim_end().strip_prefix("data:") {
                event(data.trim_start())?;
            }
        }
    }
    Ok(())
}
