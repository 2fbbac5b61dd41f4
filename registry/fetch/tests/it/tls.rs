//! Who is let speak for a name.

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use registry_fetch::resolve::Table;
use registry_fetch::{Config, FetchError, Fetched, Request};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::world::{LOOPBACK, Server, dev, named, ok};

/// A certificate authority of its own, and a server with a certificate of it.
struct Site {
    folder: TempDir,
    ca: PathBuf,
    port: u16,
}

impl Site {
    async fn start(name: &str, alpn: &[&str]) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &ca).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        std::fs::write(&path, ca.pem()).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        let port = serve(config).await;
        Self { folder, ca: path, port }
    }

    async fn fetch(
        &self,
        host: &str,
        extra_ca_file: Option<PathBuf>,
    ) -> Result<Fetched, FetchError> {
        let config = Config { extra_ca_file, ..dev() };
        let (fetcher, _) = named(config, Table::default().with(host, &[LOOPBACK]));
        fetcher.fetch(Request::get(format!("https://{host}:{}/", self.port))).await
    }
}

async fn serve(config: ServerConfig) -> u16 {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((LOOPBACK, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let sni = stream.get_ref().1.server_name().unwrap_or_default().to_owned();
            let mut head = [0; 4_096];
            let _ = stream.read(&mut head).await;
            let _ = stream.write_all(&ok(sni.as_bytes())).await;
            let _ = stream.shutdown().await;
        }
    });
    port
}

#[tokio::test]
async fn a_host_is_trusted_under_its_name_by_the_authority_that_the_operator_adds() {
    let site = Site::start("peer.test", &["http/1.1"]).await;
    let fetched = site.fetch("peer.test", Some(site.ca.clone())).await.unwrap();
    assert_eq!(&fetched.body[..], b"peer.test", "the name is sent as SNI");
}

#[tokio::test]
async fn a_strangers_authority_and_another_name_are_refused() {
    let site = Site::start("peer.test", &[]).await;
    let stranger = site.fetch("peer.test", None).await;
    assert!(matches!(stranger, Err(FetchError::Tls(_))), "{stranger:?}");
    let other = site.fetch("other.test", Some(site.ca.clone())).await;
    assert!(matches!(other, Err(FetchError::Tls(_))), "{other:?}");
}

#[tokio::test]
async fn a_host_that_only_speaks_http_2_or_clear_text_is_an_error_of_tls() {
    let site = Site::start("peer.test", &["h2"]).await;
    let fetched = site.fetch("peer.test", Some(site.ca.clone())).await;
    assert!(matches!(fetched, Err(FetchError::Tls(_))), "{fetched:?}");
    let clear = Server::start(|_| ok(b"{}")).await;
    let (fetcher, _) = named(dev(), Table::default());
    let fetched = fetcher.fetch(Request::get(format!("https://{}/", clear.addr))).await;
    assert!(matches!(fetched, Err(FetchError::Tls(_))), "{fetched:?}");
}

#[tokio::test]
async fn a_file_without_certificates_is_refused_at_start() {
    let site = Site::start("peer.test", &[]).await;
    for text in ["", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let path = site.folder.path().join("bad.pem");
        std::fs::write(&path, text).unwrap();
        let config = Config { extra_ca_file: Some(path), ..dev() };
        let built = registry_fetch::Fetcher::with_resolver(&config, Arc::new(Table::default()));
        assert!(matches!(built, Err(registry_fetch::config::Error::Tls(_))), "{text}");
    }
}
