//! Envelopes as server-sent events: a long poll that goes on.
//!
//! Decides when the next ones are leased, and when the stream ends: with the wish to stop, or when its subscriber is let in no
//! more. Must never lease for a client that does not read: a body asks for the next event, and then only the next ones are leased.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use deploy_service::{Place, sse};
use futures_util::stream;
use gateway_core::Failure;
use http::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use proto_types::Class;
use tokio::time::{Instant, sleep};

use super::{Pull, show};
use crate::deliver::PAUSE;
use crate::gateway::Gateway;
use crate::store::EnvelopeStore as _;
use crate::{reply, secrets};

const EVENTS: &str = "text/event-stream";
const COMMENT: Bytes = Bytes::from_static(b":\n\n");

/// Whether a subscriber wants events.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    let kinds = headers.get_all(ACCEPT).into_iter().filter_map(|value| value.to_str().ok());
    let kind = |kind: &str| kind.split(';').next().is_some_and(|kind| kind.trim() == EVENTS);
    kinds.flat_map(|kinds| kinds.split(',')).any(kind)
}

/// A stream that is open.
struct Open {
    gateway: Arc<Gateway>,
    pull: Pull,
    /// What the subscriber has shown.
    shown: HeaderMap,
    /// Leased, and not sent yet.
    ready: VecDeque<Bytes>,
    /// When the lease of those that are ready ends.
    until: Instant,
    is_new: bool,
    _place: Place<String>,
}

impl Pull {
    /// Leases envelopes as they come, each an event, until the gateway stops.
    pub(crate) fn stream(
        self,
        gateway: &Arc<Gateway>,
        headers: &HeaderMap,
    ) -> Result<Response, Failure> {
        let place = gateway.pools.polls.place(Class::Ordinary, self.target.clone())?;
        let mut shown = HeaderMap::new();
        for value in headers.get_all(AUTHORIZATION) {
            shown.append(AUTHORIZATION, value.clone());
        }
        let open = Open {
            gateway: Arc::clone(gateway),
            pull: self,
            shown,
            ready: VecDeque::new(),
            until: Instant::now(),
            is_new: true,
            _place: place,
        };
        let body = Body::from_stream(stream::unfold(open, Open::step));
        let mut response = reply::body(StatusCode::OK, EVENTS, body);
        let headers = response.headers_mut();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        // nginx and its kin buffer unless told otherwise.
        headers
            .insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
        Ok(response)
    }
}

impl Open {
    async fn step(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        // A client learns at once that it is let in.
        if std::mem::take(&mut self.is_new) {
            return Some((Ok(COMMENT), self));
        }
        if !secrets::shows(&self.shown, &self.gateway.live.load().tokens.subscribers) {
            return None;
        }
        // They are another's by now, or soon.
        if Instant::now() >= self.until {
            self.ready.clear();
        }
        if self.ready.is_empty() && !self.fill().await {
            return None;
        }
        Some((Ok(self.ready.pop_front().unwrap_or(COMMENT)), self))
    }

    /// Leases the next ones, and waits for the first for as long as a stream may be silent. False at the end.
    async fn fill(&mut self) -> bool {
        let message = self.pull.message(&self.gateway, self.gateway.heartbeat());
        let lease = Duration::from_millis(message.ttl_ms);
        let leased = tokio::select! {
            biased;
            // What is leased meanwhile comes again when its lease ends.
            () = self.gateway.leaving() => return false,
            leased = self.gateway.envelopes.lease(message) => leased,
        };
        match leased {
            Ok(leased) => {
                self.until = Instant::now() + lease;
                let event = |one| sse::event("event: envelope\n", &show(one).to_string());
                self.ready.extend(leased.iter().map(event));
            }
            Err(error) => {
                let queue = self.pull.target.as_str();
                tracing::warn!(queue, %error, "a subscriber hears of no envelopes");
                sleep(PAUSE).await;
            }
        }
        true
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn events_are_for_who_asks_for_them() {
        let wanted = |accept: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, accept.parse().unwrap());
            is_wanted(&headers)
        };
        assert!(wanted("text/event-stream"));
        assert!(wanted("application/json, text/event-stream;q=0.9"));
        for other in ["application/json", "*/*", "text/event-streams", ""] {
            assert!(!wanted(other), "{other}");
        }
        assert!(!is_wanted(&HeaderMap::new()));
    }
}
