//! Cards, to whoever may see them.
//!
//! Decides who looks: the peer whose token is spent for the look, or else anybody. Must never tell a card that is
//! hidden from one that does not exist, nor a peer's view to the next who asks a cache, nor anything by a cache of ours
//! that nobody confirms.

use axum::response::Response;
use gateway_core::{Failure, credential};
use http::header::{CACHE_CONTROL, HeaderValue, VARY};
use http::request::Parts;
use proto_types::{Handle, Origin};

use super::local::MAX_AGE_S;
use super::seen::Seen;
use super::work::spend;
use super::{check_binding, permit};
use crate::gateway::Gateway;
use crate::{clock, reply};

/// What a card depends on besides its path.
const VARY_BY: HeaderValue =
    HeaderValue::from_static("authorization, x-hive-federation-jwt, x-pilox-federation-jwt");
const FOR_ONE: HeaderValue = HeaderValue::from_static("private, max-age=60");

/// The card of an agent, or without a handle that of this instance.
pub(super) async fn answer(
    gateway: &Gateway,
    handle: Option<&Handle>,
    parts: &Parts,
    seen: &mut Seen,
) -> Result<Response, Failure> {
    let peer = viewer(gateway, parts, seen).await?;
    // Whom an agent is shown to may have changed since somebody confirmed what is known of it.
    if !gateway.cache.is_fresh() {
        return Err(Failure::RegistryAway);
    }
    let directory = gateway.cache.directory(peer.as_ref());
    let found = match handle {
        Some(handle) => directory.card(handle),
        None => Some(directory.instance_card()),
    };
    let card = found.ok_or(Failure::NotFound)?;
    let mut response = reply::document(&card, &parts.headers, MAX_AGE_S)?;
    response.headers_mut().insert(VARY, VARY_BY);
    if peer.is_some() {
        response.headers_mut().insert(CACHE_CONTROL, FOR_ONE);
    }
    Ok(response)
}

/// The peer that looks. A credential that says nothing to us, or that cannot be spent, is as good as none: cards are read
/// by clients that show each server what they have.
async fn viewer(
    gateway: &Gateway,
    parts: &Parts,
    seen: &mut Seen,
) -> Result<Option<Origin>, Failure> {
    let shown = permit(gateway, &parts.headers).and_then(|(permit, epoch)| {
        check_binding(gateway, parts, &permit, &[]).map(|()| (permit, epoch))
    });
    let (permit, epoch) = match shown {
        Ok(shown) => shown,
        Err(Failure::Credential(
            credential::Error::Missing | credential::Error::Scheme | credential::Error::Text,
        )) => return Ok(None),
        Err(Failure::Denied(_) | Failure::RegistryAway) => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let policy = gateway.peer_policy(&permit.peer);
    let left = permit.peer.cell.check(clock::mono(), policy.quota);
    left.map_err(Failure::PeerLimit)?;
    match spend(gateway, &permit, epoch, seen).await {
        Ok(()) => {
            seen.limit = Some((policy, left));
            Ok(Some(permit.peer.origin.clone()))
        }
        Err(Failure::Replayed | Failure::RegistryAway) => Ok(None),
        Err(failure) => Err(failure),
    }
}
