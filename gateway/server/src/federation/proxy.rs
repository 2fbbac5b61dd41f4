//! A call that an operator makes to a peer: handed on with a token of this instance, and its answer handed back.
//!
//! Decides what of the head of a call is told to the peer, and what of an answer counts as one. Must never hand on what the
//! operator has shown to this gateway, send a token twice, nor follow where a peer points to.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use gateway_core::Failure;
use gateway_core::caller::owner_of;
use gateway_core::federation::{ProxyCall, rpc_upstream};
use gateway_core::relay::{HttpMethod, OutgoingHttp};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use proto_types::manifest::{Endpoints, PeerManifest};
use proto_types::{Handle, Origin, Signed, json};
use proto_wire::registry::v1 as wire;
use tonic::Code;

use crate::a2a::Binding;
use crate::flow::Flow;
use crate::gateway::Gateway;
use crate::upstream::{Answer, Sent, Streamed, UpstreamError};
use crate::{clock, onward, reply};

use super::check_fresh;
use super::flow::OfPeer;

/// What is told to the peer as it came: by Pilox the names of the request, and what A2A has in headers.
const PASSED_ON: [&str; 5] =
    ["a2a-version", "a2a-extensions", "x-a2a-extensions", "x-request-id", "x-correlation-id"];

/// Calls the peer that an operator names, and answers as it does.
pub(crate) async fn proxy(
    gateway: &Arc<Gateway>,
    parts: &Parts,
    body: &[u8],
) -> Result<Response, Failure> {
    let ProxyCall { peer, body, id, is_stream } = ProxyCall::parse(body)?;
    check_fresh(gateway)?;
    let own = &gateway.admission.audience;
    let peer = peer.resolve(&gateway.cache.peers.load(), own)?;
    let place = gateway.waiting.place(&owner_of(own))?;
    let path = String::new();
    let http = OutgoingHttp { method: HttpMethod::Post, path, body: Some(body), is_stream };
    match ask(gateway, parts, &peer, &http).await? {
        Streamed::Events(events) => {
            tracing::info!(%peer, "an operator has opened a stream of a peer");
            let binding = Binding::json_rpc(id);
            Ok(Flow::new((gateway, OfPeer(peer)), binding, (events, place)).answer())
        }
        Streamed::Whole(answer) => {
            tracing::info!(%peer, status = answer.status, "an operator has called a peer");
            whole(&peer, answer)
        }
    }
}

/// What the peer says.
async fn ask(
    gateway: &Gateway,
    parts: &Parts,
    peer: &Origin,
    http: &OutgoingHttp,
) -> Result<Streamed, Failure> {
    let upstream = rpc_upstream(peer, stated_url(gateway, peer).await?.as_deref());
    let name = Handle::parse(peer.as_str()).expect("an origin is short and visible ASCII");
    let sent = Sent {
        agent: &name,
        upstream: &upstream,
        prefer: None,
        http,
        safe_to_repeat: false,
        headers: headers(gateway, parts, peer)?,
        until: gateway.upstreams.deadline(),
        room: &gateway.waiting.room(&owner_of(&gateway.admission.audience)),
    };
    gateway.upstreams.stream(sent).await.map_err(failure)
}

/// Where the peer takes JSON-RPC by its manifest.
async fn stated_url(gateway: &Gateway, peer: &Origin) -> Result<Option<String>, Failure> {
    Ok(endpoints(gateway, peer).await?.and_then(|stated| stated.a2a))
}

/// What the peer states of its endpoints by its manifest, if it has one that counts. The registry has verified it.
pub(super) async fn endpoints(
    gateway: &Gateway,
    peer: &Origin,
) -> Result<Option<Endpoints>, Failure> {
    let message = wire::GetPeerRequest { origin: peer.to_string(), consistency: 0 };
    let told = gateway.registry.member().peer(message).await.map_err(|status| {
        // It was there a moment ago.
        if status.code() == Code::NotFound { Failure::NotFound } else { Failure::RegistryAway }
    })?;
    let signed = Signed::<PeerManifest>::parse(&told.manifest).ok();
    let manifest = signed.as_ref().map(Signed::unverified);
    let counting = manifest.filter(|manifest| manifest.expires_at > clock::wall());
    Ok(counting.map(|manifest| manifest.endpoints.clone()))
}

/// The headers of a call to a peer, with a token that no other call has.
fn headers(gateway: &Gateway, parts: &Parts, peer: &Origin) -> Result<HeaderMap, Failure> {
    let mut headers = onward::copied(parts, &PASSED_ON);
    onward::write_hops(&mut headers, gateway, parts)?;
    let (name, token) = gateway.federation.token(&gateway.admission.audience, peer)?;
    headers.insert(name, token);
    Ok(headers)
}

/// An answer as the peer gives it: its status, and one JSON object or nothing.
fn whole(peer: &Origin, answer: Answer) -> Result<Response, Failure> {
    let Answer { status, body, .. } = answer;
    let status = StatusCode::from_u16(status).ok();
    let status = status.filter(|status| !status.is_informational() && !status.is_redirection());
    let is_said = body.is_empty() || json::is_object(&body).is_ok_and(|is_object| is_object);
    let Some(status) = status.filter(|_| is_said) else {
        tracing::warn!(%peer, "a peer answers with what is no JSON-RPC");
        return Err(Failure::UpstreamUnreachable);
    };
    if body.is_empty() {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        return Ok(response);
    }
    Ok(reply::body(status, "application/json", body))
}

/// Here no answer of A2A is told, but one of a peer as it is: what is none has the status of a gateway's failure.
fn failure(error: UpstreamError) -> Failure {
    match Failure::from(error) {
        Failure::Call(_) => Failure::UpstreamUnreachable,
        failure => failure,
    }
}
