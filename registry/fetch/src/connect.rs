//! A connection to an address that has been checked, and TLS under the name that was asked for. It resolves no name.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use deploy_service::tls;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::FetchError;
use crate::url::Target;

/// One address that drops packets must not use up the time of the next.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Addresses that are tried.
const TRIED_MAX: usize = 4;

/// What TLS needs, and clear text has.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// TLS 1.3 with the public certificate authorities, and those that the operator adds.
pub(crate) fn connector(extra_ca: Option<&Path>) -> Result<TlsConnector, tls::Error> {
    let mut client = tls::public_client(extra_ca)?;
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(client)))
}

/// Connects to the first of these addresses that takes it.
pub(crate) async fn dial(
    target: &Target,
    addresses: &[IpAddr],
    tls: &TlsConnector,
) -> Result<Box<dyn Stream>, FetchError> {
    let stream = tcp(target.origin.port(), addresses).await?;
    if !target.origin.is_https() {
        return Ok(Box::new(stream));
    }
    let host = target.origin.host();
    let name = match target.address() {
        Some(address) => ServerName::from(address),
        None => ServerName::try_from(host.to_owned())
            .map_err(|_| FetchError::Tls(io::Error::other("the host is no name for TLS")))?,
    };
    let stream = tls.connect(name, stream).await.map_err(FetchError::Tls)?;
    Ok(Box::new(stream))
}

async fn tcp(port: u16, addresses: &[IpAddr]) -> Result<TcpStream, FetchError> {
    let mut failed = FetchError::HungUp;
    for address in addresses.iter().take(TRIED_MAX) {
        let connecting = TcpStream::connect(SocketAddr::new(*address, port));
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await;
        match connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(stream) => return Ok(stream),
            Err(source) => failed = FetchError::Connect { address: *address, source },
        }
    }
    Err(failed)
}
