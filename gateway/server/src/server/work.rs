//! What a request asks for, and what it costs: its token, once.
//!
//! Decides which requests take their token along: those by which the registry keeps something new, a task or an envelope. It
//! spends the token in the same proposal, or refuses both. For all others the token is spent before. Must never carry anything
//! out whose token was not spent, nor tell anybody what a cluster says of a token that was checked by what is known of another.

use std::sync::Arc;

use axum::response::Response;
use gateway_core::params::fault;
use gateway_core::path::Route;
use gateway_core::{CallError, Failure, Permit, dispatch};
use http::request::Parts;
use proto_types::a2a::rpc::{self, Refused};

use crate::gateway::Gateway;
use crate::spend::Payment;
use crate::{a2a, envelopes, query};

use super::seen::Seen;

/// A request whose credential holds.
pub(super) struct Admitted {
    pub(super) parts: Parts,
    pub(super) permit: Permit,
    /// The cluster epoch of what it was checked against.
    pub(super) epoch: u64,
    pub(super) body: bytes::Bytes,
}

/// What a request asks for, read and in order.
pub(super) enum Work {
    Call(a2a::Call),
    Envelope(envelopes::Accepted),
}

impl Work {
    pub(super) fn read(
        gateway: &Gateway,
        route: &Route,
        admitted: &Admitted,
        seen: &mut Seen,
    ) -> Result<Self, Failure> {
        let Admitted { parts, permit, body, .. } = admitted;
        if *route == Route::Publish {
            return envelopes::read(body, permit).map(Self::Envelope);
        }
        let request = read_call(body, seen)?;
        let stated = versions(parts);
        let version = dispatch::check_version(stated.iter().map(String::as_str));
        version.map_err(|error| Failure::Call(CallError::Operation(error)))?;
        // What the caller may not see is not there, for this and for all that follows.
        let directory = gateway.cache.directory(Some(&permit.peer.origin));
        let addressed = match route {
            Route::AgentRpc(handle) => Some(directory.callable(handle).ok_or(Failure::NotFound)?),
            _ => None,
        };
        let call = a2a::Call::read(&directory, addressed, request).map_err(Failure::Call)?;
        seen.operation = call.name();
        Ok(Self::Call(call))
    }

    /// Spends the token, with what it pays for or before that.
    pub(super) async fn pay(
        self,
        gateway: &Arc<Gateway>,
        admitted: &Admitted,
        seen: &mut Seen,
    ) -> Result<Paid, Failure> {
        let Admitted { parts, permit, epoch, body } = admitted;
        let payment = Payment::of(permit, *epoch);
        let paid = match self {
            Self::Call(call) => call.pay(gateway, &permit.caller(), payment).await.map(Paid::Call),
            Self::Envelope(accepted) => {
                let traceparent = envelopes::traceparent(&parts.headers);
                let (envelope, body) = (accepted, body.clone());
                let taken = envelopes::publish(gateway, envelope, body, traceparent, payment);
                taken.await.map(Paid::Envelope)
            }
        };
        noted(gateway, *epoch, paid, seen)
    }
}

/// What a request asks for, once its token is spent.
pub(super) enum Paid {
    Call(a2a::Paid),
    /// The envelope is taken; the answer that says so.
    Envelope(Response),
}

impl Paid {
    pub(super) async fn carry_out(
        self,
        gateway: &Arc<Gateway>,
        admitted: &Admitted,
    ) -> Result<Response, Failure> {
        match self {
            Self::Call(call) => call.answer(gateway, &admitted.permit.caller()).await,
            Self::Envelope(answer) => Ok(answer),
        }
    }
}

/// Spends the token of a request that asks the registry for nothing.
pub(super) async fn spend(
    gateway: &Gateway,
    permit: &Permit,
    epoch: u64,
    seen: &mut Seen,
) -> Result<(), Failure> {
    let spent = gateway.spender.spend(Payment::of(permit, epoch)).await;
    noted(gateway, epoch, spent, seen)
}

/// Takes notice of whether the token was spent.
fn noted<T>(
    gateway: &Gateway,
    epoch: u64,
    paid: Result<T, Failure>,
    seen: &mut Seen,
) -> Result<T, Failure> {
    seen.spent = paid.is_ok();
    told(paid, gateway.cache.is_of(epoch))
}

/// What is told of it. A cluster that was restored since the token was checked may not know its peer, and refuses it as past
/// its time: its caller shows another one, once the cache is filled anew. One of an earlier version has spent it. Then a task
/// that has begun is canceled, and an envelope stays, as the one that its sender sends again.
fn told<T>(paid: Result<T, Failure>, is_current: bool) -> Result<T, Failure> {
    match is_current {
        true => paid,
        false => Err(Failure::RegistryAway),
    }
}

/// One JSON-RPC call. A notification is one that nobody hears the end of.
fn read_call(body: &[u8], seen: &mut Seen) -> Result<rpc::Request, Failure> {
    let refused = |error| match error {
        Refused::NotJson(_) => CallError::Parse,
        Refused::Batch => {
            CallError::Request(vec![fault("", "one call: batches are not supported")])
        }
        Refused::Invalid { faults, .. } => CallError::Request(faults),
    };
    let read = rpc::Request::parse(body);
    seen.call = Some(match &read {
        Ok(rpc::Request { id: Some(id), .. }) | Err(Refused::Invalid { id, .. }) => id.clone(),
        _ => rpc::Id::Null,
    });
    seen.is_notification = read.as_ref().is_ok_and(|call| call.id.is_none());
    read.map_err(|error| Failure::Call(refused(error)))
}

/// `A2A-Version`, as headers and the query state it (A2A 1.0, section 3.6.1).
fn versions(parts: &Parts) -> Vec<String> {
    let headers = parts.headers.get_all("a2a-version").iter();
    let headers = headers.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let query = query::pairs(parts.uri.query().unwrap_or_default());
    let query = query.filter(|(name, _)| name == "A2A-Version").map(|(_, value)| value);
    headers.chain(query).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cluster_says_of_a_token_that_was_checked_in_another_epoch_is_told_to_nobody() {
        for paid in [Ok(()), Err(Failure::Replayed), Err(Failure::NotFound)] {
            assert_eq!(told(paid.clone(), true), paid);
            assert_eq!(told(paid, false), Err(Failure::RegistryAway));
        }
    }
}
