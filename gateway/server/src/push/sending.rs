//! A push notification as it goes out.
//!
//! Decides whom it goes to and what it shows there. What it says is read when it is sent, and which addresses are called
//! `upstream/dial.rs` decides. Must never send anything to a receiver that was deleted, nor print what a caller has set.

use bytes::Bytes;
use gateway_core::push::Signed;
use gateway_core::webhook::Verdict;
use http::header::{AUTHORIZATION, CONTENT_TYPE, InvalidHeaderValue, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use http_body_util::Full;
use proto_types::a2a::ProtocolVersion;
use proto_types::{EnvelopeId, Notification, Origin, PushAuthentication, PushConfig};
use proto_wire::registry::v1 as wire;
use tokio::time::Instant;
use tonic::Code;

use super::read;
use crate::deliver::TIMEOUT;
use crate::envelopes::TRACEPARENT;
use crate::gateway::Gateway;
use crate::registry::Unanswered;
use crate::upstream::{AGENT, JSON};
use crate::{a2a, clock};

/// What the receiver knows its task by, as the SDKs of A2A write it.
const TOKEN: HeaderName = HeaderName::from_static("x-a2a-notification-token");
/// The id of the notification: the same comes again with it.
const ID: HeaderName = HeaderName::from_static("ecumene-notification-id");
/// What proves who has sent it.
const JWS: HeaderName = HeaderName::from_static("ecumene-push-jws");

/// Of A2A 1.0 (section 4.3.3).
const A2A_JSON: HeaderValue = HeaderValue::from_static("application/a2a+json");

/// Why nothing is sent.
pub(super) enum Unprepared {
    /// The registry does not say what.
    Away(Unanswered),
    /// Nobody knows whether its owner is served.
    Stale,
    /// It cannot be, for good or for now.
    Not(Verdict, &'static str),
}

/// A notification as it goes out.
pub(super) struct Sending {
    host: String,
    request: Request<Full<Bytes>>,
}

impl Sending {
    /// Reads what is sent, and where to; `None` if nobody is to be told any more.
    pub(super) async fn prepare(
        gateway: &Gateway,
        leased: &wire::LeasedEnvelope,
    ) -> Result<Option<Self>, Unprepared> {
        let notification = Notification::parse(&leased.document);
        let notification = notification.map_err(|_| never("the notification cannot be read"))?;
        check_owner(gateway, &notification)?;
        let Some(config) = config(gateway, &notification).await? else { return Ok(None) };
        let Some(task) = task(gateway, &notification).await? else { return Ok(None) };
        let payload = a2a::payload(&task, notification.turn, config.version);
        let body = payload.map_err(|_| never("the task cannot be shown"))?.to_string();
        let headers = headers(gateway, (&notification, leased), &config, body.as_bytes());
        let headers = headers.map_err(|_| never("a header cannot be written"))?;
        let uri = Uri::try_from(config.url.as_str());
        let uri = uri.map_err(|_| never("the URL cannot be called"))?;
        let mut request = Request::new(Full::new(body.into()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(Some(Self { host: config.url.origin().authority().to_owned(), request }))
    }

    /// Host and port of the receiver.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The status of the receiver's answer, or why there is none.
    pub(super) async fn post(self, gateway: &Gateway) -> Result<u16, String> {
        gateway.upstreams.receivers.deliver(self.request, Instant::now() + TIMEOUT).await
    }
}

fn never(reason: &'static str) -> Unprepared {
    Unprepared::Not(Verdict::Gone, reason)
}

/// Whoever is let in no more is told of nothing either.
fn check_owner(gateway: &Gateway, notification: &Notification) -> Result<(), Unprepared> {
    if !gateway.cache.is_fresh() {
        return Err(Unprepared::Stale);
    }
    let is_served = match Origin::parse(notification.owner.as_str()) {
        Ok(peer) => gateway.cache.peers.load().find(&peer).is_some_and(|peer| peer.active),
        Err(_) => {
            let live = gateway.live.load();
            live.clients.table().serves(notification.owner.as_str(), clock::wall())
        }
    };
    match is_served {
        true => Ok(()),
        false => Err(Unprepared::Not(Verdict::Unavailable, "its caller is not served")),
    }
}

/// The configuration as it is now.
async fn config(
    gateway: &Gateway,
    notification: &Notification,
) -> Result<Option<PushConfig>, Unprepared> {
    let message = wire::ListPushConfigsRequest {
        task: notification.task.as_str().to_owned(),
        owner: notification.owner.as_str().to_owned(),
        consistency: wire::Consistency::Strong.into(),
    };
    let Some(listed) = there(gateway.registry.push_configs(message).await)? else {
        return Ok(None);
    };
    let is_meant = |config: &&wire::PushConfig| config.id == notification.config.as_str();
    let unread = never("the configuration cannot be read");
    listed.configs.iter().find(is_meant).map(|config| read(config).ok_or(unread)).transpose()
}

/// The task as it is now.
async fn task(
    gateway: &Gateway,
    notification: &Notification,
) -> Result<Option<wire::Task>, Unprepared> {
    let message = wire::GetTaskRequest {
        id: notification.task.as_str().to_owned(),
        owner: notification.owner.as_str().to_owned(),
        consistency: wire::Consistency::Strong.into(),
    };
    there(gateway.registry.task(message).await)
}

/// What the registry has, if it has it.
fn there<T>(answer: Result<T, Unanswered>) -> Result<Option<T>, Unprepared> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(Unanswered::Refused { code: Code::NotFound, .. }) => Ok(None),
        Err(error) => Err(Unprepared::Away(error)),
    }
}

fn headers(
    gateway: &Gateway,
    (notification, leased): (&Notification, &wire::LeasedEnvelope),
    config: &PushConfig,
    body: &[u8],
) -> Result<HeaderMap, InvalidHeaderValue> {
    let mut headers = HeaderMap::new();
    headers.insert(USER_AGENT, AGENT);
    let is_newer = config.version == ProtocolVersion::V10;
    headers.insert(CONTENT_TYPE, if is_newer { A2A_JSON } else { JSON });
    headers.insert(ID, HeaderValue::from_str(&leased.id)?);
    if let Some(token) = &config.token {
        headers.insert(TOKEN, secret(token.as_str())?);
    }
    if let Some(PushAuthentication { scheme, credentials: Some(credentials) }) =
        &config.authentication
    {
        let shown = format!("{} {}", scheme.as_str(), credentials.as_str());
        headers.insert(AUTHORIZATION, secret(&shown)?);
    }
    if let Some(token) = proof(gateway, (notification, leased), config, body) {
        headers.insert(JWS, secret(&token)?);
    }
    if let (false, Ok(trace)) =
        (leased.traceparent.is_empty(), HeaderValue::from_str(&leased.traceparent))
    {
        headers.insert(TRACEPARENT, trace);
    }
    Ok(headers)
}

/// What proves who sends it; `None` where there is no key to prove it by.
fn proof(
    gateway: &Gateway,
    (notification, leased): (&Notification, &wire::LeasedEnvelope),
    config: &PushConfig,
    body: &[u8],
) -> Option<String> {
    let key = gateway.federation.signing_key()?;
    let signed = Signed {
        issuer: &gateway.admission.audience,
        audience: &config.url.origin(),
        task: &notification.task,
        id: &EnvelopeId::parse(&leased.id).ok()?,
        at_s: clock::wall().secs(),
    };
    Some(signed.token(key, body))
}

/// A value that is never printed.
fn secret(text: &str) -> Result<HeaderValue, InvalidHeaderValue> {
    let mut value = HeaderValue::from_str(text)?;
    value.set_sensitive(true);
    Ok(value)
}
