//! The network's DNS.
//!
//! It decides how patient a look-up is. It must never read a hosts file or try a search domain: a
//! name means the same on every member.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::RData;

use super::{ADDRESSES_MAX, Resolve, ResolveError, TEXTS_MAX};
use crate::config;

/// How long one server may take to answer one question.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

/// How often a question is asked; datagrams get lost.
const ATTEMPTS: usize = 2;

/// An answer is not kept longer than this, whatever its TTL: moved hosts are found again.
const KEPT_MAX: Duration = Duration::from_secs(300);

/// Answers kept. Arbitrary; about a MiB.
const ANSWERS_KEPT: u64 = 4_096;

/// Looks names up in the DNS.
pub struct Dns {
    resolver: TokioResolver,
}

impl std::fmt::Debug for Dns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dns").finish_non_exhaustive()
    }
}

impl Dns {
    /// Asks these servers, or those of the system if there are none.
    ///
    /// # Errors
    /// The system's settings cannot be read.
    pub fn new(nameservers: &[SocketAddr]) -> Result<Self, config::Error> {
        let failed = |error: NetError| config::Error::Resolver(error.to_string());
        let mut builder = match nameservers {
            // Without settings of the system, the server on this machine is asked, as the C
            // library does.
            [] => TokioResolver::builder_tokio().unwrap_or_else(|_| {
                let server = NameServerConfig::udp_and_tcp(IpAddr::from([127, 0, 0, 1]));
                let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }),
            stated => {
                let servers = stated.iter().map(server).collect();
                let config = ResolverConfig::from_parts(None, Vec::new(), servers);
                TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
            }
        };
        let options = builder.options_mut();
        options.timeout = ANSWER_TIMEOUT;
        options.attempts = ATTEMPTS;
        options.cache_size = ANSWERS_KEPT;
        options.positive_max_ttl = Some(KEPT_MAX);
        options.negative_max_ttl = Some(KEPT_MAX);
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.use_hosts_file = ResolveHosts::Never;
        Ok(Self { resolver: builder.build().map_err(failed)? })
    }
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

impl Resolve for Dns {
    fn addresses<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<IpAddr>, ResolveError>> {
        async move {
            let found = self.resolver.lookup_ip(absolute(name)).await.map_err(refused)?;
            let addresses: Vec<IpAddr> = found.iter().take(ADDRESSES_MAX).collect();
            if addresses.is_empty() { Err(ResolveError::NotFound) } else { Ok(addresses) }
        }
        .boxed()
    }

    fn texts<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<String>, ResolveError>> {
        async move {
            let found = self.resolver.txt_lookup(absolute(name)).await.map_err(refused)?;
            let texts = found.answers().iter().filter_map(|record| match &record.data {
                RData::TXT(text) => String::from_utf8(text.txt_data.concat()).ok(),
                _ => None,
            });
            Ok(texts.take(TEXTS_MAX).collect())
        }
        .boxed()
    }
}

/// A name with its root: search domains are not tried.
fn absolute(name: &str) -> String {
    format!("{name}.")
}

fn refused(error: NetError) -> ResolveError {
    match error.is_no_records_found() {
        true => ResolveError::NotFound,
        false => ResolveError::Failed(error.to_string()),
    }
}
