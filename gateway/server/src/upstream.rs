//! The client of attached agents' servers: HTTP in, HTTP out.
//!
//! Decides which replica is asked, whether another one is asked again, and how much of an answer is read. Must never know what
//! A2A means, follow a redirect, send what a caller has shown, or send again what a server may have acted on; nor hold anything
//! of an answer that does not count for the caller who is to read it.
//!
//! 1. `replicas.rs` keeps what is known of each agent's replicas, and counts what is in flight; the rules are
//!    `gateway_core::upstream`'s.
//! 2. `send.rs` sends a request, once more if that is safe; `connections.rs` keeps the connections, and `dial.rs` makes them, to
//!    addresses that are checked.
//! 3. The answer is read whole, or event by event (`events.rs`, `sse.rs`). One of gRPC becomes the one over HTTP+JSON that
//!    says the same (`grpc.rs`).
//! 4. `webhook.rs` takes an envelope to its receiver, `receiver.rs` a push notification to where a caller wants it.
//! 5. `document.rs` reads what an identity provider publishes.
//! 6. `probe.rs` looks whether replicas that are not called are alive.

mod connections;
mod dial;
mod document;
mod events;
pub(crate) mod grpc;
mod probe;
mod receiver;
mod replicas;
mod send;
pub(crate) mod sse;
mod webhook;

use std::sync::{Arc, Once};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use deploy_service::tls::{self, Connector};
use deploy_service::{Network, Place};
use gateway_core::relay::OutgoingHttp;
use gateway_core::sealed::{SealKey, Sealer};
use gateway_core::upstream::ReplicaTag;
use http::HeaderMap;
use proto_types::upstream::{Upstream, UpstreamBinding};
use proto_types::{Full as NoRoom, Handle, TaskOwner};
use tokio::time::Instant;

pub(crate) use self::dial::refused_address;
pub(crate) use self::events::EventReader;
pub(crate) use self::probe::probe;
pub(crate) use self::send::{AGENT, JSON};

use self::connections::Http;
use self::receiver::ReceiverClient;
use self::replicas::Known;
use crate::config::Upstreams;
use crate::grpc::Method;
use crate::metrics::UpstreamOutcomes;
use crate::secrets::{UpstreamCredentials, UpstreamSecrets};
use crate::waiting::Room;

/// The largest answer, and the largest event of a stream.
const BYTES_MAX: usize = 8 << 20;
/// Status line and headers of an answer, and what is read ahead of a body. Arbitrary.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// A connection that has waited longer may be closed by the server just when it is used: several close after 5 s.
const POOL_IDLE: Duration = Duration::from_secs(4);

/// What every answer takes of its caller's room, from before its request is sent: so that who has no room has nothing done.
/// Arbitrary: most answers are shorter.
const ROOM_MIN: u64 = 4 << 10;

/// Calls attached agents.
pub(crate) struct UpstreamClient {
    http: ArcSwap<Http>,
    connector: Connector,
    known: Known,
    /// What each of them is shown.
    credentials: ArcSwap<UpstreamCredentials>,
    seal_key: SealKey,
    /// To say once that the ids which callers are told die with this process.
    key_is_drawn: Option<Once>,
    timeout: Duration,
    stream_idle: Duration,
    hops_max: usize,
    outcomes: Arc<UpstreamOutcomes>,
    /// Of push notifications.
    pub(crate) receivers: ReceiverClient,
}

/// A request to an agent.
pub(crate) struct Sent<'a> {
    pub(crate) agent: &'a Handle,
    pub(crate) upstream: &'a Upstream,
    /// The replica that made the task it is about.
    pub(crate) prefer: Option<ReplicaTag>,
    pub(crate) http: &'a OutgoingHttp,
    /// Whether it only reads, so that it may be received twice.
    pub(crate) safe_to_repeat: bool,
    /// Beside those that the client writes.
    pub(crate) headers: HeaderMap,
    /// When the whole answer has to be there; of a stream, its head.
    pub(crate) until: Instant,
    /// Where the answer counts.
    pub(crate) room: &'a Room,
}

/// A whole answer, of any status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) replica: ReplicaTag,
    pub(crate) status: u16,
    pub(crate) body: Bytes,
    /// What it takes of its caller's room.
    pub(crate) held: Place<TaskOwner>,
}

/// An answer to a request for a stream.
#[derive(Debug)]
pub(crate) enum Streamed {
    /// Events, as they come.
    Events(Box<EventReader>),
    /// Something else, or an answer that says no.
    Whole(Answer),
}

/// Why there is no whole answer. The log has the details: they are the operator's, not the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UpstreamError {
    /// Nothing was sent.
    #[error("no server of the agent takes a connection")]
    Unreachable,
    /// Nothing was sent.
    #[error("too many calls of the agent are open")]
    Overloaded,
    /// It may have been received.
    #[error("the agent does not answer in time")]
    Timeout,
    /// It was received.
    #[error("the agent's answer is too large")]
    TooLarge,
    /// It may have been received.
    #[error("the agent's answer broke off")]
    Broken,
    /// The caller has its share of the agent's open calls, and then nothing was sent; or there is no room for the answer, and
    /// whether it was sent depends on how long that is.
    #[error("its caller has its share, or there is no room for the answer")]
    NoRoom(#[from] NoRoom),
}

impl UpstreamError {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::TooLarge => "too_large",
            Self::Broken => "broken",
            Self::NoRoom(_) => "no_room",
        }
    }
}

/// An outcome beside those of errors: a status that says no is an answer too.
const ANSWERED: &str = "answered";

/// All outcomes.
const OUTCOMES: [&str; 7] = [
    ANSWERED,
    UpstreamError::Unreachable.word(),
    UpstreamError::Overloaded.word(),
    UpstreamError::Timeout.word(),
    UpstreamError::TooLarge.word(),
    UpstreamError::Broken.word(),
    UpstreamError::NoRoom(NoRoom::Share).word(),
];

impl Sent<'_> {
    /// The method that is called over gRPC.
    fn method(&self) -> Option<Method> {
        let is_grpc = self.upstream.binding == UpstreamBinding::Grpc;
        is_grpc.then(|| Method::at(&self.http.path)).flatten()
    }
}

impl UpstreamClient {
    /// Connects to nobody yet.
    ///
    /// # Errors
    /// The certificates cannot be used.
    pub(crate) fn open(config: &Upstreams, secrets: &UpstreamSecrets) -> Result<Self, tls::Error> {
        let connector = config.connector()?;
        Ok(Self {
            http: ArcSwap::from_pointee(Http::new(&connector, &config.private_networks)),
            connector,
            known: Known::default(),
            credentials: ArcSwap::from_pointee(secrets.credentials.clone()),
            seal_key: secrets.seal_key.clone(),
            key_is_drawn: secrets.is_key_drawn.then(Once::new),
            timeout: config.timeout.std(),
            stream_idle: config.stream_idle.std(),
            hops_max: config.hops_max,
            outcomes: Arc::new(UpstreamOutcomes::new(&OUTCOMES)),
            receivers: ReceiverClient::open(config)?,
        })
    }

    /// Takes over what agents are shown, and where they may be. A connection that was made under other networks is used for no
    /// further request.
    pub(crate) fn replace(&self, credentials: UpstreamCredentials, private_networks: &[Network]) {
        self.credentials.store(Arc::new(credentials));
        if self.http.load().private_networks != private_networks {
            self.http.store(Arc::new(Http::new(&self.connector, private_networks)));
        }
    }

    /// Whether a failure of an agent is a line of the log, and then how many of its kind were held back before it.
    pub(crate) fn line(&self, agent: &Handle, why: &'static str) -> Option<u64> {
        self.known.line(agent, why)
    }

    /// The most gateways that a call passes which is handed on.
    pub(crate) const fn hops_max(&self) -> usize {
        self.hops_max
    }

    /// How requests end, as they are counted.
    pub(crate) fn outcomes(&self) -> Arc<UpstreamOutcomes> {
        Arc::clone(&self.outcomes)
    }

    /// What binds the ids of an agent to one caller.
    pub(crate) fn sealer(&self, owner: &str, agent: &Handle) -> Sealer {
        self.warn_of_drawn_key();
        Sealer::new(&self.seal_key, owner, agent)
    }

    /// When a call that begins now has to be answered.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.timeout
    }

    /// Sends a request and reads the whole answer. Dropping the future closes the connection.
    ///
    /// # Errors
    /// There is none.
    pub(crate) async fn call(&self, sent: Sent<'_>) -> Result<Answer, UpstreamError> {
        let answered = self.try_call(&sent).await;
        self.count(answered.as_ref().err());
        answered
    }

    /// Sends a request for a stream, and reads its head; an answer that is no stream is read whole. Dropping the future, or
    /// the stream, closes the connection.
    ///
    /// # Errors
    /// There is no answer.
    pub(crate) async fn stream(&self, sent: Sent<'_>) -> Result<Streamed, UpstreamError> {
        let streamed = self.try_stream(&sent).await;
        self.count(streamed.as_ref().err());
        streamed
    }

    async fn try_call(&self, sent: &Sent<'_>) -> Result<Answer, UpstreamError> {
        let held = sent.room.take(ROOM_MIN)?;
        self.head(sent).await?.whole(held, sent.until).await
    }

    async fn try_stream(&self, sent: &Sent<'_>) -> Result<Streamed, UpstreamError> {
        let held = sent.room.take(ROOM_MIN)?;
        let head = self.head(sent).await?;
        match head.is_stream() {
            true => Ok(Streamed::Events(Box::new(EventReader::new(head, held, self.stream_idle)))),
            false => head.whole(held, sent.until).await.map(Streamed::Whole),
        }
    }

    fn count(&self, error: Option<&UpstreamError>) {
        self.outcomes.count(error.map_or(ANSWERED, |error| error.word()));
    }

    /// Says once, when it begins to matter, that other gateways do not know the ids which this one tells.
    fn warn_of_drawn_key(&self) {
        let Some(once) = &self.key_is_drawn else { return };
        once.call_once(|| {
            tracing::warn!(
                "upstreams.id_key_file is not set: what attached agents' tasks are called is known to this process alone, \
                 and only until it ends"
            );
        });
    }
}

#[cfg(test)]
mod tests;
