//! The stream of an attached agent, told as it comes.
//!
//! Decides when it ends: with the agent's own, with its first fault, when its caller may not act any more, or when this gateway
//! stops. Must never hold more than the event that is being told: an agent that is faster than its caller waits for it.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use deploy_service::Place;
use futures_util::{StreamExt as _, stream};
use gateway_core::relay::UpstreamFault;
use gateway_core::upstream::ReplicaTag;
use gateway_core::{Caller, Failure};
use proto_types::Origin;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::gateway::Gateway;
use crate::upstream::{SseReader, UpstreamError};

use super::super::binding::Binding;
use super::{Begun, Translator};

/// An agent that refuses often says so in the first event of its stream: for so long no stream is begun, so that its caller
/// is answered with the refusal alone.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// How often it is looked whether the caller of a silent stream may still act.
const CHECK: Duration = Duration::from_secs(2);

/// The rest of a stream.
pub(super) struct Flow {
    gateway: Arc<Gateway>,
    caller: Caller,
    binding: Binding,
    translator: Translator,
    replica: ReplicaTag,
    /// Until nothing follows: then the agent's connection is closed, whether the caller reads on or not.
    events: Option<SseReader>,
    /// Whether no event has come yet.
    is_empty: bool,
    /// When a comment is due: so long after the last frame.
    beat: Instant,
    _place: Place<Origin>,
}

impl Flow {
    pub(super) fn new(
        (gateway, caller): (&Arc<Gateway>, &Caller),
        binding: Binding,
        (Begun { translator, replica, events }, place): (Begun, Place<Origin>),
    ) -> Self {
        Self {
            gateway: Arc::clone(gateway),
            caller: caller.clone(),
            binding,
            translator,
            replica,
            events: Some(events),
            is_empty: true,
            beat: Instant::now() + gateway.heartbeat(),
            _place: place,
        }
    }

    /// The answer to its caller.
    pub(super) async fn answer(mut self) -> Result<Response, Failure> {
        let first = match timeout(FIRST_WAIT, self.next()).await {
            Ok(first) => first.transpose()?,
            Err(_) => None,
        };
        let binding = self.binding.clone();
        let rest = stream::unfold(self, Self::step);
        Ok(binding.stream(stream::iter(first.map(Ok)).chain(rest)))
    }

    async fn step(mut self) -> Option<(Result<Bytes, Failure>, Self)> {
        self.next().await.map(|frame| (frame, self))
    }

    /// The next frame; `None` at the end, and behind the first failure. Cancel safe.
    async fn next(&mut self) -> Option<Result<Bytes, Failure>> {
        let frame = self.await_frame().await;
        if !matches!(frame, Some(Ok(_))) {
            self.events = None;
        }
        self.beat = Instant::now() + self.gateway.heartbeat();
        frame
    }

    async fn await_frame(&mut self) -> Option<Result<Bytes, Failure>> {
        loop {
            let events = self.events.as_mut()?;
            if let Err(failure) = self.gateway.check_caller(&self.caller) {
                return Some(Err(failure));
            }
            tokio::select! {
                // What has come is told before anything else, but for the end of this process.
                biased;
                () = self.gateway.leaving() => return Some(Err(Failure::Stopping)),
                event = events.next() => return match event {
                    Some(event) => Some(self.tell(event)),
                    None => self.end().map(Err),
                },
                () = sleep_until(self.beat) => match self.binding.heartbeat() {
                    Some(comment) => return Some(Ok(comment)),
                    None => self.beat = Instant::now() + self.gateway.heartbeat(),
                },
                () = sleep(CHECK) => {}
            }
        }
    }

    /// While it was waited for, its caller may have ceased to be one.
    fn tell(&mut self, event: Result<Bytes, UpstreamError>) -> Result<Bytes, Failure> {
        self.gateway.check_caller(&self.caller)?;
        self.is_empty = false;
        self.binding.frame(&self.translator.event(self.replica, &event?)?)
    }

    /// A stream has an event at least: one without has failed before it began.
    fn end(&self) -> Option<Failure> {
        let fault = UpstreamFault::NotA2a("a stream without an event".to_owned());
        self.is_empty.then(|| self.translator.fault(fault))
    }
}
