//! The number of fetches at once, in all and to one host. The place at the host is taken before the place in the process,
//! so that a host that holds its connections open does not keep the others waiting.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::FetchError;

/// How many fetches may wait for each that runs; more are refused. Arbitrary.
const WAITING_FACTOR: usize = 32;

/// The connection limits of a process.
#[derive(Debug)]
pub(crate) struct ConnectionLimits {
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
    per_host: usize,
    /// Hosts with a fetch that runs or waits; never more than `admitted` has permits.
    hosts: Mutex<BTreeMap<String, Weak<Semaphore>>>,
}

/// A fetch's way in; it lasts over all of its redirects.
#[derive(Debug)]
pub(crate) struct Admission {
    _permit: OwnedSemaphorePermit,
}

/// A place at a host and in the process, for one connection.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    _running: OwnedSemaphorePermit,
    _at_host: OwnedSemaphorePermit,
}

impl ConnectionLimits {
    pub(crate) fn new(connections_max: usize, per_host: usize) -> Self {
        let waiting_max = connections_max.saturating_mul(WAITING_FACTOR);
        Self {
            admitted: Arc::new(Semaphore::new(waiting_max.min(Semaphore::MAX_PERMITS))),
            running: Arc::new(Semaphore::new(connections_max)),
            per_host,
            hosts: Mutex::default(),
        }
    }

    pub(crate) fn admit(&self) -> Result<Admission, FetchError> {
        let permit = Arc::clone(&self.admitted).try_acquire_owned();
        permit.map(|permit| Admission { _permit: permit }).map_err(|_| FetchError::Busy)
    }

    pub(crate) async fn take(&self, host: &str, _admission: &Admission) -> ConnectionPermit {
        let at_host = acquire(self.host(host)).await;
        let running = acquire(Arc::clone(&self.running)).await;
        ConnectionPermit { _running: running, _at_host: at_host }
    }

    fn host(&self, name: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.retain(|_, host| host.strong_count() > 0);
        if let Some(host) = hosts.get(name).and_then(Weak::upgrade) {
            return host;
        }
        let host = Arc::new(Semaphore::new(self.per_host));
        hosts.insert(name.to_owned(), Arc::downgrade(&host));
        host
    }
}

async fn acquire(semaphore: Arc<Semaphore>) -> OwnedSemaphorePermit {
    semaphore.acquire_owned().await.expect("the semaphores are never closed: nobody calls close")
}
