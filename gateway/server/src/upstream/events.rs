//! The events of an agent's answer, as they come.
//!
//! Decides when a silent stream has ended. Must never read ahead of whoever takes the events by more than what a connection
//! holds: one that is slow holds up the agent, not this process's memory. What is held of an event counts for its caller until
//! the next one is asked for.

use std::time::Duration;

use bytes::Bytes;
use deploy_service::Place;
use deploy_service::telemetry::chain;
use gateway_core::upstream::ReplicaTag;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use proto_types::{Class, Origin};
use tokio::time::{Instant, timeout_at};

use super::replicas::InFlight;
use super::send::{Head, TOO_LONG};
use super::sse::SseParser;
use super::{BYTES_MAX, ROOM_MIN, UpstreamError};

/// What the log says of a stream that goes on no more.
const SILENT: &str = "its stream is silent for too long";

/// An open stream. Dropping it closes its connection.
#[derive(Debug)]
pub(crate) struct SseReader {
    in_flight: InFlight,
    body: Incoming,
    /// Boxed, for a reader is moved about.
    parser: Box<SseParser>,
    held: Place<Origin>,
    idle: Duration,
    /// When it has been silent for too long, once something is waited for. It is kept here, so that a future that is dropped
    /// does not begin it anew.
    idle_at: Option<Instant>,
    is_over: bool,
}

impl SseReader {
    pub(super) fn new(head: Head, held: Place<Origin>, idle: Duration) -> Self {
        let (in_flight, body) = (head.in_flight, head.response.into_body());
        let parser = Box::new(SseParser::new(BYTES_MAX));
        Self { in_flight, body, parser, held, idle, idle_at: None, is_over: false }
    }

    /// Whose stream it is.
    pub(crate) fn replica(&self) -> ReplicaTag {
        self.in_flight.tag()
    }

    /// The data of the next event; none at the end, and after an error. Nothing is lost with a future that is dropped.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, UpstreamError>> {
        if self.is_over {
            return None;
        }
        let next = self.try_next().await.transpose();
        self.is_over = !matches!(next, Some(Ok(_)));
        next
    }

    async fn try_next(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        loop {
            let event = self.parsed()?;
            if event.is_some() {
                // The time in which an event is told to a slow caller is not the agent's.
                self.idle_at = None;
                return Ok(event);
            }
            let idle_at = *self.idle_at.get_or_insert_with(|| Instant::now() + self.idle);
            match timeout_at(idle_at, self.body.frame()).await {
                Ok(Some(Ok(frame))) => {
                    self.idle_at = None;
                    // What is no data are trailers, which say nothing here.
                    if let Ok(chunk) = frame.into_data() {
                        self.parser.push(chunk);
                    }
                }
                Ok(Some(Err(error))) => return Err(self.broken(&chain(&error))),
                Ok(None) if self.parser.is_inside_event() => {
                    return Err(self.broken("it ended inside an event"));
                }
                Ok(None) => return Ok(None),
                Err(_) => return Err(self.in_flight.fault(UpstreamError::Timeout, SILENT)),
            }
        }
    }

    /// The next event of what has come. What is kept of it, or of the one that is not whole, counts from here on.
    fn parsed(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        let too_large = |_| self.in_flight.fault(UpstreamError::TooLarge, TOO_LONG);
        let event = self.parser.next().map_err(too_large)?;
        let kept = event.as_ref().map_or_else(|| self.parser.kept(), Bytes::len);
        self.held.resize(Class::Ordinary, ROOM_MIN.max(kept as u64))?;
        Ok(event)
    }

    fn broken(&mut self, error: &str) -> UpstreamError {
        self.in_flight.failed();
        self.in_flight.fault(UpstreamError::Broken, error)
    }
}
