//! The caller's side: connections in TLS or, on loopback, in clear text, to our own processes and
//! to services of others that an operator names.
//!
//! It decides by the scheme of the URL. It must never send clear text off this machine (but to addresses that its caller
//! has checked, [`Connector::connect_at`]), verify against the system's authorities, or go on talking to a process that
//! has proved to be another one than was called.

mod dial;
mod public;
mod stream;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use hyper::Uri;
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, ConfigBuilder, RootCertStore,
    client::{Resumption, WantsClientCert},
    pki_types::{CertificateDer, ServerName},
};
use serde::{Deserialize, Serialize};
use tokio_rustls::TlsConnector;
use tower::Service;

use crate::settings::Setting;
use crate::units::Duration;

use super::{
    Certificate, ConnectError, Error, Identity, Role, VERSIONS, files, provider,
    server::{own, reload_default, same},
    watched::Watched,
};

use self::dial::{dial, loopback, resolve};
pub use self::{public::public_client, stream::Stream};

/// How a role that calls others proves who it is, and by whose word it believes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Setting)]
#[serde(deny_unknown_fields)]
pub struct ClientFiles {
    /// The authorities of those that are called, in PEM.
    pub ca: PathBuf,
    /// Our own certificate, if we show one.
    #[serde(default)]
    pub cert: Option<PathBuf>,
    /// Its private key; others must not have access.
    #[serde(default)]
    pub key: Option<PathBuf>,
    /// How often the files are looked at, at most, when a connection is made.
    #[serde(default = "reload_default")]
    pub reload: Duration,
}

/// Makes connections; clones share the files. A tower service from a URL to a connection, as tonic
/// and hyper take it.
#[derive(Clone, Debug, Default)]
pub struct Connector {
    tls: Option<Arc<Watched<Loaded>>>,
    wanted: Option<Wanted>,
    web: bool,
}

struct Loaded {
    config: Arc<ClientConfig>,
    own: Option<Identity>,
}

/// Whom we want to talk to.
#[derive(Clone, Debug)]
struct Wanted {
    role: Role,
    /// The only one that will do; a certificate without identity then does not.
    id: Option<String>,
}

impl ClientFiles {
    /// Verifies others, and shows nothing.
    #[must_use]
    pub fn new(ca: impl Into<PathBuf>) -> Self {
        Self { ca: ca.into(), cert: None, key: None, reload: reload_default() }
    }

    /// Shows a certificate too.
    #[must_use]
    pub fn showing(mut self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        (self.cert, self.key) = (Some(cert.into()), Some(key.into()));
        self
    }

    fn load(&self, roots: Roots) -> Result<Loaded, Error> {
        let builder = verifying(roots(&self.ca)?)?;
        let (mut config, own) = match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                let chain = files::chain(cert)?;
                let own = own(cert, &chain)?;
                let key = files::key(key)?;
                (builder.with_client_auth_cert(chain, key).map_err(Error::Rustls)?, own)
            }
            (None, None) => (builder.with_no_client_auth(), None),
            _ => return Err(Error::Half),
        };
        config.resumption = Resumption::disabled();
        Ok(Loaded { config: Arc::new(config), own })
    }
}

/// Whose word counts, where a file names authorities.
type Roots = fn(&Path) -> Result<RootCertStore, Error>;

fn verifying(roots: RootCertStore) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, Error> {
    let builder = ClientConfig::builder_with_provider(provider()).with_protocol_versions(VERSIONS);
    Ok(builder.map_err(Error::Rustls)?.with_root_certificates(roots))
}

impl Connector {
    /// Clear text to loopback, and nothing else.
    #[must_use]
    pub fn plain() -> Self {
        Self::default()
    }

    /// TLS for https URLs, by these files.
    ///
    /// # Errors
    /// Every [`Error`].
    pub fn open(files: ClientFiles) -> Result<Self, Error> {
        Self::watching(files, files::roots)
    }

    fn watching(files: ClientFiles, roots: Roots) -> Result<Self, Error> {
        let watched = [&files.ca].into_iter().chain(&files.cert).chain(&files.key).cloned();
        let (watched, interval) = (watched.collect(), files.reload.std());
        let same = |was: &Loaded, found: &Loaded| same(was.own.as_ref(), found.own.as_ref());
        let loaded = Watched::open(watched, interval, move || files.load(roots), same)?;
        Ok(Self { tls: Some(Arc::new(loaded)), ..Self::default() })
    }

    /// As [`Connector::open`] where files are configured, else [`Connector::plain`].
    ///
    /// # Errors
    /// Every [`Error`].
    pub fn maybe(files: Option<ClientFiles>) -> Result<Self, Error> {
        files.map_or_else(|| Ok(Self::plain()), Self::open)
    }

    /// Talks to this kind of process only, as far as its certificate names one of ours.
    #[must_use]
    pub fn to(mut self, role: Role) -> Self {
        self.wanted = Some(Wanted { role, id: None });
        self
    }

    /// Talks to this one only: its certificate must name it, in our own trust domain. Where there
    /// are files, clear text is refused on loopback too: nothing would be proved there.
    #[must_use]
    pub fn to_one(mut self, role: Role, id: impl ToString) -> Self {
        self.wanted = Some(Wanted { role, id: Some(id.to_string()) });
        self
    }

    /// Offers HTTP/1.1, where gRPC needs HTTP/2.
    #[must_use]
    pub fn web(mut self) -> Self {
        self.web = true;
        self
    }

    /// Whom our own certificate names.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        self.tls.as_ref()?.current().own.clone()
    }

    /// Connects to one of these addresses, whatever the name of the URL's host leads to; with TLS the name is verified all
    /// the same. Whoever calls this has decided that they may be called: in clear text too, if the URL is an http one.
    ///
    /// # Errors
    /// Every [`ConnectError`] but those of names and of clear text.
    pub async fn connect_at(
        &self,
        uri: &Uri,
        addrs: &[SocketAddr],
    ) -> Result<Stream, ConnectError> {
        let (is_secure, host, _) = parts(uri)?;
        if !is_secure {
            return Ok(Stream::plain(dial(&host, addrs).await?));
        }
        let tls = self.tls.as_ref().ok_or_else(|| ConnectError::NoAuthority(uri.to_string()))?;
        self.secure(&tls.current(), host, addrs).await
    }

    async fn connect(self, uri: Uri) -> Result<Stream, ConnectError> {
        let (secure, host, port) = parts(&uri)?;
        match self.tls.as_ref().map(|tls| tls.current()) {
            Some(tls) if secure => {
                let addrs = resolve(&host, port).await?;
                self.secure(&tls, host, &addrs).await
            }
            None if secure => Err(ConnectError::NoAuthority(uri.to_string())),
            Some(_) if self.wanted.as_ref().is_some_and(|wanted| wanted.id.is_some()) => {
                Err(ConnectError::Plain(uri.to_string()))
            }
            _ => {
                let addrs = loopback(resolve(&host, port).await?)?;
                Ok(Stream::plain(dial(&host, &addrs).await?))
            }
        }
    }

    async fn secure(
        &self,
        tls: &Loaded,
        host: String,
        addrs: &[SocketAddr],
    ) -> Result<Stream, ConnectError> {
        let name = ServerName::try_from(host.clone());
        let name = name.map_err(|_| ConnectError::Url(host.clone()))?;
        let tcp = dial(&host, addrs).await?;
        let connector = TlsConnector::from(Arc::clone(&tls.config));
        let alpn: &[u8] = if self.web { b"http/1.1" } else { b"h2" };
        let shaken = connector.with_alpn(vec![alpn.to_vec()]).connect(name, tcp).await;
        let stream =
            shaken.map_err(|source| ConnectError::Handshake { host: host.clone(), source })?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        self.check(shown, tls.own.as_ref(), &host)?;
        Ok(Stream::tls(stream))
    }

    /// Holds if the other side is whom we want.
    fn check(
        &self,
        shown: Option<&CertificateDer<'_>>,
        own: Option<&Identity>,
        host: &str,
    ) -> Result<(), ConnectError> {
        let Some(wanted) = &self.wanted else { return Ok(()) };
        // A certificate of a public authority names none of ours; its host name is verified.
        let found = shown.and_then(|shown| Certificate::read(shown).ok()?.identity);
        let fits = match (&found, &wanted.id) {
            (None, exact) => exact.is_none(),
            (Some(found), exact) => {
                found.role() == wanted.role
                    && own.is_none_or(|own| own.domain() == found.domain())
                    && exact.as_ref().is_none_or(|id| own.is_some() && *id == found.id())
            }
        };
        if fits {
            return Ok(());
        }
        let found = found.map_or_else(|| "nobody".to_owned(), |found| found.to_string());
        Err(ConnectError::WrongIdentity { host: host.to_owned(), found, wanted: wanted.role })
    }
}

/// Whether TLS is spoken, the host without brackets, and the port.
fn parts(uri: &Uri) -> Result<(bool, String, u16), ConnectError> {
    let is_secure = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(ConnectError::Url(uri.to_string())),
    };
    let host = uri.host().ok_or_else(|| ConnectError::Url(uri.to_string()))?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok((is_secure, host, uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 })))
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = ConnectError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ConnectError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let connector = self.clone();
        Box::pin(async move { connector.connect(uri).await.map(TokioIo::new) })
    }
}
