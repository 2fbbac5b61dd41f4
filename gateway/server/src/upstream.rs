//! The client of attached agents' servers: HTTP in, HTTP out.
//!
//! Decides which replica is asked, whether another one is asked again, and how much of an answer is read. Must never know
//! A2A, follow a redirect, send what a caller has shown, or send again what a server may have acted on.
//!
//! 1. `replicas.rs` keeps what is known of each agent's replicas, and counts what is in flight; the rules are
//!    `gateway_core::upstream`'s.
//! 2. `send.rs` sends a request, once more if that is safe; `dial.rs` connects, to addresses that are checked.
//! 3. The answer is read whole, or event by event (`events.rs`, `sse.rs`).
//! 4. `probe.rs` looks whether replicas that are not called are alive.

mod dial;
mod events;
mod probe;
mod replicas;
mod send;
mod sse;

use std::collections::BTreeMap;
use std::sync::{Arc, Once};
use std::time::Duration;

use bytes::Bytes;
use deploy_service::tls;
use gateway_core::relay::OutgoingHttp;
use gateway_core::sealed::{SealKey, Sealer};
use gateway_core::upstream::ReplicaTag;
use http::HeaderMap;
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use proto_types::Handle;
use proto_types::upstream::Upstream;
use tokio::time::Instant;

pub(crate) use self::events::SseReader;
pub(crate) use self::probe::probe;

use self::dial::Dialer;
use self::replicas::Known;
use self::send::is_events;
use crate::config::Upstreams;
use crate::metrics::UpstreamOutcomes;
use crate::secrets::UpstreamSecrets;

/// The largest answer, and the largest event of a stream.
const BYTES_MAX: usize = 8 << 20;
/// Status line and headers of an answer, and what is read ahead of a body. Arbitrary.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// A connection that has waited longer may be closed by the server just when it is used: several close after 5 s.
const POOL_IDLE: Duration = Duration::from_secs(4);
/// Connections to one host that wait. Arbitrary.
const POOL_MAX: usize = 64;

/// Calls attached agents.
pub(crate) struct UpstreamClient {
    http: Client<Dialer, Full<Bytes>>,
    known: Known,
    credentials: BTreeMap<Handle, HeaderMap>,
    seal_key: SealKey,
    /// To say once that the ids which callers are told die with this process.
    key_is_drawn: Option<Once>,
    timeout: Duration,
    stream_idle: Duration,
    outcomes: Arc<UpstreamOutcomes>,
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
}

/// A whole answer, of any status.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) replica: ReplicaTag,
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

/// An answer to a request for a stream.
#[derive(Debug)]
pub(crate) struct Streamed {
    pub(crate) replica: ReplicaTag,
    pub(crate) status: u16,
    pub(crate) body: Body,
}

/// What it holds.
#[derive(Debug)]
pub(crate) enum Body {
    /// Events, as they come.
    Events(SseReader),
    /// Something else, or an answer that says no.
    Whole(Bytes),
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
}

impl UpstreamError {
    const fn word(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::TooLarge => "too_large",
            Self::Broken => "broken",
        }
    }
}

/// An outcome beside those of errors: a status that says no is an answer too.
const ANSWERED: &str = "answered";

/// All outcomes.
const OUTCOMES: [&str; 6] = [
    ANSWERED,
    UpstreamError::Unreachable.word(),
    UpstreamError::Overloaded.word(),
    UpstreamError::Timeout.word(),
    UpstreamError::TooLarge.word(),
    UpstreamError::Broken.word(),
];

impl UpstreamClient {
    /// Connects to nobody yet.
    ///
    /// # Errors
    /// The certificates cannot be used.
    pub(crate) fn open(config: &Upstreams, secrets: &UpstreamSecrets) -> Result<Self, tls::Error> {
        let dialer = Dialer::new(config.connector()?, &config.private_networks);
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(POOL_IDLE);
        builder.pool_max_idle_per_host(POOL_MAX).http1_max_buf_size(HEAD_BYTES_MAX);
        Ok(Self {
            http: builder.build(dialer),
            known: Known::default(),
            credentials: secrets.credentials.clone(),
            seal_key: secrets.seal_key.clone(),
            key_is_drawn: secrets.is_key_drawn.then(Once::new),
            timeout: config.timeout.std(),
            stream_idle: config.stream_idle.std(),
            outcomes: Arc::new(UpstreamOutcomes::new(&OUTCOMES)),
        })
    }

    /// How requests end, as they are counted.
    pub(crate) fn outcomes(&self) -> Arc<UpstreamOutcomes> {
        Arc::clone(&self.outcomes)
    }

    /// What binds the ids of an agent to one caller.
    pub(crate) fn sealer(&self, owner: &str, agent: &Handle) -> Sealer {
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
        let answered = async { self.head(&sent).await?.whole(sent.until).await }.await;
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

    async fn try_stream(&self, sent: &Sent<'_>) -> Result<Streamed, UpstreamError> {
        let head = self.head(sent).await?;
        if is_events(&head.response) {
            let (replica, status) = (head.in_flight.tag(), head.response.status().as_u16());
            let body = Body::Events(SseReader::new(head, self.stream_idle));
            return Ok(Streamed { replica, status, body });
        }
        let Answer { replica, status, body } = head.whole(sent.until).await?;
        Ok(Streamed { replica, status, body: Body::Whole(body) })
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
