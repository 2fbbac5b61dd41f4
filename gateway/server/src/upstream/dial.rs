//! Connections to the servers of attached agents.
//!
//! Decides which addresses may be called: those of the public internet in TLS, and those of the networks that the operator
//! names. Must never connect to an address that it has not checked, nor look a name up again between check and connection
//! (attack case 23).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use std::{fmt, io};

use deploy_service::Network;
use deploy_service::tls::{ConnectError, Connector, Stream};
use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::rt::TokioIo;
use registry_fetch::address::{Class, classify};
use tokio::time::timeout;
use tower::Service;

/// Name, connection and TLS together: a caller waits for another replica meanwhile.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// More addresses than a host needs; the rest is left out.
const ADDRESSES_MAX: usize = 16;

/// Makes connections; clones share the certificates.
#[derive(Clone, Debug)]
pub(super) struct Dialer {
    connector: Connector,
    private: Arc<[Network]>,
    /// What names these networks.
    setting: &'static str,
}

/// Where attached agents and webhooks may be.
const OF_AGENTS: &str = "upstreams.private_networks";
/// Where receivers of push notifications may be.
const OF_RECEIVERS: &str = "upstreams.push_networks";

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum DialError {
    /// The host has no address.
    #[error("{host} has no address")]
    Resolve {
        /// Whose address.
        host: String,
        /// What the resolver said.
        #[source]
        source: io::Error,
    },
    /// None of its addresses may be called.
    #[error("{address} is {why}, and in none of {setting}")]
    Refused {
        /// The first of them.
        address: IpAddr,
        /// What it is.
        why: Why,
        /// What names networks where it could be.
        setting: &'static str,
    },
    /// Not within the time.
    #[error("no connection within {CONNECT_TIMEOUT:?}")]
    Late,
    /// No address takes a connection, or the host does not prove to be the one that was called.
    #[error(transparent)]
    Connect(#[from] ConnectError),
}

/// What keeps an address from being called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The range that it is in.
    Range(&'static str),
    /// It is public, and the URL is an http one.
    ClearText,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range(range) => write!(f, "{range}"),
            Self::ClearText => write!(f, "called in clear text"),
        }
    }
}

impl Dialer {
    pub(super) fn new(connector: Connector, private: &[Network]) -> Self {
        Self { connector, private: private.into(), setting: OF_AGENTS }
    }

    /// To whom callers have the changes of their tasks pushed.
    pub(super) fn of_receivers(connector: Connector, networks: &[Network]) -> Self {
        Self { connector, private: networks.into(), setting: OF_RECEIVERS }
    }

    async fn connect(&self, uri: &Uri) -> Result<Stream, DialError> {
        let is_secure = uri.scheme_str() == Some("https");
        let found = resolve(uri, is_secure).await?;
        let refusal = |addr: &SocketAddr| refusal(addr.ip(), is_secure, &self.private);
        let checked: Vec<_> =
            found.iter().filter(|addr| refusal(addr).is_none()).copied().collect();
        if let (true, Some(first)) = (checked.is_empty(), found.first())
            && let Some(why) = refusal(first)
        {
            let (address, setting) = (first.ip(), self.setting);
            return Err(DialError::Refused { address, why, setting });
        }
        Ok(self.connector.connect_at(uri, &checked).await?)
    }
}

async fn resolve(uri: &Uri, is_secure: bool) -> Result<Vec<SocketAddr>, DialError> {
    let host = host(uri);
    let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let found = tokio::net::lookup_host((host, port)).await;
    let unknown = |source| DialError::Resolve { host: host.to_owned(), source };
    Ok(found.map_err(unknown)?.take(ADDRESSES_MAX).collect())
}

fn host(uri: &Uri) -> &str {
    uri.host().unwrap_or_default().trim_matches(['[', ']'])
}

/// Why a URL is never called whose host is an address; a name is looked up when it is called.
pub(crate) fn refused_address(uri: &Uri, private: &[Network]) -> Option<String> {
    let address = host(uri).parse::<IpAddr>().ok()?;
    let why = refusal(address, uri.scheme_str() == Some("https"), private)?;
    Some(DialError::Refused { address, why, setting: OF_AGENTS }.to_string())
}

/// Whether a receiver that a caller names is never called: its host is an address that is not, or a name of this machine
/// (RFC 6761, section 6.3), or it would be called in clear text and no network is named where that may be. Other names are
/// looked up when it is called.
pub(super) fn is_refused_receiver(uri: &Uri, private: &[Network]) -> bool {
    let (host, is_secure) = (host(uri), uri.scheme_str() == Some("https"));
    let is_refused = |address: IpAddr| refusal(address, is_secure, private).is_some();
    if let Ok(address) = host.parse::<IpAddr>() {
        return is_refused(address);
    }
    match host == "localhost" || host.ends_with(".localhost") {
        true => is_refused(Ipv4Addr::LOCALHOST.into()) && is_refused(Ipv6Addr::LOCALHOST.into()),
        false => !is_secure && private.is_empty(),
    }
}

/// What keeps the address from being called, if something does.
fn refusal(address: IpAddr, is_secure: bool, private: &[Network]) -> Option<Why> {
    if private.iter().any(|network| network.contains(&address.to_canonical())) {
        return None;
    }
    match classify(address) {
        Class::Public => (!is_secure).then_some(Why::ClearText),
        Class::Loopback => Some(Why::Range("loopback")),
        Class::Special(range) => Some(Why::Range(range)),
    }
}

impl Service<Uri> for Dialer {
    type Response = TokioIo<Stream>;
    type Error = DialError;
    type Future = BoxFuture<'static, Result<Self::Response, DialError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = self.clone();
        Box::pin(async move {
            let connected = timeout(CONNECT_TIMEOUT, dialer.connect(&uri)).await;
            connected.unwrap_or(Err(DialError::Late)).map(TokioIo::new)
        })
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn case_23_only_public_addresses_and_named_networks_are_called() {
        let private: Vec<Network> =
            ["10.1.0.0/16", "::1/128"].map(|network| network.parse::<Network>().unwrap()).into();
        let why = |address: &str, is_secure| {
            refusal(address.parse().unwrap(), is_secure, &private).map(|why| why.to_string())
        };
        for open in ["8.8.8.8", "2606:4700::1111", "10.1.2.3", "::1", "::ffff:10.1.2.3"] {
            assert_eq!(why(open, true), None, "{open}");
        }
        for closed in
            ["127.0.0.1", "10.2.0.1", "169.254.169.254", "0.0.0.0", "fe80::1", "::ffff:8.8.8.8"]
        {
            assert!(why(closed, true).is_some(), "{closed}");
        }
        assert_eq!(why("127.0.0.1", true).as_deref(), Some("loopback"));
        assert_eq!(why("10.1.2.3", false), None);
        assert_eq!(why("8.8.8.8", false).as_deref(), Some("called in clear text"));
    }

    #[test]
    fn case_23_a_receiver_is_refused_by_its_address_or_as_this_machine_before_it_is_called() {
        let private = ["10.1.0.0/16".parse().unwrap()];
        for (url, closed, at_home) in [
            ("https://receiver.example/x", false, false),
            ("https://8.8.8.8/x", false, false),
            ("https://10.1.2.3/x", true, false),
            ("http://10.1.2.3/x", true, false),
            ("http://receiver.example/x", true, false),
            ("https://10.2.0.1/x", true, true),
            ("https://[::1]/x", true, true),
            ("https://169.254.169.254/x", true, true),
            ("https://localhost/x", true, true),
            ("http://a.localhost:9/x", true, true),
        ] {
            let uri: Uri = url.parse().unwrap();
            assert_eq!(is_refused_receiver(&uri, &[]), closed, "{url}");
            assert_eq!(is_refused_receiver(&uri, &private), at_home, "{url}");
        }
        let loopback = ["127.0.0.0/8".parse().unwrap()];
        let uri: Uri = "http://localhost:9000/x".parse().unwrap();
        assert!(!is_refused_receiver(&uri, &loopback));
    }

    #[tokio::test]
    async fn a_name_that_leads_to_this_machine_is_not_called_unless_its_network_is_named() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let uri: Uri = format!("http://localhost:{port}/").parse().unwrap();
        let closed = Dialer::new(Connector::public(None).unwrap(), &[]);
        let refused = closed.connect(&uri).await.unwrap_err();
        assert!(matches!(refused, DialError::Refused { .. }), "{refused}");
        let open = ["127.0.0.0/8".parse().unwrap()];
        let open = Dialer::new(Connector::public(None).unwrap(), &open);
        assert!(open.connect(&uri).await.is_ok());
    }
}
