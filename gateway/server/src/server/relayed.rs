//! An envelope that a relay brings for another.
//!
//! Decides the order of the layers, as `server.rs` does for peers: the relay's token, its limits, the body, and whose
//! envelope it is. Must never take one before the relay is known.

use axum::body::Body;
use axum::response::Response;
use gateway_core::Failure;
use http::Request;
use proto_types::Origin;

use crate::envelopes;
use crate::gateway::Gateway;

use super::seen::Seen;
use super::{body, front};

pub(super) async fn answer(
    gateway: &Gateway,
    request: Request<Body>,
    seen: &mut Seen,
) -> Result<Response, Failure> {
    let (parts, body) = request.into_parts();
    front::check(gateway, &parts.headers)?;
    let relay = gateway.fixed.relays.shown(&parts.headers)?;
    seen.operation = "relay";
    body::check_head(&parts, envelopes::BYTES_MAX, true)?;
    let quota = gateway.live.load().bounds.peer_quota();
    let _place = relay.take(quota)?;
    let body = body::read(body, envelopes::BYTES_MAX).await?;
    // Who may not act is not known by a cache that nobody confirms.
    if !gateway.cache.is_fresh() {
        return Err(Failure::RegistryAway);
    }
    let peers = gateway.cache.peers.load_full();
    let check = |source: &Origin| relay.check_source(source, &peers);
    let accepted = envelopes::read_of(gateway, (&parts, &body), check)?;
    let source = accepted.envelope.source_origin.as_str();
    tracing::info!(relay = relay.name(), source, "a relay brings an envelope");
    envelopes::relay(gateway, accepted, body).await
}
