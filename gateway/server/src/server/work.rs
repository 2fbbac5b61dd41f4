//! What a request asks for, and what it costs: a peer's token, once. Others have nothing that could be spent.
//!
//! Decides which requests take their token along: those by which the registry keeps something new, a task or an envelope. It
//! spends the token in the same proposal, or refuses both. For all others the token is spent before; and so is, for whatever it
//! is shown, a token that is bound to this gateway: no registry hears of it. Must never carry anything out whose token was not
//! spent, nor tell anybody what a cluster says of a token that was checked by what is known of another.

use std::sync::Arc;

use axum::response::Response;
use gateway_core::dispatch::Operation;
use gateway_core::path::Route;
use gateway_core::{Caller, Failure, Permit};
use http::request::Parts;
use proto_types::{Handle, PushUrl, TaskId};
use tokio::time::Instant;

use crate::gateway::Gateway;
use crate::spend::Payment;
use crate::{a2a, envelopes, policy};

use super::admission::Admission;
use super::calls;
use super::seen::Seen;

/// A request whose credential holds.
pub(super) struct Admitted {
    pub(super) parts: Parts,
    pub(super) admission: Admission,
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
        if matches!(route, Route::Publish) {
            // Nobody else is let in there.
            let permit = admitted.admission.permit().ok_or(Failure::Internal)?;
            let request = (&admitted.parts, &admitted.body[..]);
            return envelopes::read(gateway, request, permit).map(Self::Envelope);
        }
        let request = read_call(route, admitted, seen)?;
        seen.operation = request.operation.name();
        admitted.admission.check_method(request.operation)?;
        // What the caller may not see is not there, for this and for all that follows.
        let caller = admitted.admission.caller();
        let directory = gateway.directory(&caller);
        let find = |handle| directory.callable(handle).ok_or(Failure::NotFound);
        let addressed = route.agent().map(find).transpose()?;
        let opens = |agent: &Handle, task: &TaskId| {
            gateway.upstreams.sealer(caller.as_str(), agent).task_in(task.as_str()).is_some()
        };
        let call = a2a::Call::read(&directory, addressed, request, opens).map_err(Failure::Call)?;
        check_call(gateway, (admitted, &caller), &call)?;
        Ok(Self::Call(call))
    }

    /// Spends the token, if there is one, with what it pays for or before that.
    pub(super) async fn pay(
        self,
        gateway: &Arc<Gateway>,
        admitted: &Admitted,
        seen: &mut Seen,
    ) -> Result<Paid, Failure> {
        let Admitted { admission, body, .. } = admitted;
        let admitting =
            self.asks(gateway, admission).then(|| gateway.begin_admitting()).transpose()?;
        let payment = admission.payment(gateway)?;
        // A bound token is spent by now, whatever becomes of the rest.
        seen.spent = admission.permit().is_some_and(|permit| permit.holder.is_some());
        let paid = match self {
            Self::Call(call) => {
                let caller = admission.caller();
                Box::pin(call.pay(gateway, &caller, payment)).await.map(Paid::Call)
            }
            Self::Envelope(accepted) => {
                let taken = envelopes::publish(gateway, accepted, body.clone(), payment);
                taken.await.map(Paid::Envelope)
            }
        };
        // What our own queue refused says nothing of the way to the registry.
        let is_asked = !matches!(paid, Err(Failure::Overloaded | Failure::ShareReached));
        if let Some(admitting) = admitting.filter(|_| is_asked) {
            admitting.ended();
        }
        noted(gateway, admission.epoch(), paid, seen)
    }

    /// Whether the registry is asked before it is carried out. Where envelopes are kept elsewhere, how long that takes says
    /// nothing of it.
    fn asks(&self, gateway: &Gateway, admission: &Admission) -> bool {
        match self {
            Self::Call(call) => admission.is_spent_at_the_registry() || call.begins(),
            Self::Envelope(_) => gateway.envelopes.spends_tokens(),
        }
    }
}

/// Refuses what nobody may ask, and what the operator's policies do not permit.
fn check_call(
    gateway: &Gateway,
    (admitted, caller): (&Admitted, &Caller),
    call: &a2a::Call,
) -> Result<(), Failure> {
    let is_refused = |url: &PushUrl| gateway.upstreams.receivers.refuses(url);
    call.check_receiver(is_refused).map_err(Failure::Call)?;
    // A message may do what CreateTaskPushNotificationConfig does.
    if call.sets_receiver() {
        let operation = Operation::CreateTaskPushNotificationConfig;
        admitted.admission.check_method(operation)?;
    }
    policy::check(gateway, caller, call, admitted.body.len())
}

/// A call as its binding writes it.
fn read_call(route: &Route, admitted: &Admitted, seen: &mut Seen) -> Result<a2a::Request, Failure> {
    match route {
        Route::HttpJson(endpoint) => calls::http_json(endpoint, admitted),
        Route::Grpc(method) => calls::grpc(method, admitted),
        _ => calls::json_rpc(admitted, seen),
    }
}

/// What a request asks for, once its token is spent, if it has one.
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
                call.answer(gateway, &admitted.admission.caller(), &admitted.parts).await
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
    let payment = Payment::of(gateway, permit, epoch)?;
    let spent = gateway.spender.spend(payment).await;
    noted(gateway, epoch, spent, seen)
}

/// Takes notice of whether the token was spent.
fn noted<T>(
    gateway: &Gateway,
    epoch: u64,
    paid: Result<T, Failure>,
    seen: &mut Seen,
) -> Result<T, Failure> {
    seen.spent |= paid.is_ok() && seen.client.is_none();
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
