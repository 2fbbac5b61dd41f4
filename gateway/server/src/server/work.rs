//! What a request asks for, and what it costs: its token, once.
//!
//! Decides which requests take their token along: those by which the registry keeps something new, a task or an envelope. It
//! spends the token in the same proposal, or refuses both. For all others the token is spent before. Must never carry anything
//! out whose token was not spent, nor tell anybody what a cluster says of a token that was checked by what is known of another.

use std::sync::Arc;

use axum::response::Response;
use deploy_service::trace;
use gateway_core::path::Route;
use gateway_core::{Failure, Permit};
use http::request::Parts;
use proto_types::{Handle, TaskId};
use tokio::time::Instant;

use crate::gateway::Gateway;
use crate::spend::Payment;
use crate::{a2a, envelopes};

use super::calls;
use super::seen::Seen;

/// A request whose credential holds.
pub(super) struct Admitted {
    pub(super) parts: Parts,
    pub(super) permit: Permit,
    /// The cluster epoch of what it was checked against.
    pub(super) epoch: u64,
    pub(super) body: bytes::Bytes,
    /// Until when its caller waits, if it says so.
    pub(super) until: Option<Instant>,
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
        let request = match route {
            Route::Publish => {
                return envelopes::read(&admitted.body, &admitted.permit).map(Self::Envelope);
            }
            Route::HttpJson(endpoint) => calls::http_json(endpoint, admitted)?,
            Route::Grpc(method) => calls::grpc(method, admitted)?,
            _ => calls::json_rpc(admitted, seen)?,
        };
        seen.operation = request.operation.name();
        // What the caller may not see is not there, for this and for all that follows.
        let origin = &admitted.permit.peer.origin;
        let directory = gateway.cache.directory(Some(origin));
        let addressed = match route.agent() {
            Some(handle) => Some(directory.callable(handle).ok_or(Failure::NotFound)?),
            None => None,
        };
        let opens = |agent: &Handle, task: &TaskId| {
            gateway.upstreams.sealer(origin.as_str(), agent).task_in(task.as_str()).is_some()
        };
        let call = a2a::Call::read(&directory, addressed, request, opens);
        call.map(Self::Call).map_err(Failure::Call)
    }

    /// Spends the token, with what it pays for or before that.
    pub(super) async fn pay(
        self,
        gateway: &Arc<Gateway>,
        admitted: &Admitted,
        seen: &mut Seen,
    ) -> Result<Paid, Failure> {
        let Admitted { parts, permit, epoch, body, .. } = admitted;
        let payment = Payment::of(permit, *epoch);
        let paid = match self {
            Self::Call(call) => {
                Box::pin(call.pay(gateway, &permit.caller(), payment)).await.map(Paid::Call)
            }
            Self::Envelope(accepted) => {
                let caller = || envelopes::traceparent(&parts.headers);
                let traceparent = trace::traceparent().or_else(caller);
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
            Self::Call(call) => {
                call.answer(gateway, &admitted.permit.caller(), &admitted.parts).await
            }
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
