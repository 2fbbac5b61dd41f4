//! Dead letters in JetStream.
//!
//! Decides what is kept of one, and how an operator finds it. Must never forget one that is replayed before it waits again.

use bytes::Bytes;
use futures_util::StreamExt as _;
use proto_wire::registry::v1 as wire;

use super::message::{Death, Record, Stored};
use super::streams::{DAY, DEAD_KEPT};
use super::{JetStream, StoreError, away, found};
use crate::clock;

/// How long a dead letter is kept.
pub(super) const KEPT_MS: u64 = DEAD_KEPT.as_secs() * 1_000;
/// How long one that is replayed is tried at least, as by the registry.
const REPLAYED_MS: u64 = DAY.as_secs() * 1_000;

/// Dead letters of a page, where nobody says how many, and at most: each is a message that is fetched.
const PAGE: u32 = 100;
const PAGE_MAX: u32 = 1_000;

impl JetStream {
    /// Writes down that an envelope is a dead letter. One for which there is no room is forgotten, as by the registry.
    pub(super) async fn bury(
        &self,
        stored: &Stored,
        sequence: u64,
        (cause, record): (&str, Record),
    ) -> Result<(), StoreError> {
        let death = Death { cause: cause.to_owned(), at_ms: clock::wall().0, record };
        let dead = Stored { death: Some(death), ..stored.clone() };
        // It dies once in each stay in the queue.
        let message_id = format!("{}-{sequence}", dead.key());
        let headers = dead.headers(&message_id).ok_or(StoreError::Invalid)?;
        let subject = self.names.dead_of(Some(&dead.target), &dead.key());
        match self.write(subject, headers, dead.document).await {
            Err(StoreError::Full) => {
                tracing::error!(
                    id = dead.id,
                    "there is no room for a dead letter: it is forgotten"
                );
                Ok(())
            }
            written => written.map(drop),
        }
    }

    /// The dead letter that is known by this, and which message it is.
    pub(super) async fn dead_of(&self, key: &str) -> Result<(u64, Stored), StoreError> {
        let subject = self.names.dead_of(None, key);
        let dead = &self.opened().await?.dead;
        let there = found(dead.get_last_raw_message_by_subject(&subject).await)?;
        let there = there.ok_or(StoreError::NotFound)?;
        let stored = Stored::read(&there.headers, there.payload).ok_or(StoreError::NotFound)?;
        Ok((there.sequence, stored))
    }

    /// A page, in the order in which they have died.
    pub(super) async fn page(
        &self,
        message: &wire::ListDeadLettersRequest,
    ) -> Result<wire::DeadLetterList, StoreError> {
        let (limit, mut next) = page_of(message)?;
        let target = Some(message.target.as_str()).filter(|target| !target.is_empty());
        let (subject, dead) = (self.names.dead_of(target, "*"), &self.opened().await?.dead);
        let (mut letters, mut more) = (Vec::new(), false);
        while let Some(there) = found(dead.get_first_raw_message_by_subject(&subject, next).await)?
        {
            if letters.len() == limit as usize {
                more = true;
                break;
            }
            next = there.sequence.saturating_add(1);
            // Its document is for who asks for it alone.
            let stored = Stored::read(&there.headers, Bytes::new());
            letters.extend(stored.and_then(|stored| stored.dead_letter(KEPT_MS)));
        }
        // Each is alone in its subject.
        let total = dead.info_with_subjects(&subject).await.map_err(away)?.count().await as u64;
        let next = if more { next.to_string() } else { String::new() };
        Ok(wire::DeadLetterList { letters, next, total })
    }

    /// Puts one back into its queue, at the end of it, with its attempts as they are told, and none of them counted.
    pub(super) async fn revive(&self, key: &str) -> Result<(), StoreError> {
        let (died_at, dead) = self.dead_of(key).await?;
        let earliest = clock::wall().plus_ms(REPLAYED_MS).0;
        let record = dead.death.clone().map(|death| death.record).unwrap_or_default();
        let waiting =
            Stored { expires_at_ms: dead.expires_at_ms.max(earliest), death: None, ..dead };
        // Replayed twice it waits once.
        let headers = waiting.headers(&format!("{key}-{died_at}")).ok_or(StoreError::Invalid)?;
        let subject = self.names.waiting_of(&waiting.target);
        let kept = self.write(subject, headers, waiting.document).await?;
        let record = Record { deliveries: 0, failures: 0, attempts: record.attempts };
        if !record.attempts.is_empty() {
            // Whoever has leased it meanwhile has written more.
            let told = self.put_record(kept.sequence, &record, true).await;
            if let Err(error) = told {
                tracing::debug!(%error, "the attempts of a dead letter are not told again");
            }
        }
        self.forget(died_at).await
    }

    pub(super) async fn forget(&self, sequence: u64) -> Result<(), StoreError> {
        let forgotten = self.opened().await?.dead.delete_message(sequence).await;
        forgotten.map(drop).map_err(away)
    }
}

/// How many a page may have, and with which message it begins.
fn page_of(message: &wire::ListDeadLettersRequest) -> Result<(u32, u64), StoreError> {
    let limit = match message.limit {
        0 => PAGE,
        limit if limit <= PAGE_MAX => limit,
        _ => return Err(StoreError::Invalid),
    };
    let first = match message.cursor.as_str() {
        "" => 1,
        cursor => cursor.parse().map_err(|_| StoreError::Invalid)?,
    };
    Ok((limit, first))
}
