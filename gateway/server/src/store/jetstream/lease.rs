//! The lease of envelopes from JetStream, and how one ended.
//!
//! Decides who holds a message: whoever the consumer of its target has delivered it to last. Must never end a lease whose message
//! is not the one that is meant: the server would take any out of the stream.

use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::Batch;
use async_nats::jetstream::context::ConsumerInfoErrorKind;
use bytes::Bytes;
use futures_util::StreamExt as _;
use proto_types::outcome::printable;
use proto_types::{QueueName, WallMs};
use proto_wire::registry::v1 as wire;
use tokio::time::timeout;

use super::message::{Attempt, Lease, Record, Stored, key};
use super::streams::Names;
use super::{ANSWER, JetStream, StoreError, away, found};
use crate::clock;

/// Envelopes that one call leases, as of the registry.
const LEASE_MAX: u32 = 100;
/// How long one may be put off, as by the registry.
const RETRY_MS_MAX: u64 = 86_400_000;
/// Attempts that are kept of an envelope, and bytes of the reason of each: as in the registry.
const ATTEMPTS_KEPT: usize = 10;
const REASON_BYTES_MAX: usize = 256;

/// An envelope that is held, and under which lease.
struct Held {
    stored: Stored,
    lease: Lease,
    record: Record,
    /// The newest delivery of the consumer, of whatever message.
    delivered: u64,
}

impl JetStream {
    pub(super) async fn lease_of(
        &self,
        message: &wire::LeaseEnvelopesRequest,
    ) -> Result<Vec<wire::LeasedEnvelope>, StoreError> {
        QueueName::parse(&message.target).map_err(|_| StoreError::Invalid)?;
        if !(1..=LEASE_MAX).contains(&message.max) {
            return Err(StoreError::Invalid);
        }
        let (max, wait) = (message.max as usize, Duration::from_millis(message.wait_ms));
        let consumer = self.consumer(&message.target).await?;
        let mut taken = at_hand(&consumer, max).await?;
        if taken.is_empty() && !wait.is_zero() {
            let first = consumer.batch().max_messages(1).expires(wait).messages().await;
            taken = collected(first.map_err(away)?, wait.saturating_add(ANSWER)).await?;
            if !taken.is_empty() && max > 1 {
                // These are held already, whatever becomes of the rest.
                taken.extend(at_hand(&consumer, max - 1).await.unwrap_or_default());
            }
        }
        let until = clock::wall().plus_ms(millis(consumer.cached_info().config.ack_wait));
        let mut leased = Vec::with_capacity(taken.len());
        for message in &taken {
            leased.extend(self.leased(message, until).await?);
        }
        Ok(leased)
    }

    async fn consumer(&self, target: &str) -> Result<PullConsumer, StoreError> {
        let wanted = self.times.consumer(&self.names, target);
        let waiting = &self.opened().await?.waiting;
        let name = Names::consumer(target);
        let consumer = waiting.get_or_create_consumer(&name, wanted.clone()).await.map_err(away)?;
        if consumer.cached_info().config.ack_wait == wanted.ack_wait {
            return Ok(consumer);
        }
        // Creates, or changes what is there.
        waiting.create_consumer(wanted).await.map_err(away)
    }

    /// As its holder sees it; none of what is nobody's any more.
    async fn leased(
        &self,
        message: &Message,
        until: WallMs,
    ) -> Result<Option<wire::LeasedEnvelope>, StoreError> {
        let told = message.info().map_err(away)?;
        let delivery = u64::try_from(told.delivered).unwrap_or_default();
        let (lease, newest) =
            (Lease { sequence: told.stream_sequence, delivery }, told.consumer_sequence);
        let headers = message.headers.clone().unwrap_or_default();
        let Some(stored) = Stored::read(&headers, message.payload.clone()) else {
            tracing::error!(
                sequence = lease.sequence,
                "the stream of envelopes has a message that is none"
            );
            return Ok(None);
        };
        let record = if delivery > 1 { self.note_lease(lease).await? } else { Record::default() };
        if stored.expires_at_ms > clock::wall().0 {
            return Ok(Some(stored.leased(lease, until.0, record.failures)));
        }
        let held = Held { stored, lease, record, delivered: newest };
        self.end_dead(held, "expired").await?;
        Ok(None)
    }

    /// Writes down that an envelope has a newer holder, so that older ones cannot end its lease.
    async fn note_lease(&self, lease: Lease) -> Result<Record, StoreError> {
        let record = self.record(lease.sequence).await?;
        let deliveries = record.deliveries.max(lease.delivery);
        let record = Record { deliveries, ..record };
        self.put_record(lease.sequence, &record, false).await?;
        Ok(record)
    }

    /// Takes a leased envelope out of its queue. What is there no more has left it: by this, by another acknowledgement, or as a
    /// dead letter.
    pub(super) async fn end(&self, message: &wire::AckEnvelopeRequest) -> Result<(), StoreError> {
        let name = (message.target.as_str(), message.source.as_str(), message.id.as_str());
        match self.held(name, message.epoch).await? {
            Some(held) => self.tell(&held, Bytes::from_static(b"+ACK")).await,
            None => Ok(()),
        }
    }

    /// Keeps why an attempt has failed, and puts the envelope off, or makes it a dead letter.
    pub(super) async fn put_off(
        &self,
        message: &wire::FailEnvelopeRequest,
    ) -> Result<(), StoreError> {
        if message.retry_in_ms > RETRY_MS_MAX || message.attempts_max == 0 {
            return Err(StoreError::Invalid);
        }
        let name = (message.target.as_str(), message.source.as_str(), message.id.as_str());
        let Some(mut held) = self.held(name, message.epoch).await? else { return Ok(()) };
        if held.record.attempts.last().is_some_and(|last| last.epoch == message.epoch) {
            return Ok(());
        }
        let now = clock::wall();
        held.record = failed(held.record, held.lease, (&message.reason, now));
        if held.record.failures >= message.attempts_max {
            return self.end_dead(held, "attempts").await;
        }
        if held.stored.expires_at_ms <= now.0 {
            return self.end_dead(held, "expired").await;
        }
        self.put_record(held.lease.sequence, &held.record, false).await?;
        let delay_ns = u128::from(message.retry_in_ms.max(1)) * 1_000_000;
        let not_yet = format!("-NAK {{\"delay\": {delay_ns}}}");
        self.tell(&held, not_yet.into()).await
    }

    /// The envelope of this name, if it is in its queue under this lease, or none if it has left the queue.
    async fn held(
        &self,
        (target, source, id): (&str, &str, &str),
        epoch: u64,
    ) -> Result<Option<Held>, StoreError> {
        let lease = Lease::of(epoch).ok_or(StoreError::NotLeased)?;
        let record = self.record(lease.sequence).await?;
        if record.deliveries > lease.delivery {
            return Err(StoreError::NotLeased);
        }
        let waiting = &self.opened().await?.waiting;
        let Some(there) = found(waiting.get_raw_message(lease.sequence).await)? else {
            return Ok(None);
        };
        let stored = Stored::read(&there.headers, there.payload);
        let is_meant = |stored: &Stored| stored.target == target && stored.key() == key(source, id);
        let stored = stored.filter(is_meant).ok_or(StoreError::NotFound)?;
        let delivered = match waiting.consumer_info(Names::consumer(target)).await {
            Ok(info) => info.delivered.consumer_sequence,
            Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => {
                return Err(StoreError::NotLeased);
            }
            Err(error) => return Err(away(error)),
        };
        Ok(Some(Held { stored, lease, record, delivered }))
    }

    /// Writes an envelope down as a dead letter, and takes it out of its queue.
    async fn end_dead(&self, held: Held, cause: &str) -> Result<(), StoreError> {
        let ended = Record { deliveries: held.lease.delivery, ..held.record.clone() };
        self.bury(&held.stored, held.lease.sequence, (cause, ended)).await?;
        self.tell(&held, Bytes::from_static(b"+ACK")).await
    }

    /// Tells the consumer how a delivery ended, and waits until it has heard that.
    async fn tell(&self, held: &Held, what: Bytes) -> Result<(), StoreError> {
        let Held { stored, lease, delivered, .. } = held;
        let subject = self.names.acknowledgement(&stored.target, lease.sequence, *delivered);
        let client = self.opened().await?.context.client();
        client.request(subject, what).await.map(drop).map_err(away)
    }
}

fn failed(record: Record, lease: Lease, (reason, now): (&str, WallMs)) -> Record {
    let Record { deliveries, failures, mut attempts } = record;
    let reason = printable(reason, REASON_BYTES_MAX);
    attempts.push(Attempt { at_ms: now.0, epoch: lease.epoch(), reason });
    let older = attempts.len().saturating_sub(ATTEMPTS_KEPT);
    attempts.drain(..older);
    let deliveries = deliveries.max(lease.delivery);
    Record { deliveries, failures: failures.saturating_add(1), attempts }
}

/// What can be had at once.
async fn at_hand(consumer: &PullConsumer, max: usize) -> Result<Vec<Message>, StoreError> {
    let batch = consumer.fetch().max_messages(max).messages().await.map_err(away)?;
    collected(batch, ANSWER).await
}

/// All of a batch. What came before a fault is held, and is handed out.
async fn collected(mut batch: Batch, patience: Duration) -> Result<Vec<Message>, StoreError> {
    let mut taken = Vec::new();
    loop {
        let fault = match timeout(patience, batch.next()).await {
            Ok(Some(Ok(message))) => {
                taken.push(message);
                continue;
            }
            Ok(None) => return Ok(taken),
            Ok(Some(Err(error))) => away(error),
            Err(_) => StoreError::Away("the server does not answer".to_owned()),
        };
        return if taken.is_empty() { Err(fault) } else { Ok(taken) };
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
