//! Where the keys of an identity provider come from: a file, which is read with the configuration, or a URL, which is fetched.
//!
//! Decides when it is fetched: every 5 minutes, and sooner where a token names a key that is not known or where it has failed,
//! but no more often than every 30 s. Must never hold up a request for that, nor give up keys for an answer that has none.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::{StreamExt as _, stream};
use gateway_core::client::Refused;
use http::Uri;
use tokio::time::{Instant, sleep};

use crate::config::Oidc;
use crate::gateway::Gateway;
use crate::upstream::UpstreamClient;

use super::jwks::Jwks;
use super::{ClientsError, file};

/// Between two fetches.
const EVERY: Duration = Duration::from_secs(300);
/// The same where there is a reason: whoever shows tokens of keys that do not exist causes no more.
const SOON: Duration = Duration::from_secs(30);
/// How often it is looked what is due.
const TICK: Duration = Duration::from_millis(500);
/// How long a provider may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Fetches at once. Arbitrary.
const AT_ONCE: usize = 8;

/// The keys of one identity provider.
pub(super) struct KeySource {
    issuer: String,
    uri: Option<Uri>,
    keys: ArcSwap<Jwks>,
    schedule: Mutex<Schedule>,
}

/// When it is fetched.
#[derive(Debug, Default)]
struct Schedule {
    /// The last time.
    last: Option<Instant>,
    /// Whether there is a reason not to wait.
    is_wanted: bool,
}

impl Schedule {
    fn is_due(&self, now: Instant) -> bool {
        let pause = if self.is_wanted { SOON } else { EVERY };
        self.last.is_none_or(|last| now.saturating_duration_since(last) >= pause)
    }
}

/// Fetches the keys that are due, until it is dropped.
pub(crate) async fn refresh(gateway: Arc<Gateway>) {
    loop {
        let clients = Arc::clone(&gateway.live.load().clients);
        let due = clients.sources.values().filter(|source| source.begin(Instant::now()));
        let due: Vec<_> = due.map(Arc::clone).collect();
        drop(clients);
        let fetching = stream::iter(due);
        let fetch = |source: Arc<KeySource>| {
            let gateway = &gateway;
            async move { source.fetch(&gateway.upstreams).await }
        };
        fetching.for_each_concurrent(AT_ONCE, fetch).await;
        sleep(TICK).await;
    }
}

impl KeySource {
    /// Of this provider. A file is read; what was fetched `before` from the same place counts on.
    pub(super) fn open(oidc: &Oidc, before: Option<&Arc<Self>>) -> Result<Arc<Self>, ClientsError> {
        let (uri, keys) = match (oidc.uri()?, &oidc.jwks_file) {
            (Some(uri), _) => match before.filter(|before| before.uri.as_ref() == Some(&uri)) {
                Some(before) => return Ok(Arc::clone(before)),
                None => (Some(uri), Jwks::default()),
            },
            (None, Some(path)) => {
                let why = |why| ClientsError::Jwks { path: path.clone(), why };
                let bytes = file(path).map_err(why)?;
                (None, Jwks::parse(&bytes).map_err(|error| error.of(path))?)
            }
            (None, None) => (None, Jwks::default()),
        };
        let (issuer, keys) = (oidc.issuer.clone(), ArcSwap::from_pointee(keys));
        Ok(Arc::new(Self { issuer, uri, keys, schedule: Mutex::default() }))
    }

    /// Whether a key of this provider has signed the token.
    pub(super) fn verify(&self, token: &str) -> Result<(), Refused> {
        let verified = self.keys.load().verify(token);
        if verified == Err(Refused::SigningKey) {
            self.schedule().is_wanted = true;
        }
        verified
    }

    /// Whether it is to be fetched now; then it counts as fetched.
    fn begin(&self, now: Instant) -> bool {
        let mut schedule = self.schedule();
        let is_due = self.uri.is_some() && schedule.is_due(now);
        if is_due {
            *schedule = Schedule { last: Some(now), is_wanted: false };
        }
        is_due
    }

    async fn fetch(&self, upstreams: &UpstreamClient) {
        let Some(uri) = &self.uri else { return };
        let answer = upstreams.document(uri, Instant::now() + TIMEOUT).await;
        let read = answer.and_then(|body| Jwks::parse(&body).map_err(|error| error.to_string()));
        match read {
            Ok(keys) => {
                self.keys.store(Arc::new(keys));
                tracing::debug!(
                    issuer = self.issuer,
                    "the keys of an identity provider are fetched"
                );
            }
            Err(why) => {
                self.schedule().is_wanted = true;
                tracing::warn!(
                    issuer = self.issuer,
                    why,
                    "an identity provider's keys stay as they were"
                );
            }
        }
    }

    fn schedule(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_fetched_at_once_then_every_5_minutes_and_for_a_reason_every_30_seconds() {
        let now = Instant::now();
        let after = |secs, is_wanted| {
            Schedule { last: Some(now), is_wanted }.is_due(now + Duration::from_secs(secs))
        };
        assert!(Schedule::default().is_due(now));
        assert_eq!([29, 30, 299, 300].map(|secs| after(secs, false)), [false, false, false, true]);
        assert_eq!([29, 30].map(|secs| after(secs, true)), [false, true]);
    }
}
