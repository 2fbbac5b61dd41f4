//! The proxies that a listener believes about their clients, and who is at the other end of a connection.
//!
//! It decides of whom a header of the PROXY protocol is demanded, and whose headers of HTTP are believed after it. It must
//! never ask one of anybody else, nor read a byte beyond it: the next ones are TLS or HTTP.

pub(crate) mod header;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::http::HeaderMap;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::forwarded::{client_address, is_trusted};
use crate::sources::Network;

use self::header::Progress;

/// The networks of the proxies that a listener believes about their clients. Clones share them, so that others may take
/// their place while it serves: these count from the next connection and the next request on.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<ArcSwap<Vec<Network>>>);

impl TrustedProxies {
    /// These networks.
    #[must_use]
    pub fn new(networks: &[Network]) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(networks.to_vec())))
    }

    /// Has these networks take the place of the former ones.
    pub fn replace(&self, networks: &[Network]) {
        self.0.store(Arc::new(networks.to_vec()));
    }
}

/// Who is believed on one listener.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    /// The networks of the proxies.
    pub(crate) trusted: TrustedProxies,
    /// Whether their connections begin with a header of the PROXY protocol.
    pub(crate) proxy_protocol: bool,
}

/// The other end of a connection: who has opened it, or the client that its proxy names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remote {
    /// Its address.
    pub(crate) address: SocketAddr,
    /// Whether it is a proxy that is believed about its clients.
    pub(crate) is_proxy: bool,
}

impl Proxies {
    /// Who is at the other end of a connection that came from this address. Takes as long as a proxy lets it: the caller
    /// sets a limit.
    ///
    /// # Errors
    /// The connection ends before its header does; with [`io::ErrorKind::InvalidData`] it begins otherwise.
    pub(crate) async fn remote<S: AsyncRead + Unpin>(
        &self,
        stream: &mut S,
        from: SocketAddr,
    ) -> io::Result<Remote> {
        let trusted = self.trusted.0.load_full();
        let is_proxy = is_trusted(from.ip(), &trusted);
        if !(is_proxy && self.proxy_protocol) {
            return Ok(Remote { address: from, is_proxy });
        }
        let named = named(stream).await.inspect_err(|error| {
            if error.kind() == io::ErrorKind::InvalidData {
                // The proxy is the operator's, and so is the mistake.
                tracing::warn!(addr = %from, %error, "a trusted proxy sends no PROXY header");
            }
        })?;
        Ok(match named {
            Some(address) => Remote { address, is_proxy: is_trusted(address.ip(), &trusted) },
            // For whom it connects is not known: what comes may be a stranger's, and is not believed.
            None => Remote { address: from, is_proxy: false },
        })
    }

    /// The address that a request on this connection comes from.
    pub(crate) fn client_address(&self, remote: Remote, headers: &HeaderMap) -> IpAddr {
        let trusted = self.trusted.0.load();
        let trusted: &[Network] = if remote.is_proxy { &trusted } else { &[] };
        client_address(remote.address.ip(), headers, trusted)
    }
}

/// Reads a header, piece by piece, and no byte more.
async fn named<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Option<SocketAddr>> {
    let mut bytes: Vec<u8> = Vec::new();
    loop {
        let progress = header::read(&bytes);
        match progress.map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))? {
            Progress::Whole(client) => return Ok(client),
            Progress::Needs(count) => {
                let read = bytes.len();
                bytes.resize(read + count, 0);
                stream.read_exact(&mut bytes[read..]).await?;
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const PROXY: &str = "10.0.0.1:5000";
    const STRANGER: &str = "192.0.2.9:5000";

    fn proxies(proxy_protocol: bool) -> Proxies {
        Proxies { trusted: TrustedProxies::new(&["10.0.0.0/8".parse().unwrap()]), proxy_protocol }
    }

    /// Who is at the other end, and what is left of the bytes.
    async fn remote(
        proxies: &Proxies,
        from: &str,
        mut bytes: &[u8],
    ) -> io::Result<(Remote, usize)> {
        let remote = proxies.remote(&mut bytes, from.parse().unwrap()).await?;
        Ok((remote, bytes.len()))
    }

    fn is(address: &str, is_proxy: bool, left: usize) -> (Remote, usize) {
        (Remote { address: address.parse().unwrap(), is_proxy }, left)
    }

    #[tokio::test]
    async fn a_header_is_demanded_of_proxies_that_have_to_send_one_and_of_nobody_else() {
        let bytes = b"PROXY TCP4 198.51.100.7 10.0.0.1 5123 443\r\nGET /";
        let read = async |demanded, from| remote(&proxies(demanded), from, bytes).await.unwrap();
        assert_eq!(read(true, PROXY).await, is("198.51.100.7:5123", false, 5));
        assert_eq!(read(true, STRANGER).await, is(STRANGER, false, bytes.len()));
        assert_eq!(read(false, PROXY).await, is(PROXY, true, bytes.len()));
        assert_eq!(read(false, STRANGER).await, is(STRANGER, false, bytes.len()));
        let without = remote(&proxies(true), PROXY, b"GET / HTTP/1.1\r\n").await.unwrap_err();
        assert_eq!(without.kind(), io::ErrorKind::InvalidData);
        let half = remote(&proxies(true), PROXY, &bytes[..20]).await.unwrap_err();
        assert_eq!(half.kind(), io::ErrorKind::UnexpectedEof);
    }

    #[tokio::test]
    async fn case_36_headers_of_http_are_believed_of_a_named_proxy_and_of_no_unknown_one() {
        let proxies = proxies(true);
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "198.51.100.7".parse().unwrap());
        for (line, expected) in [
            ("PROXY TCP4 10.9.9.9 10.0.0.1 1 2\r\n", "198.51.100.7"),
            ("PROXY TCP4 192.0.2.9 10.0.0.1 1 2\r\n", "192.0.2.9"),
            ("PROXY UNKNOWN\r\n", "10.0.0.1"),
        ] {
            let (remote, _) = remote(&proxies, PROXY, line.as_bytes()).await.unwrap();
            let address = proxies.client_address(remote, &headers);
            assert_eq!(address, expected.parse::<IpAddr>().unwrap(), "{line}");
        }
    }
    #[tokio::test]
    async fn case_36_a_proxy_that_is_trusted_no_more_is_not_believed_on_a_connection_it_has() {
        let proxies = proxies(false);
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "198.51.100.7".parse().unwrap());
        let (proxy, _) = remote(&proxies, PROXY, b"").await.unwrap();
        let client = || proxies.client_address(proxy, &headers).to_string();
        assert_eq!(client(), "198.51.100.7");
        proxies.trusted.replace(&[]);
        assert_eq!(client(), "10.0.0.1");
        assert!(!remote(&proxies, PROXY, b"").await.unwrap().0.is_proxy);
    }
}
