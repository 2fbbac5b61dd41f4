//! What clients were told while processes died: acknowledged, or unknown. An answer that was lost proves nothing.
//! The checks cite security.md, "always true". SIGKILL leaves what the system has buffered, so they prove replication
//! and recovery, not the fsync: that is proven where the log is written, in registry-store.

use std::collections::BTreeMap;
use std::sync::Mutex;

use anyhow::{Result, ensure};
use chaos_cluster::clients::Operator;
use proto_wire::registry::v1 as wire;

/// How a task ended: epoch, state, outcome.
type End = (u64, String, bytes::Bytes);

/// Everything that was acknowledged.
#[derive(Default)]
pub(crate) struct History {
    /// Handle to the record's digest.
    pub(crate) records: Mutex<BTreeMap<String, String>>,
    /// Replay key to how often it was fresh.
    pub(crate) tokens: Mutex<BTreeMap<[u8; 32], u32>>,
    /// Envelope ids.
    pub(crate) envelopes: Mutex<Vec<String>>,
    /// Task id to the end that somebody saw.
    pub(crate) tasks: Mutex<BTreeMap<String, Option<End>>>,
}

impl History {
    /// Records acknowledged, tokens spent and outcomes seen.
    pub(crate) fn counts(&self) -> (usize, usize, usize) {
        let tokens = self.tokens.lock().unwrap();
        let spent = tokens.values().filter(|fresh| **fresh == 1).count();
        let ended = self.tasks.lock().unwrap().values().flatten().count();
        (self.records.lock().unwrap().len(), spent, ended)
    }

    /// Whether there was enough that could have been lost.
    pub(crate) fn proves_something(&self) -> bool {
        let (written, spent, ended) = self.counts();
        written > 500 && spent > 500 && ended > 20
    }

    /// 1: an acknowledged write survives.
    pub(crate) async fn check_records(&self, operator: &Operator) -> Result<()> {
        let records = self.records.lock().unwrap().clone();
        for (handle, digest) in records {
            let request = wire::GetRecordRequest { handle: handle.clone(), consistency: 1 };
            let stored = operator.directory.clone().get_record(request).await;
            let stored = stored
                .map_err(|status| anyhow::anyhow!("acknowledged {handle} is lost: {status}"))?;
            ensure!(stored.into_inner().digest == digest, "acknowledged {handle} has changed");
        }
        Ok(())
    }

    /// 4: a token is fresh once.
    pub(crate) async fn check_tokens(&self, gateway: &Operator) -> Result<()> {
        let tokens = self.tokens.lock().unwrap().clone();
        for (key, fresh) in &tokens {
            ensure!(*fresh <= 1, "token {key:?} was fresh {fresh} times");
        }
        let known: Vec<_> =
            tokens.iter().filter(|(_, fresh)| **fresh == 1).map(|(key, _)| *key).collect();
        for keys in known.chunks(500) {
            for verdict in spend(gateway, keys).await? {
                ensure!(verdict != wire::Verdict::Fresh, "a token that was spent is fresh again");
            }
        }
        Ok(())
    }

    /// 5: an outcome is committed once.
    pub(crate) async fn check_tasks(&self, operator: &Operator) -> Result<()> {
        let ids: Vec<String> = self.tasks.lock().unwrap().keys().cloned().collect();
        for id in ids {
            let request =
                wire::GetTaskRequest { id: id.clone(), owner: String::new(), consistency: 1 };
            let stored = operator.fleet.clone().get_task(request).await;
            let task = stored
                .map_err(|status| anyhow::anyhow!("acknowledged task {id} is lost: {status}"))?;
            self.saw_task(task.into_inner())?;
        }
        Ok(())
    }

    /// Compares a task with what was seen of it before.
    pub(crate) fn saw_task(&self, task: wire::Task) -> Result<()> {
        if matches!(task.state.as_str(), "pending" | "assigned") {
            return Ok(());
        }
        let end = (task.epoch, task.state, task.outcome);
        let mut tasks = self.tasks.lock().unwrap();
        let known = tasks.entry(task.id.clone()).or_default();
        match known {
            Some(before) => {
                ensure!(*before == end, "task {} ended twice: {before:?} and {end:?}", task.id)
            }
            None => *known = Some(end),
        }
        Ok(())
    }

    /// 5: an envelope that was accepted is delivered, and once acknowledged never again.
    pub(crate) async fn check_envelopes(&self, gateway: &Operator, target: &str) -> Result<()> {
        let mut delivered = BTreeMap::<String, u32>::new();
        loop {
            let request = wire::LeaseEnvelopesRequest {
                target: target.to_owned(),
                max: 100,
                ttl_ms: 600_000,
                wait_ms: 0,
            };
            let leased =
                gateway.fleet.clone().lease_envelopes(request).await?.into_inner().envelopes;
            if leased.is_empty() {
                break;
            }
            for envelope in leased {
                *delivered.entry(envelope.id.clone()).or_default() += 1;
                let ack = wire::AckEnvelopeRequest {
                    target: target.to_owned(),
                    source: envelope.source,
                    id: envelope.id,
                    epoch: envelope.epoch,
                };
                gateway.fleet.clone().ack_envelope(ack).await?;
            }
        }
        for id in self.envelopes.lock().unwrap().iter() {
            ensure!(
                delivered.get(id) == Some(&1),
                "envelope {id}: delivered {:?} times",
                delivered.get(id)
            );
        }
        Ok(())
    }
}

/// Spends tokens; the verdicts in order.
pub(crate) async fn spend(gateway: &Operator, keys: &[[u8; 32]]) -> Result<Vec<wire::Verdict>> {
    let remember_until_ms = chaos_cluster::peer::now_ms() + 600_000;
    let token = |key: &[u8; 32]| wire::TokenUse {
        key: key.to_vec().into(),
        remember_until_ms,
        ..Default::default()
    };
    let request = wire::SpendTokensRequest { tokens: keys.iter().map(token).collect() };
    let reply = gateway.fleet.clone().spend_tokens(request).await?.into_inner();
    Ok(reply.verdicts().collect())
}
