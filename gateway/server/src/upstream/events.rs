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
use http::HeaderMap;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming};
use proto_types::{Class, TaskOwner};
use tokio::time::{Instant, timeout_at};

use super::grpc::{MessageParser, Unread};
use super::replicas::InFlight;
use super::send::Head;
use super::sse::SseParser;
use super::{BYTES_MAX, ROOM_MIN, UpstreamError};

/// What the log says of a stream that goes on no more.
const SILENT: &str = "its stream is silent for too long";

/// An open stream. Dropping it closes its connection, or resets it where others use that too.
#[derive(Debug)]
pub(crate) struct EventReader {
    in_flight: InFlight,
    body: Incoming,
    /// Boxed, for a reader is moved about.
    parser: Box<Parser>,
    held: Place<TaskOwner>,
    idle: Duration,
    /// When it has been silent for too long, once something is waited for. It is kept here, so that a future that is dropped
    /// does not begin it anew.
    idle_at: Option<Instant>,
    is_over: bool,
}

/// Finds the events in what comes.
#[derive(Debug)]
enum Parser {
    Sse(SseParser),
    Grpc(MessageParser),
}

impl Parser {
    fn take(&mut self, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(chunk) => self.push(chunk),
            Err(frame) => {
                if let Some(trailers) = frame.trailers_ref() {
                    self.close(trailers);
                }
            }
        }
    }

    fn push(&mut self, chunk: Bytes) {
        match self {
            Self::Sse(parser) => parser.push(chunk),
            Self::Grpc(parser) => parser.push(&chunk),
        }
    }

    fn next(&mut self) -> Result<Option<Bytes>, Unread> {
        match self {
            Self::Sse(parser) => parser.next().map_err(|_| Unread::TooLarge),
            Self::Grpc(parser) => parser.next(),
        }
    }

    /// How much was read, or waits to be, of events that are not told yet.
    fn kept(&self) -> usize {
        match self {
            Self::Sse(parser) => parser.kept(),
            Self::Grpc(parser) => parser.kept(),
        }
    }

    /// Those of server-sent events say nothing.
    fn close(&mut self, trailers: &HeaderMap) {
        if let Self::Grpc(parser) = self {
            parser.close(trailers);
        }
    }

    /// What is told at the end, once.
    fn end(&mut self) -> Result<Option<Bytes>, Unread> {
        match self {
            Self::Sse(parser) if parser.is_inside_event() => {
                Err(Unread::Broken("it ended inside an event".to_owned()))
            }
            Self::Sse(_) => Ok(None),
            Self::Grpc(parser) => parser.end(),
        }
    }
}

impl EventReader {
    pub(super) fn new(head: Head, held: Place<TaskOwner>, idle: Duration) -> Self {
        let Head { in_flight, response, method } = head;
        let parser = method.map_or_else(
            || Parser::Sse(SseParser::new(BYTES_MAX)),
            |method| Parser::Grpc(MessageParser::new(method)),
        );
        let (body, parser) = (response.into_body(), Box::new(parser));
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
                    self.parser.take(frame);
                }
                Ok(Some(Err(error))) => {
                    return Err(self.in_flight.unread(Unread::Broken(chain(&error))));
                }
                Ok(None) => {
                    let end = self.parser.end();
                    return end.map_err(|unread| self.in_flight.unread(unread));
                }
                Err(_) => return Err(self.in_flight.fault(UpstreamError::Timeout, SILENT)),
            }
        }
    }

    /// The next event of what has come. What is kept of it, or of those that are not told yet, counts from here on.
    fn parsed(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        let event = self.parser.next().map_err(|unread| self.in_flight.unread(unread))?;
        let kept = event.as_ref().map_or_else(|| self.parser.kept(), Bytes::len);
        self.held.resize(Class::Ordinary, ROOM_MIN.max(kept as u64))?;
        Ok(event)
    }
}
