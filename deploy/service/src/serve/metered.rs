//! A request body that must keep coming, and whose bytes count.
//!
//! It decides how long a handler may be made to wait: for the next piece at most the timeout,
//! and in all at most the timeout plus a second for each `rate_min` bytes that came. Only time
//! in which the handler waited for the client counts, and none between two messages of a stream of the system's own.
//! What is held is the body; of a stream of the system's own its newest message, for anybody else could say that a body is
//! many. It never limits the size of one: that is the handler's knowledge.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use proto_types::Class;
use tokio::time::{Instant, Sleep, sleep_until};

use super::{Limits, framing::Framing, memory::Claim};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The client sent its body too slowly.
#[derive(Debug, thiserror::Error)]
#[error("the request body comes too slowly")]
pub(super) struct TooSlow;

/// A request body with a clock and a claim.
#[derive(Debug)]
pub(super) struct Metered {
    body: Incoming,
    pace: Pace,
    /// Since when, and until when, the handler waits.
    wait: Option<(Instant, Pin<Box<Sleep>>)>,
    /// Of gRPC.
    framing: Option<Framing>,
    claim: Claim,
    /// Bytes that are counted for the body, or for the newest message of a stream.
    held: u64,
}

/// What a body has earned and used.
#[derive(Debug)]
struct Pace {
    timeout: Duration,
    rate_min: u64,
    received: u64,
    waited: Duration,
}

impl Metered {
    pub(super) fn new(body: Incoming, is_grpc: bool, claim: Claim, limits: &Limits) -> Self {
        let pace = Pace {
            timeout: limits.body_timeout.std(),
            rate_min: limits.body_rate_min.count(),
            received: 0,
            waited: Duration::ZERO,
        };
        let framing = is_grpc.then(Framing::default);
        Self { body, pace, wait: None, framing, claim, held: 0 }
    }

    /// Counts the next bytes. The message before is done with once the next one begins, if the system's own sends it.
    fn take(&mut self, data: &Bytes) -> Result<(), BoxError> {
        let begins = self.framing.as_mut().is_some_and(|framing| framing.advance(data));
        if begins && self.claim.class() == Class::System {
            self.claim.shrink(std::mem::take(&mut self.held));
            (self.pace.received, self.pace.waited) = (0, Duration::ZERO);
        }
        let bytes = data.len() as u64;
        self.pace.received += bytes;
        self.claim.grow(bytes)?;
        self.held += bytes;
        Ok(())
    }

    fn may_idle(&self) -> bool {
        let between = self.framing.as_ref().is_some_and(Framing::is_between);
        between && self.claim.class() == Class::System
    }
}

impl Pace {
    /// How long the next wait may be.
    fn allowance(&self) -> Duration {
        let millis = self.received.saturating_mul(1000) / self.rate_min.max(1);
        let earned = self.timeout.saturating_add(Duration::from_millis(millis));
        earned.saturating_sub(self.waited).min(self.timeout)
    }
}

impl HttpBody for Metered {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            if let Some((since, _)) = this.wait.take() {
                this.pace.waited += since.elapsed();
            }
            if let Some(data) = frame.as_ref().and_then(|f| f.as_ref().ok()?.data_ref()) {
                this.take(data)?;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        if this.may_idle() {
            this.wait = None;
            return Poll::Pending;
        }
        let allowance = this.pace.allowance();
        let (_, deadline) = this.wait.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Box::pin(sleep_until(now + allowance)))
        });
        deadline.as_mut().poll(cx).map(|()| Some(Err(TooSlow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dripping_body_uses_up_its_time_and_a_fast_one_earns_more() {
        let timeout = Duration::from_secs(10);
        let pace = |received, secs| {
            let waited = Duration::from_secs(secs);
            Pace { timeout, rate_min: 1024, received, waited }.allowance().as_secs()
        };
        assert_eq!(pace(0, 0), 10);
        assert_eq!(pace(8, 8), 2, "a byte a second earns nothing");
        assert_eq!(pace(4, 11), 0);
        assert_eq!(pace(100 * 1024, 50), 10, "never more than the timeout at once");
        assert_eq!(pace(100 * 1024, 105), 5);
    }
}
