//! Cards, to whoever may see them.
//!
//! Decides who looks: the peer whose token is spent for the look, whoever the operator has given a key or trusts the identity
//! provider of, or else anybody. Must never tell a card that is hidden from one that does not exist, nor a caller's view to the
//! next who asks a cache, nor anything by a cache of ours that nobody confirms.

use axum::response::Response;
use gateway_core::{Caller, Failure, credential};
use http::header::{CACHE_CONTROL, HeaderValue, VARY};
use http::request::Parts;
use proto_types::Handle;

use super::admission::Admission;
use super::local::MAX_AGE_S;
use super::seen::Seen;
use super::work::spend;
use super::{check_binding, front, readers};
use crate::gateway::Gateway;
use crate::reply;

/// What a card depends on besides its path.
const VARY_BY: HeaderValue = HeaderValue::from_static(
    "authorization, x-api-key, x-hive-federation-jwt, x-pilox-federation-jwt, a2a-version",
);
const FOR_ONE: HeaderValue = HeaderValue::from_static("private, max-age=60");

/// The card of an agent, or without a handle that of this instance.
pub(super) async fn answer(
    gateway: &Gateway,
    handle: Option<&Handle>,
    parts: &Parts,
    seen: &mut Seen,
) -> Result<Response, Failure> {
    let caller = viewer(gateway, parts, seen).await?;
    // Whom an agent is shown to may have changed since somebody confirmed what is known of it.
    if !gateway.cache.is_fresh() {
        return Err(Failure::RegistryAway);
    }
    let directory = match &caller {
        Some(caller) => gateway.directory(caller),
        None => gateway.open_directory(),
    };
    let readers = readers::of(parts);
    let found = match handle {
        Some(handle) => directory.card(handle, readers),
        None => Some(directory.instance_card(readers)),
    };
    let card = found.ok_or(Failure::NotFound)?;
    let mut response = reply::document(&card, &parts.headers, MAX_AGE_S)?;
    response.headers_mut().insert(VARY, VARY_BY);
    if caller.is_some() {
        response.headers_mut().insert(CACHE_CONTROL, FOR_ONE);
    }
    Ok(response)
}

/// Who looks. A credential that says nothing to us, or that cannot be spent, is as good as none: cards are read by clients that
/// show each server what they have.
pub(super) async fn viewer(
    gateway: &Gateway,
    parts: &Parts,
    seen: &mut Seen,
) -> Result<Option<Caller>, Failure> {
    let Some(admission) = shown(gateway, parts, seen)? else { return Ok(None) };
    // Another gateway alone could spend it.
    if admission.elsewhere().is_some() {
        return Ok(None);
    }
    let Admission::Peer(permit, epoch) = &admission else {
        admission.check_limit(gateway, seen)?;
        return Ok(Some(admission.caller()));
    };
    let (policy, left) = gateway.count_request(&permit.peer);
    left.map_err(Failure::PeerLimit)?;
    match spend(gateway, permit, *epoch, seen).await {
        Ok(()) => {
            seen.limit = Some((policy, left));
            seen.client = Some(permit.caller());
            Ok(seen.client.clone())
        }
        Err(Failure::Replayed | Failure::RegistryAway) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// By what whoever looks is let in, if it is.
fn shown(gateway: &Gateway, parts: &Parts, seen: &Seen) -> Result<Option<Admission>, Failure> {
    let shown = Admission::of_bearer(gateway, &parts.headers).and_then(|admission| {
        let bound = admission.permit().map(|permit| {
            front::check_network(gateway, seen.address)?;
            check_binding(gateway, parts, permit, &[])
        });
        bound.unwrap_or(Ok(())).map(|()| admission)
    });
    match shown {
        Ok(admission) => Ok(Some(admission)),
        Err(Failure::Credential(
            credential::Error::Missing | credential::Error::Scheme | credential::Error::Text,
        )) => Ok(None),
        Err(Failure::Denied(_) | Failure::RegistryAway) => Ok(None),
        Err(failure) => Err(failure),
    }
}
