//! Everything that the clients did and were told, and whether one register for each handle explains it.
//! It must never hold what a client could not know.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use chaos_cluster::labels::{self, Acked, Age, Answer};
use chaos_cluster::linear::{self, Action, Operation, Value};

use super::registers::{Found, KEYS};

/// Members round ages to milliseconds, a few times.
const ROUNDED: Duration = Duration::from_millis(5);

/// The history of one run.
pub(crate) struct Log {
    started: Instant,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    operations: Vec<(usize, Operation)>,
    acked: Vec<Acked>,
    answers: Vec<Answer>,
    /// Handle and digest of records that are written once.
    added: Vec<(String, String)>,
    /// How often members and the network said no, by code.
    refused: BTreeMap<String, u64>,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), inner: Mutex::default() }
    }

    /// The clients' clock.
    pub(crate) fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// A write with its end: the answer, or that none came. What has certainly failed is not told here.
    pub(crate) fn wrote(&self, key: usize, begun: u64, action: Action, acked: Option<Found>) {
        let ended = self.now();
        let operation = Operation { begun, ended: acked.is_some().then_some(ended), action };
        let mut inner = self.lock();
        inner.operations.push((key, operation));
        let (Action::Write(value) | Action::Swap { to: value, .. }, Some(found)) = (action, acked)
        else {
            return;
        };
        // The answer shows the newest version, which may be another client's already.
        if found.value == value {
            inner.acked.push(Acked { begun, ended, key, value, revision: found.since });
        }
    }

    /// A swap that was refused since something else was there.
    pub(crate) fn refused_swap(&self, key: usize, begun: u64, from: Value) {
        let action = Action::Refused { from };
        let operation = Operation { begun, ended: Some(self.now()), action };
        self.lock().operations.push((key, operation));
    }

    pub(crate) fn saw(&self, key: usize, begun: u64, found: &Found) {
        let ended = self.now();
        let Found { value, since, revision, age, .. } = *found;
        let mut inner = self.lock();
        inner.answers.push(Answer { begun, ended, key, value, since, revision, age });
        if age == Age::Strong {
            let operation = Operation { begun, ended: Some(ended), action: Action::Read(value) };
            inner.operations.push((key, operation));
        }
    }

    pub(crate) fn added(&self, handle: String, digest: String) {
        self.lock().added.push((handle, digest));
    }

    pub(crate) fn refused(&self, code: &str) {
        *self.lock().refused.entry(code.to_owned()).or_default() += 1;
    }

    /// Writes that were acknowledged so far.
    pub(crate) fn acknowledged(&self) -> usize {
        let inner = self.lock();
        inner.acked.len() + inner.added.len()
    }

    pub(crate) fn all_added(&self) -> Vec<(String, String)> {
        self.lock().added.clone()
    }

    /// Whether there was enough that could have gone wrong.
    pub(crate) fn proves_something(&self) -> bool {
        let inner = self.lock();
        let stale = inner.answers.iter().filter(|answer| answer.age != Age::Strong).count();
        inner.acked.len() > 200 && stale > 200 && inner.answers.len() - stale > 200
    }

    pub(crate) fn check(&self) -> Result<()> {
        let inner = self.lock();
        println!("{}", inner.summary());
        for key in 0..KEYS {
            let of_key = inner.operations.iter().filter(|(of, _)| *of == key);
            let history: Vec<Operation> = of_key.map(|(_, operation)| *operation).collect();
            linear::check(&history).map_err(|why| anyhow!("register {key}: {why}"))?;
        }
        labels::check(&inner.acked, &inner.answers, ROUNDED).map_err(anyhow::Error::msg)?;
        ensure!(!inner.answers.is_empty(), "nobody read");
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn summary(&self) -> String {
        let unknown = self.operations.iter().filter(|(_, one)| one.ended.is_none()).count();
        let oldest = self.answers.iter().filter_map(|answer| match answer.age {
            Age::AtMost(age) => Some(age),
            Age::Strong | Age::Unknown => None,
        });
        format!(
            "{} register writes and {} records acknowledged, {unknown} unknown; {} answers to reads, the oldest {} ms \
             old; refused: {:?}",
            self.acked.len(),
            self.added.len(),
            self.answers.len(),
            oldest.max().unwrap_or_default().as_millis(),
            self.refused,
        )
    }
}
