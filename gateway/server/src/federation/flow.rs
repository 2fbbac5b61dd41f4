//! The stream of a peer, told to an operator as it comes.
//!
//! Decides when it ends: with the peer's own, with its first fault, when the peer may not act any more, or when this gateway
//! stops. Must never hold more than the event that is being told.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use deploy_service::{Place, sse};
use futures_util::stream;
use gateway_core::{CallError, Failure};
use proto_types::{Origin, json};
use tokio::time::{Instant, sleep, sleep_until};

use crate::a2a::Binding;
use crate::gateway::Gateway;
use crate::upstream::SseReader;

use super::check_fresh;

/// How often it is looked whether the peer of a silent stream may still act.
const CHECK: Duration = Duration::from_secs(2);

/// The rest of a stream.
pub(super) struct Flow {
    gateway: Arc<Gateway>,
    peer: Origin,
    binding: Binding,
    /// Until nothing follows: then the peer's connection is closed, whether the operator reads on or not.
    events: Option<Box<SseReader>>,
    /// When a comment is due: so long after the last frame.
    beat: Instant,
    _place: Place<Origin>,
}

impl Flow {
    pub(super) fn new(
        (gateway, peer): (&Arc<Gateway>, Origin),
        binding: Binding,
        (events, place): (Box<SseReader>, Place<Origin>),
    ) -> Self {
        Self {
            gateway: Arc::clone(gateway),
            peer,
            binding,
            events: Some(events),
            beat: Instant::now() + gateway.heartbeat(),
            _place: place,
        }
    }

    /// The answer to the operator.
    pub(super) fn answer(self) -> Response {
        let binding = self.binding.clone();
        binding.stream(stream::unfold(self, Self::step))
    }

    async fn step(mut self) -> Option<(Result<Bytes, Failure>, Self)> {
        let frame = self.await_frame().await;
        if !matches!(frame, Some(Ok(_))) {
            self.events = None;
        }
        self.beat = Instant::now() + self.gateway.heartbeat();
        frame.map(|frame| (frame, self))
    }

    async fn await_frame(&mut self) -> Option<Result<Bytes, Failure>> {
        loop {
            let events = self.events.as_mut()?;
            if let Err(failure) = check(&self.gateway, &self.peer) {
                return Some(Err(failure));
            }
            tokio::select! {
                // What has come is told before anything else, but for the end of this process.
                biased;
                () = self.gateway.leaving() => return Some(Err(Failure::Stopping)),
                event = events.next() => return match event? {
                    Ok(data) => Some(check(&self.gateway, &self.peer).and_then(|()| frame(&data))),
                    Err(error) => Some(Err(error.into())),
                },
                () = sleep_until(self.beat) => match self.binding.heartbeat() {
                    Some(comment) => return Some(Ok(comment)),
                    None => self.beat = Instant::now() + self.gateway.heartbeat(),
                },
                () = sleep(CHECK) => {}
            }
        }
    }
}

/// A peer that may not act any more is not listened to either.
fn check(gateway: &Gateway, peer: &Origin) -> Result<(), Failure> {
    check_fresh(gateway)?;
    let peers = gateway.cache.peers.load();
    match peers.find(peer).is_some_and(|peer| peer.active) {
        true => Ok(()),
        false => Err(Failure::NotFound),
    }
}

/// An event whose data is one JSON object, which may have come on several lines.
fn frame(data: &[u8]) -> Result<Bytes, Failure> {
    let text = std::str::from_utf8(data).ok();
    let text = text.filter(|_| json::is_object(data).is_ok_and(|is_object| is_object));
    let text = text.ok_or(Failure::Call(CallError::AgentResponse))?;
    Ok(sse::event("", &text.replace('\n', " ")))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_one_object_on_one_line_and_anything_else_ends_its_stream() {
        let told = frame(b"{\"a\":\n 1}").unwrap();
        assert_eq!(told, "data: {\"a\":  1}\n\n");
        for other in [&b"[1]"[..], b"a", b"{", b"\xff", b"{}\nevent: x"] {
            assert!(frame(other).is_err(), "{other:?}");
        }
    }
}
