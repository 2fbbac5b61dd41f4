//! The stream of a server that is not ours, told as it comes.
//!
//! Decides when it ends: with the server's own, with its first fault, when whoever hears it may not do so any more, or when this
//! gateway stops. Must never hold more than the event that is being told: a server that is faster than its reader waits for it.

use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use bytes::Bytes;
use deploy_service::Place;
use futures_util::{StreamExt as _, stream};
use gateway_core::Failure;
use proto_types::TaskOwner;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::a2a::Binding;
use crate::gateway::Gateway;
use crate::upstream::EventReader;

/// How often it is looked whether a silent stream may still be told.
pub(crate) const CHECK: Duration = Duration::from_secs(2);

/// A server that refuses often says so in the first event of its stream: for so long no stream is begun, so that its caller
/// is answered with the refusal alone.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// Whose stream it is.
pub(crate) trait Source: Send + 'static {
    /// Whether it may go on.
    ///
    /// # Errors
    /// It may not, and what its reader is told.
    fn check(&self, gateway: &Gateway) -> Result<(), Failure>;

    /// The frame that tells an event of this data.
    ///
    /// # Errors
    /// The data is no event.
    fn frame(
        &mut self,
        gateway: &Gateway,
        binding: &Binding,
        data: &[u8],
    ) -> Result<Bytes, Failure>;

    /// What is told where the server says nothing any more, if that is no end.
    fn end(&self, gateway: &Gateway) -> Option<Failure>;
}

/// The rest of a stream.
pub(crate) struct Flow<S> {
    gateway: Arc<Gateway>,
    source: S,
    binding: Binding,
    /// Until nothing follows: then the server is left, whether the reader reads on or not.
    events: Option<Box<EventReader>>,
    /// When a comment is due: so long after the last frame.
    beat: Instant,
    _place: Place<TaskOwner>,
}

impl<S: Source> Flow<S> {
    pub(crate) fn new(
        (gateway, source): (&Arc<Gateway>, S),
        binding: Binding,
        (events, place): (Box<EventReader>, Place<TaskOwner>),
    ) -> Self {
        let beat = Instant::now() + gateway.heartbeat();
        let (gateway, events) = (Arc::clone(gateway), Some(events));
        Self { gateway, source, binding, events, beat, _place: place }
    }

    /// The answer, whatever the stream says.
    pub(crate) fn answer(self) -> Response {
        let binding = self.binding.clone();
        binding.stream(stream::unfold(self, Self::step))
    }

    /// The answer, unless the stream begins with a refusal.
    ///
    /// # Errors
    /// It does.
    pub(crate) async fn answer_unless_refused(mut self) -> Result<Response, Failure> {
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
            if let Err(failure) = self.source.check(&self.gateway) {
                return Some(Err(failure));
            }
            let events = self.events.as_mut()?;
            tokio::select! {
                // What has come is told before anything else, but for the end of this process.
                biased;
                () = self.gateway.leaving() => return Some(Err(Failure::Stopping)),
                event = events.next() => return match event {
                    Some(Ok(data)) => Some(self.tell(&data)),
                    Some(Err(error)) => Some(Err(error.into())),
                    None => self.source.end(&self.gateway).map(Err),
                },
                () = sleep_until(self.beat) => match self.binding.heartbeat() {
                    Some(comment) => return Some(Ok(comment)),
                    None => self.beat = Instant::now() + self.gateway.heartbeat(),
                },
                () = sleep(CHECK) => {}
            }
        }
    }

    /// While it was waited for, it may have come to its end.
    fn tell(&mut self, data: &[u8]) -> Result<Bytes, Failure> {
        self.source.check(&self.gateway)?;
        self.source.frame(&self.gateway, &self.binding, data)
    }
}
