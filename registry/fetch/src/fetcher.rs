//! The fetch itself, hop by hop.
//!
//! It decides the order: policy, connection limits, one look-up, every address checked, connection to a checked
//! address, bounded answer, redirect judged from the start again. It must never resolve a second
//! time between check and connection (attack case 23).

use std::net::IpAddr;
use std::sync::Arc;

use http::header::LOCATION;
use tokio_rustls::TlsConnector;

use crate::address::{Class, classify};
use crate::config::{self, Config};
use crate::connect;
use crate::connection_limits::{Admission, ConnectionLimits};
use crate::error::FetchError;
use crate::exchange::{Answer, exchange};
use crate::message::{BYTES_MAX, DEADLINE_MAX, Fetched, Request};
use crate::resolve::{Dns, Resolve};
use crate::url::{Policy, Target};

/// Redirects that are followed; descriptors need none or one.
const REDIRECTS_MAX: usize = 3;

/// Fetches from public hosts. Cheap to clone; clones share limits and resolver.
#[derive(Clone)]
pub struct Fetcher {
    shared: Arc<Shared>,
}

struct Shared {
    policy: Policy,
    resolver: Arc<dyn Resolve>,
    tls: TlsConnector,
    connection_limits: ConnectionLimits,
}

impl std::fmt::Debug for Fetcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fetcher").field("policy", &self.shared.policy).finish_non_exhaustive()
    }
}

impl Fetcher {
    /// With the DNS of the configuration. Needs a Tokio runtime.
    ///
    /// # Errors
    /// The settings cannot be used.
    pub fn new(config: &Config) -> Result<Self, config::Error> {
        let resolver = Arc::new(Dns::new(&config.nameservers)?);
        Self::with_resolver(config, resolver)
    }

    /// With another resolver.
    ///
    /// # Errors
    /// The settings cannot be used.
    pub fn with_resolver(
        config: &Config,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, config::Error> {
        let bounds =
            [("connections_max", config.connections_max), ("per_host_max", config.per_host_max)];
        if let Some((name, _)) = bounds.into_iter().find(|(_, bound)| *bound == 0) {
            return Err(config::Error::Zero(name));
        }
        let policy = Policy { ports: config.ports.clone(), loopback: config.allow_loopback };
        let tls = connect::connector(config.extra_ca_file.as_deref())?;
        let connection_limits = ConnectionLimits::new(config.connections_max, config.per_host_max);
        Ok(Self { shared: Arc::new(Shared { policy, resolver, tls, connection_limits }) })
    }

    /// Fetches; statuses that say no are answers too. Dropping the future closes the connection.
    ///
    /// # Errors
    /// There is no whole answer within the request's bounds; see [`FetchError`].
    pub async fn fetch(&self, request: Request) -> Result<Fetched, FetchError> {
        let deadline = request.deadline.min(DEADLINE_MAX);
        let fetching = Box::pin(self.shared.follow(request));
        let fetched = tokio::time::timeout(deadline, fetching).await;
        fetched.unwrap_or(Err(FetchError::Deadline(deadline)))
    }

    /// The TXT records of a name, each joined from its strings; none if there is no such name.
    ///
    /// # Errors
    /// The name is not one of the public internet, or nobody answers.
    pub async fn txt(&self, name: &str) -> Result<Vec<String>, FetchError> {
        self.shared.texts(name).await
    }
}

impl Shared {
    async fn follow(&self, mut request: Request) -> Result<Fetched, FetchError> {
        request.bytes_max = request.bytes_max.min(BYTES_MAX);
        let admission = self.connection_limits.admit()?;
        let mut target = self.policy.target(&request.url)?;
        let mut seen = vec![target.url()];
        let mut inside = true;
        loop {
            let answer = self.hop(&target, &request, &mut inside, &admission).await?;
            let Some(next) = next(&target, &answer, &request)? else {
                return Ok(answer.into_fetched(&target));
            };
            let next = self.policy.target(&next)?;
            if seen.contains(&next.url()) {
                return Err(FetchError::Redirect("in a circle"));
            }
            if seen.len() > REDIRECTS_MAX {
                return Err(FetchError::Redirect("more often than is followed"));
            }
            if next.origin != target.origin {
                request.etag = None;
            }
            seen.push(next.url());
            target = next;
        }
    }

    /// One connection: look up once, check every address, connect to one of these.
    async fn hop(
        &self,
        target: &Target,
        request: &Request,
        inside: &mut bool,
        admission: &Admission,
    ) -> Result<Answer, FetchError> {
        let _permit = self.connection_limits.take(target.origin.authority(), admission).await;
        let addresses = self.addresses(target, *inside).await?;
        *inside = addresses.iter().all(|address| classify(*address) == Class::Loopback);
        let stream = connect::dial(target, &addresses, &self.tls).await?;
        exchange(stream, target, request).await
    }

    async fn addresses(&self, target: &Target, inside: bool) -> Result<Vec<IpAddr>, FetchError> {
        let addresses = match target.address() {
            Some(address) => vec![address],
            None => self.resolver.addresses(target.origin.host()).await?,
        };
        for address in &addresses {
            self.policy.admit(target, *address, inside)?;
        }
        Ok(addresses)
    }

    async fn texts(&self, name: &str) -> Result<Vec<String>, FetchError> {
        let _admission = self.connection_limits.admit()?;
        // A proof's name begins with an underscore, which hosts do not; the rest is one.
        let host = name.split_once('.').filter(|(first, _)| first.starts_with('_'));
        let host = host.map_or(name, |(_, host)| host);
        self.policy.target(&format!("https://{host}/"))?;
        let asking = self.resolver.texts(name);
        let answered = tokio::time::timeout(DNS_DEADLINE, asking).await;
        match answered.map_err(|_| FetchError::Deadline(DNS_DEADLINE))? {
            Err(crate::resolve::ResolveError::NotFound) => Ok(Vec::new()),
            answered => Ok(answered?),
        }
    }
}

/// How long a question for texts may take: two tries with two servers.
const DNS_DEADLINE: std::time::Duration = std::time::Duration::from_secs(12);

/// Where an answer sends us, if it does.
fn next(target: &Target, answer: &Answer, request: &Request) -> Result<Option<String>, FetchError> {
    if !matches!(answer.status, 301 | 302 | 303 | 307 | 308) || request.post.is_some() {
        return Ok(None);
    }
    match answer.text(LOCATION) {
        Some(location) => Ok(Some(target.join(location))),
        None => Err(FetchError::Redirect("without saying where")),
    }
}
