//! The stream of an attached agent, told as it comes.
//!
//! Decides when it ends: with the agent's own, with its first fault, when its caller may not act any more or call the agent,
//! when that is attached elsewhere, or when this gateway stops. Must never hold more than the event that is being told: an agent
//! that is faster than its caller waits for it.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use deploy_service::Place;
use futures_util::{StreamExt as _, stream};
use gateway_core::relay::UpstreamFault;
use gateway_core::upstream::ReplicaTag;
use gateway_core::{Caller, Failure};
use proto_types::a2a::StreamResponse;
use proto_types::{Origin, Upstream};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::gateway::Gateway;
use crate::upstream::{SseReader, UpstreamError};

use super::super::binding::Binding;
use super::lasting::{CHECK, upstream_of};
use super::{Begun, Translator, is_of};

/// An agent that refuses often says so in the first event of its stream: for so long no stream is begun, so that its caller
/// is answered with the refusal alone.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The rest of a stream.
pub(super) struct Flow {
    gateway: Arc<Gateway>,
    caller: Caller,
    binding: Binding,
    translator: Translator,
    /// As it was when the stream began.
    upstream: Arc<Upstream>,
    /// By which its ids are sealed.
    replica: ReplicaTag,
    /// Whose it is: another one may have made its task.
    server: ReplicaTag,
    /// Until nothing follows: then the agent's connection is closed, whether the caller reads on or not.
    events: Option<Box<SseReader>>,
    /// Whether the agent has said how it ends: with a message, or a task that is over or waits for its caller.
    has_ended: bool,
    /// When a comment is due: so long after the last frame.
    beat: Instant,
    _place: Place<Origin>,
}

impl Flow {
    pub(super) fn new(
        (gateway, caller): (&Arc<Gateway>, &Caller),
        binding: Binding,
        (Begun { translator, upstream, replica, events }, place): (Begun, Place<Origin>),
    ) -> Self {
        let server = events.replica();
        Self {
            gateway: Arc::clone(gateway),
            caller: caller.clone(),
            binding,
            translator,
            upstream,
            replica,
            server,
            events: Some(events),
            has_ended: false,
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
            self.events.as_ref()?;
            if let Err(failure) = self.check() {
                return Some(Err(failure));
            }
            let events = self.events.as_mut()?;
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

    /// Whether it may go on. Its caller may have ceased to be one, or to see the agent; that may be gone, or be elsewhere.
    fn check(&self) -> Result<(), Failure> {
        let now = upstream_of(&self.gateway, &self.caller, &self.translator.handle)?;
        match Arc::ptr_eq(&now, &self.upstream) || is_of(self.server, &self.upstream, &now) {
            true => Ok(()),
            false => Err(Failure::NotFound),
        }
    }

    /// While it was waited for, it may have come to its end.
    fn tell(&mut self, event: Result<Bytes, UpstreamError>) -> Result<Bytes, Failure> {
        self.check()?;
        let upstreams = &self.gateway.upstreams;
        let event = self.translator.event(upstreams, self.replica, &event?)?;
        self.has_ended = has_ended(&event).unwrap_or(self.has_ended);
        self.binding.frame(&event)
    }

    /// A body that is delimited by the end of its connection ends like this also where its server has died.
    fn end(&self) -> Option<Failure> {
        let fault = UpstreamFault::NotA2a("a stream that breaks off".to_owned());
        (!self.has_ended).then(|| self.translator.fault(&self.gateway.upstreams, fault))
    }
}

/// Whether a stream may end with this event (A2A 1.0, section 3.1.2), if it says anything about that.
fn has_ended(event: &StreamResponse) -> Option<bool> {
    match event {
        StreamResponse::Message(_) => Some(true),
        event => event.state().map(|state| state.is_terminal() || state.is_interrupted()),
    }
}
