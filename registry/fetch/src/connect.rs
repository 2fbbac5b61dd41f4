//! A connection to an address that has been checked, and TLS under the name that was asked for.
//!
//! It decides what is trusted. It must never resolve a name: it is handed addresses.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::config;
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
pub(crate) fn tls(extra_ca: Option<&Path>) -> Result<TlsConnector, config::Error> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = extra_ca {
        let failed = |reason: String| config::Error::ExtraCa { path: path.to_owned(), reason };
        let public = roots.len();
        for certificate in
            CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?
        {
            let certificate = certificate.map_err(|error| failed(error.to_string()))?;
            roots.add(certificate).map_err(|error| failed(error.to_string()))?;
        }
        if roots.len() == public {
            return Err(failed("it has none".to_owned()));
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"http/1.1".to_vec()];
    // Sessions of strangers are not kept: a ticket is a cookie.
    client.resumption = rustls::client::Resumption::disabled();
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
