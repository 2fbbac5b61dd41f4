//! NATS JetStream as a store of envelopes.
//!
//! Decides how what the registry does in one log is done with three streams: envelopes that wait, what has become of them, dead
//! letters. Must never say "accepted" before JetStream has said so, nor make a dead letter of an envelope that it cannot write
//! down as one. What the registry can and this cannot is in `docs/envelopes.md`.
//!
//! A lease is a delivery by the consumer of the target. Any gateway may end it: with the epoch it is told which message it is of,
//! and the how-manieth delivery.

mod connect;
mod dead;
mod lease;
mod message;
mod streams;

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_nats::HeaderMap;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::stream::{RawMessageErrorKind, Stream};
use async_nats::jetstream::{self, Context};
use bytes::Bytes;
use deploy_service::secret::Secret;
use proto_wire::registry::v1 as wire;
use tokio::sync::OnceCell;

use self::message::{EXPECTED_LAST, Record, Stored, key};
use self::streams::{Names, Times};
use super::{EnvelopeStore, StoreError};
use crate::clock;
use crate::refusals::Paced;

/// For one answer of a server. Longer than an election there.
const ANSWER: Duration = Duration::from_secs(5);

/// Bytes of headers, attempts included.
const HEADERS_MAX: usize = 16 * 1024;

/// What a server refuses is told as a code. This is "maximum messages exceeded" and "maximum messages per subject exceeded".
const STORE_FAILED: jetstream::ErrorCode = jetstream::ErrorCode::STREAM_STORE_FAILED;

/// Where JetStream is, and how it is used.
#[derive(Clone, Debug)]
pub struct JetStreamOptions {
    /// Servers, `tls://host:port`, or `nats://` on loopback.
    pub urls: Vec<String>,
    /// What the names of streams and subjects begin with.
    pub stream: String,
    /// Certificates of those that may sign a server's; those of the system if there is none.
    pub ca: Option<PathBuf>,
    /// What a server is shown.
    pub access: JetStreamAccess,
    /// On how many servers each stream is.
    pub replicas: usize,
    /// How long an envelope is good.
    pub ttl: Duration,
    /// How long a lease lasts.
    pub lease: Duration,
}

/// What a server is shown.
#[derive(Clone, Debug)]
pub enum JetStreamAccess {
    /// Nothing.
    Open,
    /// A token.
    Token(Secret),
    /// The text of a credentials file: a JWT, and the seed of the key that it is for.
    Credentials(Secret),
}

/// JetStream. Its connection is made when it is first used, and again when it breaks.
pub struct JetStream {
    options: JetStreamOptions,
    names: Names,
    times: Times,
    opened: OnceCell<Opened>,
    /// One connects at a time.
    opening: tokio::sync::Mutex<()>,
    /// Of envelopes that were not kept.
    lines: Mutex<Paced>,
}

/// The streams, over a connection that comes back by itself.
struct Opened {
    context: Context,
    waiting: Stream<()>,
    records: Stream<()>,
    dead: Stream<()>,
}

impl JetStream {
    /// Nothing is called yet.
    #[must_use]
    pub fn new(options: JetStreamOptions) -> Self {
        let names = Names::new(&options.stream);
        let JetStreamOptions { replicas, ttl, lease, .. } = options;
        let times = Times { replicas, ttl, lease };
        let (opened, opening) = (OnceCell::new(), tokio::sync::Mutex::default());
        Self { names, times, options, opened, opening, lines: Mutex::default() }
    }

    async fn opened(&self) -> Result<&Opened, StoreError> {
        if self.opened.get().is_none() {
            // Who waits for another's try does not make one of its own behind it.
            let opening = tokio::time::timeout(ANSWER, self.opening.lock()).await;
            let _opening = opening.map_err(|_| away("there is no connection yet"))?;
            let open = || connect::open(&self.options, &self.names, self.times);
            self.opened.get_or_try_init(open).await?;
        }
        let opened = self.opened.get().ok_or_else(|| away("there is no connection yet"))?;
        match opened.context.client().connection_state() {
            async_nats::connection::State::Connected => Ok(opened),
            _ => Err(away("the connection is broken")),
        }
    }

    /// Writes a message, and waits until the stream has it.
    async fn write(
        &self,
        subject: String,
        headers: HeaderMap,
        document: Bytes,
    ) -> Result<PublishAck, StoreError> {
        let context = &self.opened().await?.context;
        let acknowledged = context.publish_with_headers(subject, headers, document).await;
        acknowledged.map_err(away)?.await.map_err(|error| refused_or_away(&error))
    }

    /// What has become of a message of the waiting ones, as the last gateway has written it.
    async fn record(&self, sequence: u64) -> Result<Record, StoreError> {
        let opened = self.opened().await?;
        let subject = self.names.record_of(sequence);
        let Some(found) = found(opened.records.get_last_raw_message_by_subject(&subject).await)?
        else {
            return Ok(Record::default());
        };
        // Who else writes there, and what, is not ours to judge: an envelope is not lost for it.
        Ok(serde_json::from_slice(&found.payload).unwrap_or_default())
    }

    /// Writes it down; over another one only if that is meant.
    async fn put_record(
        &self,
        sequence: u64,
        record: &Record,
        only_first: bool,
    ) -> Result<(), StoreError> {
        let text =
            serde_json::to_vec(record).map_err(|error| StoreError::Refused(error.to_string()))?;
        let mut headers = HeaderMap::new();
        if only_first {
            headers.insert(EXPECTED_LAST, "0");
        }
        self.write(self.names.record_of(sequence), headers, text.into()).await.map(drop)
    }
}

impl JetStream {
    async fn keep(
        &self,
        message: wire::EnqueueEnvelopeRequest,
    ) -> Result<wire::EnqueueEnvelopeReply, StoreError> {
        if message.token.is_some() {
            return Err(StoreError::Unsupported("JetStream spends no tokens"));
        }
        if !message.ordering_key.is_empty() {
            return Err(StoreError::Unsupported("JetStream keeps no order by key"));
        }
        let now_ms = clock::wall().0;
        if message.expires_at_ms <= now_ms {
            return Err(StoreError::Invalid);
        }
        let stored = Stored::taken(message, now_ms);
        let headers = stored.headers(&stored.key()).ok_or(StoreError::Invalid)?;
        let subject = self.names.waiting_of(&stored.target);
        let kept = self.write(subject, headers, stored.document).await?;
        Ok(wire::EnqueueEnvelopeReply {
            revision: kept.sequence,
            duplicate: kept.duplicate,
            token_spent: false,
        })
    }

    /// Tells the operator why envelopes are not kept: once a second.
    fn note(&self, error: &StoreError) {
        if !matches!(error, StoreError::Away(_) | StoreError::Refused(_)) {
            return;
        }
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let line = lines.line("not-kept", clock::mono());
        drop(lines);
        if let Some(unsaid) = line {
            tracing::warn!(%error, unsaid, "JetStream keeps no envelope");
        }
    }
}

impl EnvelopeStore for JetStream {
    async fn accept(
        &self,
        message: wire::EnqueueEnvelopeRequest,
    ) -> Result<wire::EnqueueEnvelopeReply, StoreError> {
        self.keep(message).await.inspect_err(|error| self.note(error))
    }

    async fn lease(
        &self,
        message: wire::LeaseEnvelopesRequest,
    ) -> Result<Vec<wire::LeasedEnvelope>, StoreError> {
        self.lease_of(&message).await
    }

    async fn acknowledge(&self, message: wire::AckEnvelopeRequest) -> Result<(), StoreError> {
        self.end(&message).await
    }

    async fn fail(&self, message: wire::FailEnvelopeRequest) -> Result<(), StoreError> {
        self.put_off(&message).await
    }

    async fn dead_letters(
        &self,
        message: wire::ListDeadLettersRequest,
    ) -> Result<wire::DeadLetterList, StoreError> {
        self.page(&message).await
    }

    async fn dead_letter(
        &self,
        name: wire::DeadLetterName,
    ) -> Result<wire::DeadLetter, StoreError> {
        let (_, stored) = self.dead_of(&key(&name.source, &name.id)).await?;
        stored.dead_letter(dead::KEPT_MS).ok_or(StoreError::NotFound)
    }

    async fn replay(&self, name: wire::DeadLetterName) -> Result<(), StoreError> {
        self.revive(&key(&name.source, &name.id)).await
    }

    async fn discard(&self, name: wire::DeadLetterName) -> Result<(), StoreError> {
        let (sequence, _) = self.dead_of(&key(&name.source, &name.id)).await?;
        self.forget(sequence).await
    }
}

/// Nobody knows what became of it.
fn away(error: impl Display) -> StoreError {
    StoreError::Away(error.to_string())
}

/// What a stream answers to a message.
fn refused_or_away(error: &jetstream::context::PublishError) -> StoreError {
    let told = std::error::Error::source(error);
    let code = told.and_then(|told| told.downcast_ref::<jetstream::Error>());
    match code {
        // The code is that of whatever is not stored, a broken disk too.
        Some(told)
            if told.error_code() == STORE_FAILED
                && told.to_string().contains("maximum messages") =>
        {
            StoreError::Full
        }
        Some(_) => StoreError::Refused(error.to_string()),
        None => away(error),
    }
}

/// A message, if it is there.
fn found<M>(
    answer: Result<M, jetstream::stream::RawMessageError>,
) -> Result<Option<M>, StoreError> {
    match answer {
        Ok(message) => Ok(Some(message)),
        Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Err(error) => Err(away(error)),
    }
}
